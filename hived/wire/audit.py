"""The audit: every decision with who, when, over which socket and what was seen, each entry chained to the one before it."""

from typing import Any

from pydantic import Field

from hived.wire.approvals import Actor
from hived.wire.base import Answer


class AuditEntry(Answer):
    seq: int
    ts: str
    action: str
    """A past verb with its noun: `approval.approved`."""
    actor: Actor
    subject: str
    """The id of what was decided."""
    detail: dict[str, Any] = Field(default_factory=dict)
    """`seen`: SHA-256 of what was decided on, as it was shown."""
    hash: str


class AuditList(Answer):
    """`GET /v1/audit`, the newest that fit, oldest first."""

    entries: list[AuditEntry]


class Finding(Answer):
    """One promise of the books, and whether it holds."""

    name: str
    ok: bool
    words: str
    """What was looked at, or what is wrong."""


class CheckReport(Answer):
    """`GET /v1/check`: the chain of the audit, the database itself, and what must hold between its tables."""

    ok: bool
    findings: list[Finding]
