"""Globs of rules: `*` stands for any text, a backslash before `*` or another backslash takes its meaning away.

Nothing else is special, so a path such as `app/[id]/page.tsx` is itself. Matching takes a time of text times pattern at most.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

STAR = None
_PIECE = re.compile(r"\\([*\\])|(\*+)|([^*\\]+|\\)")

Pieces = Sequence[str | None]
"""Literal texts, and STAR between them."""


@lru_cache(maxsize=4096)
def pieces(pattern: str) -> tuple[str | None, ...]:
    """The pattern taken apart."""
    found: list[str | None] = []
    for literal, star, text in _PIECE.findall(pattern):
        piece = STAR if star else literal or text
        if piece is not STAR and found and found[-1] is not STAR:
            found[-1] = f"{found[-1]}{piece}"
        else:
            found.append(piece)
    return tuple(found)


def escaped(text: str) -> str:
    """The pattern that fits that text alone."""
    return text.replace("\\", "\\\\").replace("*", "\\*")


def is_sound(pattern: str) -> bool:
    """Whether every backslash stands before a `*` or another backslash."""
    return "\\" not in re.sub(r"\\[*\\]", "", pattern)


def literal(pattern: str) -> str | None:
    """The one text that it fits; None where there is a star in it."""
    taken = pieces(pattern)
    return None if STAR in taken else "".join(piece or "" for piece in taken)


def fits(pattern: Pieces, text: str) -> bool:
    """Whether the pattern is the whole text."""
    if not pattern:
        return not text
    first, last = pattern[0], pattern[-1]
    if len(pattern) == 1:
        return first is STAR or first == text
    begin, end = 0, len(text)
    if first is not STAR:
        if not text.startswith(first):
            return False
        begin = len(first)
    if last is not STAR:
        end -= len(last)
        if end < begin or not text.endswith(last):
            return False
    for piece in pattern[1 if first is not STAR else 0 : -1 if last is not STAR else None]:
        if piece is STAR:
            continue
        at = text.find(piece, begin, end)
        if at < 0:
            return False
        begin = at + len(piece)
    return True
