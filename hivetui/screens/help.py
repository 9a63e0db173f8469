"""Every key and every command, from their tables."""

from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from hivetui.commands import COMMANDS
from hivetui.keymap import WHERE_WORDS, Where, keys_of
from hivetui.state.agents import SHAPES
from hivetui.widgets.choice_rows import Choice, ChoiceRows
from hivetui.widgets.lines import Line, Piece, wrapped

COLUMN = 14
MOVES = frozenset({"up", "down", "first", "last", "left", "right"})
DIGITS = {
    "hive.agent_": "Focus that agent of the list.",
    "waiting.option_": "Answer with that option of a question, or tick it.",
}
"""Keys that are one for each digit."""


def help_lines(first: tuple[Where, ...] = (), width: int = 1000) -> list[Line]:
    """`first`: the parts whose keys come before all others, all of them at a glance; then what the shapes of states mean."""
    lines: list[Line] = []
    for where in first:
        lines += [*_in_short(where, width), ()]
    lines.append((("states", "head"),))
    shapes = list(SHAPES.values())
    for at in range(0, len(shapes), 3):
        lines.append(
            tuple(
                piece
                for shape in shapes[at : at + 3]
                for piece in ((f"  {shape.glyph} ", shape.tone), (f"{shape.word:<18}", "text"))
            )
        )
    for where in (*first, *(where for where in WHERE_WORDS if where not in first)):
        lines += _keys(where, width)
    lines += [(), (("commands, while writing", "head"),)]
    for command in COMMANDS:
        name = f"/{command.name} {command.argument}".strip()
        lines += wrapped([(command.says, "text")], width, ((f"  {name:<{COLUMN + 14}}", "key"),))
    return lines


def _in_short(where: Where, width: int) -> list[Line]:
    """Each key with a word or two, in as many columns as there is room for; not those that only move."""
    said: list[tuple[str, str]] = []
    for key in keys_of(where):
        digits = key.id.rstrip("123456789") in DIGITS
        if (digits and not key.id.endswith("_1")) or key.label in MOVES:
            continue
        said.append(
            (
                "1-9" if digits else key.shown.split()[0],
                "agent" if key.id == "hive.agent_1" else key.label.split(",")[0],
            )
        )
    column = max(3 + max(4, len(keys) + 1) + len(label) for keys, label in said)
    rows = -(-len(said) // max(1, min(4, width // column)))
    lines = wrapped([("keys ", "head"), (WHERE_WORDS[where], "head")], width)
    for row in range(rows):
        pieces: list[Piece] = []
        for keys, label in said[row::rows]:
            lead = f"{keys:<3} "
            pieces += [("  ", ""), (lead, "key"), (label.ljust(column - 2 - len(lead)), "text")]
        lines.append(tuple(pieces))
    return lines


def _keys(where: Where, width: int) -> list[Line]:
    lines: list[Line] = [(), *wrapped([("keys ", "head"), (WHERE_WORDS[where], "head")], width)]
    for key in keys_of(where):
        says = key.says
        if (digits := DIGITS.get(key.id.rstrip("123456789"))) is not None:
            if not key.id.endswith("_1"):
                continue
            says = digits
        shown = "1-9" if digits else key.shown
        lines += wrapped([(says, "text")], width, ((f"  {shown:<{COLUMN}}", "key"),))
    return lines


class HelpScreen(ModalScreen[None]):
    CSS_PATH = Path(__file__).with_name("modal.tcss")
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,question_mark,f1,enter", "dismiss", "back", show=False)]

    def __init__(self, *first: Where) -> None:
        super().__init__()
        self._first = first
        self._rows = ChoiceRows((), reads=True)

    def compose(self) -> ComposeResult:
        with Vertical(classes="box") as box:
            box.border_title = "every key"
            box.border_subtitle = "↑ ↓ scroll · esc back"
            yield self._rows

    def on_mount(self) -> None:
        self.set_focus(self._rows)

    def on_resize(self) -> None:
        self.call_after_refresh(self._fill)

    def _fill(self) -> None:
        width = max(30, self._rows.size.width - 2)  # the bar is there as soon as the lines are
        self._rows.show([Choice(None, line) for line in help_lines(self._first, width)])
