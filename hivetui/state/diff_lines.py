"""The lines of one file's hunks: what each is, its number, what it is compared with, and its row side by side. Pure."""

import re
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Literal

from hivetui.state.diff_text import MARK, Ranges, Section, read_ranges
from hivetui.state.diff_words import Changed, Spans, changed_words, shown

Tone = Literal["same", "removed", "added"]

_CHANGE = re.compile(r"(-+)(\++)")
"""Removed lines with the added ones right after them, as kinds."""
_HEAD = re.compile("@")
_ODD = re.compile(r"[^ +\-@\\]")


@dataclass(frozen=True, slots=True)
class Side:
    """One line of one version."""

    number: int | None
    tone: Tone
    spans: Spans
    unended: bool = False
    """The file ends here without a newline."""


class FileLines:
    """`kinds` has a sign for each line: `@` for a hunk's head, blank, `-`, `+`, and `?` for what is no line of a diff."""

    def __init__(self, text: str, section: Section) -> None:
        self._begin = section.body
        self._found = text[section.body : section.end].split("\n")
        self._found.pop()
        self._marks: dict[int, int] = {}
        """Lines that say that the one before them has no newline, with their length: they are rows of their own nowhere."""
        self.unended: frozenset[int] = frozenset()
        kinds = _ODD.sub("?", "".join([line[:1] or " " for line in self._found]))
        if "\\" in kinds:
            kinds = self._without_marks(kinds)
        self.heads = [found.start() for found in _HEAD.finditer(kinds)]
        self._ranges: dict[int, Ranges | None] = {}
        self.kinds = self._sound(kinds)

    def _without_marks(self, kinds: str) -> str:
        marks = [at for at, line in enumerate(self._found) if at and line.startswith(MARK)]
        self._marks = {at: len(self._found[at]) + 1 for at in marks}
        self.unended = frozenset(at - count - 1 for count, at in enumerate(marks))
        self._found = [line for at, line in enumerate(self._found) if at not in self._marks]
        kept = [kind for at, kind in enumerate(kinds) if at not in self._marks]
        return "".join(kept).replace("\\", "?")

    def _sound(self, kinds: str) -> str:
        """With `?` for lines before the first hunk, in hunks that one cannot count by, and after as many as the last one has."""
        first = self.heads[0] if self.heads else len(kinds)
        kinds = "?" * first + kinds[first:]
        if not self.heads:
            return kinds
        odd = [head for head in self.heads if not self._found[head].startswith("@@ -")]
        for head in odd:
            begin, end = head + 1, self._end_of(head)
            ranges = self.ranges(head)
            if ranges is None:
                kinds = kinds[:begin] + "?" * (end - begin) + kinds[end:]
            else:
                combined = (_combined(line, ranges.parents) for line in self._found[begin:end])
                kinds = kinds[:begin] + "".join(combined) + kinds[end:]
        return self._counted(kinds, self.heads[-1])

    def _counted(self, kinds: str, head: int) -> str:
        """Without what follows after the last hunk: a mail's signature, the words of the next commit."""
        ranges = self.ranges(head)
        if ranges is None:
            return kinds[: head + 1] + "?" * (len(kinds) - head - 1)
        same = kinds.count(" ", head + 1)
        old, new = same + kinds.count("-", head + 1), same + kinds.count("+", head + 1)
        if ranges.parents > 1 or (old <= ranges.old_lines and new <= ranges.new_lines):
            return kinds
        old, new = ranges.old_lines, ranges.new_lines
        for at in range(head + 1, len(kinds)):
            if old <= 0 and new <= 0:
                return kinds[:at] + "?" * (len(kinds) - at)
            old -= kinds[at] in " -"
            new -= kinds[at] in " +"
        return kinds

    def ranges(self, head: int) -> Ranges | None:
        """What the hunk's head in that line says."""
        if head not in self._ranges:
            self._ranges[head] = read_ranges(self._found[head])
        return self._ranges[head]

    def head_of(self, line: int) -> int:
        """The line of the head of the hunk that this line belongs to; -1: of none."""
        at = bisect_right(self.heads, line) - 1
        return self.heads[at] if at >= 0 else -1

    def _end_of(self, head: int) -> int:
        at = bisect_right(self.heads, head)
        return self.heads[at] if at < len(self.heads) else len(self._found)

    @cached_property
    def _changes(self) -> list[tuple[int, int, int]]:
        """Of each change with both: where its removed lines begin, where its added ones do, where they end."""
        return [(*found.span(1), found.end()) for found in _CHANGE.finditer(self.kinds)]

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

    def _partner(self, line: int) -> int | None:
        """The line that it is compared with, word by word."""
        at = bisect_right(self._change_begins, line) - 1
        if at < 0:
            return None
        begin, middle, end = self._changes[at]
        if line >= end:
            return None
        other = middle + line - begin if line < middle else begin + line - middle
        return other if (middle <= other < end if line < middle else other < middle) else None

    def _words(self, line: int) -> Changed:
        other = self._partner(line)
        if other is None:
            return ()
        if self.kinds[line] == "-":
            return changed_words(self.text(line), self.text(other))[0]
        return changed_words(self.text(other), self.text(line))[1]

    def side(self, line: int) -> Side:
        """That line, with the words marked that differ from the line that it is compared with."""
        kind, spans, unended = self.kinds[line], shown(self.text(line), self._words(line)), line in self.unended
        if kind == "-":
            return Side(self.old_number(line), "removed", spans, unended)
        return Side(self.new_number(line), "added" if kind == "+" else "same", spans, unended)

    def raw(self, line: int) -> str:
        return self._found[line]

    def text(self, line: int) -> str:
        ranges = self.ranges(self.head_of(line))
        return self._found[line][ranges.parents if ranges else 1 :]

    def old_number(self, line: int) -> int | None:
        """None in a combined diff, whose old versions are several."""
        head = self.head_of(line)
        ranges = self.ranges(head)
        if ranges is None or ranges.parents > 1:
            return None
        return ranges.old + self.kinds.count(" ", head + 1, line) + self.kinds.count("-", head + 1, line)

    def new_number(self, line: int) -> int | None:
        head = self.head_of(line)
        ranges = self.ranges(head)
        if ranges is None:
            return None
        return ranges.new + self.kinds.count(" ", head + 1, line) + self.kinds.count("+", head + 1, line)

    @cached_property
    def _offsets(self) -> list[int]:
        """Where each line begins in the text, and where the last ends."""
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
        """None in a line's sign, in a mark, or outside."""
        line = bisect_right(self._offsets, offset) - 1
        if not 0 <= line < len(self._found) or offset > self._offsets[line] + len(self._found[line]):
            return None
        signs = len(self._found[line]) - len(self.text(line)) if self.kinds[line] in " -+" else 0
        return line if offset >= self._offsets[line] + signs else None


def _combined(line: str, signs: int) -> str:
    said = line[:signs]
    return "+" if "+" in said else "-" if "-" in said else " " if not said.strip() else "?"
