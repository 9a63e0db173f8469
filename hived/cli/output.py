"""What the `hive` command prints: aligned columns for people, JSON for programs. Agent text is hostile until it is cleaned."""

import json
import os
import re
import sys
from collections.abc import Iterable, Sequence
from typing import Any

_SEQUENCES = re.compile(
    "(?:\x1b\\[|\x9b)[0-?]*[ -/]*[@-~]"  # CSI: colours, cursor, modes
    "|(?:\x1b[\\]PX^_]|[\x90\x98\x9d\x9e\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\\\|\x9c)"  # OSC, DCS and their like, with their text
    "|\x1b[ -/]*[0-~]"  # any other escape
)
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
"""What a terminal would act on, or what would show text in another order than it has. Tab and newline stay."""
_UNSEEN = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0" + "".join(map(chr, range(0xFE00, 0xFE10))))
"""Printable, as Unicode has it, and yet blank."""

LEAST_CUT = 8
"""No column is cut to less."""
COLOURS = {"red": 31, "green": 32, "yellow": 33, "blue": 34, "cyan": 36, "dim": 2, "bold": 1}


def clean(text: str) -> str:
    """Text that a terminal only shows: escape sequences dropped, other controls written out as `\\x..`."""
    return _CONTROLS.sub(lambda found: _written_out(found.group()), _SEQUENCES.sub("", text.replace("\r\n", "\n")))


def exact(text: str) -> str:
    """Text of which nothing is dropped and nothing is invisible: for what is decided on. Line breaks alone stay."""
    if text.isascii() and text.replace("\n", "").isprintable():
        return text
    return "".join(char if _shows(char) else f"\\u{ord(char):04x}" for char in text)


def _shows(char: str) -> bool:
    return char == "\n" or (char.isprintable() and char not in _UNSEEN)


def line(text: str, most: int = 0) -> str:
    """Cleaned, on one line, at most that many characters (0: any number)."""
    plain = text.isascii() and text.isprintable()
    flat = " ".join((text if plain else clean(text)).split())
    return flat if not most or len(flat) <= most else flat[: most - 1] + "…"


def short_id(text: str) -> str:
    """An id as lists show it: long enough to be unique among ids of the same second."""
    return text[:18] if len(text) > 18 else text


def print_json(document: Any) -> None:
    """One document on one line; everything outside ASCII is escaped, so no terminal acts on it."""
    print(json.dumps(document), flush=True)


def print_rows(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Aligned columns, on a terminal no wider than it is. Nothing where there are no rows."""
    table = [tuple(line(cell) for cell in row) for row in rows]
    if not table:
        return
    first, *others = laid_out(header, table, terminal_columns())
    print(colour(first, "dim"))
    for row in others:
        print(row)


def laid_out(header: Sequence[str], rows: Sequence[Sequence[str]], columns: int) -> list[str]:
    """The header and each row, aligned, the last column as long as it is.

    With a number of columns none is wider: what is empty all the way down goes, the widest are cut, and a last cell without
    room stands below its row.
    """
    kept = list(range(len(header)))
    widths = [max(len(row[index]) for row in (header, *rows)) for index in kept]
    if not columns or sum(widths) + 2 * (len(kept) - 1) <= columns:
        return [_aligned(row, widths) for row in (header, *rows)]
    kept = [index for index in kept if index == kept[-1] or any(row[index] for row in rows)]
    widths = [widths[index] for index in kept]
    while sum(widths[:-1]) + 2 * (len(kept) - 2) > columns and max(widths[1:-1], default=0) > LEAST_CUT:
        widths[widths.index(max(widths[1:-1]), 1)] -= 1
    lines: list[str] = []
    for row in (header, *rows):
        *cells, last = (row[index] for index in kept)
        cut = [line(cell, width) for cell, width in zip(cells, widths, strict=False)]
        whole = _aligned([*cut, last], widths)
        if len(whole) <= columns:
            lines.append(whole)
        elif row is header:
            lines.append(_aligned([*cut, ""], widths))
        else:
            lines += [_aligned([*cut, ""], widths), *below(last, columns)]
    return lines


def below(text: str, columns: int) -> list[str]:
    """That text in lines of at most so many columns, broken at spaces where there are some, four spaces in."""
    room, lines = max(8, columns - 4), []
    while text:
        at = text.rfind(" ", 0, room + 1) if len(text) > room else len(text)
        at = at if at > 0 else room
        lines.append(f"    {text[:at]}")
        text = text[at:].lstrip()
    return lines


def terminal_columns() -> int:
    """Of the terminal; 0: it is none, and nothing is cut."""
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns if sys.stdout.isatty() else 0
    except (OSError, ValueError):
        return 0


def print_facts(facts: Iterable[tuple[str, object]]) -> None:
    """`name  value` a line; facts without a value are left out."""
    known = [(name, clean(str(value))) for name, value in facts if value not in (None, "", [])]
    width = max((len(name) for name, _ in known), default=0)
    for name, value in known:
        print(f"{colour(name.ljust(width), 'dim')}  {value}")


def colour(text: str, name: str) -> str:
    """The text in that colour, on a terminal that is to have colours."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" or not sys.stdout.isatty():
        return text
    return f"\x1b[{COLOURS[name]}m{text}\x1b[0m"


def link(url: str) -> str:
    """The address as plain text; on a terminal also as a link that can be clicked (OSC 8), however it is broken up."""
    shown = line(url)
    plain = shown.isascii() and " " not in shown and shown.startswith(("https://", "http://"))
    if not plain or os.environ.get("TERM") == "dumb" or not sys.stdout.isatty():
        return shown
    return f"\x1b]8;;{shown}\x1b\\{shown}\x1b]8;;\x1b\\"


def say(agent: dict[str, Any], sentence: str, as_json: bool) -> int:
    """What a command did to one agent: its view, or a sentence that begins with its name. The exit code 0."""
    if as_json:
        print_json(agent)
    else:
        print(f"{agent['name']}: {sentence}")
    return 0


def note(text: str) -> None:
    """Something to know, on stderr, so that stdout holds results alone."""
    print(clean(text), file=sys.stderr, flush=True)


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = [cell.ljust(width) for cell, width in zip(row[:-1], widths, strict=False)]
    return "  ".join([*cells, row[-1]]).rstrip()


def _written_out(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"
