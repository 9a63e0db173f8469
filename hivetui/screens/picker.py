"""Choose one from a list by typing some of it: models, places to go to. Gives the choice's id, or None."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from hivetui.keymap import bindings_of
from hivetui.widgets.choice_rows import Choice, ChoiceRows, matching_choices
from hivetui.widgets.rows import Rows


class PickerScreen(ModalScreen[str | None]):
    """With `free`, a text that matches nothing may be taken as it is."""

    CSS_PATH = Path(__file__).with_name("modal.tcss")
    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(b.key, b.action, b.description, show=False, id=b.id) for b in bindings_of("list")),
    ]

    def __init__(self, title: str, choices: Sequence[Choice], *, free: bool = False) -> None:
        super().__init__()
        self._choices = tuple(choices)
        self._title = title
        self._free = free
        self._input = Input(placeholder="type to narrow" + (", or type another" if free else ""), compact=True)
        self._input.cursor_blink = False
        self._rows = ChoiceRows(choices)
        self._narrowed = ""

    def compose(self) -> ComposeResult:
        with Vertical(classes="box") as box:
            box.border_title = self._title
            box.border_subtitle = "enter takes it · esc back"
            yield self._input
            yield self._rows

    def on_mount(self) -> None:
        self._rows.can_focus = False
        self.set_focus(self._input)

    def on_input_changed(self, event: Input.Changed) -> None:
        if event.value.strip() != self._narrowed:
            self._narrow(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if event.value.strip() != self._narrowed:
            self._narrow(event.value)
        self.action_choose()

    def _narrow(self, words: str) -> None:
        self._narrowed = words.strip()
        self._rows.show(matching_choices(self._choices, self._narrowed))

    def action_cursor_up(self) -> None:
        self._rows.action_cursor_up()

    def action_cursor_down(self) -> None:
        self._rows.action_cursor_down()

    def action_choose(self) -> None:
        chosen, text = self._rows.chosen, self._input.value.strip()
        if chosen is not None:
            self.dismiss(chosen.id)
        elif self._free and text:
            self.dismiss(text)

    def on_rows_row_chosen(self, event: Rows.RowChosen) -> None:
        self.action_choose()

    async def action_dismiss(self, result: str | None = None) -> None:
        self.dismiss(None)
