"""Who answers here, whether it is well, and the word that ends it."""

from fastapi import APIRouter, Request

from hived.api.callers import hive_of
from hived.store import agents as agent_store
from hived.store import waiting as waiting_store
from hived.store.database import Connection
from hived.wire import routes
from hived.wire.protocol import BUILD, PROTOCOL, VERSION
from hived.wire.snapshot import Health, Version

host_router = APIRouter(tags=["hive"])


@host_router.get(routes.VERSION)
async def get_version() -> Version:
    """Protocol and build: the first thing a client asks."""
    return Version(protocol=PROTOCOL, build=BUILD, version=VERSION)


@host_router.get(routes.HEALTH)
async def get_health(request: Request) -> Health:
    """How hived is, and how many agents are in each lifecycle state."""
    hive = hive_of(request)

    def figures(conn: Connection) -> tuple[dict[str, int], int]:
        return agent_store.select_lifecycle_counts(conn), waiting_store.select_count(conn)

    agents, waiting = await hive.database.read(figures)
    return Health(
        **dict(hive.info),
        status="stopping" if hive.stopping.is_set() else "ok",
        agents=agents,
        waiting=waiting,
        host_socket=str(hive.paths.host_socket),
    )


@host_router.post(routes.SHUTDOWN, status_code=202)
async def post_shutdown(request: Request) -> Health:
    """Ask hived to end; agents work on. The answer comes first, the end of the process after it."""
    hive_of(request).stopping.set()
    return await get_health(request)
