"""The operator's hand on an agent's turns: cancel, compact, a new session and a nap."""

from fastapi import APIRouter, Request

from hived.api.answers import until, until_reported, while_there
from hived.api.callers import actor_of, hive_of
from hived.core import audit, heard, sessions
from hived.core.agent_views import find_connected, known_abilities
from hived.store.database import Row, Tx
from hived.wire import routes
from hived.wire.agents import AgentView, Nap, NewSession
from hived.wire.errors import NoTurn, TurnFailed, Unsupported
from hived.wire.ids import new_id
from hived.wire.times import in_seconds

CANCEL_SECONDS = 10.0
"""An engine has these to flush its result before it is ended."""
COMPACT_SECONDS = 300.0
TOLD_SECONDS = 10.0
"""For the harness to take note of what it is told: it does so beside its turn."""
IN_TURN = ("thinking", "compacting")

host_router = APIRouter(tags=["agents"])


@host_router.post(routes.AGENT_ACTION.replace("{action}", "cancel-turn"))
async def post_cancel_turn(request: Request, name: str) -> AgentView:
    """Interrupt the turn that runs; answered when it has ended. 409 where none runs, or the harness is away."""
    hive, actor = hive_of(request), actor_of(request)

    def change(tx: Tx) -> str | None:
        row = find_connected(tx.connection, name)
        if row["turn_state"] not in IN_TURN:
            raise NoTurn(name=name)
        audit.append(tx, "agent.turn_cancelled", actor, row["id"], {"turn_id": row["turn_id"]})
        tx.ring(row["id"], "cancel", {"turn_id": row["turn_id"]})
        turn_id: str | None = row["turn_id"]
        return turn_id

    turn_id = await hive.database.write(change)

    def over(row: Row) -> bool:
        return row["turn_id"] != turn_id or row["turn_state"] not in IN_TURN

    return await until(hive, name, over, CANCEL_SECONDS, "end of the turn")


@host_router.post(routes.AGENT_ACTION.replace("{action}", "compact"))
async def post_compact(request: Request, name: str) -> AgentView:
    """Compact its conversation, in a turn of its own once no other runs; answered when that turn has ended.

    400 `unsupported` where its engine cannot, 503 `turn_failed` with the reason where it did not work.
    """
    hive, actor, turn_id = hive_of(request), actor_of(request), new_id()
    await until_reported(hive, name)

    def change(tx: Tx) -> int:
        row = find_connected(tx.connection, name)
        abilities = known_abilities(row)
        if abilities is not None and not abilities.compact:
            raise Unsupported(name=name, engine=row["engine"], what="compact its conversation")
        audit.append(tx, "agent.compact_asked", actor, row["id"], {"name": name, "turn_id": turn_id})
        tx.ring(row["id"], "compact", {"turn_id": turn_id})
        return int(row["generation"])

    with hive.listening(heard.turn_over(turn_id)) as ends:
        generation = await hive.database.write(change)
        over = while_there(generation, lambda row: bool(ends))
        view = await until(hive, name, over, COMPACT_SECONDS, "compaction")
    if ends[0]["outcome"] != "ok":
        raise TurnFailed(name=name, cause=ends[0]["error"] or f"its compaction ended {ends[0]['outcome']}.")
    return view


@host_router.post(routes.AGENT_ACTION.replace("{action}", "new-session"))
async def post_new_session(request: Request, name: str, wanted: NewSession | None = None) -> AgentView:
    """Let its next turn begin a new conversation; answered when the harness has taken note of it."""
    hive, actor, primer = hive_of(request), actor_of(request), (wanted or NewSession()).primer
    agent = await hive.database.read(lambda conn: find_connected(conn, name))
    with hive.listening(heard.session_armed(agent["id"])) as notes:
        row = await hive.database.write(lambda tx: sessions.ask_new_session(tx, name, primer, actor))
        armed = while_there(row["generation"], lambda row: any(note["primer"] == primer for note in notes))
        return await until(hive, name, armed, TOLD_SECONDS, "new session")


@host_router.post(routes.AGENT_ACTION.replace("{action}", "nap"))
async def post_nap(request: Request, name: str, nap: Nap) -> AgentView:
    """Let it rest for that long (after its turn, if it is in one); 0 wakes it. Answered when it naps, or will."""
    hive, actor = hive_of(request), actor_of(request)
    moment = in_seconds(nap.seconds) if nap.seconds else None
    agent = await hive.database.read(lambda conn: find_connected(conn, name))

    def change(tx: Tx) -> int:
        row = find_connected(tx.connection, name)
        audit.append(tx, "agent.nap_set", actor, row["id"], {"name": name, "until": moment})
        tx.ring(row["id"], "nap", {"until": moment})
        return int(row["generation"])

    with hive.listening(heard.nap_told(agent["id"])) as notes:
        generation = await hive.database.write(change)
        told = while_there(generation, lambda row: any(note["until"] == moment for note in notes))
        return await until(hive, name, told, TOLD_SECONDS, "nap")
