"""All that a decision needs, scrolled where it is long; the keys that decide stand below it, always."""

from datetime import datetime

from textual import events
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from hivetui.keymap import Key, deciding_keys
from hivetui.state.cases import Case
from hivetui.widgets.case_lines import asked_count, detail_of, tool_lines_of
from hivetui.widgets.lines import Line, Piece, cells
from hivetui.widgets.strips import strip_of

Place = tuple[Key, int, int, int]
"""A key, the row of keys that it stands in, and its cells: from, up to."""


class WaitingDetail(ScrollView):
    """Shows one case."""

    DEFAULT_CSS = """
    WaitingDetail { overflow-x: hidden; scrollbar-size-vertical: 1; }
    """

    class KeyClicked(Message):
        """A key that is drawn here was clicked; `action` is what it does."""

        def __init__(self, action: str) -> None:
            super().__init__()
            self.action = action

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._lines: list[Line] = []
        self._keys: list[Line] = []
        self._places: list[Place] = []
        self._shown: tuple[Case | None, datetime] | None = None
        self._asked: tuple[object, list[Line]] | None = None
        self._read = 0

    def show(self, case: Case | None, now: datetime) -> None:
        """Drawn again only where it reads differently."""
        before = self._shown[0].item.id if self._shown and self._shown[0] else None
        self._shown = (case, now)
        width = self.scrollable_content_region.width
        lines = detail_of(case, now, width, self._asked_lines(case, width)) if case and width > 8 else []
        keys, self._places = keys_block(deciding_keys(case.keys) if case and not case.writing else (), width)
        if (lines, keys) != (self._lines, self._keys):
            self._lines, self._keys = lines, keys
            self.virtual_size = Size(width, len(lines) + (len(keys) + 1 if keys else 0))
            self.refresh()
        if case is None or case.item.id != before:
            self._read = 0
            self.scroll_home(animate=False, immediate=True)

    @property
    def unread(self) -> int:
        """How many lines of what is asked have never been on the screen; 0 where there is no screen yet."""
        case, now = self._shown if self._shown is not None else (None, None)
        if case is None or now is None or not self.size.height:
            return 0
        width = self.scrollable_content_region.width
        asked = asked_count(case, now, width, self._asked_lines(case, width))
        return max(0, asked - max(self._read, self._in_sight))

    @property
    def _in_sight(self) -> int:
        """How many lines there are up to the last that is drawn."""
        row = self._key_row
        end = self.scroll_offset.y + (self.size.height if row is None else row)
        return end - 1 if row is not None and end < len(self._lines) else end

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self._read = max(self._read, self._in_sight)

    def _asked_lines(self, case: Case, width: int) -> list[Line] | None:
        """A tool's input may be long: it is laid out once, and not with every second that passes."""
        if case.item.kind != "tool_use" or case.item.ask is None:
            return None
        key = (case.item.id, id(case.item.ask.payload), case.item.ask.cut, case.whole, width)
        if self._asked is None or self._asked[0] != key:
            self._asked = (key, tool_lines_of(case, width))
        return self._asked[1]

    def on_resize(self, event: events.Resize) -> None:
        if self._shown is not None:
            self._lines = []
            self.show(*self._shown)

    def scroll_pages(self, pages: int) -> None:
        self._read = max(self._read, self._in_sight)
        room = self.size.height - len(self._keys) - 2
        self.scroll_relative(y=pages * max(1, room), animate=False, immediate=True)

    @property
    def _key_row(self) -> int | None:
        """The first row on the widget where keys stand."""
        if not self._keys:
            return None
        return max(0, min(len(self._lines) + 1, self.size.height - len(self._keys)))

    def render_line(self, y: int) -> Strip:
        width, ground, keys_at = self.size.width, self.rich_style, self._key_row
        if self._shown is None or self._shown[0] is None:
            return strip_of((), width, ground)
        if keys_at is not None and keys_at <= y < keys_at + len(self._keys):
            return strip_of(self._keys[y - keys_at], width, ground)
        at = self.scroll_offset.y + y
        if keys_at is not None and y == keys_at - 1 and at < len(self._lines) - 1:
            return strip_of(((f"… {len(self._lines) - at} more lines · pgdn", "wait"),), width, ground)
        if keys_at is not None and y > keys_at:
            return strip_of((), width, ground)
        return strip_of(self._lines[at] if at < len(self._lines) else (), width, ground)

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is None or self._key_row is None:
            return
        for key, row, start, end in self._places:
            if offset.y - self._key_row == row and start <= offset.x < end:
                self.post_message(self.KeyClicked(key.action))


def keys_block(keys: tuple[Key, ...], width: int) -> tuple[list[Line], list[Place]]:
    """`a approve  d deny  n note`, in as many rows as they need, and where each stands."""
    rows: list[list[Piece]] = []
    places: list[Place] = []
    wides = [len(key.shown) + 3 + len(key.label) for key in keys]
    gap = 2 if sum(wides) + 2 * len(keys) - 2 <= width else 1
    for key, wide in zip(keys, wides, strict=True):
        at = cells(rows[-1]) + gap if rows else 0
        if not rows or at + wide > width:
            rows.append([])
            at = 0
        places.append((key, len(rows) - 1, at, at + wide))
        rows[-1] += [(" " * gap if at else "", ""), (f" {key.shown} ", "key-box"), (f" {key.label}", "text")]
    return [tuple(row) for row in rows], places
