"""A question before something that cannot be taken back. Gives True only for a clear yes."""

from pathlib import Path
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from hivetui.widgets.choice_rows import Choice, ChoiceRows
from hivetui.widgets.lines import Line, cells, wrapped

TEXT_WIDTH = 66
"""Of a box on 80 columns."""


class ConfirmScreen(ModalScreen[bool]):
    CSS_PATH = Path(__file__).with_name("modal.tcss")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y,enter", "answer(True)", "yes", show=False, priority=True),
        Binding("n,escape", "answer(False)", "no", show=False, priority=True),
    ]

    def __init__(self, question: str, deed: str, consequence: str = "", *, grave: bool = False) -> None:
        """`consequence`: what follows from it, in a sentence or two; `grave`: said in the colour of warnings."""
        super().__init__()
        self._question = question
        self._deed = deed
        self._consequence = consequence
        self._grave = grave
        self._rows = ChoiceRows((), reads=True)
        self._yes_cells = 0

    def compose(self) -> ComposeResult:
        with Vertical(classes="box") as box:
            box.border_title = "are you sure?"
            yes: Line = ((" y ", "key-box"), (f" {self._deed}", "text"))
            keys: Line = (*yes, ("   ", ""), (" n ", "key-box"), (" leave it", "text"))
            self._yes_cells = cells(yes)
            lines = wrapped([(self._question, "bad-strong" if self._grave else "strong")], TEXT_WIDTH)
            if self._consequence:
                lines += [(), *wrapped([(self._consequence, "bad" if self._grave else "text")], TEXT_WIDTH)]
            self._rows = ChoiceRows([Choice(None, line) for line in (*lines, (), keys)], reads=True)
            yield self._rows

    def on_click(self, event: events.Click) -> None:
        """On one of the two answers."""
        at = event.screen_offset - self._rows.content_region.offset
        if at.y + self._rows.scroll_offset.y == self._rows.count - 1 and at.x >= 0:
            if at.x < self._yes_cells:
                self.dismiss(True)
            elif at.x >= self._yes_cells + 3:
                self.dismiss(False)

    def action_answer(self, yes: bool) -> None:
        self.dismiss(yes)
