"""Lines to read, as many as there are; only those on the screen are drawn."""

from collections.abc import Sequence

from textual import events
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from hivetui.widgets.lines import Line
from hivetui.widgets.strips import strip_of


class Reading(ScrollView):
    DEFAULT_CSS = "Reading { overflow-x: hidden; scrollbar-size-vertical: 1; scrollbar-gutter: stable; }"

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._lines: tuple[Line, ...] = ()
        self._about: object = None

    @property
    def width(self) -> int:
        """What the lines have: the bar's column is always left free."""
        return self.scrollable_content_region.width

    def show(self, about: object, lines: Sequence[Line], *, ends: bool = False) -> None:
        """`about`: what they are of; of another thing it begins at the start, with `ends` at the end, which it follows."""
        lines = tuple(lines)
        other = about != self._about
        following = ends and self.scroll_offset.y >= len(self._lines) - self.size.height - 1
        if other or lines != self._lines:
            self._about, self._lines = about, lines
            self.virtual_size = Size(self.width, len(lines))
            if ends and (other or following):
                self.call_after_refresh(self.scroll_end, animate=False, immediate=True)
            elif other:
                self.scroll_home(animate=False, immediate=True)
            self.refresh()

    def scroll_pages(self, pages: int) -> None:
        self.scroll_relative(y=pages * max(1, self.size.height - 2), animate=False, immediate=True)

    def on_resize(self, event: events.Resize) -> None:
        self.virtual_size = Size(self.width, len(self._lines))

    def render_line(self, y: int) -> Strip:
        at = self.scroll_offset.y + y
        return strip_of(self._lines[at] if at < len(self._lines) else (), self.width, self.rich_style)
