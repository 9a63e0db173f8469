"""What is told to an operator who looks at no screen: each thing that waits once, as one line of plain text.

The text always begins with `hive: `, so that no command takes it for an option, has at most MOST_CHARACTERS and no control
characters, whatever an agent wrote.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from hived.core.text import one_line
from hived.core.waiting import to_item
from hived.store import waiting as store
from hived.store.database import Tx
from hived.wire.approvals import WaitingItem

BEGIN = "hive: "
MOST_CHARACTERS = 200
SEVERAL = "several"
"""The kind of a notice about things of more than one."""

SHAPES = {
    "spawn": "{who} asks: may it {what}?",
    "apply_commit": "{who} asks: may it apply {what}?",
    "tool_use": "{who} asks: may it run {what}?",
    "question": "{who} asks: {what}",
    "held_message": "a message to {who} is held: {what}",
    "needs_login": "{who} needs a login: {what}",
    "budget": "over budget: {what}",
    "pair": "held for talking in circles: {what}",
}
"""For the kinds whose subject does not say by itself what it is about."""
NOUNS = {
    "spawn": ("spawn", "spawns"),
    "apply_commit": ("config commit", "config commits"),
    "tool_use": ("tool use", "tool uses"),
    "question": ("question", "questions"),
    "held_message": ("held message", "held messages"),
    "pair": ("held pair", "held pairs"),
    "budget": ("budget", "budgets"),
    "parked": ("parked agent", "parked agents"),
    "needs_login": ("login", "logins"),
    "rate_limited": ("rate limit", "rate limits"),
    "resume_choice": ("choice about a session", "choices about sessions"),
}


@dataclass(frozen=True, slots=True)
class Notice:
    """One run of the operator's command. `agent` and `id` are empty where it is about several things."""

    text: str
    kind: str
    count: int
    agent: str = ""
    id: str = ""


def take_untold(tx: Tx) -> list[WaitingItem]:
    """What waits and was not told of yet, oldest first. From now on it counts as told, whatever becomes of the telling."""
    rows = store.select_untold(tx.connection)
    if rows:
        store.update_told(tx)
    return [to_item(row) for row in rows]


def notice_of(items: Sequence[WaitingItem]) -> Notice:
    """One about all of them; there is at least one."""
    kinds = Counter(item.kind for item in items)
    if len(items) == 1:
        only = items[0]
        return Notice(_fit(_sentence(only)), only.kind, 1, only.agent or "", only.id)
    parts = ", ".join(f"{count} {NOUNS[kind][count > 1]}" for kind, count in kinds.most_common())
    kind = only_kind if len(kinds) == 1 and (only_kind := next(iter(kinds))) else SEVERAL
    return Notice(_fit(f"{len(items)} things wait: {parts}"), kind, len(items))


def _sentence(item: WaitingItem) -> str:
    if item.agent is None:
        return f"you asked for it, and it waits on your word: {item.subject}"
    who = item.agent
    what = item.subject.removeprefix(f"{who} ").removesuffix("?" if item.kind == "tool_use" else "")
    shape = SHAPES.get(item.kind)
    if shape is None:
        return item.subject if item.subject.startswith(f"{who} ") else f"{who}: {item.subject}"
    room = MOST_CHARACTERS - len(BEGIN) - len(shape.format(who=who, what=""))
    return shape.format(who=who, what=one_line(what, room))


def _fit(text: str) -> str:
    return BEGIN + one_line(text, MOST_CHARACTERS - len(BEGIN))
