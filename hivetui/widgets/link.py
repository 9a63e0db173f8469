"""A link that must reach a browser whole: from the first column to the last, with nothing before, behind or between its lines.

It is a link to the terminal too (OSC 8), on each of its lines the same; selected with the mouse it is copied as one line.
"""

from urllib.parse import urlsplit

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Size
from textual.selection import Selection
from textual.strip import Strip
from textual.widget import Widget

from hivetui.theme import toned
from hivetui.widgets.lines import clean
from hivetui.widgets.strips import with_selection


class LinkText(Widget):
    DEFAULT_CSS = "LinkText { height: auto; width: 1fr; padding: 0; }"

    def __init__(self) -> None:
        super().__init__()
        self.url = ""
        self._target: str | None = None

    def show(self, url: str) -> None:
        """What an engine said is its link: shown as it is, but for what is no character of a link."""
        shown = "".join(clean(url).split())
        if shown != self.url:
            self.url, self._target = shown, target_of(shown)
            self.refresh(layout=True)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return max(1, -(-len(self.url) // max(1, width)))

    def render_line(self, y: int) -> Strip:
        width, ground = max(1, self.size.width), self.rich_style
        text = self.url[y * width : (y + 1) * width]
        style = toned("link", ground)
        if self._target is not None:
            style += Style(link=self._target)
        strip = Strip([Segment(text, style), Segment(" " * (width - len(text)), ground)], width)
        selection = self.text_selection
        if selection is not None and (span := selection.get_span(y)) is not None:
            strip = with_selection(strip, *span, self.screen.get_component_rich_style("screen--selection"))
        return strip.apply_offsets(0, y)

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """All of it, whatever part is selected: a part of a link is of no use."""
        return (self.url, "\n") if self.url else None

    def selection_updated(self, selection: Selection | None) -> None:
        self.refresh()


def target_of(url: str) -> str | None:
    """What a terminal may open by itself: http and https with a host, in plain characters; None for all else."""
    try:
        parts = urlsplit(url)
        there = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return None
    return url if there and url.isascii() and url.isprintable() else None
