"""A virtualised transcript: a hundred thousand events scroll like a hundred, since only what is shown is wrapped.

Heights of events that were never shown are estimates; they are measured a screen ahead of the eye, and what is shown stays
where it is while they are corrected. It follows the end until the operator scrolls up.
"""

from time import monotonic
from typing import ClassVar

from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip
from textual.timer import Timer

from hivetui.keymap import bindings_of
from hivetui.state.heights import Heights
from hivetui.state.transcript import Transcript
from hivetui.widgets.event_lines import ESTIMATE, event_lines, foldable, tail_lines
from hivetui.widgets.lines import Line, cells, plain
from hivetui.widgets.strips import strip_of, with_selection

FOCUSED_SECONDS = 1 / 20
UNFOCUSED_SECONDS = 1 / 4
"""The least time between two paintings."""
MOST_CACHED = 1_500
"""Events whose wrapped lines are kept."""
MOST_COPIED_LINES = 20_000
UNFOLDED_ROW = 2
"""Where on the screen something long begins when it is unfolded."""


class TranscriptView(ScrollView, can_focus=True):
    """Draws one `Transcript`; asks for pages by `PageWanted`."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("pane")]
    DEFAULT_CSS = """
    TranscriptView { overflow-x: hidden; overflow-y: scroll; scrollbar-size-vertical: 1; }
    """

    class PageWanted(Message):
        """Events of that page are to be seen and are not loaded."""

        def __init__(self, agent: str, page: int) -> None:
            super().__init__()
            self.agent = agent
            self.page = page

    def __init__(self, transcript: Transcript, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.transcript = transcript
        self.follows = True
        """The end is shown, and stays shown."""
        self._heights = Heights()
        self._base = 1
        self._lines: dict[int, list[Line]] = {}
        self._tail: list[Line] = []
        self._width = 0
        self._anchor = (0, 0)
        """What stands at the top while the end is not followed: (item, its line)."""
        self._placing = False
        self._seen_id = 0
        self._pointed: int | None = None
        self._timer: Timer | None = None
        self._painted_at = 0.0

    # What changes ------------------------------------------------------------------------------------------

    def show(self, transcript: Transcript) -> None:
        """Draw another transcript."""
        if transcript is not self.transcript:
            self.transcript = transcript
            self.follows = True
            self.restart()

    def restart(self) -> None:
        """Begin anew: another journal."""
        self._heights = Heights()
        self._lines.clear()
        self._pointed = None
        self.events_changed(set())

    def events_changed(self, touched: set[int]) -> None:
        """These events are new or look different. Painted soon: at most 20 times a second focused, 4 otherwise."""
        for id in touched:
            self._lines.pop(id, None)
        interval = FOCUSED_SECONDS if self.is_prominent else UNFOCUSED_SECONDS
        if self._timer is None and self.is_mounted:
            wait = self._painted_at + interval - monotonic()
            self._timer = self.set_timer(max(0.001, wait), self.paint)

    @property
    def is_prominent(self) -> bool:
        """It is the one being watched."""
        return self.has_focus or self.has_class("-focused-agent")

    def paint(self) -> None:
        """Take in what changed and draw it now."""
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        self._painted_at = monotonic()
        self.lay_out()
        self.refresh()

    # Layout ------------------------------------------------------------------------------------------------

    def on_mount(self) -> None:
        self._refresh_scrollbars()
        self.paint()

    def on_unmount(self) -> None:
        if self._timer is not None:
            self._timer.stop()

    def on_resize(self, event: events.Resize) -> None:
        self.paint()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self.refresh()

    def lay_out(self) -> None:
        """Measure what is shown and a screen around it, and put the view where it belongs."""
        width, height = self.scrollable_content_region.size
        if width < 4 or height < 1 or not self.is_mounted or not self.transcript.opened:
            return
        if width != self._width:
            self._width = width
            self._lines.clear()
        self._grow()
        transcript, heights = self.transcript, self._heights
        self._tail = tail_lines(transcript.tail, transcript.tail_kind, width)
        if self.follows:
            first, last = self._measured_up(len(heights) - 1, 2 * height), len(heights) - 1
            self._seen_id = transcript.last_id
        else:
            item, line = self._anchor
            item = min(item, max(0, len(heights) - 1))
            first = self._measured_up(item - 1, height)
            last = self._measured_down(item, 2 * height)
            line = min(line, max(0, heights[item] - 1)) if len(heights) else 0
            self._anchor = (item, line)
        total = heights.total + len(self._tail)
        self._placing = True
        try:
            self.virtual_size = Size(width, total)
            top = (
                max(0, total - height)
                if self.follows
                else min(heights.above(self._anchor[0]) + self._anchor[1], max(0, total - height))
            )
            self.scroll_to(y=top, animate=False, immediate=True, force=True)
        finally:
            self._placing = False
        self._want(first, last)

    def _grow(self) -> None:
        """Items for ids that are new; all anew where the journal begins elsewhere."""
        transcript, heights = self.transcript, self._heights
        count = len(transcript)
        if (
            not len(heights)
            or transcript.first_id < self._base
            or count < len(heights) - (transcript.first_id - self._base)
        ):
            self._base = transcript.first_id
            self._heights = Heights(count, ESTIMATE)
            return
        for _ in range(transcript.last_id - self._base + 1 - len(heights)):
            heights.append(ESTIMATE)

    def _measured_up(self, item: int, lines: int) -> int:
        while item >= 0 and lines > 0:
            lines -= self._measure(item)
            item -= 1
        return item + 1

    def _measured_down(self, item: int, lines: int) -> int:
        count = len(self._heights)
        while item < count and lines > 0:
            lines -= self._measure(item)
            item += 1
        return item - 1

    def _measure(self, item: int) -> int:
        lines = self._lines_of(item)
        if lines is not None and self._heights[item] != len(lines):
            self._heights[item] = len(lines)
        return self._heights[item]

    def _lines_of(self, item: int) -> list[Line] | None:
        """The item's lines; None where it is not loaded."""
        id = self._base + item
        known = self._lines.get(id)
        if known is not None:
            return known
        entry = self.transcript.get(id)
        if entry is None:
            return [] if self.transcript.pruned(id) else None
        if len(self._lines) >= MOST_CACHED:
            for old in list(self._lines)[: MOST_CACHED // 3]:
                del self._lines[old]
        lines = self._lines[id] = event_lines(entry, self.transcript, self._width)
        return lines

    def _want(self, first: int, last: int) -> None:
        transcript = self.transcript
        if not len(self._heights):
            return
        for page in transcript.wanted_pages(self._base + first, self._base + max(first, last)):
            self.post_message(self.PageWanted(transcript.agent, page))
        transcript.drop_far(self._base + first, self._base + last)

    # Scrolling ---------------------------------------------------------------------------------------------

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if self._placing or round(old_value) == round(new_value):
            return
        self.follows = round(new_value) >= self.max_scroll_y
        self._anchor = self._heights.at(round(new_value))
        if self._anchor[0] >= len(self._heights):
            self.follows = True
        self.lay_out()

    def action_scroll_up(self) -> None:
        self.scroll_relative(y=-1, animate=False, immediate=True)

    def action_scroll_down(self) -> None:
        self.scroll_relative(y=1, animate=False, immediate=True)

    def action_page_up(self) -> None:
        self.scroll_relative(y=2 - self.size.height, animate=False, immediate=True)

    def action_page_down(self) -> None:
        self.scroll_relative(y=self.size.height - 2, animate=False, immediate=True)

    def action_scroll_home(self) -> None:
        self.scroll_to(y=0, animate=False, immediate=True, force=True)

    def action_scroll_end(self) -> None:
        self.follows = True
        self.paint()

    @property
    def unseen(self) -> int:
        """Events that came since the end was left."""
        return 0 if self.follows else max(0, self.transcript.last_id - self._seen_id)

    # Folding -----------------------------------------------------------------------------------------------

    def _shown_foldable(self) -> list[int]:
        top = self.scroll_offset.y
        first = self._heights.at(top)[0]
        last = min(self._heights.at(top + self.size.height - 1)[0], len(self._heights) - 1)
        ids = range(self._base + first, self._base + last + 1)
        return [id for id in ids if (e := self.transcript.get(id)) and foldable(e, self.transcript, self._width)]

    def action_point(self, step: int) -> None:
        """Point at the next (or the one before) that can be unfolded."""
        ids = self._shown_foldable()
        if not ids:
            return
        if self._pointed in ids:
            self._pointed = ids[max(0, min(len(ids) - 1, ids.index(self._pointed) + step))]
        else:
            self._pointed = ids[-1] if step < 0 else ids[0]
        self.refresh()

    def action_unfold(self) -> None:
        """Unfold (or fold) what is pointed at, else the last that is shown."""
        ids = self._shown_foldable()
        if self._pointed in ids:
            self._toggle(self._pointed)
        elif ids:
            self._toggle(ids[-1])

    def _toggle(self, id: int) -> None:
        """What is unfolded begins where it stood; if it would then run out of sight, near the top."""
        item = id - self._base
        for touched in self.transcript.toggle(id):
            self._lines.pop(touched, None)
        self._pointed = id
        if id in self.transcript.unfolded:
            stood = self._heights.above(item) - self.scroll_offset.y
            if stood + self._measure(item) > self.size.height:
                stood = min(stood, UNFOLDED_ROW)
            self.follows = False
            self._anchor = self._heights.at(max(0, self._heights.above(item) - max(0, stood)))
        elif not self.follows:
            self._anchor = self._heights.at(self.scroll_offset.y)
        self.paint()

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is None or self.text_selection is not None:
            return
        item, _ = self._heights.at(self.scroll_offset.y + offset.y)
        entry = self.transcript.get(self._base + item) if item < len(self._heights) else None
        if entry is not None and foldable(entry, self.transcript, self._width):
            self._toggle(entry.id)

    # Drawing -----------------------------------------------------------------------------------------------

    def line_at(self, line: int) -> tuple[Line, int | None]:
        """That line of all, and the id of the event that it belongs to."""
        heights = self._heights
        if line >= heights.total:
            at = line - heights.total
            return (self._tail[at] if at < len(self._tail) else ()), None
        item, at = heights.at(line)
        lines = self._lines_of(item)
        if lines is None:
            return ((("  ·", "faint"),) if at == 0 else ()), None
        return (lines[at] if at < len(lines) else ()), self._base + item

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        ground = self.rich_style
        if y == 0 and not self.transcript.tail and not (len(self.transcript) and self._heights.total):
            return strip_of((("nothing yet" if self.transcript.opened else "loading …", "faint"),), width, ground)
        number = self.scroll_offset.y + y
        line, id = self.line_at(number)
        if id is not None and id == self._pointed and self.has_focus:
            line = tuple(
                (text, "accent" if tone in ("dim", "faint") and "unfold" in text else tone) for text, tone in line
            )
        if y == self.size.height - 1 and self.unseen:
            return self._unseen_strip(line, width, ground)
        strip = strip_of(line, width, ground)
        selection = self.text_selection
        if selection is not None and (span := selection.get_span(number)) is not None:
            strip = with_selection(strip, *span, self.screen.get_component_rich_style("screen--selection"))
        return strip.apply_offsets(0, number)

    def _unseen_strip(self, line: Line, width: int, ground: Style) -> Strip:
        said = f" {self.unseen:,} new ↓ "
        left = strip_of(line, width - cells(((said, ""),)), ground)
        return Strip.join([left, strip_of(((said, "accent-strong"),), width - left.cell_length, ground)])

    # Selecting ---------------------------------------------------------------------------------------------

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The selected text, without the lines' padding."""
        total = self._heights.total + len(self._tail)
        first = selection.start.y if selection.start else 0
        last = selection.end.y if selection.end else total - 1
        rows = []
        for number in range(first, min(last, first + MOST_COPIED_LINES, total - 1) + 1):
            text = plain(self.line_at(number)[0])
            end = selection.end.x if selection.end and number == last else len(text)
            start = selection.start.x if selection.start and number == first else 0
            rows.append(text[start:end])
        return "\n".join(rows), "\n"

    def selection_updated(self, selection: Selection | None) -> None:
        self.refresh()
