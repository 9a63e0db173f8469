"""What a harness asks on its own socket: its messages, who it is, who else there is; and what it says of itself.

The socket says which agent; every call carries the generation, and a stale one is refused.
"""

from typing import Annotated

from fastapi import APIRouter, Query, Request

from hived.api.callers import harness_of, hive_of
from hived.core import agents, delivery, messages
from hived.core.fault_points import reach
from hived.store import agents as agent_store
from hived.store.database import Connection
from hived.wire import routes
from hived.wire.control import Peer, PeerList, StatusReport, Whoami
from hived.wire.messages import Claim, Claimed, MessageList, Release

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


@agent_router.post(routes.CLAIM)
async def post_claim(request: Request, claim: Claim) -> Claimed:
    """Lease what waits to one turn."""
    hive = hive_of(request)
    agent, generation = await harness_of(request)
    reach("hived_claim")
    claimed = await hive.database.write(
        lambda tx: delivery.claim(tx, agent["id"], generation, claim, hive.config.max_deliveries)
    )
    reach("hived_claimed")
    return claimed


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
