"""The screen's colours: one accent, dim for what is known, and colour only for state. Every tone reads without colour too."""

from functools import lru_cache

from rich.style import Style
from textual.theme import Theme

INK = "#c9d1dc"
BRIGHT = "#eef2f7"
DIM = "#7d8796"
FAINT = "#3a4352"
ACCENT = "#e8b04a"
WAIT = "#f08cb4"
BAD = "#f07068"
GOOD = "#86b98f"
SOFT = "#a9b4c4"
GROUND = "#0f1319"
PANEL = "#161b23"
CURSOR = "#232b37"

THEME = Theme(
    name="hive",
    primary=ACCENT,
    secondary=SOFT,
    accent=ACCENT,
    foreground=INK,
    background=GROUND,
    surface=GROUND,
    panel=PANEL,
    success=GOOD,
    warning=WAIT,
    error=BAD,
    dark=True,
    variables={
        "dim": DIM,
        "faint": FAINT,
        "wait": WAIT,
        "bad": BAD,
        "good": GOOD,
        "soft": SOFT,
        "bright": BRIGHT,
        "cursor-row": CURSOR,
        "input-selection-background": "#35506b 60%",
        "block-cursor-foreground": GROUND,
        "block-cursor-background": ACCENT,
        "scrollbar": FAINT,
        "scrollbar-hover": SOFT,
        "scrollbar-active": ACCENT,
        "scrollbar-background": GROUND,
        "scrollbar-background-hover": GROUND,
        "scrollbar-background-active": GROUND,
        "scrollbar-corner-color": GROUND,
    },
)

TONES: dict[str, Style] = {
    "": Style(),
    "text": Style(color=INK),
    "strong": Style(color=BRIGHT, bold=True),
    "soft": Style(color=SOFT),
    "dim": Style(color=DIM),
    "faint": Style(color=FAINT),
    "emph": Style(color=INK, italic=True),
    "struck": Style(color=DIM, strike=True),
    "code": Style(color="#b8cbe0"),
    "head": Style(color=BRIGHT, bold=True, underline=True),
    "link": Style(color=INK, underline=True),
    "accent": Style(color=ACCENT),
    "accent-strong": Style(color=ACCENT, bold=True),
    "wait": Style(color=WAIT),
    "wait-strong": Style(color=WAIT, bold=True),
    "wait-box": Style(color=GROUND, bgcolor=WAIT, bold=True),
    "bad": Style(color=BAD),
    "bad-strong": Style(color=BAD, bold=True),
    "bad-box": Style(color=GROUND, bgcolor=BAD, bold=True),
    "good": Style(color=GOOD),
    "good-strong": Style(color=GOOD, bold=True),
    "bad-word": Style(color=BAD, bold=True, underline=True),
    "good-word": Style(color=GOOD, bold=True, underline=True),
    "found": Style(color=GROUND, bgcolor=ACCENT, bold=True, underline=True),
    "key": Style(color=BRIGHT, bold=True),
    "key-box": Style(color=BRIGHT, bgcolor="#364152", bold=True),
    "count": Style(color=GROUND, bgcolor=SOFT, bold=True),
}
"""What a piece of a line looks like."""


@lru_cache(maxsize=1024)
def toned(tone: str, ground: Style) -> Style:
    """The tone's style on that ground."""
    return ground + TONES.get(tone, TONES["text"])
