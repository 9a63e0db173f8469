"""`GET /v1/agents/{name}/log`: the last lines of an agent's harness."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from hived.api.callers import hive_of
from hived.core.agent_views import find_any_agent
from hived.logs import last_lines
from hived.wire import routes

MAX_LINES = 2000

host_router = APIRouter()


@host_router.get(routes.AGENT_LOG)
async def get_log(
    request: Request, name: str, lines: Annotated[int, Query(ge=1, le=MAX_LINES)] = 200
) -> dict[str, Any]:
    """The newest `lines` lines, oldest first, without control characters, and where the whole log is."""
    hive = hive_of(request)
    row = await hive.database.read(lambda connection: find_any_agent(connection, name))
    path = hive.paths.agent(row["name"]).log
    return {"lines": await asyncio.to_thread(last_lines, path, lines), "path": str(path)}
