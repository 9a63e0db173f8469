"""Pairs, as the operator sees and decides them."""

from typing import Annotated

from fastapi import APIRouter, Query, Request

from hived.api.callers import actor_of, hive_of
from hived.api.idempotency import remembered
from hived.core import pairs
from hived.wire import routes
from hived.wire.pairs import Pair, PairList

host_router = APIRouter(tags=["decisions"])


@host_router.get(routes.PAIRS)
async def get_pairs(request: Request, all: Annotated[bool, Query(description="Decided ones too.")] = False) -> PairList:
    """Pairs that are held, oldest first."""
    found = await hive_of(request).database.read(lambda conn: pairs.list_pairs(conn, held=not all))
    return PairList(pairs=found)


@host_router.post(routes.PAIR_RELEASE)
async def post_pair_release(request: Request, id: str) -> Pair:
    """Queue all that the pair holds, and count afresh. 409 `pair_decided` where somebody was first."""
    actor = actor_of(request)
    return await hive_of(request).database.write(remembered(request, lambda tx: pairs.release(tx, id, actor)))


@host_router.post(routes.PAIR_DROP)
async def post_pair_drop(request: Request, id: str) -> Pair:
    """Give all that the pair holds up, and count afresh; both are told. 409 `pair_decided` where somebody was first."""
    actor = actor_of(request)
    return await hive_of(request).database.write(remembered(request, lambda tx: pairs.drop(tx, id, actor)))
