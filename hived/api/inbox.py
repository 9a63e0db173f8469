"""What a harness asks on its own socket: its messages, who it is, who else there is; and what it says of itself.

The socket says which agent; every call carries the generation, and a stale one is refused.
"""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from hived.api.callers import harness_of, hive_of
from hived.api.events import generation_of
from hived.core import agents, delivery, messages
from hived.core.delivery import Given
from hived.core.fault_points import reach
from hived.core.hive import Hive
from hived.store import agents as agent_store
from hived.store.database import Connection
from hived.wire import routes
from hived.wire.control import Peer, PeerList, StatusReport, Whoami
from hived.wire.errors import InvalidRequest
from hived.wire.messages import Claim, Claimed, MessageList, ReceiptList, Release
from hived.wire.times import seconds_until

DUE_SECONDS = 0.01
"""Past the moment at which a message that backs off comes due: times are kept in milliseconds."""

agent_router = APIRouter(tags=["harness"])


@agent_router.post(routes.STATUS, status_code=204)
async def post_status(request: Request, report: StatusReport) -> None:
    """All that the harness knows of itself, after every hello."""
    hive = hive_of(request)
    agent, generation = await harness_of(request)
    goes_on = hive.config.rate_limit_resume
    await hive.database.write(
        lambda tx: agents.apply_status(tx, agent["id"], generation, report, rate_limit_resume=goes_on)
    )


@agent_router.get(routes.INBOX)
async def get_inbox(request: Request, limit: Annotated[int, Query(ge=1, le=100)] = 32) -> MessageList:
    """What waits, oldest first; nothing is leased."""
    agent, _ = await harness_of(request)
    found = await hive_of(request).database.read(lambda conn: messages.list_queued(conn, agent["id"], limit))
    return MessageList(messages=found)


@agent_router.get(routes.RECEIPTS)
async def get_receipts(
    request: Request,
    message_id: Annotated[str | None, Query(description="Of this one alone, by its id or a beginning of it.")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    before: Annotated[str | None, Query(description="Only of those sent before this message.")] = None,
) -> ReceiptList:
    """What has become of what the agent sent, newest first; refused ones too."""
    agent, _ = await harness_of(request)

    def query(conn: Connection) -> ReceiptList:
        return messages.list_receipts(conn, agent["id"], message=message_id, limit=limit, before=before)

    return await hive_of(request).database.read(query)


@agent_router.post(routes.CLAIM)
async def post_claim(request: Request, claim: Claim) -> Response:
    """Claimed: what waits is leased to one turn. With `wait` it is answered when something has come, or `wait` is over."""
    return await answer_claim(request, claim)


async def answer_claim(request: Request, claim: Claim) -> Response:
    hive = hive_of(request)
    agent_id: str = request.scope["hive_agent"][0]
    generation = generation_of(request)
    if claim.wait and not claim.more:
        raise InvalidRequest(reason="wait: only a claim for more, into the turn that runs, can wait.")
    if claim.wait:
        given = await _claim_in_time(request, hive, agent_id, generation, claim)
    else:
        given = await _claim(hive, agent_id, generation, claim)
    return Response(given.json, media_type="application/json")


async def _claim(hive: Hive, agent_id: str, generation: int, claim: Claim) -> Given:
    reach("hived_claim")
    given = await hive.database.write(
        lambda tx: delivery.claim(tx, agent_id, generation, claim, hive.config.max_deliveries)
    )
    reach("hived_claimed")
    return given


async def _claim_in_time(request: Request, hive: Hive, agent_id: str, generation: int, claim: Claim) -> Given:
    """Claim again at every ring, until something has come. Also answered when hived stops, and for nobody who has gone.

    What is leased stays the turn's, so that a repeat gives it again, whatever becomes of this connection.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + claim.wait
    gone = asyncio.create_task(_until_gone(request), name="claim's caller")
    bells = hive.bells(agent_id).subscribe()
    given: Given | None = None
    try:
        while True:
            before, given = given, await _claim(hive, agent_id, generation, claim)
            left = deadline - loop.time()
            if delivery.has_come(claim, given, before) or left <= 0 or hive.stopping.is_set():
                return given
            if given.retry_at is not None:
                left = min(left, max(0.0, seconds_until(given.retry_at)) + DUE_SECONDS)
            rung = asyncio.create_task(bells.take(), name="claim's bell")
            try:
                await asyncio.wait({rung, gone}, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            finally:
                rung.cancel()
            if gone.done():
                return given
            if rung.done() and not rung.cancelled() and rung.result() is None:
                bells.close()
                bells = hive.bells(agent_id).subscribe()
    finally:
        bells.close()
        gone.cancel()


async def _until_gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


@agent_router.post(routes.RELEASE)
async def post_release(request: Request, release: Release) -> Claimed:
    """The turn did not begin: give its leases back."""
    agent, generation = await harness_of(request)
    return await hive_of(request).database.write(
        lambda tx: delivery.release(tx, agent["id"], generation, release.turn_id)
    )


@agent_router.get(routes.WHOAMI)
async def get_whoami(request: Request) -> Whoami:
    """Who the agent is, as the hive knows it."""
    agent, _ = await harness_of(request)
    return Whoami(
        id=agent["id"],
        name=agent["name"],
        role=agent["role"],
        parent=agent["parent"],
        model=agent["model"],
        engine=agent["engine"],
    )


@agent_router.get(routes.PEERS)
async def get_peers(request: Request) -> PeerList:
    """Everyone else, and whether this agent may write to them."""
    agent, _ = await harness_of(request)

    def query(conn: Connection) -> PeerList:
        return PeerList(
            peers=[
                Peer(
                    name=row["name"],
                    role=row["role"],
                    lifecycle=row["lifecycle"],
                    turn=row["turn_state"],
                    online=bool(row["online"]),
                    can_message=messages.may_write(agent, row),
                )
                for row in agent_store.select_agents(conn)
                if row["id"] != agent["id"]
            ]
        )

    return await hive_of(request).database.read(query)
