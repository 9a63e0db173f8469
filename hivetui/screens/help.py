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
from hivetui.widgets.lines import Line

COLUMN = 14


def help_lines(first: tuple[Where, ...] = ()) -> list[Line]:
    """`first`: the parts whose keys come before all others."""
    lines: list[Line] = []
    for where in first:
        lines += [*_keys(where)[1:], ()]
    lines.append((("states", "head"),))
    shapes = list(SHAPES.values())
    for at in range(0, len(shapes), 3):
        lines.append(
            tuple(
                piece
                for shape in shapes[at : at + 3]
                for piece in ((f"  {shape.glyph} ", shape.tone), (f"{shape.word:<20}", "text"))
            )
        )
    for where in WHERE_WORDS:
        if where not in first:
            lines += _keys(where)
    lines += [(), (("commands, while writing", "head"),)]
    for command in COMMANDS:
        name = f"/{command.name} {command.argument}".strip()
        lines.append(((f"  {name:<{COLUMN + 14}}", "key"), (command.says, "text")))
    return lines


def _keys(where: Where) -> list[Line]:
    lines: list[Line] = [(), (("keys ", "head"), (WHERE_WORDS[where], "head"))]
    for key in keys_of(where):
        if key.id.startswith("hive.agent_"):
            if key.id == "hive.agent_1":
                lines.append(((f"  {'1-9':<{COLUMN}}", "key"), ("Focus that agent of the list.", "text")))
            continue
        lines.append(((f"  {key.shown:<{COLUMN}}", "key"), (key.says, "text")))
    return lines


class HelpScreen(ModalScreen[None]):
    CSS_PATH = Path(__file__).with_name("modal.tcss")
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,question_mark,f1,enter", "dismiss", "back", show=False)]

    def __init__(self, *first: Where) -> None:
        super().__init__()
        self._first = first

    def compose(self) -> ComposeResult:
        with Vertical(classes="box") as box:
            box.border_title = "every key"
            box.border_subtitle = "↑ ↓ scroll · esc back"
            yield ChoiceRows([Choice(None, line) for line in help_lines(self._first)], reads=True)

    def on_mount(self) -> None:
        self.set_focus(self.query_one(ChoiceRows))
