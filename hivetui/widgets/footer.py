"""The last line: the keys that work here, what a slash command could become, or what came of the last thing asked for."""

from collections.abc import Sequence

from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from hivetui.commands import Command
from hivetui.keymap import Key
from hivetui.state.hive import Notice
from hivetui.widgets.lines import Line, Piece, cells, cropped, justified, one_line, wrapped
from hivetui.widgets.strips import strip_of

NOTICE_SECONDS = 8
"""How long a notice stays, unless a key is pressed before."""
MOST_LINES = 4
"""Of a notice that says what did not work, and what to do."""


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
            self._fit()
            self.refresh()

    def on_resize(self) -> None:
        self._fit()

    def _fit(self) -> None:
        """As high as what it says; one line for all but a notice that is no good news."""
        self.styles.height = 1 if self._commands else max(1, len(self._said(self.size.width)))

    def _said(self, width: int) -> list[Line]:
        if self._notice is None or width < 1:
            return []
        return [notice_line(self._notice, width)] if self._notice.tone == "good" else notice_lines(self._notice, width)

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        if self._commands:
            line = commands_line(self._commands, width)
        elif self._notice is not None:
            said = self._said(width)
            line = said[y] if y < len(said) else ()
        else:
            line = keys_line(self._keys, width)[0]
        return strip_of(line, width, self.rich_style)

    def on_click(self, event: events.Click) -> None:
        if self._commands or self._notice is not None:
            return  # the keys are not there to be seen
        for key, start, end in keys_line(self._keys, self.size.width)[1]:
            if start <= event.x < end:
                self.post_message(self.HintClicked(key.id))


ALWAYS = (
    "hive.pause_all", "hive.help", "hive.leave", "listing.help", "listing.back", "why.help", "why.back", "diff.help",
    "diff.back",
)  # fmt: skip
"""Shown at the right, however narrow it is."""
NARROW = 100
BRIEF = {"hive.cancel": "cancel"}
"""What a key is called on the left where it is narrow."""


def keys_line(keys: Sequence[Key], width: int) -> tuple[Line, list[tuple[Key, int, int]]]:
    """The hints that fit, and where each stands: (key, from, up to)."""
    narrow = width < NARROW
    always = [key for key in keys if key.id in ALWAYS]
    always.sort(key=lambda key: ALWAYS.index(key.id))
    hints = [_hint(key, narrow) for key in always]
    right: list[Piece] = [piece for hint in hints for piece in hint]
    left: list[Piece] = []
    places: list[tuple[Key, int, int]] = []
    room = width - cells(right) - 2
    for key in keys:
        if key in always:
            continue
        said = BRIEF.get(key.id, key.label) if narrow else key.label
        for shown, label in ((("1-9", "agent"),) if key.id == "hive.zoom" else ()) + ((key.shown.split()[0], said),):
            at = cells(left) + (2 if left else 1)
            end = at + len(shown) + 1 + len(label)
            if end > room:
                continue
            left += [("  " if left else " ", ""), (shown, "key"), (f" {label}", "dim")]
            if label == said:
                places.append((key, at, end))
    at = width - cells(right) - 1
    for key, hint in zip(always, hints, strict=True):
        places.append((key, at + 2, at + cells(hint)))
        at += cells(hint)
    return justified(left, [*right, (" ", "")], width), places


def _hint(key: Key, narrow: bool) -> list[Piece]:
    words = key.label.split()
    short = words[-1] if key.id.endswith(".help") else words[0].rstrip(",")
    label = key.label if not narrow or key.id == "hive.pause_all" else short
    return [("  ", ""), (key.shown.split()[0], "key"), (f" {label}", "dim")]


def notice_line(notice: Notice, width: int) -> Line:
    return cropped(_notice_pieces(notice), width)


def notice_lines(notice: Notice, width: int) -> list[Line]:
    """All of it, as long as that is no more than MOST_LINES."""
    lines = wrapped(_notice_pieces(notice), width, hang=1)
    return (
        lines
        if len(lines) <= MOST_LINES
        else [*lines[: MOST_LINES - 1], cropped([*lines[MOST_LINES - 1][:-1], ("…", "dim")], width)]
    )


def _notice_pieces(notice: Notice) -> list[Piece]:
    mark = {"good": ("✓ ", "good"), "bad": ("error ", "bad-strong"), "plain": ("", "")}[notice.tone]
    code = f" [{notice.code}]" if notice.code else ""
    said = (one_line(notice.text), "bad" if notice.tone == "bad" else "text")
    return [(" ", ""), mark, said, (code, "dim")]


def commands_line(commands: Sequence[Command], width: int) -> Line:
    """`/model [MODEL] …` for one that is left, names for several."""
    if len(commands) == 1:
        only = commands[0]
        return cropped([(f" /{only.name} ", "key"), (f"{only.argument} ", "soft"), (only.says, "dim")], width)
    line: list[Piece] = [(" ", "")]
    for command in commands:
        line += [(f"/{command.name}", "key"), (f" {command.argument}" if command.argument else "", "dim"), ("  ", "")]
    return cropped(line, width)
