"""Text for the screen: pieces with a tone, wrapped by hand into lines. Agent text is cleaned here and is never markup."""

import re
from collections.abc import Iterable, Sequence

from rich.cells import cell_len, chop_cells

Piece = tuple[str, str]
"""Text and its tone, a key of `theme.TONES`."""
Line = tuple[Piece, ...]

_ESCAPES = re.compile(
    "\x1b(?:\\[[0-?]*[ -/]*[@-~]|[\\]PX^_][^\x07\x1b]{0,4096}(?:\x07|\x1b\\\\)?|[ -/]*[0-~])|\x9b[0-?]*[ -/]*[@-~]"
)
_CONTROLS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u061c\u202a-\u202e\u2028\u2029\u2066-\u2069\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
_STACKED = re.compile(
    "([\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]{2})[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]+"
)
_JOINERS = re.compile(
    "[\\xad\\u200b\\u2060-\\u2064\\ufe00-\\ufe0f\\U0001f3fb-\\U0001f3ff]|(?<=[\\u2190-\\U0010ffff])\\u200d"
)
"""What terminals disagree about the width of: joiners and variants of emoji. Scripts keep their joiners."""
_FLAGS = {0x1F1E6 + at: chr(ord("A") + at) for at in range(26)}
"""Flags as their two letters, for the same reason."""
_WORDS = re.compile(r" +|[^ ]+")
TAB = "    "


def clean(text: str) -> str:
    """Without terminal escapes, control and direction characters; tabs as spaces, line ends as newlines."""
    if text.isascii() and text.isprintable():
        return text
    text = text.replace("\r\n", "\n").replace("\t", TAB)
    if "\x1b" in text or "\x9b" in text:
        text = _ESCAPES.sub("", text)
    text = _CONTROLS.sub("", text)
    return text if text.isascii() else _STACKED.sub(r"\1", _JOINERS.sub("", text).translate(_FLAGS))


def one_line(text: str, most: int = 400) -> str:
    """Cleaned, on one line, at most so many characters."""
    text = clean(text[: most * 4])
    text = " ".join(text.split())
    return text if len(text) <= most else text[: most - 1] + "…"


def thousands(count: int) -> str:
    """`812`, `31k`, `1.2M`."""
    if count < 1000:
        return str(count)
    return f"{round(count / 1000)}k" if count < 999_500 else f"{count / 1_000_000:.1f}M".replace(".0M", "M")


def dollars(usd: float, *, estimated: bool = False) -> str:
    """`$1.84`; `~$1.84` where it is an estimate; what is less than a cent is not nothing: `$0.004`."""
    said = f"{usd:.2f}" if usd >= 0.01 or usd == 0 else f"{usd:.3f}" if usd >= 0.001 else "0.001"
    sign = "<" if 0 < usd < 0.001 else ""
    return f"{sign}{'~' if estimated else ''}${said}"


def cells(line: Iterable[Piece]) -> int:
    return sum(len(text) if text.isascii() else cell_len(text) for text, _ in line)


def plain(line: Iterable[Piece]) -> str:
    return "".join(text for text, _ in line)


def cropped(line: Iterable[Piece], width: int) -> Line:
    """At most `width` cells, with an ellipsis where something is missing."""
    line = tuple(line)
    if cells(line) <= width:
        return line
    if width < 1:
        return ()
    kept: list[Piece] = []
    left = width - 1
    tone = ""
    for text, tone in line:
        wide = cells(((text, tone),))
        if wide > left:
            piece = chop_cells(text, left)[0] if left else ""
            if cell_len(piece) <= left and piece:
                kept.append((piece, tone))
            break
        kept.append((text, tone))
        left -= wide
    kept.append(("…", tone))
    return tuple(kept)


def justified(left: Iterable[Piece], right: Iterable[Piece], width: int) -> Line:
    """`left` and `right` at the two ends of a line; the left one gives way."""
    right = cropped(right, width)
    room = width - cells(right)
    left = cropped(left, max(0, room - 1) if right else room)
    return (*left, (" " * (room - cells(left)), ""), *right)


def wrapped(
    body: Sequence[Piece], width: int, lead: Line = (), hang: int | None = None, hang_tone: str = ""
) -> list[Line]:
    """The pieces as lines of at most `width` cells: `lead` before the first, `hang` spaces before the others.

    Breaks at spaces, and inside a word only where the word alone is too long. Newlines in a piece end a line.
    """
    if hang is None:
        hang = cells(lead)
    hang = min(hang, max(0, width - 8))
    indent: Line = ((" " * hang, hang_tone),) if hang else ()
    out: list[Line] = []
    for row in _rows(body):
        start = lead if not out else indent
        if cells(start) + cells(row) <= width:
            out.append((*start, *row))
            continue
        _wrap_row(row, width, start, indent, out)
    return out


def _rows(body: Sequence[Piece]) -> list[list[Piece]]:
    rows: list[list[Piece]] = [[]]
    for text, tone in body:
        if "\n" not in text:
            if text:
                rows[-1].append((text, tone))
            continue
        first, *others = text.split("\n")
        if first:
            rows[-1].append((first, tone))
        for other in others:
            rows.append([(other, tone)] if other else [])
    return rows


def _wrap_row(row: list[Piece], width: int, start: Line, indent: Line, out: list[Line]) -> None:
    line: list[Piece] = list(start)
    used, fresh = cells(start), True
    for word in _joined_words(row):
        wide = cells(word)
        blank = word[0][0].isspace()
        if used + wide <= width:
            line.extend(word)
            used += wide
            fresh = fresh and blank
            continue
        if blank:
            continue
        if not fresh:
            out.append(_trimmed(line))
            line, used, fresh = list(indent), cells(indent), True
        for text, tone in word:
            for part in _chopped(text, width - used, width - cells(indent)):
                if used + cell_len(part) > width:
                    out.append(tuple(line))
                    line, used = list(indent), cells(indent)
                line.append((part, tone))
                used += cell_len(part)
                fresh = False
    out.append(_trimmed(line))


def _joined_words(row: list[Piece]) -> list[list[Piece]]:
    """Words and runs of spaces; a word may span pieces of different tones."""
    words: list[list[Piece]] = []
    open_word = False
    for text, tone in row:
        for part in _WORDS.findall(text):
            blank = part[0] == " "
            if open_word and not blank:
                words[-1].append((part, tone))
            else:
                words.append([(part, tone)])
            open_word = not blank
    return words


def _chopped(text: str, first: int, width: int) -> list[str]:
    """A long word in parts that fit: the first into what is left of a line."""
    if cell_len(text) <= first:
        return [text]
    width = max(2, width)
    if text.isascii():
        cuts = [text[:first]] if first > 0 else []
        rest = text[max(0, first) :]
        return cuts + [rest[at : at + width] for at in range(0, len(rest), width)]
    return chop_cells(text, width)


def _trimmed(line: list[Piece]) -> Line:
    while len(line) > 1 and line[-1][0].isspace():
        line.pop()
    return tuple(line)
