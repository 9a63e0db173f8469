"""Approvals, as the operator lists and decides them, and as an agent asks for them."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import ValidationError

from hived.api.callers import actor_of, harness_of, hive_of
from hived.api.faults import invalid
from hived.api.idempotency import remembered
from hived.api.proposals import check_current, tag_denied
from hived.api.spawns import check_reach
from hived.api.templates import completed
from hived.core import approvals
from hived.core.fault_points import reach
from hived.store.database import Connection, Row, Tx
from hived.wire import routes
from hived.wire.agents import SpawnDraft
from hived.wire.approvals import Approval, ApprovalAsk, ApprovalKind, ApprovalList, ApprovalStatus, Verdict
from hived.wire.errors import ForbiddenRole, InvalidRequest

host_router = APIRouter(tags=["decisions"])
agent_router = APIRouter(tags=["harness"])


@host_router.get(routes.APPROVALS)
async def get_approvals(
    request: Request,
    kind: Annotated[ApprovalKind | None, Query()] = None,
    status: Annotated[ApprovalStatus | None, Query()] = None,
    all: Annotated[bool, Query(description="False: only those that can still be decided.")] = True,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
    before: Annotated[str | None, Query(description="Only those older than this approval.")] = None,
) -> ApprovalList:
    """The newest that fit, oldest first; about 4 MiB of payloads at most."""

    def query(conn: Connection) -> ApprovalList:
        return approvals.page_approvals(conn, kind=kind, status=status, undecided=not all, limit=limit, before=before)

    return await hive_of(request).database.read(query)


@host_router.get(routes.APPROVAL)
async def get_approval(request: Request, id: str) -> Approval:
    """One approval, by its id or a unique beginning of it."""

    def query(conn: Connection) -> Approval:
        return approvals.to_approval(approvals.find_approval(conn, id))

    return await hive_of(request).database.read(query)


@host_router.post(routes.APPROVE)
async def post_approve(request: Request, id: str, verdict: Verdict | None = None) -> Approval:
    """Approve it. The first to decide wins; whoever comes second gets 409 `already_decided`."""
    return await _decide(request, id, "approved", verdict or Verdict())


@host_router.post(routes.DENY)
async def post_deny(request: Request, id: str, verdict: Verdict | None = None) -> Approval:
    """Deny it. The first to decide wins; whoever comes second gets 409 `already_decided`."""
    return await _decide(request, id, "denied", verdict or Verdict())


async def _decide(request: Request, approval_id: str, verdict: approvals.Decided, body: Verdict) -> Approval:
    actor = actor_of(request)

    def change(tx: Tx) -> Approval:
        return approvals.decide(tx, approval_id, verdict, body.note, body.updated_input, actor, body.remember)

    if verdict == "approved":
        await check_current(hive_of(request), approval_id)
    reach("hived_decide")
    decided = await hive_of(request).database.write(remembered(request, change))
    reach("hived_decided")
    await tag_denied(hive_of(request), decided)
    return decided


@agent_router.post(routes.APPROVALS, status_code=202)
async def post_approval(request: Request, ask: ApprovalAsk) -> Approval:
    """Ask the operator: for an agent (a queen may), or to use a tool (anyone may)."""
    hive = hive_of(request)
    agent, generation = await harness_of(request)
    if ask.kind == "tool_use":
        return await hive.database.write(
            remembered(request, lambda tx: approvals.ask_tool_use(tx, agent, generation, ask), 202)
        )
    if agent["role"] != "queen":
        raise ForbiddenRole(who=agent["name"], method="POST", path=f"{routes.APPROVALS} of kind spawn")
    spawn = await completed(hive, _draft_of(ask, agent))
    spawn = await check_reach(hive, spawn, asked_by_agent=True)
    return await hive.database.write(
        remembered(request, lambda tx: approvals.ask_spawn(tx, spawn, agent["name"], agent["id"], ask.id), 202)
    )


def _draft_of(ask: ApprovalAsk, agent: Row) -> SpawnDraft:
    """What is asked for, with the asker as its parent."""
    if ask.spawn is None:
        raise InvalidRequest(reason="spawn: an ask of kind spawn says what for.")
    try:
        return SpawnDraft.model_validate({**ask.spawn, "parent": agent["name"]})
    except ValidationError as error:
        raise invalid(error.errors()) from None
