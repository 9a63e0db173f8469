"""A unified diff as rows for the screen: in one column, or old and new side by side. Pure, no Textual.

Opening costs the finding of its files and hunks and no more; a hunk is read when a row of it is asked for, words within changed
lines when that row is. So a diff of 200,000 lines opens at once, and scrolls like one of 200.

diff = Diff(text)
diff.rows(0, 40, sides=True)
"""

from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Literal

from hivetui.state.diff_lines import HunkLines, Side
from hivetui.state.diff_text import DiffText, FileFacts, Ranges, read_ranges
from hivetui.state.diff_words import plain, shown

RowKind = Literal["file", "hunk", "line", "other"]
MOST_KEPT_ROWS = 4096


@dataclass(frozen=True, slots=True)
class Row:
    """`file`: its head, `facts`. `hunk`: where the next lines are, `ranges`. `line`: `old`, `new` or both. `other`: whatever
    else stands in the text, in `new`."""

    kind: RowKind
    file: int
    """Of `Diff.files`; -1: before the first."""
    hunk: int = -1
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
        self._read: dict[int, HunkLines] = {}
        self._kept: dict[tuple[bool, int], Row] = {}
        self._lowered: str | None = None

    @property
    def files(self) -> int:
        return len(self._text.files)

    def facts(self, file: int) -> FileFacts:
        """Paths in it are as they are; `plain` makes one fit for the screen."""
        return self._text.files[file].facts

    def counts(self, file: int) -> tuple[int, int]:
        """Lines added and removed in that file."""
        head = self._text.files[file]
        kinds = [self._lines(number).kinds for number in range(head.first_hunk, head.end_hunk)]
        return sum(kind.count("+") for kind in kinds), sum(kind.count("-") for kind in kinds)

    def count(self, *, sides: bool) -> int:
        """How many rows there are."""
        return self._layout(sides).count

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
        return self._layout(sides).file_rows[file]

    def next_file(self, number: int, step: Literal[1, -1], *, sides: bool) -> int | None:
        """The row of the next file's head after that row, or before it; None where there is none."""
        return _beside(self._layout(sides).file_rows, number, step)

    def next_hunk(self, number: int, step: Literal[1, -1], *, sides: bool) -> int | None:
        """The row of the next hunk's beginning."""
        return _beside(self._layout(sides).hunk_rows, number, step)

    def find(self, wanted: str, number: int, step: Literal[1, -1], *, sides: bool) -> int | None:
        """The next row after (or before) that one with those words in a line; round the end; None where there is none.

        Capitals count where `wanted` has any.
        """
        if not wanted or "\n" in wanted:
            return None
        text = self._text.text
        if wanted == wanted.lower():
            if self._lowered is None:
                lowered = text.lower()
                self._lowered = lowered if len(lowered) == len(text) else text
            text = self._lowered
        at, rounds = self._offset(number, sides, after=step > 0), 0
        while rounds < 2:
            place = text.find(wanted, at) if step > 0 else text.rfind(wanted, 0, max(0, at))
            if place < 0:
                rounds += 1
                at = 0 if step > 0 else len(text)
                continue
            row = self._row_of(place, sides)
            if row is not None:
                return row
            at = place + 1 if step > 0 else place
        return None

    # What is read of a hunk, and where it is drawn ----------------------------------------------------------------

    def _lines(self, hunk: int) -> HunkLines:
        if hunk not in self._read:
            self._read[hunk] = HunkLines(self._text.text, self._text.hunks[hunk])
        return self._read[hunk]

    def _layout(self, sides: bool) -> "_Layout":
        return self._side_layout if sides else self._single_layout

    @cached_property
    def _single_layout(self) -> "_Layout":
        return _Layout(self._text, [hunk.lines for hunk in self._text.hunks])

    @cached_property
    def _side_layout(self) -> "_Layout":
        return _Layout(self._text, [self._lines(number).side_rows for number in range(len(self._text.hunks))])

    def _make(self, number: int, sides: bool) -> Row:
        layout = self._layout(sides)
        if not 0 <= number < layout.count:
            raise IndexError(number)
        unit = layout.unit_at(number)
        file, hunk = layout.units[unit]
        inside = number - layout.begins[unit]
        if hunk < 0:
            return Row("file", file, facts=self.facts(file))
        known = self._text.hunks[hunk]
        if known.head:
            if inside == 0:
                ranges = read_ranges(known.head)
                return Row("hunk", file, hunk, ranges=ranges, heading=plain(ranges.heading if ranges else known.head))
            inside -= 1
        lines = self._lines(hunk)
        if not sides:
            return self._line(file, hunk, lines, inside, inside)
        old, new = lines.pair_at(inside)
        return self._line(file, hunk, lines, old, new)

    def _line(self, file: int, hunk: int, lines: HunkLines, old: int | None, new: int | None) -> Row:
        """One line in one column (`old` and `new` are the same), or what stands side by side."""
        some = new if new is not None else old
        assert some is not None
        if old == new:
            kind = lines.kinds[some]
            if kind == "?":
                return Row("other", file, hunk, new=Side(None, "same", shown(lines.raw(some))))
            if kind == " ":
                spans, unended = shown(lines.text(some)), some in lines.unended
                return Row(
                    "line", file, hunk,
                    old=Side(lines.old_number(some), "same", spans, unended), new=Side(lines.new_number(some), "same", spans, unended),
                )  # fmt: skip
            if kind == "-":
                return Row("line", file, hunk, old=lines.side(some, lines.words(some)))
            return Row("line", file, hunk, new=lines.side(some, lines.words(some)))
        return Row(
            "line",
            file,
            hunk,
            old=None if old is None else lines.side(old, lines.words(old)),
            new=None if new is None else lines.side(new, lines.words(new)),
        )

    def _offset(self, number: int, sides: bool, *, after: bool) -> int:
        """Where in the text that row begins, or what comes after it."""
        layout = self._layout(sides)
        if number < 0 or not layout.count:
            return 0
        number = min(number, layout.count - 1)
        unit = layout.unit_at(number)
        file, hunk = layout.units[unit]
        if hunk < 0:
            first = self._text.files[file].first_hunk
            return self._text.hunks[first].begin if first < len(self._text.hunks) else len(self._text.text)
        known = self._text.hunks[hunk]
        inside = number - layout.begins[unit] - bool(known.head)
        if inside < 0:
            return known.begin
        lines = self._lines(hunk)
        if not sides:
            return lines.offset(inside + after)
        old, new = lines.pair_at(inside)
        places = [place for place in (old, new) if place is not None]
        return lines.offset(max(places) + 1) if after else lines.offset(min(places))

    def _row_of(self, offset: int, sides: bool) -> int | None:
        """The row that shows this place of the text; None where none does: in a head, in a line's sign."""
        hunk = self._text.hunk_at(offset)
        if hunk is None:
            return None
        known, layout = self._text.hunks[hunk], self._layout(sides)
        if offset < known.begin:
            return layout.hunk_row_of[hunk] if offset > known.begin - len(known.head) + 1 else None
        lines = self._lines(hunk)
        line = lines.line_at(offset)
        if line is None:
            return None
        inside = lines.side_row_of(line) if sides else line
        return layout.hunk_row_of[hunk] + bool(known.head) + inside


