"""What waits on the operator: one list that never moves under the cursor. Pure: every function gives a new list.

New things are put at the end. Something decided stays in its place, struck, until the operator moves on (`settled`).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from hived.wire.approvals import Approval, WaitingItem

APPROVALS = frozenset({"spawn", "apply_commit", "tool_use"})
DECIDABLE = APPROVALS | {"held_message", "rate_limited", "resume_choice", "needs_login"}
DENIABLE = APPROVALS | {"held_message", "resume_choice"}
"""What there are two answers to."""
OF_AGENTS = frozenset({"parked", "needs_login", "rate_limited", "resume_choice"})
"""Kinds whose id is an agent's: one agent may be listed under several of them."""

GLYPHS = {
    "spawn": "+", "tool_use": "▲", "apply_commit": "±", "held_message": "◂", "parked": "■", "needs_login": "⊘",
    "rate_limited": "⊘", "resume_choice": "↻",
}  # fmt: skip
KIND_WORDS = {
    "spawn": "spawn",
    "tool_use": "tool",
    "apply_commit": "config",
    "held_message": "held message",
    "parked": "parked",
    "needs_login": "login",
    "rate_limited": "rate limit",
    "resume_choice": "a choice",
}


@dataclass(frozen=True, slots=True)
class Ask:
    """What an approval carries beyond its line in the list."""

    requester: str
    payload: dict[str, Any]
    status: str
    decided_by: str | None = None
    """`operator (hivetui)`, `queen`, …"""
    decided_at: str | None = None
    note: str | None = None
    failure: str | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """One thing that waits."""

    id: str
    """The approval's or message's; `kind:agent id` for what is about an agent."""
    kind: str
    agent: str | None
    subject: str
    since: str
    blocks: bool = False
    ask: Ask | None = None
    gone: bool = False
    """It no longer waits, and is still shown where it stood."""

    @property
    def decidable(self) -> bool:
        return self.kind in DECIDABLE and not self.gone

    @property
    def markable(self) -> bool:
        """One key can decide it together with others: a login cannot be made for many at once."""
        return self.decidable and self.kind != "needs_login"

    @property
    def deniable(self) -> bool:
        return self.kind in DENIABLE and not self.gone

    @property
    def who(self) -> str:
        return self.agent or "operator"

    @property
    def verdict(self) -> str:
        """What became of it: `approved by operator (hive)`; empty while it waits."""
        if not self.gone:
            return ""
        if self.ask is None or self.ask.status == "pending":
            return "no longer waits"
        by = f" by {self.ask.decided_by}" if self.ask.decided_by else ""
        return f"{self.ask.status}{by}"


@dataclass(frozen=True, slots=True)
class WaitingOnYou:
    """The list, where its cursor is, and what is marked."""

    items: tuple[Waiting, ...] = ()
    cursor: str | None = None
    marked: frozenset[str] = frozenset()
    asks: dict[str, Ask] = field(default_factory=dict)
    """Of approvals that are pending or still shown, by id."""

    @property
    def pending(self) -> tuple[Waiting, ...]:
        return tuple(item for item in self.items if not item.gone)

    @property
    def selected(self) -> Waiting | None:
        return next((item for item in self.items if item.id == self.cursor), None)

    @property
    def index(self) -> int:
        """Where the cursor is; 0 in an empty list."""
        return next((index for index, item in enumerate(self.items) if item.id == self.cursor), 0)

    def chosen(self) -> tuple[Waiting, ...]:
        """What a decision for all acts on: everything marked that can still be decided."""
        return tuple(item for item in self.items if item.id in self.marked and item.markable)


def ask_from(approval: Approval) -> Ask:
    actor = approval.decided_by
    by = None
    if actor is not None:
        by = f"{actor.who} ({actor.client})" if actor.client else actor.who
    return Ask(
        approval.requester,
        approval.payload,
        approval.status,
        by,
        approval.decided_at,
        approval.note,
        approval.failure,
    )


def waiting_from(item: WaitingItem) -> Waiting:
    return Waiting(listed_id(item.kind, item.id), item.kind, item.agent, item.subject, item.since, item.blocks)


def listed_id(kind: str, id: str) -> str:
    """What tells an item from every other one."""
    return f"{kind}:{id}" if kind in OF_AGENTS else id


def attached(known: WaitingOnYou, items: Iterable[Waiting], asks: dict[str, Ask]) -> WaitingOnYou:
    """After a snapshot: what it holds is what waits; what is gone stays struck where it stood."""
    now = {item.id: item for item in items}
    kept = tuple(now.pop(item.id) if item.id in now else replace(item, gone=True) for item in known.items)
    shown_asks = {item.id: known.asks[item.id] for item in kept if item.id in known.asks}
    return _joined(replace(known, items=kept + tuple(now.values()), asks={**shown_asks, **asks}))


def with_item(known: WaitingOnYou, item: Waiting) -> WaitingOnYou:
    """A thing waits: in its old place if it is shown, else at the end."""
    if any(shown.id == item.id for shown in known.items):
        items = tuple(item if shown.id == item.id else shown for shown in known.items)
    else:
        items = (*known.items, item)
    return _joined(replace(known, items=items))


def with_ask(known: WaitingOnYou, id: str, ask: Ask) -> WaitingOnYou:
    """An approval's new state. One that neither waits nor is shown is not kept once it is decided."""
    if ask.status != "pending" and not any(item.id == id for item in known.items):
        return known
    return _joined(replace(known, asks={**known.asks, id: ask}))


def without(known: WaitingOnYou, id: str) -> WaitingOnYou:
    """It no longer waits: struck where it stands."""
    items = tuple(replace(item, gone=True) if item.id == id else item for item in known.items)
    return replace(known, items=items, marked=known.marked - {id})


def settled(known: WaitingOnYou, *, keep_cursor: bool) -> WaitingOnYou:
    """Without what is gone; with `keep_cursor` the one under the cursor stays."""
    kept = tuple(item for item in known.items if not item.gone or (keep_cursor and item.id == known.cursor))
    if len(kept) == len(known.items):
        return known
    ids = {item.id for item in kept}
    cursor = known.cursor
    if cursor not in ids:
        behind = [item.id for item in known.items[known.index :] if item.id in ids]
        cursor = behind[0] if behind else (kept[-1].id if kept else None)
    return replace(known, items=kept, cursor=cursor, asks={id: ask for id, ask in known.asks.items() if id in ids})


def moved(known: WaitingOnYou, to: str) -> WaitingOnYou:
    """The cursor goes to that item; what is gone and now left behind goes."""
    if to == known.cursor or not any(item.id == to for item in known.items):
        return known
    return settled(replace(known, cursor=to), keep_cursor=True)


def toggled(known: WaitingOnYou, id: str) -> WaitingOnYou:
    """Mark it, or unmark it. What cannot be decided is not marked."""
    item = next((item for item in known.items if item.id == id), None)
    if item is None or not item.markable:
        return known
    return replace(known, marked=known.marked ^ {id})


def _joined(known: WaitingOnYou) -> WaitingOnYou:
    items = tuple(
        replace(item, ask=known.asks[item.id]) if known.asks.get(item.id, item.ask) is not item.ask else item
        for item in known.items
    )
    cursor = known.cursor
    if items and not any(item.id == cursor for item in items):
        cursor = items[0].id
    return replace(known, items=items, cursor=cursor if items else None)
