"""A few lines of pieces, as high as they are."""

from collections.abc import Sequence

from textual.geometry import Size
from textual.strip import Strip
from textual.widget import Widget

from hivetui.widgets.lines import Line
from hivetui.widgets.strips import strip_of


class Lines(Widget):
    DEFAULT_CSS = "Lines { height: auto; width: 1fr; }"

    def __init__(self, lines: Sequence[Line] = (), *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._lines = tuple(lines)

    def show(self, lines: Sequence[Line]) -> None:
        if tuple(lines) != self._lines:
            self._lines = tuple(lines)
            self.refresh(layout=True)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return max(1, len(self._lines))

    def render_line(self, y: int) -> Strip:
        return strip_of(self._lines[y] if y < len(self._lines) else (), self.size.width, self.rich_style)
