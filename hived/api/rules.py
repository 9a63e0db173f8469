"""Rules, as the operator makes, previews, lists and revokes them."""

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Body, Query, Request

from hived.api.callers import actor_of, hive_of
from hived.api.idempotency import remembered
from hived.core import approvals, rule_preview, rules
from hived.core.rule_drafts import parse_draft
from hived.store.database import Connection
from hived.wire import routes
from hived.wire.rules import Rule, RuleDraft, RuleList, RulePreview, RuleProposal, RuleScope

host_router = APIRouter(tags=["decisions"])
_DRAFT = {"requestBody": {"required": True, "content": {"application/json": {"schema": RuleDraft.model_json_schema()}}}}
"""A draft is checked by core alone, so that whatever is wrong with it is `invalid_rule`; the schema says what it is."""


@host_router.get(routes.RULES)
async def get_rules(
    request: Request,
    all: Annotated[bool, Query(description="Revoked and expired ones too; else those in force alone.")] = False,
) -> RuleList:
    """Oldest first."""
    return await hive_of(request).database.read(lambda conn: RuleList(rules=rules.list_rules(conn, all=all)))


@host_router.post(routes.RULES, status_code=201, openapi_extra=_DRAFT)
async def post_rule(request: Request, draft: Annotated[Any, Body()]) -> Rule:
    """Put a rule in force. 400 `invalid_rule` for one that could never fit."""
    wanted, actor = parse_draft(draft), actor_of(request)
    return await hive_of(request).database.write(remembered(request, lambda tx: rules.add(tx, wanted, actor), 201))


@host_router.post(routes.RULE_PREVIEW, openapi_extra=_DRAFT)
async def post_rule_preview(
    request: Request,
    draft: Annotated[Any, Body()],
    days: Annotated[int, Query(description="How far to look back.")] = 30,
) -> RulePreview:
    """What that rule would have decided of the asks of the last `days` (10,000 at most), with those in force now beside it."""
    wanted, database = parse_draft(draft), hive_of(request).database
    looking = await database.read(lambda conn: rule_preview.begin(conn, wanted, days))
    further = partial(rule_preview.look, looking=looking)
    while not looking.done:
        await database.read(further)
    return looking.answer()


@host_router.delete(routes.RULE)
async def delete_rule(request: Request, id: str) -> Rule:
    """Revoke it; the row stays. 409 `rule_revoked` where it was before."""
    actor = actor_of(request)
    return await hive_of(request).database.write(remembered(request, lambda tx: rules.revoke(tx, id, actor)))


@host_router.get(routes.APPROVAL_RULE)
async def get_approval_rule(
    request: Request, id: str, scope: Annotated[RuleScope, Query(description="For whom it would be.")] = "agent"
) -> RuleProposal:
    """The narrowest rule that would have allowed that tool_use: what `remember` makes of it."""

    def query(conn: Connection) -> RuleProposal:
        return rules.propose(conn, approvals.find_approval(conn, id), scope)

    return await hive_of(request).database.read(query)
