"""`GET /v1/control` on an agent's socket: the harness's doorbells, and its presence.

A stream with the current generation is what makes an agent online; the end of that generation's last one makes it offline.
A newer stream ends the older one. First comes `hello`, then decisions that may have been missed, then rings.
"""

import json

from fastapi import APIRouter, Request

from hived.api.callers import hive_of
from hived.api.events import generation_of, journal_of
from hived.api.sse import EventStream, only, sse_event
from hived.core.agents import set_online, view
from hived.core.approvals import decisions_for
from hived.core.bus import Subscription
from hived.core.events import cursor, last_refused
from hived.core.hive import Hive
from hived.store.agents import select_agent
from hived.store.database import Ring, Tx
from hived.wire import routes
from hived.wire.control import Decision, Hello
from hived.wire.errors import AgentNotFound
from hived.wire.protocol import BUILD, PROTOCOL

agent_router = APIRouter()

Streams = dict[str, Subscription[Ring]]
"""The one control stream of each agent that is connected, by the agent's id. Touched inside changes alone, so in the order
in which they are made: the end of an older stream never speaks for a newer one that came in the same commit."""


@agent_router.get(routes.CONTROL, response_class=EventStream, response_model=None, status_code=200)
async def get_control(request: Request) -> EventStream:
    """The control stream of wire/control. 409 `stale_generation` for a harness that has been replaced."""
    hive = hive_of(request)
    agent_id: str = request.scope["hive_agent"][0]
    return await control_stream(hive, _streams(request), agent_id, generation_of(request), journal_of(request))


async def control_stream(
    hive: Hive, streams: Streams, agent_id: str, generation: int, journal_uuid: str
) -> EventStream:
    bells = hive.bells(agent_id).subscribe()

    def arrive(tx: Tx) -> tuple[Hello, list[Decision]]:
        set_online(tx, agent_id, generation, True)
        first = _hello(tx, agent_id, generation, journal_uuid), decisions_for(tx.connection, agent_id, generation)
        older = streams.get(agent_id)
        streams[agent_id] = bells
        if older is not None:
            tx.after_commit(older.close)
        return first

    def depart(tx: Tx) -> None:
        if streams.get(agent_id) is bells:
            del streams[agent_id]
            set_online(tx, agent_id, generation, False)

    async def leave() -> None:
        await hive.database.write(depart)

    try:
        hello, decisions = await hive.database.write(arrive)
    except BaseException:
        bells.close()
        raise
    if hive.stopping.is_set():
        bells.close()
    first = [sse_event("hello", hello.model_dump_json().encode())]
    first += [sse_event("decision", decision.model_dump_json().encode()) for decision in decisions]

    async def take() -> bytes | None:
        rings = await bells.take()
        if rings is None:
            return None
        return b"".join(sse_event(ring.event, json.dumps(ring.payload).encode()) for ring in rings)

    return EventStream(only(b"".join(first)), take, bells.close, leave)


def _hello(tx: Tx, agent_id: str, generation: int, journal_uuid: str) -> Hello:
    row = select_agent(tx.connection, agent_id)
    if row is None:
        raise AgentNotFound(name=agent_id)
    return Hello(
        protocol=PROTOCOL,
        build=BUILD,
        agent_id=agent_id,
        name=row["name"],
        generation=generation,
        cursor=cursor(tx.connection, agent_id, journal_uuid),
        refused=last_refused(tx.connection, agent_id, journal_uuid),
        model=row["model_set"],
        unread=view(tx.connection, agent_id).unread,
        stop=row["wanted"] == "stopped" or bool(row["bury_wanted"]),
        paused=bool(row["paused"]),
    )


def _streams(request: Request) -> Streams:
    state = request.app.state
    if not hasattr(state, "control_streams"):
        state.control_streams = {}
    streams: Streams = state.control_streams
    return streams
