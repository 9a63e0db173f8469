"""Lines of toned pieces as what Textual draws: strips for widgets, content for border titles. No markup is ever parsed."""

from collections.abc import Iterable

from rich.segment import Segment
from rich.style import Style
from textual.content import Content
from textual.strip import Strip
from textual.style import Style as ContentStyle

from hivetui.theme import TONES, toned
from hivetui.widgets.lines import Line, Piece, cells, cropped


def strip_of(line: Line, width: int, ground: Style) -> Strip:
    """The line on that ground, exactly `width` cells wide."""
    used = cells(line)
    if used > width:
        line = cropped(line, width)
        used = cells(line)
    segments = [Segment(text, toned(tone, ground)) for text, tone in line if text]
    if used < width:
        segments.append(Segment(" " * (width - used), ground))
    return Strip(segments, width)


def with_selection(strip: Strip, start: int, end: int, style: Style) -> Strip:
    """The strip with its characters from `start` up to `end` (-1: to its end) shown as selected."""
    out: list[Segment] = []
    at = 0
    for text, own, control in strip:
        low = max(0, start - at)
        high = len(text) if end == -1 else max(0, min(len(text), end - at))
        if low < high:
            for part, chosen in ((text[:low], False), (text[low:high], True), (text[high:], False)):
                if part:
                    out.append(Segment(part, (own or Style()) + style if chosen else own, control))
        else:
            out.append(Segment(text, own, control))
        at += len(text)
    return Strip(out, strip.cell_length)


def content_of(line: Iterable[Piece]) -> Content:
    """The pieces for a border title or a label."""
    return Content.assemble(*((text, ContentStyle.from_rich_style(TONES[tone])) for text, tone in line if text))
