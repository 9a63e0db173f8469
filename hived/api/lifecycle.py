"""start, stop, restart and cancel-turn: say what is wanted, then answer when it is so."""

from collections.abc import Callable

from fastapi import APIRouter, Request

from hived.api.callers import actor_of, hive_of
from hived.core import agents, audit
from hived.core.hive import Hive
from hived.store.database import Connection, Row, Tx
from hived.wire import routes
from hived.wire.agents import AgentView
from hived.wire.errors import AgentNotConnected, NoTurn, StartFailed

MARGIN_SECONDS = 5.0
"""For the books, beside what the processes are given."""
CANCEL_SECONDS = 15.0
"""An engine has 10 s to flush its result before it is ended."""

host_router = APIRouter(tags=["agents"])


@host_router.post(routes.AGENT_ACTION.replace("{action}", "start"))
async def post_start(request: Request, name: str) -> AgentView:
    """Start it; answered when its harness is connected. 502 `start_failed` with the cause where it does not come up."""
    hive, actor = hive_of(request), actor_of(request)
    await hive.database.write(lambda tx: agents.want(tx, name, "running", actor))
    return await _until(hive, name, _up(0), hive.config.start_seconds + hive.config.stop_seconds, "start")


@host_router.post(routes.AGENT_ACTION.replace("{action}", "stop"))
async def post_stop(request: Request, name: str) -> AgentView:
    """Stop it; answered when its processes have ended."""
    hive, actor = hive_of(request), actor_of(request)
    await hive.database.write(lambda tx: agents.want(tx, name, "stopped", actor))
    return await _until(hive, name, lambda row: row["lifecycle"] == "stopped", hive.config.stop_seconds, "stop")


@host_router.post(routes.AGENT_ACTION.replace("{action}", "restart"))
async def post_restart(request: Request, name: str) -> AgentView:
    """Give it a new harness; answered when that one is connected."""
    hive, actor = hive_of(request), actor_of(request)
    older = await hive.database.write(lambda tx: agents.want_restart(tx, name, actor))
    return await _until(hive, name, _up(older), hive.config.start_seconds + hive.config.stop_seconds, "restart")


@host_router.post(routes.AGENT_ACTION.replace("{action}", "cancel-turn"))
async def post_cancel_turn(request: Request, name: str) -> AgentView:
    """Interrupt the turn that runs; answered when it has ended. 409 where none runs, or the harness is away."""
    hive, actor = hive_of(request), actor_of(request)

    def change(tx: Tx) -> str | None:
        row = agents.find_agent(tx.connection, name)
        if not row["online"]:
            raise AgentNotConnected(name=name, lifecycle=row["lifecycle"])
        if row["turn_state"] not in ("thinking", "compacting"):
            raise NoTurn(name=name)
        audit.append(tx, "agent.turn_cancelled", actor, row["id"], {"turn_id": row["turn_id"]})
        tx.ring(row["id"], "cancel", {"turn_id": row["turn_id"]})
        turn_id: str | None = row["turn_id"]
        return turn_id

    turn_id = await hive.database.write(change)

    def over(row: Row) -> bool:
        return row["turn_id"] != turn_id or row["turn_state"] not in ("thinking", "compacting")

    return await _until(hive, name, over, CANCEL_SECONDS - MARGIN_SECONDS, "end of the turn")


def _up(older: int) -> Callable[[Row], bool]:
    """Whether a generation above `older` is at work; StartFailed where it will not be."""

    def up(row: Row) -> bool:
        if row["lifecycle"] == "parked" or (row["lifecycle"] == "crashed" and row["generation"] > older):
            raise StartFailed(name=row["name"], cause=row["lifecycle_cause"])
        if row["wanted"] != "running":
            raise StartFailed(name=row["name"], cause="it was asked to stop meanwhile.")
        return row["generation"] > older and row["lifecycle"] == "running" and bool(row["online"])

    return up


async def _until(hive: Hive, name: str, reached: Callable[[Row], bool], seconds: float, what: str) -> AgentView:
    def condition(conn: Connection) -> bool:
        return reached(agents.find_agent(conn, name))

    await hive.until(condition, seconds=seconds + MARGIN_SECONDS, what=f"The {what} of {name}")
    return await hive.database.read(lambda conn: agents.view(conn, agents.find_agent(conn, name)["id"]))
