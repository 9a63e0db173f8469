"""What the operator writes beside the thing that he decides: an answer, a note, a tool's input. It hides nothing of what is asked."""

import re
from typing import ClassVar, Self

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import TextArea

from hivetui.keymap import bindings_of, keys_of
from hivetui.state.desk import EntryKind
from hivetui.widgets.in_order import TEXT_KEYS
from hivetui.widgets.lines import Line
from hivetui.widgets.strips import content_of

ACTIONS = {name: key.action for key in keys_of("entry") for name in key.keys.split(",")}
HINTS: dict[EntryKind, str] = {
    "answer": "enter sends it · ctrl+j new line · esc back",
    "note": "enter keeps it, then decide · esc back",
    "edit": "ctrl+s approves with this · esc back",
    "words": "ctrl+s sends these words · esc back",
    "raise": "enter raises it · esc back",
    "filter": "enter keeps it · esc shows all",
}
TALL = frozenset({"edit", "words"})
"""Written over many lines: enter begins a new one."""


class EntryArea(TextArea):
    """The text. Its keys act in the order in which they were typed; once it is closed they are not its own."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("entry")]

    open = False

    def blur(self) -> Self:
        """News that it was hidden may come once it is open again: the focus goes where the screen puts it, and only there."""
        return self

    async def _on_key(self, event: events.Key) -> None:
        if not self.open:
            event.prevent_default()
            return
        action = ACTIONS.get(event.key) or TEXT_KEYS.get(event.key)
        if action is None:
            await super()._on_key(event)
            return
        event.stop()
        event.prevent_default()
        await self.run_action(action)


class WaitingEntry(Vertical):
    """One entry at a time, for one thing that waits."""

    DEFAULT_CSS = """
    WaitingEntry { display: none; }
    WaitingEntry EntryArea { height: 1fr; border: none; padding: 0; scrollbar-size-vertical: 1; }
    """

    class Typed(Message):
        """The text is now this."""

        def __init__(self, kind: EntryKind, id: str, text: str) -> None:
            super().__init__()
            self.kind = kind
            self.id = id
            self.text = text

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.area = EntryArea(
            soft_wrap=True, show_line_numbers=False, compact=True, highlight_cursor_line=False, theme="css"
        )
        self.area.cursor_blink = False
        self.kind: EntryKind = "answer"
        self.item = ""
        """The id of what it is about."""

    def compose(self) -> ComposeResult:
        yield self.area

    @property
    def is_open(self) -> bool:
        return self.area.open

    @property
    def text(self) -> str:
        return self.area.text

    @property
    def rows(self) -> int:
        """How many it wants, its borders included."""
        lines = self.area.wrapped_document.height
        return max(3, min(14 if self.kind in TALL else 8, lines + 2))

    def begin(self, kind: EntryKind, item: str, title: Line, text: str) -> None:
        """Write that about that thing, from this text on."""
        self.kind, self.item = kind, item
        self.area.open = True
        self.border_title = content_of(title)
        self.border_subtitle = content_of(((HINTS[kind], "dim"),))
        self.display = True
        with self.prevent(TextArea.Changed):
            self.area.load_text(text)
        self.area.move_cursor(_first_value(text) if kind == "edit" else self.area.document.end)

    def end(self) -> None:
        self.area.open = False
        self.display = False

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        event.stop()
        if self.is_open:
            self.post_message(self.Typed(self.kind, self.item, self.area.text))


_VALUE = re.compile(r'": "(?:[^"\\]|\\.)*')


def _first_value(text: str) -> tuple[int, int]:
    """Where the first value of a JSON object ends, if it is a text: of a shell's input that is the command."""
    found = _VALUE.search(text)
    if found is None:
        return (0, 0)
    before = text[: found.end()]
    return (before.count("\n"), len(before) - before.rfind("\n") - 1)
