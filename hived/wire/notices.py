"""What a notification says of things that wait: the same words from hived's command and from the screen. Pure; cleans nothing."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

BEGIN = "hive: "
"""Of every text, so that no command ever takes it for an option."""
MOST_CHARACTERS = 200


class Thing(NamedTuple):
    """One thing that waits. `agent` is None where the operator asked for it himself."""

    kind: str
    agent: str | None
    subject: str


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


def text_of(things: Sequence[Thing], clean: Callable[[str, int], str]) -> str:
    """`hive: scout asks: may it run make?`, `hive: 12 things wait: 9 tool uses, 3 questions`.

    `clean` makes one line without control characters of a text, of at most so many characters.
    """
    if len(things) == 1:
        said = _sentence(things[0], clean)
    else:
        counted = Counter(thing.kind for thing in things).most_common()
        parts = ", ".join(f"{count} {NOUNS.get(kind, (kind, kind))[count > 1]}" for kind, count in counted)
        said = f"{len(things)} things wait: {parts}"
    return BEGIN + clean(said, MOST_CHARACTERS - len(BEGIN))


def _sentence(thing: Thing, clean: Callable[[str, int], str]) -> str:
    if thing.agent is None and thing.kind in ("spawn", "apply_commit"):
        return f"you asked for it, and it waits on your word: {thing.subject}"
    who = thing.agent or "operator"
    what = thing.subject.removeprefix(f"{who} ").removesuffix("?" if thing.kind == "tool_use" else "")
    shape = SHAPES.get(thing.kind)
    if shape is None:
        return (
            thing.subject if thing.agent is None or thing.subject.startswith(f"{who} ") else f"{who}: {thing.subject}"
        )
    room = MOST_CHARACTERS - len(BEGIN) - len(shape.format(who=who, what=""))
    return shape.format(who=who, what=clean(what, room))
