"""What waits on the operator, one line each. The list never moves under the cursor; its decision keys work only in focus."""

import re
from datetime import datetime
from typing import ClassVar

from textual.binding import BindingType
from textual.message import Message

from hivetui.keymap import bindings_of
from hivetui.state.clock import age, day_and_hour, running
from hivetui.state.waiting import APPROVALS, GLYPHS, Waiting, WaitingOnYou
from hivetui.widgets.lines import Line, Piece, justified, one_line
from hivetui.widgets.rows import Rows


class WaitingList(Rows):
    """Shows a `WaitingOnYou`; posts what the operator decided, with the ids that it is about."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("waiting")]

    class Decided(Message):
        """The operator approved or denied these."""

        def __init__(self, ids: tuple[str, ...], *, approved: bool) -> None:
            super().__init__()
            self.ids = ids
            self.approved = approved

    class ItemMoved(Message):
        """The cursor was put on that item."""

        def __init__(self, id: str) -> None:
            super().__init__()
            self.id = id

    class ItemMarked(ItemMoved):
        """That item was marked or unmarked."""

    class NoteWanted(ItemMoved):
        """The operator wants to add a note to that item."""

    class Left(Message):
        """The list lost the focus."""

    class DetailScrolled(Message):
        def __init__(self, pages: int) -> None:
            super().__init__()
            self.pages = pages

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.waiting = WaitingOnYou()
        self._now: datetime | None = None
        self._drawn: list[list[Line]] = []

    @property
    def count(self) -> int:
        return len(self.waiting.items)

    @property
    def cursor_index(self) -> int:
        return self.waiting.index

    def show(self, waiting: WaitingOnYou, now: datetime) -> None:
        """Drawn again only where it reads differently."""
        moved = waiting.cursor != self.waiting.cursor or len(waiting.items) != len(self.waiting.items)
        self.waiting, self._now = waiting, now
        drawn = [self.row(index, self.size.width) for index in range(self.count)]
        if drawn != self._drawn or moved:
            self._drawn = drawn
            self.rows_changed()
        if moved:
            self.reveal_cursor()

    def row(self, index: int, width: int) -> list[Line]:
        item = self.waiting.items[index]
        return [waiting_row(item, item.id in self.waiting.marked, self._now, width)]

    def empty_lines(self, width: int) -> list[Line]:
        return [((" nothing waits on you", "dim"),)]

    def on_blur(self) -> None:
        super().on_blur()
        self.post_message(self.Left())

    def on_rows_cursor_moved(self, event: Rows.CursorMoved) -> None:
        event.stop()
        self.post_message(self.ItemMoved(self.waiting.items[event.index].id))

    def action_approve(self) -> None:
        self._decide(approved=True)

    def action_deny(self) -> None:
        self._decide(approved=False)

    def _decide(self, *, approved: bool) -> None:
        item = self.waiting.selected
        if item is not None and (item.decidable if approved else item.deniable):
            self.post_message(self.Decided((item.id,), approved=approved))

    def action_approve_marked(self) -> None:
        self._decide_marked(approved=True)

    def action_deny_marked(self) -> None:
        self._decide_marked(approved=False)

    def _decide_marked(self, *, approved: bool) -> None:
        chosen = tuple(item for item in self.waiting.chosen() if approved or item.deniable)
        if chosen:
            self.post_message(self.Decided(tuple(item.id for item in chosen), approved=approved))

    def action_mark(self) -> None:
        if self.waiting.cursor is not None:
            self.post_message(self.ItemMarked(self.waiting.cursor))

    def action_note(self) -> None:
        item = self.waiting.selected
        if item is not None and item.decidable and item.kind in APPROVALS:
            self.post_message(self.NoteWanted(item.id))

    def action_detail_down(self) -> None:
        self.post_message(self.DetailScrolled(1))

    def action_detail_up(self) -> None:
        self.post_message(self.DetailScrolled(-1))


_WIRE_TIME = re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z| ?UTC)")


def _what(item: Waiting, now: datetime | None) -> str:
    """Its subject without who it is about; of a limit first until when, in the operator's own zone."""
    subject = item.subject.removeprefix(f"{item.agent} ")
    if item.kind != "rate_limited" or now is None:
        return subject

    def local(found: re.Match[str]) -> str:
        return day_and_hour(found[0].replace(" UTC", "Z").replace("UTC", "Z").replace(" ", "T"), now) or found[0]

    return _WIRE_TIME.sub(local, subject.removeprefix("is rate "))


def waiting_row(item: Waiting, marked: bool, now: datetime | None, width: int) -> Line:
    """Mark, kind, who, what, and how long."""
    if item.gone:
        left: list[Piece] = [
            ("   ", ""),
            (f"{GLYPHS.get(item.kind, '?')} ", "dim"),
            (f"{one_line(item.who, 12):<8}", "dim"),
            (" ", ""),
        ]
        return justified([*left, (one_line(_what(item, now), width), "struck")], [(f" {item.verdict} ", "soft")], width)
    since = ""
    if now is not None:
        since = running(item.since, now) if item.blocks else age(item.since, now)
    tone = "wait" if item.kind in APPROVALS or item.kind == "resume_choice" else "bad"
    left = [
        (" ▪ " if marked else "   ", "accent"),
        (f"{GLYPHS.get(item.kind, '?')} ", tone),
        (f"{one_line(item.who, 12):<8}", "strong"),
        (" ", ""),
        (one_line(_what(item, now), width), "text"),
    ]
    return justified(left, [(f" {since} ", "dim")], width)
