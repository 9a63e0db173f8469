"""What the operator has begun on things that wait and not yet sent: notes, ticks, drafts, a rule to go with a yes. Pure."""

from dataclasses import dataclass, field, replace
from typing import Literal

from hived.wire.rules import RuleProposal, RuleScope

EntryKind = Literal["answer", "note", "edit", "words", "raise", "filter"]
"""What is written beside the list: an answer, a note, a tool's input, a held message's words, more budget, what to show."""
SCOPES: tuple[RuleScope, ...] = ("agent", "hive")


@dataclass(frozen=True, slots=True)
class Remember:
    """Approving it makes a rule too: of that scope, once it has been shown."""

    scope: RuleScope
    proposal: RuleProposal | None = None
    """None until hived has said which."""


@dataclass(frozen=True, slots=True)
class Desk:
    """By the ids of what waits."""

    notes: dict[str, str] = field(default_factory=dict)
    ticks: dict[str, frozenset[int]] = field(default_factory=dict)
    """Options of a question that takes several, numbers from 0."""
    pages: dict[str, int] = field(default_factory=dict)
    """Which nine options the digits stand for."""
    remembers: dict[str, Remember] = field(default_factory=dict)
    drafts: dict[tuple[EntryKind, str], str] = field(default_factory=dict)
    under_way: frozenset[str] = frozenset()
    """hived has been asked and has not answered yet."""
    became: dict[str, str] = field(default_factory=dict)
    """What the operator has done about what is struck, where hived's news do not say it: `sent again by you`."""
    whole: frozenset[str] = frozenset()
    """Shown in full, however long."""


def with_note(desk: Desk, id: str, note: str) -> Desk:
    notes = {**desk.notes, id: note} if note else {other: text for other, text in desk.notes.items() if other != id}
    return replace(desk, notes=notes)


def ticked(desk: Desk, id: str, option: int) -> Desk:
    return replace(desk, ticks={**desk.ticks, id: desk.ticks.get(id, frozenset()) ^ {option}})


def paged(desk: Desk, id: str, options: int) -> Desk:
    """The digits stand for the next nine options."""
    pages = max(1, -(-options // 9))
    return replace(desk, pages={**desk.pages, id: (desk.pages.get(id, 0) + 1) % pages})


def next_scope(desk: Desk, id: str) -> Desk:
    """A rule for the agent, for the whole hive, none."""
    known = desk.remembers.get(id)
    at = -1 if known is None else SCOPES.index(known.scope)
    if at + 1 == len(SCOPES):
        return without_rule(desk, id)
    return replace(desk, remembers={**desk.remembers, id: Remember(SCOPES[at + 1])})


def proposed(desk: Desk, id: str, scope: RuleScope, proposal: RuleProposal) -> Desk:
    """hived has said which rule that would be; nothing where it is no longer wanted."""
    known = desk.remembers.get(id)
    if known is None or known.scope != scope:
        return desk
    return replace(desk, remembers={**desk.remembers, id: Remember(scope, proposal)})


def without_rule(desk: Desk, id: str) -> Desk:
    return replace(desk, remembers={other: known for other, known in desk.remembers.items() if other != id})


def drafted(desk: Desk, kind: EntryKind, id: str, text: str) -> Desk:
    drafts = {key: draft for key, draft in desk.drafts.items() if key != (kind, id)}
    return replace(desk, drafts={**drafts, (kind, id): text} if text.strip() else drafts)


def asked(desk: Desk, ids: frozenset[str]) -> Desk:
    return replace(desk, under_way=desk.under_way | ids)


def answered(desk: Desk, ids: frozenset[str], became: dict[str, str], *, done: bool) -> Desk:
    """hived has answered; what was begun on them goes once it is done."""
    desk = replace(desk, under_way=desk.under_way - ids)
    if not done:
        return desk
    return replace(
        desk,
        notes={id: note for id, note in desk.notes.items() if id not in ids},
        ticks={id: ticks for id, ticks in desk.ticks.items() if id not in ids},
        remembers={id: known for id, known in desk.remembers.items() if id not in ids},
        drafts={key: draft for key, draft in desk.drafts.items() if key[1] not in ids},
        became={**desk.became, **became},
    )
