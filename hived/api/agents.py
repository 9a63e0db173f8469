"""Agents: who there is, one of them with all its figures, and its turns; and the request for a new one."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Request

from hived.api.callers import hive_of
from hived.api.idempotency import remembered
from hived.api.spawns import check_reach
from hived.api.templates import completed
from hived.core import agents, approvals
from hived.core.agent_views import find_any_agent
from hived.store import turn_stats
from hived.wire import routes
from hived.wire.agents import AgentDetail, AgentList, SpawnDraft
from hived.wire.approvals import Approval
from hived.wire.errors import JournalUnavailable
from hived.wire.names import OPERATOR
from hived.wire.turns import TurnList

host_router = APIRouter(tags=["agents"])


@host_router.get(routes.AGENTS)
async def get_agents(request: Request) -> AgentList:
    """Every agent, oldest first."""
    return AgentList(agents=await hive_of(request).database.read(agents.list_views))


@host_router.post(routes.AGENTS, status_code=202)
async def post_agent(request: Request, draft: SpawnDraft) -> Approval:
    """Ask for a new agent. The answer is the pending approval that must be decided first."""
    hive = hive_of(request)
    spawn = await completed(hive, draft)
    spawn = await check_reach(hive, spawn, asked_by_agent=False)
    return await hive.database.write(remembered(request, lambda tx: approvals.ask_spawn(tx, spawn, OPERATOR), 202))


@host_router.get(routes.AGENT)
async def get_agent(request: Request, name: str) -> AgentDetail:
    """One agent, with what it was asked to be and where it lives."""
    hive = hive_of(request)
    found = await hive.database.read(lambda conn: agents.detail(conn, name, hive.paths.agent(name)))
    heard = hive.heard_at.get(found.id)
    return found if heard is None else found.model_copy(update={"last_byte_at": heard})


@host_router.get(routes.AGENT_TURNS)
async def get_turns(
    request: Request,
    name: str,
    limit: Annotated[int, Query(ge=1, le=1000)] = 50,
    before: Annotated[str | None, Query(description="Only those older than this turn.")] = None,
) -> TurnList:
    """The newest turns with their figures, oldest first; a figure that the engine did not give is null."""
    hive = hive_of(request)
    await hive.database.read(lambda conn: find_any_agent(conn, name))
    stats = hive.paths.agent(name).stats_db
    try:
        rows = await asyncio.to_thread(turn_stats.select_turns, stats, limit=limit, before=before)
    except OSError as error:
        raise JournalUnavailable(name=name, reason=f"{stats}: {error}") from error
    return TurnList(turns=rows)
