"""One line of a diff, made fit for the screen: what is hidden in it shown as its code, tabs as blanks, changed words marked. Pure.

A pair of changed lines costs a bounded time, however long or odd they are.
"""

import re
import unicodedata
from collections.abc import Iterable
from difflib import SequenceMatcher
from typing import Literal

Mark = Literal["", "word", "code"]
"""`word`: changed against the line beside it. `code`: stands for a character that does not show."""
Span = tuple[str, Mark]
Spans = tuple[Span, ...]
Changed = tuple[tuple[int, int], ...]
"""Stretches of a line, by character."""

TAB = 4
MOST_CHARACTERS = 2000
"""Of a line that are shown; the rest is counted."""
MOST_WORDS = 200
"""Between what two lines begin and end with: with more on either side all of that is marked."""
LEAST_ALIKE = 0.4
"""Two lines of which less than that is common are just two lines."""

_WORD = re.compile(r"\w+|\s+|[^\w\s]")
_PLAIN = re.compile(r"[ -~]*")
_UNSHOWN = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\u2800\u3164"
    "\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e01ef]"
)
"""Controls, escapes, direction marks, and what is as wide as nothing."""
_NAMES = {"\x1b": "\\e", "\r": "\\r", "\0": "\\0", "\n": "\\n"}


def shown(text: str, changed: Changed = ()) -> Spans:
    """The line's spans, with the changed stretches marked."""
    left_out = len(text) - MOST_CHARACTERS
    if left_out > 0:
        text = text[:MOST_CHARACTERS]
        changed = tuple((begin, min(end, MOST_CHARACTERS)) for begin, end in changed if begin < MOST_CHARACTERS)
    out: list[Span] = []
    column = at = 0
    for begin, end in changed:
        column = _add(out, text[at:begin], "", column)
        column = _add(out, text[begin:end], "word", column)
        at = end
    _add(out, text[at:], "", column)
    if left_out > 0:
        out.append((f"… {left_out} more characters", "code"))
    return tuple(out)


def plain(text: str) -> str:
    """Without marks: for a heading or a path."""
    return "".join(part for part, _ in shown(text))


def changed_words(old: str, new: str) -> tuple[Changed, Changed]:
    """Where these two lines differ, in each; nothing where they have too little in common to be read side by side."""
    if old == new:
        return (), ()
    old, new = old[: MOST_CHARACTERS + 1], new[: MOST_CHARACTERS + 1]
    before, after = _WORD.findall(old), _WORD.findall(new)
    head = _common(before, after)
    tail = _common(before[head:][::-1], after[head:][::-1])
    left, right = before[head : len(before) - tail], after[head : len(after) - tail]
    start = sum(map(len, before[:head]))
    same = start + sum(map(len, before[len(before) - tail :]))
    if len(left) > MOST_WORDS or len(right) > MOST_WORDS or not left or not right:
        blocks = []
    else:
        blocks = [
            block for block in SequenceMatcher(None, left, right, autojunk=False).get_matching_blocks() if block.size
        ]
        same += sum(len("".join(left[block.a : block.a + block.size])) for block in blocks)
    blank = len(old) - len(old.lstrip())
    if 2 * (same - min(blank, start)) < LEAST_ALIKE * (len(old.strip()) + len(new.strip())):
        return (), ()
    return (
        _stretches(left, [(block.a, block.size) for block in blocks], start),
        _stretches(right, [(block.b, block.size) for block in blocks], start),
    )


def _common(one: list[str], other: list[str]) -> int:
    """How many words both begin with."""
    count = 0
    for word, same in zip(one, other, strict=False):
        if word != same:
            break
        count += 1
    return count


def _stretches(words: list[str], same: Iterable[tuple[int, int]], start: int) -> Changed:
    """What lies between the same ones, by character; a single blank between two changes is one change with them."""
    found: list[tuple[int, int]] = []
    at, place = 0, start
    for begin, size in [*same, (len(words), 0)]:
        wide = sum(map(len, words[at:begin]))
        if wide:
            found.append((place, place + wide))
        kept = sum(map(len, words[begin : begin + size]))
        at, place = begin + size, place + wide + kept
    return tuple(found)


def _add(out: list[Span], text: str, mark: Mark, column: int) -> int:
    """Append it as it is shown; the column after it."""
    if not text:
        return column
    if _PLAIN.fullmatch(text):
        out.append((text, mark))
        return column + len(text)
    at = 0
    for found in _UNSHOWN.finditer(text):
        column = _put(out, text[at : found.start()], mark, column)
        at = found.end()
        if found[0] == "\t":
            column = _put(out, " " * (TAB - column % TAB), mark, column)
        else:
            code = code_of(found[0])
            out.append((code, "code"))
            column += len(code)
    return _put(out, text[at:], mark, column)


def _put(out: list[Span], text: str, mark: Mark, column: int) -> int:
    if not text:
        return column
    if out and out[-1][1] == mark:
        out[-1] = (out[-1][0] + text, mark)
    else:
        out.append((text, mark))
    return column + (len(text) if text.isascii() else sum(map(_cells, text)))


def _cells(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def code_of(character: str) -> str:
    """`\\e`, `\\x07`, `\\u202e`."""
    number = ord(character)
    if character in _NAMES:
        return _NAMES[character]
    return f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}" if number < 65_536 else f"\\U{number:08x}"
