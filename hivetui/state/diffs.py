"""A unified diff as rows for the screen: in one column, or old and new side by side. Pure, no Textual.

Opening costs the finding of its files and no more; a file is read when a row of it is asked for, the words within changed lines
when that row is. So a diff of 200,000 lines opens at once, and scrolls like one of 200.

diff = Diff(text)
diff.rows(0, 40, sides=True)
"""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Literal

from hivetui.state.diff_lines import FileLines, Side
from hivetui.state.diff_text import DiffText, FileFacts, Ranges
from hivetui.state.diff_words import plain, shown

RowKind = Literal["file", "hunk", "line", "other"]
Step = Literal[1, -1]
MOST_KEPT_ROWS = 4096


@dataclass(frozen=True, slots=True)
class Row:
    """`file`: its head, `facts`. `hunk`: where the next lines are, `ranges`. `line`: `old`, `new` or both. `other`: whatever
    else stands in the text, in `new`."""

    kind: RowKind
    file: int
    """Of `Diff.files`; -1: before the first."""
    facts: FileFacts | None = None
    ranges: Ranges | None = None
    heading: str = ""
    """hunk: what git says it is in, or the line itself where it cannot be read; fit for the screen."""
    old: Side | None = None
    new: Side | None = None


class Diff:
    """Rows are counted from 0. `sides`: as they are with old and new side by side."""

    def __init__(self, text: str) -> None:
        self._text = DiffText(text)
        self._sections = self._text.sections
        self._before = 1 if self._sections and self._sections[0].file < 0 else 0
        self._read: dict[int, FileLines] = {}
        self._kept: dict[tuple[bool, int], Row] = {}
        self._lowered: str | None = None

    @property
    def files(self) -> int:
        return len(self._sections) - self._before

    def facts(self, file: int) -> FileFacts:
        """Paths in it are as they are; `plain` makes one fit for the screen."""
        return self._sections[file + self._before].facts

    def counts(self, file: int) -> tuple[int, int]:
        """Lines added and removed in that file."""
        kinds = self._lines(file + self._before).kinds
        return kinds.count("+"), kinds.count("-")

    def count(self, *, sides: bool) -> int:
        """How many rows there are."""
        return self._begins(sides)[-1]

    def rows(self, begin: int, end: int, *, sides: bool) -> list[Row]:
        """Those from `begin` up to `end`; what lies outside is left out."""
        return [self.row(number, sides=sides) for number in range(max(0, begin), min(end, self.count(sides=sides)))]

    def row(self, number: int, *, sides: bool) -> Row:
        """Raises IndexError."""
        known = self._kept.get((sides, number))
        if known is None:
            if len(self._kept) >= MOST_KEPT_ROWS:
                self._kept.clear()
            known = self._kept[sides, number] = self._make(number, sides)
        return known

    def file_row(self, file: int, *, sides: bool) -> int:
        """Where that file's head is."""
        return self._begins(sides)[file + self._before]

    def next_file(self, number: int, step: Step, *, sides: bool) -> int | None:
        """The row of the next file's head after that row, or before it; None where there is none."""
        return _beside(self._begins(sides)[self._before : -1], number, step)

    def next_hunk(self, number: int, step: Step, *, sides: bool) -> int | None:
        """The row of the next hunk's beginning."""
        at = self._section_at(number, sides)
        while 0 <= at < len(self._sections):
            found = _beside(self._hunk_rows(at, sides), number, step)
            if found is not None:
                return found
            at += step
        return None

    def find(self, wanted: str, number: int, step: Step, *, sides: bool) -> int | None:
        """The next row after (or before) that one with those words in a line; round the end; None where there is none.

        Capitals count where `wanted` has any.
        """
        if not wanted or "\n" in wanted:
            return None
        text = self._lower_text() if wanted == wanted.lower() else self._text.text
        at, rounds = self._offset(number, sides, after=step > 0), 0
        while rounds < 2:
            place = text.find(wanted, at) if step > 0 else text.rfind(wanted, 0, max(0, at))
            if place < 0:
                rounds, at = rounds + 1, 0 if step > 0 else len(text)
                continue
            row = self._row_of(place, sides)
            if row is not None:
                return row
            at = place + 1 if step > 0 else place + len(wanted) - 1
        return None

    # Where things are -----------------------------------------------------------------------------------------------

    def _lines(self, section: int) -> FileLines:
        if section not in self._read:
            self._read[section] = FileLines(self._text.text, self._sections[section])
        return self._read[section]

    def _begins(self, sides: bool) -> list[int]:
        """The first row of each section, and the number of all."""
        return self._side_begins if sides else self._single_begins

    @cached_property
    def _single_begins(self) -> list[int]:
        heights = (section.lines + (section.file >= 0) for section in self._sections)
        return [*accumulate(heights, initial=0)]

    @cached_property
    def _side_begins(self) -> list[int]:
        heights = (self._lines(at).side_rows + (section.file >= 0) for at, section in enumerate(self._sections))
        return [*accumulate(heights, initial=0)]

    def _section_at(self, number: int, sides: bool) -> int:
        begins = self._begins(sides)
        return min(max(0, bisect_right(begins, number) - 1), len(begins) - 2)

    def _place(self, number: int, sides: bool) -> tuple[int, int]:
        """(section, row in it after its head; -1: the head)."""
        at = self._section_at(number, sides)
        return at, number - self._begins(sides)[at] - (self._sections[at].file >= 0)

    def _hunk_rows(self, section: int, sides: bool) -> list[int]:
        lines, begin = self._lines(section), self._begins(sides)[section] + (self._sections[section].file >= 0)
        return [begin + (lines.side_row_of(head) if sides else head) for head in lines.heads]

    # What stands there ----------------------------------------------------------------------------------------------

    def _make(self, number: int, sides: bool) -> Row:
        if not 0 <= number < self.count(sides=sides):
            raise IndexError(number)
        at, inside = self._place(number, sides)
        section = self._sections[at]
        if inside < 0:
            return Row("file", section.file, facts=section.facts)
        lines = self._lines(at)
        if sides:
            old, new = lines.pair_at(inside)
            if old is not None and new is not None and old != new:
                return Row("line", section.file, old=lines.side(old), new=lines.side(new))
            line = new if new is not None else old
            assert line is not None
        else:
            line = inside
        return _line(section.file, lines, line)

    def _offset(self, number: int, sides: bool, *, after: bool) -> int:
        """Where in the text that row begins, or what comes after it."""
        if number < 0 or not self._sections:
            return 0
        at, inside = self._place(min(number, self.count(sides=sides) - 1), sides)
        if inside < 0:
            return self._sections[at].body
        lines = self._lines(at)
        places = [place for place in (lines.pair_at(inside) if sides else (inside,)) if place is not None]
        return lines.offset(max(places) + 1) if after else lines.offset(min(places))

    def _row_of(self, offset: int, sides: bool) -> int | None:
        """The row that shows this place of the text; None where none does: in a file's head, in a line's sign."""
        at = bisect_right(self._section_begins, offset) - 1
        if at < 0 or offset < self._sections[at].body:
            return None
        lines = self._lines(at)
        line = lines.line_at(offset)
        if line is None:
            return None
        return self._begins(sides)[at] + (self._sections[at].file >= 0) + (lines.side_row_of(line) if sides else line)

    @cached_property
    def _section_begins(self) -> list[int]:
        return [section.begin for section in self._sections]

    def _lower_text(self) -> str:
        """As long as the text: a few letters are two in the other case, and then capitals count."""
        if self._lowered is None:
            lowered = self._text.text.lower()
            self._lowered = lowered if len(lowered) == len(self._text.text) else self._text.text
        return self._lowered


def _line(file: int, lines: FileLines, line: int) -> Row:
    kind = lines.kinds[line]
    if kind == "@":
        ranges = lines.ranges(line)
        return Row("hunk", file, ranges=ranges, heading=plain(ranges.heading if ranges else lines.raw(line)))
    if kind == "?":
        return Row("other", file, new=Side(None, "same", shown(lines.raw(line))))
    if kind == "-":
        return Row("line", file, old=lines.side(line))
    if kind == "+":
        return Row("line", file, new=lines.side(line))
    same = lines.side(line)
    return Row("line", file, old=Side(lines.old_number(line), "same", same.spans, same.unended), new=same)


def _beside(rows: list[int], number: int, step: Step) -> int | None:
    at = bisect_right(rows, number) if step > 0 else bisect_left(rows, number) - 1
    return rows[at] if 0 <= at < len(rows) else None
