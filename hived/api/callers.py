"""Who calls: from the socket and SO_PEERCRED, never from what the caller says of itself (its kind of client excepted)."""

from starlette.requests import HTTPConnection, Request
from starlette.types import Scope

from hived.api.events import generation_of
from hived.core.agent_views import check_generation
from hived.core.hive import Hive
from hived.core.text import one_line
from hived.store.database import Row
from hived.wire.approvals import Actor
from hived.wire.names import OPERATOR
from hived.wire.protocol import CLIENT_HEADER

MOST_CLIENT_TEXT = 64


def hive_of(request: HTTPConnection) -> Hive:
    hive: Hive = request.app.state.hive
    return hive


def agent_of(scope: Scope) -> tuple[str, str] | None:
    """(id, name) of the agent whose socket this is; None on the operator's."""
    found: tuple[str, str] | None = scope.get("hive_agent")
    return found


def caller_key(scope: Scope) -> str:
    """Whose idempotency keys these are: an agent's id, or `operator`."""
    agent = agent_of(scope)
    return OPERATOR if agent is None else agent[0]


def actor_of(request: HTTPConnection) -> Actor:
    """Who is recorded with what this call decides."""
    agent, peer = agent_of(request.scope), request.scope.get("client")
    client = request.headers.get(CLIENT_HEADER)
    return Actor(
        who=OPERATOR if agent is None else agent[1],
        uid=int(peer[0]) if peer and str(peer[0]).isdecimal() else None,
        pid=peer[1] if peer and isinstance(peer[1], int) else None,
        client=None if client is None else one_line(client, MOST_CLIENT_TEXT),
        socket="host" if agent is None else "agent",
    )


async def harness_of(request: Request) -> tuple[Row, int]:
    """The calling agent's row and its generation. Raises StaleGeneration, InvalidRequest where it names none."""
    agent_id: str = request.scope["hive_agent"][0]
    generation = generation_of(request)
    row = await hive_of(request).database.read(lambda conn: check_generation(conn, agent_id, generation))
    return row, generation
