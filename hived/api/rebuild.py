"""An agent on another engine, model or options. What it said and was told stays; another engine begins a new conversation.

It is a deployment: a commit of hived's own on top of what runs, by the operator's word.
"""

from fastapi import APIRouter, Request

from hived.api.answers import BUILD_SECONDS, MARGIN_SECONDS
from hived.api.callers import actor_of, hive_of
from hived.api.spawns import check_thinking
from hived.core.agents import find_agent, view
from hived.core.creation import check_engine
from hived.core.deployments import ask_rebuild, find_deployment
from hived.core.rebuild import merged
from hived.core.text import is_line
from hived.store.database import Connection
from hived.wire import routes
from hived.wire.agents import AgentView, Rebuild
from hived.wire.errors import DeploymentFailed, InvalidRequest, StartFailed

host_router = APIRouter(tags=["agents"])


@host_router.post(routes.AGENT_ACTION.replace("{action}", "rebuild"))
async def post_rebuild(request: Request, name: str, change: Rebuild | None = None) -> AgentView:
    """Its setup is run again and it is started anew; answered when its new harness is connected. 502 `start_failed` with the
    cause where it does not come up, 409 `deployment_failed` where it cannot be built: what ran before runs again by then.

    What its engine could not work with is refused before anything is changed.
    """
    hive, actor, wanted = hive_of(request), actor_of(request), change or Rebuild()
    if wanted.model is not None and not is_line(wanted.model):
        raise InvalidRequest(reason="model: one line of printable text.")
    row = await hive.database.read(lambda conn: find_agent(conn, name))
    new = merged(row, wanted)
    check_engine(new)
    await check_thinking(new)
    asked = await hive.database.write(lambda tx: ask_rebuild(tx, name, wanted, actor))

    def started(conn: Connection) -> bool:
        found = find_deployment(conn, asked.id)
        if found["status"] == "failed" and found["step"] in ("start", "health"):
            raise StartFailed(name=name, cause=found["reason"])
        if found["status"] == "failed":
            raise DeploymentFailed(name=name, step=found["step"], reason=found["reason"])
        return found["status"] in ("checking", "deployed")

    config = hive.config
    seconds = config.up_seconds + config.stop_seconds + BUILD_SECONDS + (config.setup_seconds if new.setup else 0.0)
    await hive.until(started, seconds=seconds + MARGIN_SECONDS, what=f"The rebuild of {name}")
    return await hive.database.read(lambda conn: view(conn, find_agent(conn, name)["id"]))
