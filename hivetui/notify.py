"""Telling an operator who does not look: the terminal's bell, and OSC 9 or OSC 777 where the terminal has them.

One of the two, since a terminal with both would say it twice. Through tmux and screen they go wrapped (tmux passes them on
with `set -g allow-passthrough on`). `HIVE_TUI_NOTIFY` says which instead of a guess: `off`, or some of `bell,9,777`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from hived.wire.notices import BEGIN, Thing, text_of
from hivetui.state.waiting import Waiting
from hivetui.widgets.lines import one_line

VARIABLE = "HIVE_TUI_NOTIFY"
BELL = "\a"

Way = Literal["bell", "9", "777"]
Wrapping = Literal["", "tmux", "screen"]

BY_PROGRAM: dict[str, Way | None] = {
    "iTerm.app": "9",
    "WezTerm": "777",
    "ghostty": "777",
    "Apple_Terminal": None,
    "vscode": None,
    "Hyper": None,
}
"""By TERM_PROGRAM; None: it has neither."""
BY_VARIABLE: tuple[tuple[str, Way | None], ...] = (
    ("KITTY_WINDOW_ID", "9"),
    ("WEZTERM_PANE", "777"),
    ("GHOSTTY_RESOURCES_DIR", "777"),
    ("ITERM_SESSION_ID", "9"),
    ("LC_TERMINAL", "9"),
    ("ConEmuANSI", "9"),
    ("VTE_VERSION", "777"),
    ("KONSOLE_VERSION", "777"),
    ("WT_SESSION", None),
)
"""Terminals that say who they are by a variable of their own."""
BY_TERM: tuple[tuple[str, Way | None], ...] = (
    ("xterm-kitty", "9"),
    ("xterm-ghostty", "777"),
    ("wezterm", "777"),
    ("foot", "777"),
    ("rxvt-unicode", "777"),
    ("contour", "777"),
    ("alacritty", None),
)
"""By how TERM begins."""
ANSWERS_NOTHING = ("", "dumb", "unknown", "linux", "vt", "ansi", "cons")
"""Terminals of which some print what they do not know."""


@dataclass(frozen=True, slots=True)
class Ways:
    """How this terminal is told."""

    bell: bool = True
    osc: tuple[Way, ...] = ()
    wrapping: Wrapping = ""


def ways_of(env: Mapping[str, str], *, web: bool = False) -> Ways:
    """What the environment says of the terminal. In a browser there is the bell alone."""
    term = env.get("TERM", "")
    wrapping: Wrapping = ""
    if env.get("TMUX") or term.startswith("tmux"):
        wrapping = "tmux"
    elif env.get("STY"):
        wrapping = "screen"
    chosen = env.get(VARIABLE, "").strip().lower()
    if web:
        return Ways(bell=chosen != "off")
    if chosen and chosen != "auto":
        words = {word.strip().removeprefix("osc") for word in chosen.split(",")}
        osc: tuple[Way, ...] = tuple(way for way in ("9", "777") if way in words)
        return Ways("bell" in words, osc, wrapping)
    guessed = _guessed(env, term, wrapping)
    return Ways(True, (guessed,) if guessed else (), wrapping)


def _guessed(env: Mapping[str, str], term: str, wrapping: Wrapping) -> Way | None:
    """Unknown ones get OSC 9: over SSH most terminals do not say who they are, and those without it take no notice."""
    if term in ("", "dumb") or (not wrapping and term.startswith(ANSWERS_NOTHING[2:])):
        return None
    program = env.get("TERM_PROGRAM", "")
    if program in BY_PROGRAM:
        return BY_PROGRAM[program]
    for name, way in BY_VARIABLE:
        if env.get(name):
            return way
    for beginning, way in BY_TERM:
        if term.startswith(beginning):
            return way
    return "9"


def notice_text(items: Sequence[Waiting]) -> str:
    """One clean line about all of them; there is at least one."""
    return text_of([Thing(item.kind, item.agent, item.subject) for item in items], one_line)


def sequences(ways: Ways, text: str) -> str:
    """The bytes for the terminal; an empty `text` only rings. Whatever `text` holds, it cannot end or leave its sequence."""
    said = "".join(char for char in text if char.isprintable())
    out = BELL if ways.bell else ""
    if said:
        for way in ways.osc:
            if way == "9":
                out += _wrapped(f"\x1b]9;{said}{BELL}", ways.wrapping)
            else:
                body = said.removeprefix(BEGIN).replace(";", ",")
                out += _wrapped(f"\x1b]777;notify;hive;{body}{BELL}", ways.wrapping)
    return out


def _wrapped(sequence: str, wrapping: Wrapping) -> str:
    if wrapping == "tmux":
        doubled = sequence.replace("\x1b", "\x1b\x1b")
        return f"\x1bPtmux;{doubled}\x1b\\"
    return f"\x1bP{sequence}\x1b\\" if wrapping == "screen" else sequence
