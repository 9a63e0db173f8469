"""A diff to scroll and search in: only the rows on the screen are laid out, however many there are."""

from typing import Literal

from textual import events
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from hivetui.state.diff_words import plain as fit
from hivetui.state.diffs import Diff, Step
from hivetui.widgets.diff_rows import row_line
from hivetui.widgets.lines import Line, Piece, cropped, justified
from hivetui.widgets.rows import CURSOR_GROUND, Rows
from hivetui.widgets.strips import strip_of

SIDES_WIDTH = 116
"""From so many cells on old and new stand side by side, unless the operator has said otherwise."""
DIGIT_ROWS = 400
"""The line numbers of so many rows from the first that is shown say how wide their column is."""


class DiffView(ScrollView, can_focus=True):
    """Shows one diff. `at` is the row that a jump went to, else the first one shown."""

    ALLOW_SELECT = False
    DEFAULT_CSS = "DiffView { overflow-x: hidden; scrollbar-size-vertical: 1; scrollbar-gutter: stable; }"

    class Moved(Message):
        """Another part of it is to be seen."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.diff = Diff("")
        self.nothing: list[Line] = []
        """In place of rows."""
        self.wanted = ""
        """What is searched for."""
        self._told: bool | None = None
        self._at: int | None = None
        self._skip = 0

    @property
    def width(self) -> int:
        return self.scrollable_content_region.width

    @property
    def sides(self) -> bool:
        return self.width >= SIDES_WIDTH if self._told is None else self._told

    @property
    def count(self) -> int:
        return self.diff.count(sides=self.sides)

    @property
    def at(self) -> int:
        return self.scroll_offset.y if self._at is None else self._at

    @property
    def file(self) -> int:
        """That `at` is in; -1: before the first."""
        return self.diff.row(min(self.at, self.count - 1), sides=self.sides).file if self.count else -1

    def show(self, diff: Diff) -> None:
        """Another diff, from its beginning."""
        self.diff, self._at, self._skip = diff, None, 0
        self._fit()
        self.scroll_home(animate=False, immediate=True)

    def _fit(self) -> None:
        self.virtual_size = Size(self.width, self.count)
        self.refresh()
        self.post_message(self.Moved())

    def on_resize(self, event: events.Resize) -> None:
        self._fit()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self.post_message(self.Moved())

    # Going -------------------------------------------------------------------------------------------------

    def go(self, row: int | None) -> bool:
        """To that row, two below the top; whether there is one."""
        if row is None:
            return False
        self.scroll_to(y=max(0, row - 2), animate=False, immediate=True, force=True)
        self._at = row
        self.refresh()
        self.post_message(self.Moved())
        return True

    def go_file(self, step: Step) -> bool:
        return self.go(self.diff.next_file(self.at, step, sides=self.sides))

    def go_hunk(self, step: Step) -> bool:
        return self.go(self.diff.next_hunk(self.at, step, sides=self.sides))

    def go_match(self, step: Step) -> bool:
        return self.go(self.diff.find(self.wanted, self.at, step, sides=self.sides))

    def go_to_file(self, file: int) -> None:
        self.go(self.diff.file_row(file, sides=self.sides))

    def search(self, wanted: str) -> bool:
        """Whether it is there; the first place at or after where one is."""
        self.wanted = wanted
        self.refresh()
        return not wanted or self.go(self.diff.find(wanted, self.at - 1, 1, sides=self.sides))

    def toggle_sides(self) -> None:
        """The file and the change that one is at stay."""
        file, hunks = self.file, self._hunks_before()
        self._told = not self.sides
        self._fit()
        row: int | None = self.diff.file_row(file, sides=self.sides) if file >= 0 else 0
        for _ in range(hunks):
            row = self.diff.next_hunk(row or 0, 1, sides=self.sides) or row
        self.go(row)

    def _hunks_before(self) -> int:
        """How many changes of this file begin at or before where one is."""
        if self.file < 0:
            return 0
        head, row, found = self.diff.file_row(self.file, sides=self.sides), self.at + 1, 0
        while (before := self.diff.next_hunk(row, -1, sides=self.sides)) is not None and before > head:
            row, found = before, found + 1
        return found

    def scroll_lines(self, lines: int) -> None:
        self._at = None
        self.scroll_relative(y=lines, animate=False, immediate=True)
        self.refresh()

    def scroll_pages(self, pages: int) -> None:
        self.scroll_lines(pages * max(1, self.size.height - 2))

    def scroll_sideways(self, by: int) -> None:
        self._skip = max(0, self._skip + by)
        self.refresh()

    def on_mouse_scroll_down(self) -> None:
        self._at = None

    def on_mouse_scroll_up(self) -> None:
        self._at = None

    # Drawing -----------------------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        width, ground, count = self.width, self.rich_style, self.count
        if not count:
            return strip_of(self.nothing[y] if y < len(self.nothing) else (), width, ground)
        number = self.scroll_offset.y + y
        if number >= count:
            return Strip.blank(width, ground)
        row = self.diff.row(number, sides=self.sides)
        counts = self.diff.counts(row.file) if row.kind == "file" else None
        line = row_line(row, counts, width, sides=self.sides, skip=self._skip, wanted=self.wanted, digits=self._digits)
        return strip_of(line, width, ground + CURSOR_GROUND if number == self._at else ground)

    @property
    def _digits(self) -> int:
        """As many as the last line on the screen needs; a column that grows is better than one that is wide for nothing."""
        end = min(self.count, self.scroll_offset.y + self.size.height)
        for number in range(end - 1, max(-1, end - DIGIT_ROWS), -1):
            row = self.diff.row(number, sides=self.sides)
            numbers = [side.number for side in (row.old, row.new) if side is not None and side.number is not None]
            if numbers:
                return len(str(max(numbers)))
        return 0


class DiffFiles(Rows):
    """The files of a diff, the one that is looked at marked; a click goes to one."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.diff = Diff("")
        self._file = 0
        self.can_focus = False

    @property
    def count(self) -> int:
        return self.diff.files

    @property
    def cursor_index(self) -> int:
        return max(0, min(self._file, self.count - 1))

    def show(self, diff: Diff, file: int) -> None:
        if diff is not self.diff or file != self._file:
            self.diff, self._file = diff, file
            self.rows_changed()
            self.reveal_cursor()

    def row(self, index: int, width: int) -> list[Line]:
        return [file_row(self.diff, index, width)]


def file_row(diff: Diff, index: int, width: int) -> Line:
    """What happened to it, the end of its path where that is long, lines added and removed."""
    facts = diff.facts(index)
    added, removed = diff.counts(index)
    mark: dict[str, Literal["+", "−", "→", "±"]] = {"added": "+", "deleted": "−", "renamed": "→", "copied": "→"}
    tone = {"added": "good", "deleted": "bad"}.get(facts.status, "soft")
    right: list[Piece] = [(" binary ", "dim")] if facts.binary else [(f" +{added}", "good"), (f" −{removed} ", "bad")]
    path = fit(facts.path)
    room = width - 4 - sum(len(text) for text, _ in right)
    if len(path) > room > 1:
        path = f"…{path[-(room - 1) :]}"
    return justified([(f" {mark.get(facts.status, '±')} ", tone), (path, "text")], right, width)


def file_choice(diff: Diff, index: int) -> Line:
    return cropped(file_row(diff, index, 66), 66)
