"""Choose one from a list by typing some of it: models, places to go to. Gives the choice's id, or None."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from hivetui.controller import Outcome
from hivetui.keymap import bindings_of
from hivetui.screens.confirm import TEXT_WIDTH
from hivetui.widgets.choice_rows import Choice, ChoiceRows, matching_choices
from hivetui.widgets.in_order import LineInput
from hivetui.widgets.lines import one_line, wrapped
from hivetui.widgets.rows import Rows
from hivetui.widgets.text_lines import Lines


@dataclass(frozen=True, slots=True)
class Offer:
    """What can be chosen, and whether anything else may be typed."""

    choices: Sequence[Choice]
    free: bool
    about: str = ""


class PickerScreen(ModalScreen[str | None]):
    """With `free`, a text that matches nothing may be taken as it is."""

    CSS_PATH = Path(__file__).with_name("modal.tcss")
    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(b.key, b.action, b.description, show=False, id=b.id) for b in bindings_of("list")),
    ]

    def __init__(
        self,
        title: str,
        choices: Sequence[Choice],
        *,
        free: bool = False,
        about: str = "",
        at: str | None = None,
        heard: Callable[[Outcome], Offer | None] | None = None,
        of_words: Callable[[str], Sequence[Choice]] | None = None,
    ) -> None:
        """`about`: a line below the list. `at`: the choice that the cursor begins on. `heard` makes of what hived answered meanwhile what is offered instead.

        `of_words` makes of what is typed what can be chosen, instead of those that match it.
        """
        super().__init__()
        self._about = about
        self._heard = heard
        self._of_words = of_words
        self._about_line = Lines()
        self._choices = tuple(choices)
        self._title = title
        self._free = free
        hint = _placeholder(free) if of_words is None else "type an answer of your own"
        self._input = LineInput(placeholder=hint, compact=True)
        self._input.cursor_blink = False
        self._rows = ChoiceRows(choices)
        self._at = at
        self._narrowed = ""

    def compose(self) -> ComposeResult:
        with Vertical(classes="box") as box:
            box.border_title = self._title
            box.border_subtitle = "enter takes it · esc back"
            yield self._input
            yield self._rows
            yield self._about_line

    def on_mount(self) -> None:
        self._rows.can_focus = False
        self.set_focus(self._input)
        self._say(self._about)
        if self._at is not None:
            self._rows.move_to(next((n for n, choice in enumerate(self._choices) if choice.id == self._at), 0))

    def finished(self, outcome: Outcome) -> None:
        """The cursor and what is typed stay."""
        offer = self._heard(outcome) if self._heard is not None else None
        if offer is None:
            return
        self._choices, self._free = tuple(offer.choices), offer.free
        self._input.placeholder = _placeholder(self._free)
        chosen = self._rows.chosen
        self._narrow(self._input.value)
        kept = next((at for at, c in enumerate(self._rows.choices) if chosen is not None and c.id == chosen.id), 0)
        self._rows.move_to(kept)
        self._rows.refresh(layout=True)
        self._say(offer.about)

    def _say(self, about: str) -> None:
        self._about_line.display = bool(about)
        self._about_line.show(wrapped([(about, "dim")], TEXT_WIDTH))

    def on_input_changed(self, event: Input.Changed) -> None:
        if event.value.strip() != self._narrowed:
            self._narrow(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        if event.value.strip() != self._narrowed:
            self._narrow(event.value)
        self.action_choose()

    def _narrow(self, words: str) -> None:
        self._narrowed = words.strip()
        self._rows.nothing = (
            f"enter takes {one_line(self._narrowed, 40)}" if self._free else "none of these is called that"
        )
        if self._of_words is not None and self._narrowed:
            self._rows.show(self._of_words(self._narrowed))
        else:
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


def _placeholder(free: bool) -> str:
    return "type to narrow, or type another" if free else "type to narrow"
