"""A question before something that cannot be taken back. Gives True only for a clear yes."""

from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from hivetui.widgets.choice_rows import Choice, ChoiceRows
from hivetui.widgets.lines import wrapped

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

    def compose(self) -> ComposeResult:
        with Vertical(classes="box") as box:
            box.border_title = "are you sure?"
            keys = (
                (" y ", "key-box"), (f" {self._deed}", "text"), ("   ", ""), (" n ", "key-box"), (" leave it", "text"),
            )  # fmt: skip
            lines = wrapped([(self._question, "bad-strong" if self._grave else "strong")], TEXT_WIDTH)
            if self._consequence:
                lines += [(), *wrapped([(self._consequence, "bad" if self._grave else "text")], TEXT_WIDTH)]
            yield ChoiceRows([Choice(None, line) for line in (*lines, (), keys)], reads=True)

    def action_answer(self, yes: bool) -> None:
        self.dismiss(yes)
