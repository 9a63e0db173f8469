"""Where the operator writes: to whom, when, and a draft that is kept per agent until hived has taken it."""

from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import TextArea

from hivetui.commands import completions
from hivetui.keymap import bindings_of, keys_of
from hivetui.state.view import Draft
from hivetui.widgets.in_order import TEXT_KEYS
from hivetui.widgets.lines import Line, cells
from hivetui.widgets.strips import strip_of

MOST_LINES = 6
ACTIONS = {name: key.action for key in keys_of("composer") for name in key.keys.split(",")}


class DraftArea(TextArea):
    """The text. Enter sends; a pasted text keeps its lines."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("composer")]

    class Sent(Message):
        """Enter was pressed on this text."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class WhenToggled(Message):
        """Now or next turn was switched."""

    class Escaped(Message):
        """The operator stopped writing."""

    class Tabbed(Message):
        """Tab was pressed with nothing to complete."""

    async def _on_key(self, event: events.Key) -> None:
        """The composer's own keys in the order in which they were typed: as priority bindings they would overtake letters."""
        action = ACTIONS.get(event.key) or TEXT_KEYS.get(event.key)
        if action is None:
            await super()._on_key(event)
            return
        event.stop()
        event.prevent_default()
        await self.run_action(action)

    def action_send(self) -> None:
        if self.text.strip():
            self.post_message(self.Sent(self.text.strip()))

    def action_newline(self) -> None:
        self.insert("\n")

    def action_toggle_when(self) -> None:
        self.post_message(self.WhenToggled())

    def action_leave(self) -> None:
        self.post_message(self.Escaped())

    def action_complete(self) -> None:
        found = completions(self.text)
        if found:
            self.load_text(f"/{found[0].name}{' ' if found[0].argument else ''}")
            self.move_cursor(self.document.end)
        else:
            self.post_message(self.Tabbed())


class ComposerLabel(Widget):
    """`› alice  next turn`"""

    ALLOW_SELECT = False
    DEFAULT_CSS = "ComposerLabel { height: 1; width: auto; }"

    def __init__(self) -> None:
        super().__init__()
        self.line: Line = ()

    def get_content_width(self, container: object, viewport: object) -> int:
        return cells(self.line)

    def render_line(self, y: int) -> Strip:
        return strip_of(self.line, self.size.width, self.rich_style)

    def on_click(self, event: events.Click) -> None:
        event.stop()
        self.post_message(DraftArea.WhenToggled())


class Composer(Horizontal):
    """Writes to the focused agent."""

    DEFAULT_CSS = """
    Composer { height: auto; }
    Composer DraftArea { width: 1fr; height: 1; border: none; padding: 0; scrollbar-size-vertical: 1; }
    """

    class DraftTyped(Message):
        """The text for that agent is now this."""

        def __init__(self, agent: str, text: str) -> None:
            super().__init__()
            self.agent = agent
            self.text = text

    def __init__(self) -> None:
        super().__init__()
        self.agent: str | None = None
        self._label = ComposerLabel()
        self.area = DraftArea(
            soft_wrap=True, show_line_numbers=False, compact=True, highlight_cursor_line=False, theme="css"
        )
        self.area.cursor_blink = False

    def compose(self) -> ComposeResult:
        yield self._label
        yield self.area

    def show(self, agent: str | None, draft: Draft, *, steers: bool, narrow: bool) -> None:
        """Write to that agent. What is being typed is never set again; only another agent's draft replaces it."""
        if agent != self.agent:
            self.agent = agent
            self._set_text(draft.text)
        when = "now" if draft.when == "now" else "next turn"
        if draft.when == "now" and not steers:
            when = "next turn (it cannot be steered)"
        said = "sending…" if draft.sending else when
        line: Line = (
            (" › ", "accent"),
            (agent or "no agent", "strong" if agent else "dim"),
            *(
                ()
                if narrow and draft.when != "now" and not draft.sending
                else ((f"  {said}", "accent" if draft.when == "now" else "dim"), (" ▾", "faint"))
            ),
            ("  ", ""),
        )
        if line != self._label.line:
            self._label.line = line
            self._label.refresh(layout=True)

    def clear_sent(self, agent: str | None, text: str) -> None:
        """That text has gone: empty the area, unless it holds something else by now."""
        if agent == self.agent and self.area.text.strip() == text:
            self._set_text("")

    def _set_text(self, text: str) -> None:
        with self.prevent(TextArea.Changed):
            self.area.load_text(text)
        self.area.move_cursor(self.area.document.end)
        self._fit()

    def _fit(self) -> None:
        lines = max(1, min(MOST_LINES, self.area.wrapped_document.height))
        if self.area.styles.height is None or self.area.styles.height.value != lines:
            self.area.styles.height = lines

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        event.stop()
        self._fit()
        if self.agent is not None:
            self.post_message(self.DraftTyped(self.agent, self.area.text))

    def on_resize(self) -> None:
        self.call_after_refresh(self._fit)
