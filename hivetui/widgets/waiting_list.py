"""What waits on the operator, one line each. The list never moves under the cursor; its decision keys work only in focus."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.geometry import Region
from textual.message import Message

from hivetui.keymap import bindings_of
from hivetui.state.clock import age, day_and_hour, is_soon, left, running
from hivetui.state.waiting import APPROVALS, GLYPHS, Waiting, WaitingOnYou
from hivetui.widgets.lines import Line, Piece, justified, one_line
from hivetui.widgets.rows import Rows

URGENT = APPROVALS | {"question", "resume_choice", "pair"}
"""What waits for a word of the operator's; the others tell of something that went wrong."""


class WaitingList(Rows):
    """Shows a `WaitingOnYou`. What its keys do is the screen's."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("waiting")]

    class ItemPointed(Message):
        """That item was clicked."""

        def __init__(self, id: str) -> None:
            super().__init__()
            self.id = id

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.waiting = WaitingOnYou()
        self._items: tuple[Waiting, ...] = ()
        self._now: datetime | None = None
        self._deadlines: Mapping[str, str] = {}
        self._became: Mapping[str, str] = {}
        self._under_way: frozenset[str] = frozenset()
        self._drawn: list[list[Line]] = []

    @property
    def count(self) -> int:
        return len(self._items)

    @property
    def cursor_index(self) -> int:
        return self.waiting.index

    def show(
        self,
        waiting: WaitingOnYou,
        now: datetime,
        deadlines: Mapping[str, str],
        under_way: frozenset[str] = frozenset(),
        became: Mapping[str, str] | None = None,
    ) -> None:
        """Drawn again only where it reads differently. What goes or comes above the cursor leaves it where it is."""
        before, count = self.waiting, self.count
        was_at = self.cursor_index
        self.waiting, self._items = waiting, waiting.shown
        self._now, self._deadlines, self._under_way, self._became = now, deadlines, under_way, became or {}
        moved = waiting.cursor != before.cursor
        if not moved and self.cursor_index != was_at and count:
            self.scroll_to(
                y=self.scroll_offset.y + self.cursor_index - was_at, animate=False, immediate=True, force=True
            )
        drawn = [self.row(index, self.size.width) for index in self._in_view()]
        if drawn != self._drawn or moved or count != self.count:
            self._drawn = drawn
            self.rows_changed()
        if moved or count != self.count:
            self.reveal_cursor()

    @property
    def in_sight(self) -> frozenset[str]:
        """The ids of what is to be seen."""
        return frozenset(self._items[index].id for index in self._in_view())

    def _in_view(self) -> range:
        first = min(self.scroll_offset.y, max(0, self.count - 1))
        return range(first, min(self.count, first + max(1, self.size.height)))

    def reveal_cursor(self) -> None:
        """Show the cursor's row, and one above and below it where there is room."""
        if self.count:
            around = 1 if self.size.height >= 3 else 0
            area = Region(0, max(0, self.cursor_index - around), 1, 1 + around + min(around, self.cursor_index))
            self.scroll_to_region(area, animate=False, immediate=True, x_axis=False, force=True)

    def row(self, index: int, width: int) -> list[Line]:
        item = self._items[index]
        marked = item.id in self.waiting.marked
        under_way = item.id in self._under_way
        became, deadline = self._became.get(item.id, ""), self._deadlines.get(item.id)
        return [waiting_row(item, marked, self._now, width, deadline, under_way=under_way, became=became)]

    def empty_lines(self, width: int) -> list[Line]:
        if self.waiting.items:
            return [((" nothing that waits matches", "dim"),), ((" esc", "key"), (" shows all", "dim"))]
        return [((" nothing waits on you", "dim"),)]

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        index = -1 if offset is None else offset.y + self.scroll_offset.y
        if 0 <= index < self.count:
            self.post_message(self.ItemPointed(self._items[index].id))


def waiting_title(waiting: WaitingOnYou) -> str:
    """`waiting on you · 4`; narrowed: `waiting · 2 of 4 · agent:bob`."""
    count = len(waiting.pending)
    if not waiting.filter:
        return f"waiting on you · {count}" if count else "waiting on you"
    shown = sum(not item.gone for item in waiting.shown)
    return f"waiting · {shown} of {count} · {one_line(waiting.filter, 24)}"


_WIRE_TIME = re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z| ?UTC)")


def _what(item: Waiting, now: datetime | None) -> str:
    """Its subject without who it is about; of a limit first until when, in the operator's own zone."""
    subject = item.subject.removeprefix(f"{item.agent} ")
    if item.kind != "rate_limited" or now is None:
        return subject

    def local(found: re.Match[str]) -> str:
        return day_and_hour(found[0].replace(" UTC", "Z").replace("UTC", "Z").replace(" ", "T"), now) or found[0]

    return _WIRE_TIME.sub(local, subject.removeprefix("is rate "))


def waiting_row(
    item: Waiting,
    marked: bool,
    now: datetime | None,
    width: int,
    deadline: str | None = None,
    *,
    under_way: bool = False,
    became: str = "",
) -> Line:
    """Mark, kind, who, what, and how long it waits; or how long it still may."""
    glyph = GLYPHS.get(item.kind, "?")
    if item.gone:
        parts: list[Piece] = [("   ", ""), (f"{glyph} ", "dim"), (f"{one_line(item.who, 12):<8}", "dim"), (" ", "")]
        what = (one_line(_what(item, now), width), "struck")
        verdict = became if became and item.ask is None else item.verdict
        verdict = verdict if width >= 30 + len(verdict) else verdict.split(" by ")[0]
        return justified([*parts, what], [(f" {verdict} ", "soft")], width)
    right: list[Piece] = [(" … ", "accent")]
    if not under_way:
        since = "" if now is None else running(item.since, now) if item.blocks else age(item.since, now)
        right = [(f" {since} ", "wait" if item.blocks else "dim")]
        if deadline and now is not None:
            right = [(f" {left(deadline, now)} left ", "bad" if is_soon(deadline, now) else "dim")]
    parts = [
        (" ▪ " if marked else "   ", "accent"),
        (f"{glyph} ", "wait" if item.kind in URGENT else "bad"),
        (f"{one_line(item.who, 12):<8}", "strong"),
        (" ", ""),
        (one_line(_what(item, now), width), "text"),
    ]
    return justified(parts, right, width)
