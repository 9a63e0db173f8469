"""The last line: the keys that work here, what a slash command could become, or what came of the last thing asked for."""

from collections.abc import Sequence

from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from hivetui.commands import Command
from hivetui.keymap import Key
from hivetui.state.hive import Notice
from hivetui.widgets.lines import Line, Piece, cells, cropped, justified, one_line
from hivetui.widgets.strips import strip_of

NOTICE_SECONDS = 8
"""How long a notice stays, unless a key is pressed before."""


class KeyFooter(Widget):
    ALLOW_SELECT = False
    DEFAULT_CSS = "KeyFooter { height: 1; }"

    class HintClicked(Message):
        """That key's hint was clicked."""

        def __init__(self, key_id: str) -> None:
            super().__init__()
            self.key_id = key_id

    def __init__(self) -> None:
        super().__init__()
        self._keys: tuple[Key, ...] = ()
        self._notice: Notice | None = None
        self._commands: tuple[Command, ...] = ()

    def show(self, keys: tuple[Key, ...], notice: Notice | None, commands: tuple[Command, ...]) -> None:
        if (keys, notice, commands) != (self._keys, self._notice, self._commands):
            self._keys, self._notice, self._commands = keys, notice, commands
            self.refresh()

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        if self._commands:
            line = commands_line(self._commands, width)
        elif self._notice is not None:
            line = notice_line(self._notice, width)
        else:
            line = keys_line(self._keys, width)[0]
        return strip_of(line, width, self.rich_style)

    def on_click(self, event: events.Click) -> None:
        for key, start, end in keys_line(self._keys, self.size.width)[1]:
            if start <= event.x < end:
                self.post_message(self.HintClicked(key.id))


def keys_line(keys: Sequence[Key], width: int) -> tuple[Line, list[tuple[Key, int, int]]]:
    """The hints that fit, and where each stands. Leaving is said at the right, and stays however narrow it is."""
    leave = next((key for key in keys if key.id == "hive.leave"), None)
    right: list[Piece] = [("q ", "key"), ("leave" if width < 100 else leave.label, "dim"), (" ", "")] if leave else []
    left: list[Piece] = [(" ", "")]
    places: list[tuple[Key, int, int]] = []
    room = width - cells(right) - 1
    for key in keys:
        if key is leave:
            continue
        if key.id == "hive.zoom":
            hint: list[Piece] = [("1-9", "key"), (" agent  ", "dim")]
            if cells(left) + cells(hint) <= room:
                left += hint
        hint = [(key.shown.split()[0], "key"), (f" {key.label}", "dim"), ("  ", "")]
        at = cells(left)
        if at + cells(hint) - 2 > room:
            continue
        left += hint
        places.append((key, at, at + cells(hint) - 2))
    if leave:
        places.append((leave, width - cells(right), width))
    return justified(left, right, width), places


def notice_line(notice: Notice, width: int) -> Line:
    mark = {"good": ("✓ ", "good"), "bad": ("error ", "bad-strong"), "plain": ("", "")}[notice.tone]
    code = f" [{notice.code}]" if notice.code else ""
    said = (one_line(notice.text), "bad" if notice.tone == "bad" else "text")
    return cropped([(" ", ""), mark, said, (code, "dim")], width)


def commands_line(commands: Sequence[Command], width: int) -> Line:
    """`/model [MODEL] …` for one that is left, names for several."""
    if len(commands) == 1:
        only = commands[0]
        return cropped([(f" /{only.name} ", "key"), (f"{only.argument} ", "soft"), (only.says, "dim")], width)
    line: list[Piece] = [(" ", "")]
    for command in commands:
        line += [(f"/{command.name}", "key"), (f" {command.argument}" if command.argument else "", "dim"), ("  ", "")]
    return cropped(line, width)
