"""What waits on the operator: one list, the most blocking first, then the oldest. Pure: every function gives a new list.

While it is `still` (it has the focus) nothing in it moves: new things are put at the end, what is decided stays struck in its
place. It is put in order again when it is left, or when the operator asks for it.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from hived.wire.approvals import Approval, WaitingItem

APPROVALS = frozenset({"spawn", "apply_commit", "tool_use"})
DENIABLE = APPROVALS | {"held_message", "pair", "resume_choice"}
"""What there are two answers to."""
APPROVABLE = DENIABLE | {"budget", "parked", "rate_limited", "needs_login"}
DECIDABLE = APPROVABLE | {"question"}
OF_AGENTS = frozenset({"parked", "needs_login", "rate_limited", "resume_choice"})
"""Kinds whose id is an agent's: one agent may be listed under several of them."""
UNDECIDED = frozenset({"pending", "orphaned"})
"""Of approvals: what may still be approved or denied."""

GLYPHS = {
    "spawn": "+", "tool_use": "▲", "apply_commit": "±", "question": "?", "held_message": "◂", "pair": "⇄", "budget": "$",
    "parked": "■", "needs_login": "⊘", "rate_limited": "⊘", "resume_choice": "↻",
}  # fmt: skip
KIND_WORDS = {
    "spawn": "spawn",
    "tool_use": "tool",
    "apply_commit": "config",
    "question": "question",
    "held_message": "held message",
    "pair": "held pair",
    "budget": "budget",
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
    rule: str | None = None
    """The rule that decided it."""
    grant: str | None = None
    """The orphan whose one-time yes decided it."""
    cut: bool = False
    """The payload was too long for the snapshot, and is not there yet."""


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
    def approvable(self) -> bool:
        return self.kind in APPROVABLE and not self.gone

    @property
    def deniable(self) -> bool:
        return self.kind in DENIABLE and not self.gone

    @property
    def markable(self) -> bool:
        """One key can decide it together with others: a login cannot be made for many at once."""
        return self.decidable and self.kind != "needs_login"

    @property
    def urgency(self) -> tuple[bool, str, str]:
        """Least first: what makes an agent stand still, then what waits longest."""
        return (not self.blocks, self.since, self.id)

    @property
    def who(self) -> str:
        return self.agent or "operator"

    @property
    def verdict(self) -> str:
        """What became of it: `approved by operator (hive)`; empty while it waits."""
        if not self.gone:
            return ""
        ask = self.ask
        if ask is None or ask.status in UNDECIDED:
            return "no longer waits"
        by = f" by {ask.decided_by}" if ask.decided_by else ""
        if ask.rule or ask.grant:
            by = " by a rule" if ask.rule else " by an earlier yes"
        return f"{ask.status}{by}"


@dataclass(frozen=True, slots=True)
class WaitingOnYou:
    """The list, where its cursor is, what is marked, and what it is narrowed to."""

    items: tuple[Waiting, ...] = ()
    cursor: str | None = None
    marked: frozenset[str] = frozenset()
    asks: dict[str, Ask] = field(default_factory=dict)
    """Of approvals that wait or are still shown, by id."""
    still: bool = False
    """The operator is in it: nothing moves."""
    filter: str = ""

    @property
    def pending(self) -> tuple[Waiting, ...]:
        return tuple(item for item in self.items if not item.gone)

    @property
    def shown(self) -> tuple[Waiting, ...]:
        """Those that the filter lets through."""
        wanted = self.filter.lower().split()
        if not wanted:
            return self.items
        return tuple(item for item in self.items if all(_fits(item, word) for word in wanted))

    @property
    def selected(self) -> Waiting | None:
        return next((item for item in self.shown if item.id == self.cursor), None)

    @property
    def index(self) -> int:
        """Where the cursor is among those shown; 0 in an empty list."""
        return next((index for index, item in enumerate(self.shown) if item.id == self.cursor), 0)

    def chosen(self) -> tuple[Waiting, ...]:
        """Everything that is marked, shown, and can still be decided."""
        return tuple(item for item in self.shown if item.id in self.marked and item.markable) if self.marked else ()


def _fits(item: Waiting, word: str) -> bool:
    name, colon, value = word.partition(":")
    if colon and name in ("kind", "agent"):
        return value == (item.kind if name == "kind" else item.who.lower())
    return word in f"{item.kind} {KIND_WORDS.get(item.kind, '')} {item.who} {item.subject}".lower()


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
        approval.rule,
        approval.grant,
        approval.cut,
    )


def waiting_from(item: WaitingItem) -> Waiting:
    return Waiting(listed_id(item.kind, item.id), item.kind, item.agent, item.subject, item.since, item.blocks)


def listed_id(kind: str, id: str) -> str:
    """What tells an item from every other one."""
    return f"{kind}:{id}" if kind in OF_AGENTS else id


def attached(known: WaitingOnYou, items: Iterable[Waiting], asks: dict[str, Ask]) -> WaitingOnYou:
    """After a snapshot: what it holds is what waits; what is gone stays struck where it stood while the list is still."""
    now = {item.id: item for item in sorted(items, key=lambda item: item.urgency)}
    if not known.still:
        listed = tuple(now.values())
        return _joined(replace(known, items=listed, asks=asks, marked=known.marked & now.keys()))
    kept = tuple(now.pop(item.id) if item.id in now else replace(item, gone=True) for item in known.items)
    shown_asks = {item.id: known.asks[item.id] for item in kept if item.id in known.asks}
    return _joined(replace(known, items=kept + tuple(now.values()), asks={**shown_asks, **asks}))


