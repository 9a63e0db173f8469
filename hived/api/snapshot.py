"""`GET /v1/snapshot`: where a client begins; the feed goes on from its `seq`."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from hived.api.callers import hive_of
from hived.core import snapshot
from hived.wire import routes
from hived.wire.snapshot import Snapshot

host_router = APIRouter(tags=["hive"])


@host_router.get(routes.SNAPSHOT, response_model=Snapshot)
async def get_snapshot(request: Request) -> Response:
    """All that a client draws, read in one transaction."""
    hive = hive_of(request)
    found = await hive.database.read(lambda conn: snapshot.encoded(conn, hive.info))
    return Response(found, media_type="application/json")
