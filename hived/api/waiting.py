"""`GET /v1/waiting`: everything that needs the operator, one list."""

from fastapi import APIRouter, Request

from hived.api.callers import hive_of
from hived.core import waiting
from hived.wire import routes
from hived.wire.approvals import WaitingList

host_router = APIRouter(tags=["decisions"])


@host_router.get(routes.WAITING)
async def get_waiting(request: Request) -> WaitingList:
    """Those that somebody stands still for come first, the oldest first of each."""
    return WaitingList(waiting=await hive_of(request).database.read(waiting.list_items))