class _Layout:
    """Which rows belong to which file's head and hunk."""

    def __init__(self, text: DiffText, lines: list[int]) -> None:
        self.units: list[tuple[int, int]] = []
        """(file, hunk); hunk -1: the file's head."""
        heights: list[int] = []
        before = text.files[0].first_hunk if text.files else len(text.hunks)
        for hunk in range(before):
            self._add(heights, -1, hunk, lines[hunk] + bool(text.hunks[hunk].head))
        for file, head in enumerate(text.files):
            self._add(heights, file, -1, 1)
            for hunk in range(head.first_hunk, head.end_hunk):
                self._add(heights, file, hunk, lines[hunk] + bool(text.hunks[hunk].head))
        *self.begins, self.count = accumulate(heights, initial=0)
        self.file_rows = [begin for begin, (_, hunk) in zip(self.begins, self.units, strict=True) if hunk < 0]
        self.hunk_rows = [begin for begin, (_, hunk) in zip(self.begins, self.units, strict=True) if hunk >= 0]
        self.hunk_row_of = self.hunk_rows

    def _add(self, heights: list[int], file: int, hunk: int, height: int) -> None:
        self.units.append((file, hunk))
        heights.append(height)

    def unit_at(self, number: int) -> int:
        return bisect_right(self.begins, number) - 1


def _beside(rows: list[int], number: int, step: Literal[1, -1]) -> int | None:
    if step > 0:
        at = bisect_right(rows, number)
        return rows[at] if at < len(rows) else None
    before = [row for row in rows[-1:] if row < number] or rows[: bisect_right(rows, number - 1)]
    return before[-1] if before else None
