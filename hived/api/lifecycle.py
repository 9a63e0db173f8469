"""start, stop and restart: say what is wanted, then answer when it is so."""

from fastapi import APIRouter, Request

from hived.api.answers import until, up
from hived.api.callers import actor_of, hive_of
from hived.core import agents
from hived.wire import routes
from hived.wire.agents import AgentView

host_router = APIRouter(tags=["agents"])


@host_router.post(routes.AGENT_ACTION.replace("{action}", "start"))
async def post_start(request: Request, name: str) -> AgentView:
    """Start it; answered when its harness is connected. 502 `start_failed` with the cause where it does not come up."""
    hive, actor = hive_of(request), actor_of(request)
    await hive.database.write(lambda tx: agents.want(tx, name, "running", actor))
    return await until(hive, name, up(0), hive.config.start_seconds + hive.config.stop_seconds, "start")


@host_router.post(routes.AGENT_ACTION.replace("{action}", "stop"))
async def post_stop(request: Request, name: str) -> AgentView:
    """Stop it; answered when its processes have ended."""
    hive, actor = hive_of(request), actor_of(request)
    await hive.database.write(lambda tx: agents.want(tx, name, "stopped", actor))
    return await until(hive, name, lambda row: row["lifecycle"] == "stopped", hive.config.stop_seconds, "stop")


@host_router.post(routes.AGENT_ACTION.replace("{action}", "restart"))
async def post_restart(request: Request, name: str) -> AgentView:
    """Give it a new harness; answered when that one is connected."""
    hive, actor = hive_of(request), actor_of(request)
    older = await hive.database.write(lambda tx: agents.want_restart(tx, name, actor))
    return await until(hive, name, up(older), hive.config.start_seconds + hive.config.stop_seconds, "restart")
