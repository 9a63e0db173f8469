"""Approvals: what an agent or a person may not do until the operator has said so. One table for every kind."""

from typing import Any, Literal

from pydantic import Field

from hived.wire.base import Answer, JsonObject, WireModel
from hived.wire.ids import ID_PATTERN
from hived.wire.rules import RuleScope

ApprovalKind = Literal["spawn", "apply_commit", "tool_use"]
WaitingKind = Literal[
    "spawn", "apply_commit", "tool_use", "question", "held_message", "pair", "budget", "parked", "needs_login",
    "rate_limited", "resume_choice",
]  # fmt: skip
GrantState = Literal["unused", "used", "lapsed"]
ApprovalStatus = Literal["pending", "approved", "denied", "cancelled", "expired", "orphaned", "failed"]


class ApprovalAsk(WireModel):
    """`POST /v1/approvals` on an agent's socket. The asker makes the id, so a repeat is the same ask."""

    id: str = Field(pattern=ID_PATTERN)
    kind: Literal["spawn", "tool_use"]
    spawn: JsonObject | None = None
    """A SpawnRequest, for kind `spawn`."""
    tool: str | None = None
    input: JsonObject | None = None
    turn_id: str | None = None


class Verdict(WireModel):
    """The body of approve and deny; all of it may be left out."""

    note: str | None = Field(default=None, max_length=4096)
    """Travels to the agent."""
    updated_input: JsonObject | None = None
    """tool_use only: run it with this instead."""
    remember: RuleScope | None = None
    """tool_use, approve only: make the narrowest rule that would have answered it (`GET …/rule` shows it before)."""


class Actor(Answer):
    """Who decided: from the socket and SO_PEERCRED, not from what the caller says of itself, `client` excepted."""

    who: str
    """`operator`, an agent's name, or `hived`."""
    uid: int | None = None
    pid: int | None = None
    client: str | None = None
    socket: str | None = None
    """`host` or `agent`."""


class Approval(Answer):
    id: str
    kind: ApprovalKind
    status: ApprovalStatus
    requester: str
    """`operator` or an agent's name."""
    subject: str
    """One line: what is asked, plain text."""
    payload: dict[str, Any]
    """spawn: a SpawnRequest; tool_use: {tool, input}."""
    created_at: str
    decided_at: str | None = None
    decided_by: Actor | None = None
    note: str | None = None
    updated_input: dict[str, Any] | None = None
    """tool_use: what it was approved with instead."""
    rule: str | None = None
    """The rule that decided it."""
    grant: str | None = None
    """The orphaned approval whose one-shot yes decided it."""
    grant_state: GrantState | None = None
    """Of one whose yes its agent could not hear: whether it has asked the same again since, and had it answered so."""
    remembered: str | None = None
    """The rule that was made with the decision; in the answer to approve alone."""
    failure: str | None = None
    """Why the deed failed after approval."""
    cut: bool = False
    """In a snapshot alone: the payload was too long for it and is left out; `GET /v1/approvals/{id}` has it."""


class ApprovalList(Answer):
    approvals: list[Approval]
    more: bool = False
    """There are older ones: the page was full, or what is in it very long."""


class WaitingItem(Answer):
    """One thing that needs the operator. `GET /v1/waiting` lists them oldest first."""

    id: str
    """The approval's, question's, message's, pair's or budget's id; an agent's for the kinds that are about an agent."""
    kind: WaitingKind
    agent: str | None
    """The agent that waits, or that it is about; None where the operator asked."""
    subject: str
    since: str
    blocks: bool = False
    """An agent's turn stands still until it is decided."""


class WaitingList(Answer):
    waiting: list[WaitingItem]
