"""Text that is to be decided on, with nothing in it hidden: what a terminal would obey or not show stands there as its code."""

import re

from hivetui.widgets.lines import Piece, clean

_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u115f\u1160\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\u3164\ufeff"
    "\uffa0\ufff9-\ufffb\U000e0000-\U000e007f]"
)
"""Controls, escapes, direction marks, and what is as wide as nothing. Tabs and line ends are shown as such."""
_ESCAPE = re.compile("[\x1b\x9b]")
_CONTROL = re.compile("[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9a\x9c-\x9f]")
_GAP = re.compile(r"(?<=\S)[ \t]{12,}(?=\S)")
_MIXED = re.compile(
    r"[a-zA-Z][\u0370-\u052f\u0530-\u058f\u13a0-\u13ff]|[\u0370-\u052f\u0530-\u058f\u13a0-\u13ff][a-zA-Z]"
)
"""Latin letters beside Greek, Cyrillic, Armenian or Cherokee ones, which may look the same."""
NAMES = {"\x1b": "\\e", "\r": "\\r", "\0": "\\0"}


def visible(text: str, tone: str = "text") -> list[Piece]:
    """The text in that tone; what is hidden in it as a code that stands out."""
    if text.isascii() and (text.isprintable() or not _HIDDEN.search(text)):
        return [(clean(text), tone)] if text else []
    pieces: list[Piece] = []
    at = 0
    for found in _HIDDEN.finditer(text):
        if found.start() > at:
            pieces.append((clean(text[at : found.start()]), tone))
        pieces.append((code_of(found[0]), "bad-strong"))
        at = found.end()
    if at < len(text):
        pieces.append((clean(text[at:]), tone))
    return pieces


def code_of(character: str) -> str:
    """`\\e`, `\\x07`, `\\u202e`."""
    number = ord(character)
    if character in NAMES:
        return NAMES[character]
    return f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}" if number < 65_536 else f"\\U{number:08x}"


def unusual(command: str) -> list[str]:
    """What one could overlook in a command, each in a few words."""
    said: list[str] = []
    if (lines := len(command.strip().split("\n"))) > 1:
        said.append(f"{lines} lines")
    if _ESCAPE.search(command):
        said.append("terminal escapes")
    if _CONTROL.search(command):
        said.append("control characters")
    if any(not _ESCAPE.match(one) and not _CONTROL.match(one) for one in _HIDDEN.findall(command)):
        said.append("hidden characters")
    if _GAP.search(command):
        said.append("a long gap")
    if _MIXED.search(command):
        said.append("letters that look alike")
    return said


def typed_json(text: str) -> str:
    """JSON for a text area: what is hidden in its strings as JSON's own escapes."""
    return _HIDDEN.sub(lambda found: _escaped(found[0]), text)


def _escaped(character: str) -> str:
    units = character.encode("utf-16-be")
    return "".join(f"\\u{int.from_bytes(units[at : at + 2], 'big'):04x}" for at in range(0, len(units), 2))
