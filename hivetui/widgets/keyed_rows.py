"""A list whose rows are known by id: however it changes, the cursor stays on its row, and the row where it is on the screen."""

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.binding import BindingType
from textual.message import Message

from hivetui.keymap import bindings_of
from hivetui.widgets.lines import Line, cropped
from hivetui.widgets.rows import Rows

OWN_KEYS = ("listing.up", "listing.down", "listing.first", "listing.last", "listing.on", "listing.before")
"""Before those that a list that scrolls has by itself."""
LineOf = Callable[[str, int], Line]
"""A row's line, from its id and the width. Only what is to be seen is ever drawn."""


class KeyedRows(Rows):
    BINDINGS: ClassVar[list[BindingType]] = [key for key in bindings_of("listing") if key.id in OWN_KEYS]

    class Moved(Message):
        """The cursor is on another row."""

    class EndReached(Message):
        """The cursor is on the last row, and was to go on."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.ids: tuple[str, ...] = ()
        self._at: dict[str, int] = {}
        self._cursor = 0
        self._line_of: LineOf = lambda id, width: ()
        self.nothing: Sequence[Line] = ()
        """What is shown where there is no row."""

    @property
    def count(self) -> int:
        return len(self.ids)

    @property
    def cursor_index(self) -> int:
        return min(self._cursor, max(0, self.count - 1))

    @property
    def chosen(self) -> str | None:
        """The id of the row that the cursor is on."""
        return self.ids[self.cursor_index] if self.ids else None

    def show(self, ids: Sequence[str], line_of: LineOf) -> None:
        before, self._line_of = self.chosen, line_of
        ids = tuple(ids)
        if ids != self.ids:
            at = {id: index for index, id in enumerate(ids)}
            shift = 0
            if before is not None and before in at:
                shift = at[before] - self.cursor_index
                self._cursor = at[before]
            self.ids, self._at = ids, at
            self.rows_changed()
            if shift and self.scroll_offset.y + shift >= 0:
                self.scroll_to(y=self.scroll_offset.y + shift, animate=False, immediate=True)
            self.reveal_cursor()
            self.refresh(layout=True)
        self.refresh()

    def go_to(self, id: str) -> None:
        """Put the cursor there, if there is such a row."""
        if id in self._at:
            self._put(self._at[id])

    def row(self, index: int, width: int) -> list[Line]:
        return [cropped(self._line_of(self.ids[index], width), width)]

    def empty_lines(self, width: int) -> list[Line]:
        return [cropped(line, width) for line in self.nothing]

    def move_to(self, index: int) -> None:
        if index >= self.count and self.count:
            self.post_message(self.EndReached())
        self._put(max(0, min(self.count - 1, index)))

    def _put(self, index: int) -> None:
        if index != self._cursor:
            self._cursor = index
            self.reveal_cursor()
            self.refresh()
            self.post_message(self.Moved())

    def on_rows_cursor_moved(self, event: Rows.CursorMoved) -> None:
        event.stop()
        self._put(event.index)