def with_item(known: WaitingOnYou, item: Waiting) -> WaitingOnYou:
    """A thing waits: in its old place if it is shown, else at the end; in order if nobody is in the list."""
    if any(shown.id == item.id for shown in known.items):
        items = tuple(item if shown.id == item.id else shown for shown in known.items)
    else:
        items = (*known.items, item)
    return _joined(replace(known, items=items if known.still else _in_order(items)))


def with_ask(known: WaitingOnYou, id: str, ask: Ask) -> WaitingOnYou:
    """An approval's new state. One that neither waits nor is shown is not kept once it is decided."""
    if ask.status not in UNDECIDED and not any(item.id == id for item in known.items):
        return known
    return _joined(replace(known, asks={**known.asks, id: ask}))


def without(known: WaitingOnYou, id: str) -> WaitingOnYou:
    """It no longer waits: struck where it stands, or away where nobody is in the list."""
    items = tuple(replace(item, gone=True) if item.id == id else item for item in known.items)
    struck = replace(known, items=items, marked=known.marked - {id})
    return struck if known.still else settled(struck)


def settled(known: WaitingOnYou, in_sight: Collection[str] = ()) -> WaitingOnYou:
    """Without what is gone, but for what is in sight and where the cursor is if anything is in sight."""
    kept = tuple(
        item for item in known.items if not item.gone or item.id in in_sight or (in_sight and item.id == known.cursor)
    )
    if len(kept) == len(known.items):
        return known
    ids = {item.id for item in kept}
    cursor = known.cursor
    if cursor not in ids:
        at = next((index for index, item in enumerate(known.items) if item.id == cursor), 0)
        narrowed = {item.id for item in replace(known, items=kept).shown}
        behind = [item.id for item in known.items[at:] if item.id in narrowed]
        before = [item.id for item in known.items[:at] if item.id in narrowed]
        cursor = behind[0] if behind else before[-1] if before else kept[0].id if kept else None
    return replace(known, items=kept, cursor=cursor, asks={id: ask for id, ask in known.asks.items() if id in ids})


def in_order(known: WaitingOnYou) -> WaitingOnYou:
    """Without what is gone, the most urgent first; the cursor stays on its item."""
    known = settled(known)
    return replace(known, items=_in_order(known.items))


def entered(known: WaitingOnYou) -> WaitingOnYou:
    """The operator is in the list: from now on nothing in it moves."""
    return known if known.still else replace(in_order(known), still=True)


def left(known: WaitingOnYou) -> WaitingOnYou:
    """He has left it: it is put in order, and whole again."""
    return replace(narrowed(in_order(known), ""), still=False) if known.still else known


def moved(known: WaitingOnYou, to: str) -> WaitingOnYou:
    """The cursor goes to that item."""
    if to == known.cursor or not any(item.id == to for item in known.shown):
        return known
    return replace(known, cursor=to)


def to_open(known: WaitingOnYou) -> WaitingOnYou:
    """The cursor goes from what is gone to the first that still waits."""
    current = known.selected
    if current is not None and not current.gone:
        return known
    return next((moved(known, item.id) for item in known.shown if not item.gone), known)


def stepped(known: WaitingOnYou, by: int) -> WaitingOnYou:
    """The cursor goes so many items on, over what is gone as long as something that waits lies behind it."""
    shown = known.shown
    if not shown or not by:
        return known
    at, way = known.index, 1 if by > 0 else -1
    goal = max(0, min(len(shown) - 1, at + by))
    beyond = range(goal, len(shown)) if way > 0 else range(goal, -1, -1)
    between = range(goal - way, at, -way)
    to = next((index for index in (*beyond, *between) if not shown[index].gone), goal)
    return moved(known, shown[to].id)


def toggled(known: WaitingOnYou, id: str) -> WaitingOnYou:
    """Mark it, or unmark it. What cannot be decided is not marked."""
    item = next((item for item in known.items if item.id == id), None)
    if item is None or not item.markable:
        return known
    return replace(known, marked=known.marked ^ {id})


def toggled_all(known: WaitingOnYou, ids: Collection[str]) -> WaitingOnYou:
    """Mark all of these that are shown; unmark them where all are marked."""
    those = {item.id for item in known.shown if item.id in ids and item.markable}
    return replace(known, marked=known.marked - those if those <= known.marked else known.marked | those)


def narrowed(known: WaitingOnYou, words: str) -> WaitingOnYou:
    """Show only what holds every word; `kind:tool_use` and `agent:bob` are words too. The cursor goes to one that is shown."""
    known = replace(known, filter=words)
    shown = known.shown
    if shown and not any(item.id == known.cursor for item in shown):
        first = next((item for item in shown if not item.gone), shown[0])
        known = replace(known, cursor=first.id)
    return known


def next_filter(known: WaitingOnYou) -> str:
    """All, then only this kind, then only this agent, then all again."""
    item = known.selected
    if item is None or known.filter.startswith("agent:"):
        return ""
    return f"agent:{item.who}" if known.filter.startswith("kind:") else f"kind:{item.kind}"


def _in_order(items: Iterable[Waiting]) -> tuple[Waiting, ...]:
    return tuple(sorted(items, key=lambda item: item.urgency))


def _joined(known: WaitingOnYou) -> WaitingOnYou:
    items = tuple(
        replace(item, ask=known.asks[item.id]) if known.asks.get(item.id, item.ask) is not item.ask else item
        for item in known.items
    )
    cursor = known.cursor
    if items and not any(item.id == cursor for item in items):
        cursor = items[0].id
    return replace(known, items=items, cursor=cursor if items else None)
