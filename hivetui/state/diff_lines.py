"""The lines of one hunk: what each is, its numbers, what it is compared with, and which row it stands in side by side. Pure."""

import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Literal

from hivetui.state.diff_text import Hunk, read_ranges
from hivetui.state.diff_words import Changed, Spans, changed_words, shown

Tone = Literal["same", "removed", "added"]

_CHANGE = re.compile(r"(-+)(\++)")
"""Removed lines with the added ones right after them, as kinds."""
_KINDS = {" ": " ", "-": "-", "+": "+", "": " ", "\\": "\\"}


@dataclass(frozen=True, slots=True)
class Side:
    """One line of one version."""

    number: int | None
    tone: Tone
    spans: Spans
    unended: bool = False
    """The file ends here without a newline."""


class HunkLines:
    """The lines of one hunk. `kinds` has a sign for each: blank, `-`, `+`, or `?` for what is no line of a diff."""

    def __init__(self, text: str, hunk: Hunk) -> None:
        self._ranges = read_ranges(hunk.head) if hunk.head else None
        self._signs = self._ranges.parents if self._ranges else 1
        self._begin = hunk.begin
        found = text[hunk.begin : hunk.end].split("\n")
        found.pop()
        kinds = self._kinds(found)
        self.unended: frozenset[int] = frozenset()
        self._marks: dict[int, int] = {}
        if "\\" in kinds:
            self._marks = {at: len(found[at]) + 1 for at, kind in enumerate(kinds) if kind == "\\"}
            self.unended = frozenset(at - count - 1 for count, at in enumerate(self._marks))
            found = [line for line, kind in zip(found, kinds, strict=True) if kind != "\\"]
            kinds = kinds.replace("\\", "")
        self._found = found
        self.kinds = self._counted(kinds)

    def _kinds(self, found: list[str]) -> str:
        if self._ranges is None:
            return "?" * len(found)
        if self._signs == 1:
            return "".join([_KINDS.get(line[:1], "?") for line in found])
        return "".join([_combined(line, self._signs) for line in found])

    def _counted(self, kinds: str) -> str:
        """Without what follows after as many lines as the hunk says it has: a mail's signature, another program's words."""
        ranges = self._ranges
        if ranges is None or ranges.parents > 1:
            return kinds
        if (
            kinds.count(" ") + kinds.count("-") <= ranges.old_lines
            and kinds.count(" ") + kinds.count("+") <= ranges.new_lines
        ):
            return kinds
        old, new = ranges.old_lines, ranges.new_lines
        for at, kind in enumerate(kinds):
            if old <= 0 and new <= 0:
                return kinds[:at] + "?" * (len(kinds) - at)
            old -= kind in " -"
            new -= kind in " +"
        return kinds

    @cached_property
    def _changes(self) -> list[tuple[int, int, int]]:
        """Of each change with both: where its removed lines begin, where its added ones do, where they end."""
        return [(found.start(), found.start(2), found.end()) for found in _CHANGE.finditer(self.kinds)]

    @cached_property
    def _change_begins(self) -> list[int]:
        return [begin for begin, _, _ in self._changes]

    @cached_property
    def _saved(self) -> list[int]:
        """Rows that stand beside others, up to each change."""
        return [0, *accumulate(min(middle - begin, end - middle) for begin, middle, end in self._changes)]

    @cached_property
    def _side_begins(self) -> list[int]:
        """The row of each change, side by side."""
        return [begin - saved for (begin, _, _), saved in zip(self._changes, self._saved, strict=False)]

    @property
    def side_rows(self) -> int:
        return len(self.kinds) - self._saved[-1]

    def pair_at(self, row: int) -> tuple[int | None, int | None]:
        """The lines that stand in that row, side by side. Where both are the same line, it is no change."""
        at = bisect_right(self._side_begins, row) - 1
        if at >= 0:
            begin, middle, end = self._changes[at]
            inside = row - self._side_begins[at]
            if inside < max(middle - begin, end - middle):
                return (
                    begin + inside if begin + inside < middle else None,
                    middle + inside if middle + inside < end else None,
                )
        line = row + self._saved[at + 1]
        kind = self.kinds[line]
        return (None if kind == "+" else line), (None if kind == "-" else line)

    def side_row_of(self, line: int) -> int:
        at = bisect_right(self._change_begins, line) - 1
        if at >= 0:
            begin, middle, end = self._changes[at]
            if line < end:
                return self._side_begins[at] + line - (middle if line >= middle else begin)
        return line - self._saved[at + 1]

    def partner(self, line: int) -> int | None:
        """The line that it is compared with, word by word."""
        at = bisect_right(self._change_begins, line) - 1
        if at < 0:
            return None
        begin, middle, end = self._changes[at]
        if line >= end:
            return None
        other = middle + line - begin if line < middle else begin + line - middle
        return other if (middle <= other < end if line < middle else other < middle) else None

    def words(self, line: int) -> Changed:
        other = self.partner(line)
        if other is None:
            return ()
        if self.kinds[line] == "-":
            return changed_words(self.text(line), self.text(other))[0]
        return changed_words(self.text(other), self.text(line))[1]

    def side(self, line: int, changed: Changed) -> Side:
        """A line that stands alone or in a pair."""
        kind, spans, unended = self.kinds[line], shown(self.text(line), changed), line in self.unended
        if kind == "-":
            return Side(self.old_number(line), "removed", spans, unended)
        return Side(self.new_number(line), "added" if kind == "+" else "same", spans, unended)

    def raw(self, line: int) -> str:
        return self._found[line]

    def text(self, line: int) -> str:
        return self._found[line][self._signs :]

    def old_number(self, line: int) -> int | None:
        """None in a combined diff, whose old versions are several."""
        if self._ranges is None or self._signs > 1:
            return None
        return self._ranges.old + self.kinds.count(" ", 0, line) + self.kinds.count("-", 0, line)

    def new_number(self, line: int) -> int | None:
        if self._ranges is None:
            return None
        return self._ranges.new + self.kinds.count(" ", 0, line) + self.kinds.count("+", 0, line)

    @cached_property
    def _offsets(self) -> list[int]:
        """Where each line begins in the text, and where the last ends; a marker of a missing newline after it is its own."""
        found, place = [], self._begin
        kept = iter(self._found)
        for at in range(len(self._found) + len(self._marks)):
            if at in self._marks:
                place += self._marks[at]
            else:
                found.append(place)
                place += len(next(kept)) + 1
        return [*found, place]

    def offset(self, line: int) -> int:
        return self._offsets[min(line, len(self._offsets) - 1)]

    def line_at(self, offset: int) -> int | None:
        """None in a line's sign, or outside."""
        line = bisect_right(self._offsets, offset) - 1
        if not 0 <= line < len(self._found):
            return None
        return line if offset >= self._offsets[line] + (self._signs if self.kinds[line] != "?" else 0) else None


def _combined(line: str, signs: int) -> str:
    said = line[:signs]
    if said.startswith("\\"):
        return "\\"
    return "+" if "+" in said else "-" if "-" in said else " " if not said.strip() else "?"
