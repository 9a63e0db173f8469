"""A row of a diff as a line: in one column or side by side, readable without colour, with what was searched for marked. Pure."""

from rich.cells import cell_len

from hivetui.state.diff_lines import Side
from hivetui.state.diff_text import FileFacts, Ranges
from hivetui.state.diff_words import plain as fit
from hivetui.state.diffs import Row
from hivetui.widgets.lines import Line, Piece, cells, cropped

LEAST_DIGITS = 3
SIGNS = {"same": " ", "removed": "−", "added": "+"}
TONES = {"same": "text", "removed": "bad", "added": "good"}
WORD_TONES = {"same": "text", "removed": "bad-word", "added": "good-word"}
NO_END = " (no newline at its end)"


def row_line(
    row: Row,
    counts: tuple[int, int] | None,
    width: int,
    *,
    sides: bool,
    skip: int = 0,
    wanted: str = "",
    digits: int = 0,
) -> Line:
    """At most `width` cells. `counts`: lines added and removed, of a file's head; `skip`: cells of a text left out at its left;
    `wanted`: what is searched for; `digits`: of the largest line number."""
    digits = max(LEAST_DIGITS, digits)
    match row.kind:
        case "file":
            return file_line(row.facts or FileFacts(""), counts, width)
        case "hunk":
            return hunk_line(row.ranges, row.heading, width, digits)
        case "other":
            side = row.new or row.old
            pieces = _text(side, wanted) if side is not None else []
            return cropped(
                _dropped([("  ", ""), *((text, "dim" if tone == "text" else tone) for text, tone in pieces)], 0), width
            )
    if not sides:
        return cropped(_single(row, width, digits, skip, wanted), width)
    half = (width - 1) // 2
    left = _half(row.old, half, digits, skip, wanted)
    right = _half(row.new, width - half - 1, digits, skip, wanted)
    return cropped([*left, (" " * (half - cells(left)), ""), ("│", "faint"), *right], width)


def file_line(facts: FileFacts, counts: tuple[int, int] | None, width: int) -> Line:
    """`── prompt.md · renamed from p.md · +2 −1 ────`."""
    line: list[Piece] = [("── ", "faint"), (fit(facts.path) or "?", "strong")]
    if facts.status != "changed":
        line.append((f" {facts.status}", {"added": "good", "deleted": "bad"}.get(facts.status, "soft")))
    if facts.old_path:
        line.append((f" from {fit(facts.old_path)}", "soft"))
    if facts.modes:
        line.append((f" mode {fit(facts.modes[0])} → {fit(facts.modes[1])}", "wait"))
    if facts.binary:
        line.append((" binary", "soft"))
    elif counts is not None:
        line += [(f" +{counts[0]}", "good"), (f" −{counts[1]}", "bad")]
    line = list(cropped([*line, (" ", "")], width))
    return (*line, ("─" * max(0, width - cells(line)), "faint"))


def hunk_line(ranges: Ranges | None, heading: str, width: int, digits: int) -> Line:
    if ranges is None:
        return cropped([(" " * digits, ""), (f" {heading}", "dim")], width)
    return cropped(
        [("·" * digits, "faint"), (f" line {ranges.new}", "dim"), (f"  {heading}" if heading else "", "soft")], width
    )


def _single(row: Row, width: int, digits: int, skip: int, wanted: str) -> Line:
    side = row.new if row.new is not None else row.old
    assert side is not None
    old = row.old.number if row.old is not None else None
    new = row.new.number if row.new is not None else None
    lead: list[Piece] = [
        (f"{old if old is not None else '':>{digits}} {new if new is not None else '':>{digits}} ", "faint"),
        (f"{SIGNS[side.tone]} ", TONES[side.tone]),
    ]
    return (*lead, *cropped(_dropped(_text(side, wanted), skip), max(0, width - cells(lead))))


def _half(side: Side | None, width: int, digits: int, skip: int, wanted: str) -> Line:
    if side is None:
        return ((" " * digits, ""),) if width >= digits else ()
    lead: list[Piece] = [
        (f"{side.number if side.number is not None else '':>{digits}} ", "faint"),
        (f"{SIGNS[side.tone]} ", TONES[side.tone]),
    ]
    return (*lead, *cropped(_dropped(_text(side, wanted), skip), max(0, width - cells(lead))))


def _text(side: Side, wanted: str) -> list[Piece]:
    tones = {"": TONES[side.tone], "word": WORD_TONES[side.tone], "code": "bad-strong"}
    pieces: list[Piece] = [(text, tones[mark]) for text, mark in side.spans]
    if wanted:
        pieces = found_in(pieces, wanted)
    return [*pieces, (NO_END, "dim")] if side.unended else pieces


def found_in(pieces: list[Piece], wanted: str) -> list[Piece]:
    """With the places that hold those words marked; capitals count where `wanted` has any."""
    whole = "".join(text for text, _ in pieces)
    searched = whole if wanted != wanted.lower() else whole.lower()
    if len(searched) != len(whole) or wanted not in searched:
        return pieces
    marks: list[tuple[int, int]] = []
    at = searched.find(wanted)
    while at >= 0:
        marks.append((at, at + len(wanted)))
        at = searched.find(wanted, at + len(wanted))
    out: list[Piece] = []
    begin = 0
    for text, tone in pieces:
        place, end = begin, begin + len(text)
        for low, high in marks:
            low, high = max(low, place), min(high, end)
            if low < high:
                out += [(whole[place:low], tone), (whole[low:high], "found")]
                place = high
        out.append((whole[place:end], tone))
        begin = end
    return [piece for piece in out if piece[0]]


def _dropped(pieces: list[Piece], skip: int) -> list[Piece]:
    """Without that many cells at the left."""
    out: list[Piece] = []
    for text, tone in pieces:
        wide = cell_len(text)
        if skip >= wide:
            skip -= wide
            continue
        while skip > 0 and text:
            skip -= cell_len(text[0])
            text = text[1:]
        out.append((text, tone))
    return out
