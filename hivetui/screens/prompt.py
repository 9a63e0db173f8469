"""One line of text from the operator. Gives it, or None where he went back."""

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from hivetui.widgets.in_order import LineInput


class PromptScreen(ModalScreen[str | None]):
    CSS_PATH = Path(__file__).with_name("modal.tcss")
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "back", "back", show=False, priority=True)]

    def __init__(self, title: str, value: str, hint: str, changed: Callable[[str], None] | None = None) -> None:
        super().__init__()
        self._title = title
        self._changed = changed
        self._input = LineInput(value, placeholder=hint, compact=True)
        self._input.cursor_blink = False

    def compose(self) -> ComposeResult:
        with Vertical(classes="box") as box:
            box.border_title = self._title
            box.border_subtitle = "enter keeps it · esc back"
            yield self._input

    def on_mount(self) -> None:
        self.set_focus(self._input)

    def on_input_changed(self, event: Input.Changed) -> None:
        if self._changed is not None:
            self._changed(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.dismiss(event.value)

    def action_back(self) -> None:
        self.dismiss(None)
