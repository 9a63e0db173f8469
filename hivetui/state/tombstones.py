"""Tombstones as the screen lists them: the newest burial first. Pure."""

from hived.wire.tombstones import Tombstone
from hived.wire.work import WorkState

Tombstones = dict[str, Tombstone]
"""By the agent's id."""

SIZE_KINDS = ("work", "home", "state", "journal", "logs", "config", "other")
"""In the order in which they are said: what may be missed first."""


def with_tombstone(known: Tombstones, tombstone: Tombstone) -> Tombstones:
    return {**known, tombstone.id: tombstone}


def without_tombstone(known: Tombstones, id: str) -> Tombstones:
    return {other: tombstone for other, tombstone in known.items() if other != id}


def listed(known: Tombstones) -> tuple[Tombstone, ...]:
    return tuple(sorted(known.values(), key=lambda found: (found.buried_at, found.id), reverse=True))


def open_items(tombstone: Tombstone) -> tuple[tuple[int, str], ...]:
    """What was still open of it, each as a count and what it counts; nothing that is none."""
    found = tombstone.open
    counted = (
        (found.messages, "message"),
        (found.held, "held message"),
        (found.questions, "question"),
        (found.reminders, "reminder"),
    )
    return tuple((count, f"{noun}{'' if count == 1 else 's'}") for count, noun in counted if count)


def work_words(work: WorkState | None) -> str:
    """`2 commits nowhere else, 3 files not committed`; empty where nothing would be lost and all is known."""
    if work is None:
        return ""
    parts = []
    if work.commits:
        parts.append(f"{work.commits} commit{'' if work.commits == 1 else 's'} nowhere else")
    if work.changed:
        parts.append(f"{work.changed} file{'' if work.changed == 1 else 's'} not committed")
    if not parts and work.lost_with_it:
        parts.append(work.problem or "nobody can tell what it changed")
    return ", ".join(parts)


def work_marks(work: WorkState | None) -> str:
    """The same in a few cells: `±3` files not committed, `↑2` commits nowhere else, `±?` where nobody can tell."""
    if work is None:
        return ""
    marks = [f"±{work.changed}"] if work.changed else []
    marks += [f"↑{work.commits}"] if work.commits else []
    return " ".join(marks) or ("±?" if work.lost_with_it else "")
