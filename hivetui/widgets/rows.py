"""A list drawn line by line: rows of equal height, a cursor that the keys and the mouse move. Lists of the screen extend it."""

from rich.style import Style
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from hivetui.theme import CURSOR
from hivetui.widgets.lines import Line
from hivetui.widgets.strips import strip_of

CURSOR_GROUND = Style(bgcolor=CURSOR)


class Rows(ScrollView, can_focus=True):
    """Subclasses give `count`, `row` and `cursor_index`, and act on `CursorMoved` and `RowChosen`."""

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    Rows { overflow-x: hidden; scrollbar-size-vertical: 1; }
    """

    class CursorMoved(Message):
        """The cursor was put on that row, by key or mouse."""

        def __init__(self, rows: "Rows", index: int) -> None:
            super().__init__()
            self.rows = rows
            self.index = index

        @property
        def control(self) -> "Rows":
            return self.rows

    class RowChosen(CursorMoved):
        """That row was chosen: enter, or a click on where the cursor is."""

    row_height = 1

    @property
    def count(self) -> int:
        raise NotImplementedError

    @property
    def cursor_index(self) -> int:
        raise NotImplementedError

    def row(self, index: int, width: int) -> list[Line]:
        """That row's lines, `row_height` of them."""
        raise NotImplementedError

    def empty_lines(self, width: int) -> list[Line]:
        """What is shown where there is no row."""
        return []

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return self.count * self.row_height

    def rows_changed(self) -> None:
        """Draw what there is now; the scroll position stays as far as it can."""
        self.virtual_size = Size(self.scrollable_content_region.width, self.count * self.row_height)
        self.refresh()

    def reveal_cursor(self) -> None:
        """Scroll just as far as it takes to show the cursor's row."""
        if self.count:
            area = Region(0, self.cursor_index * self.row_height, 1, self.row_height)
            self.scroll_to_region(area, animate=False, immediate=True, x_axis=False, force=True)

    def on_resize(self, event: events.Resize) -> None:
        self.rows_changed()
        self.reveal_cursor()

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    def render_line(self, y: int) -> Strip:
        width, ground = self.scrollable_content_region.width, self.rich_style
        if not self.count:
            lines = self.empty_lines(width)
            return strip_of(lines[y] if y < len(lines) else (), width, ground)
        index, at = divmod(self.scroll_offset.y + y, self.row_height)
        if index >= self.count:
            return Strip.blank(width, ground)
        lines = self.row(index, width)
        if index == self.cursor_index and self.marks_cursor:
            ground += CURSOR_GROUND
        return strip_of(lines[at] if at < len(lines) else (), width, ground)

    @property
    def marks_cursor(self) -> bool:
        """The cursor's row is shown as such."""
        return True

    def move_to(self, index: int) -> None:
        if self.count:
            self.post_message(self.CursorMoved(self, max(0, min(self.count - 1, index))))

    def action_cursor_up(self) -> None:
        self.move_to(self.cursor_index - 1)

    def action_cursor_down(self) -> None:
        self.move_to(self.cursor_index + 1)

    def action_page_up(self) -> None:
        self.move_to(self.cursor_index - max(1, self.size.height // self.row_height - 1))

    def action_page_down(self) -> None:
        self.move_to(self.cursor_index + max(1, self.size.height // self.row_height - 1))

    def action_cursor_first(self) -> None:
        self.move_to(0)

    def action_cursor_last(self) -> None:
        self.move_to(self.count - 1)

    def action_choose(self) -> None:
        if self.count:
            self.post_message(self.RowChosen(self, self.cursor_index))

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is None:
            return
        index = (offset.y + self.scroll_offset.y) // self.row_height
        if index >= self.count:
            return
        kind = self.RowChosen if index == self.cursor_index and event.chain > 1 else self.CursorMoved
        self.post_message(kind(self, index))
