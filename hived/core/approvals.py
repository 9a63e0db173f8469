"""Approvals: the row is there before anyone is asked, the first to decide wins in one statement, the second is told who did.

What they are about has modules of its own: spawns.py, proposals.py, tool_uses.py with grants.py, approval_rows.py for what all have.
"""

from typing import Any

from hived.core import proposals, rules
from hived.core.agent_views import publish
from hived.core.approval_rows import Decided, feed, find_approval, list_approvals, page_approvals, settle, to_approval
from hived.core.spawns import ask_spawn, carry_out, fail_spawn_of, spawn_subject
from hived.core.tool_uses import (
    ask_tool_use,
    cancel_ask,
    check_edit,
    close_turn,
    decisions_for,
    hand_on,
    hear,
    orphan_older,
    tool_subject,
)
from hived.store import agents as agent_store
from hived.store.database import Tx
from hived.wire.approvals import Actor, Approval
from hived.wire.errors import InvalidRequest
from hived.wire.rules import RuleScope

__all__ = [
    "Decided", "ask_spawn", "ask_tool_use", "cancel_ask", "close_turn", "decide", "decisions_for", "fail_spawn_of",
    "find_approval", "hear", "list_approvals", "orphan_older", "page_approvals", "spawn_subject", "to_approval", "tool_subject",
]  # fmt: skip


def decide(
    tx: Tx,
    approval_id: str,
    verdict: Decided,
    note: str | None,
    updated_input: dict[str, Any] | None,
    actor: Actor,
    remember: RuleScope | None = None,
) -> Approval:
    """Approve or deny, once; what an approved spawn or proposal asks for is done in the same change, as is a rule to `remember`.

    `approval_id` may be any unique prefix. Raises ApprovalNotFound, AmbiguousId, AlreadyDecided, InvalidRequest; and with the
    approval left as it was Unsupported (an engine that takes no edited input), InvalidRule and OverBudget.
    """
    row = find_approval(tx.connection, approval_id)
    settle(tx, row, verdict, actor, note=note, updated_input=updated_input)
    if row["kind"] != "tool_use" and (updated_input is not None or remember is not None):
        what = "updated_input" if updated_input is not None else "remember"
        raise InvalidRequest(reason=f"{what} goes with an approval of kind tool_use only.")
    if verdict == "denied" and (updated_input is not None or remember is not None):
        what = "updated_input" if updated_input is not None else "remember"
        raise InvalidRequest(reason=f"{what} goes with approve only.")
    rule: str | None = None
    if row["kind"] == "spawn":
        carry_out(tx, row, verdict, note, actor)
    elif row["kind"] == "apply_commit":
        proposals.carry_out(tx, row, verdict, note, actor)
    elif row["kind"] == "tool_use":
        if updated_input is not None:
            check_edit(tx.connection, row)
        hand_on(tx, row, verdict, actor)
        rule = None if remember is None else rules.remember(tx, row, remember, actor).id
    if row["requester_id"] is not None and agent_store.select_agent(tx.connection, row["requester_id"]) is not None:
        publish(tx, row["requester_id"])
    return feed(tx, row["id"]).model_copy(update={"remembered": rule})
