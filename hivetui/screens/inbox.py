"""What agents wrote to the operator, newest first."""

from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from hivetui.state.clock import Clock, hour
from hivetui.state.hive import HiveState
from hivetui.state.messages import to_operator
from hivetui.widgets.choice_rows import Choice, ChoiceRows
from hivetui.widgets.lines import Line, clean, wrapped


class InboxScreen(ModalScreen[None]):
    CSS_PATH = Path(__file__).with_name("modal.tcss")
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,b,enter", "dismiss", "back", show=False)]

    def __init__(self, state: HiveState, clock: Clock) -> None:
        super().__init__()
        self._state = state
        self._clock = clock
        self._rows = ChoiceRows((), reads=True)

    def compose(self) -> ComposeResult:
        with Vertical(classes="box") as box:
            box.border_title = "to you"
            box.border_subtitle = "↑ ↓ scroll · esc back"
            yield self._rows

    def on_mount(self) -> None:
        self.set_focus(self._rows)

    def on_resize(self) -> None:
        self.call_after_refresh(self._fill)

    def _fill(self) -> None:
        self._rows.show([Choice(None, line) for line in inbox_lines(self._state, self._clock, self._rows.size.width)])


def inbox_lines(state: HiveState, clock: Clock, width: int) -> list[Line]:
    lines: list[Line] = []
    for letter in to_operator(state.messages):
        lead: Line = ((f"{hour(letter.sent_at, clock().tzinfo)} ", "dim"), (f"{letter.sender} ", "strong"))
        lines += [*wrapped([(clean(letter.body[:65536]), "text")], max(20, width), lead, 6), ()]
    return lines or [(("nobody has written to you", "dim"),)]
