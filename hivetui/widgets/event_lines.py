"""One event as lines: words for what happened, folded where it is long. Pure; all of an event's text is hostile."""

from typing import Any

from hivetui.state.clock import hour
from hivetui.state.transcript import Entry, Transcript
from hivetui.widgets.change_lines import change_lines, compaction_ends, figures_of, upkeep_starts
from hivetui.widgets.lines import Line, Piece, clean, cropped, one_line, wrapped
from hivetui.widgets.markdown import markdown_lines
from hivetui.widgets.tool_lines import DIFF_LINES, detail_lines, is_folded, tool_line, tool_name

FOLD_CHARACTERS = 120
"""A result longer than this is folded to its first line."""
MOST_CHARACTERS = 64 * 1024
"""Of one event, on the screen; the rest is in the journal."""
THINKING_LINES = 3
SILENT = frozenset({"token_usage_changed"})
BETWEEN_TURNS = SILENT | {
    "turn_state_changed", "status_changed", "model_changed", "session_changed", "login_changed", "note",
}  # fmt: skip

ESTIMATE = 2
"""Lines that an event which is not loaded is taken to have."""

OUTCOME_TONES = {"ok": "dim", "cancelled": "dim"}


def event_lines(entry: Entry, transcript: Transcript, width: int) -> list[Line]:
    """The event's lines, each at most `width` cells; none where there is nothing to say."""
    payload = entry.payload
    match entry.kind:
        case "text":
            return _text(entry, transcript, width)
        case "thinking":
            return _thinking(entry, transcript, width)
        case "tool_use":
            return _tool_use(entry, transcript, width)
        case "tool_result":
            return _tool_result(entry, transcript, width)
        case "message_in" | "message_out":
            return [*_gap(entry, transcript), *_message(entry, transcript, width)]
        case "turn_start":
            return [*_gap(entry, transcript), *upkeep_starts(entry, transcript, width)]
        case "turn_end":
            if transcript.upkeep.get(str(payload.get("turn_id"))) == "compact":
                return compaction_ends(entry, transcript, width)
            return _turn_end(entry, transcript, width)
        case "note":
            level = str(payload.get("level") or "info")
            tone = {"error": "bad", "warning": "wait"}.get(level, "dim")
            said = level if level != "info" else "note"
            return wrapped([(_cut(payload.get("text")), tone)], width, ((f"{said} ", f"{tone}"),), 2)
        case "permission_asked":
            return _asked(entry, transcript, width)
        case "permission_decided":
            return _decided(payload, width)
        case kind if kind in SILENT:
            return []
        case _:
            return change_lines(entry, transcript, width)


def _text(entry: Entry, transcript: Transcript, width: int) -> list[Line]:
    """Marked at its beginning; text that follows text goes on under the same mark."""
    text = _cut(entry.payload.get("text"))
    if not text.strip():
        return [()]
    before = transcript.get(entry.id - 1)
    goes_on = before is not None and before.kind == "text"
    return markdown_lines(text, width, (("  ", ""),) if goes_on else (("• ", "soft"),))


def _gap(entry: Entry, transcript: Transcript) -> list[Line]:
    """An empty line where a turn has ended before."""
    for id in range(entry.id - 1, max(entry.id - 8, transcript.first_id - 1), -1):
        before = transcript.get(id)
        if before is None or before.kind not in BETWEEN_TURNS:
            return [()] if before is not None and before.kind == "turn_end" else []
    return []


def tail_lines(text: str, kind: str, width: int) -> list[Line]:
    """The text now streaming, plain."""
    tone = "dim" if kind == "thinking" else "text"
    return wrapped([(clean(text), tone)], width, (("• ", "accent"),)) if text else []


def foldable(entry: Entry, transcript: Transcript, width: int) -> bool:
    """Folding or unfolding it makes a difference."""
    if entry.kind not in ("tool_result", "tool_use", "thinking"):
        return False
    opened = entry.id in transcript.unfolded
    return opened or any("unfold" in text for line in event_lines(entry, transcript, width) for text, _ in line)


def _thinking(entry: Entry, transcript: Transcript, width: int) -> list[Line]:
    text = _cut(entry.payload.get("text")).strip()
    if entry.payload.get("hidden") or not text:
        return [(("· thinking", "dim"), (" (its text is hidden)", "faint"))]
    lines = wrapped([(text, "dim")], width, (("· ", "dim"),))
    if entry.id in transcript.unfolded or len(lines) <= THINKING_LINES + 1:
        return lines
    return [*lines[:THINKING_LINES], _more(len(lines) - THINKING_LINES, "thought")]


def _tool_use(entry: Entry, transcript: Transcript, width: int) -> list[Line]:
    tool, given = str(entry.payload.get("tool") or ""), entry.payload.get("input")
    error = transcript.results.get(str(entry.payload.get("tool_use_id")))
    mark = {None: ("◦ ", "accent"), False: ("✓ ", "good"), True: ("✗ ", "bad")}[error]
    lines = wrapped(tool_line(tool, given), width, (mark,))
    behind = detail_lines(tool, given)
    opened = entry.id in transcript.unfolded
    if is_folded(tool) and not opened:
        return lines
    shown = behind if opened else behind[:DIFF_LINES]
    for text, tone in shown:
        if opened:
            lines += wrapped([(text, tone)], width, (("  ", ""),), 4)
        else:
            lines.append(cropped((("  ", ""), (text, tone)), width))
    if len(behind) > len(shown):
        lines.append(_more(len(behind) - len(shown)))
    return lines


def _tool_result(entry: Entry, transcript: Transcript, width: int) -> list[Line]:
    failed = bool(entry.payload.get("is_error"))
    text = clean(_cut(entry.payload.get("text"))).strip("\n").rstrip()
    if not failed and tool_name(str(entry.payload.get("tool") or "")) == "send":
        return []
    tone = "bad" if failed else "dim"
    start: list[Piece] = [("error ", "bad-strong")] if failed else []
    use = transcript.use_of(entry)
    if use is None or not _follows(entry, use, transcript):
        name = tool_name(str(entry.payload.get("tool") or (use.payload.get("tool") if use else "") or ""))
        start = [(f"{name} ", "soft"), *start]
    if not text:
        return wrapped(start, width, (("  ", ""),)) if start else []
    if entry.id in transcript.unfolded or len(text) <= FOLD_CHARACTERS:
        return wrapped([*start, (text, tone)], width, (("  ", ""),))
    rows = text.split("\n")
    first = next((row for row in rows if any(map(str.isalnum, row))), rows[0])
    line = cropped((("  ", ""), *start, (first.strip()[:FOLD_CHARACTERS], tone)), width)
    if len(rows) > 1:
        return [line, _more(len(rows) - 1)]
    return [line, _more(len(text), "character")]


def _follows(result: Entry, use: Entry, transcript: Transcript) -> bool:
    """Nothing that shows stands between a use and its result."""
    between = (transcript.get(id) for id in range(use.id + 1, result.id))
    return result.id - use.id <= 8 and not any(
        entry is not None and entry.kind not in (*SILENT, "message_out", "permission_decided") for entry in between
    )


def _message(entry: Entry, transcript: Transcript, width: int) -> list[Line]:
    payload = entry.payload
    came = entry.kind == "message_in"
    who = one_line(str(payload.get("from" if came else "to") or "?"), 40)
    again: list[Piece] = [("again ", "wait")] if payload.get("redelivered") else []
    now: list[Piece] = [("now ", "soft")] if payload.get("steered") else []
    lead: Line = (
        (f"{hour(entry.ts, transcript.zone)} ", "dim"),
        ("◂ " if came else "▸ ", "soft"),
        (f"{who} ", "strong"),
        *again,
        *now,
    )
    return wrapped([(clean(_cut(payload.get("body"))), "text")], width, lead, 2)


def _turn_end(entry: Entry, transcript: Transcript, width: int) -> list[Line]:
    payload = entry.payload
    outcome = str(payload.get("outcome") or "?")
    tone = OUTCOME_TONES.get(outcome, "bad")
    facts = [outcome.replace("_", " "), *figures_of(payload)]
    what = transcript.upkeep.get(str(payload.get("turn_id")), "turn")
    lines = wrapped(
        [(f"{what} · {' · '.join(facts)}", tone)], width, ((f"{hour(entry.ts, transcript.zone)} ", "dim"),), 2
    )
    if error := payload.get("error"):
        lines += wrapped([("error ", "bad-strong"), (clean(_cut(error)), "bad")], width, (("  ", ""),))
    return lines


def _asked(entry: Entry, transcript: Transcript, width: int) -> list[Line]:
    payload = entry.payload
    known = any(
        before.kind == "tool_use" and before.payload.get("input") == payload.get("input")
        for id in range(entry.id - 1, max(entry.id - 8, transcript.first_id - 1), -1)
        if (before := transcript.get(id)) is not None
    )
    what = tool_line(str(payload.get("tool") or ""), payload.get("input"))
    asked = [] if known else wrapped(what, width, (("▲ ", "wait"),))
    if str(payload.get("approval_id")) in transcript.decided:
        return asked
    lead: Line = (("▲ ", "wait"),) if known else (("  ", ""),)
    return [*asked, *wrapped([("waits on you · press w to decide", "wait")], width, lead)]


def _decided(payload: dict[str, Any], width: int) -> list[Line]:
    status = str(payload.get("status") or "decided")
    tone = "good" if status == "approved" else "bad"
    said: list[Piece] = [(one_line(status, 20), tone), (f" {tool_name(str(payload.get('tool') or ''))}", "dim")]
    if note := payload.get("note"):
        said.append((f" “{one_line(str(note))}”", "text"))
    return wrapped(said, width, (("▲ ", tone),))


def _more(count: int, noun: str = "line") -> Line:
    return (("  … ", "dim"), (f"{count:,} more {noun}{'' if count == 1 else 's'}", "dim"), (" · o unfolds", "faint"))


def _cut(text: object) -> str:
    said = text if isinstance(text, str) else "" if text is None else str(text)
    if len(said) <= MOST_CHARACTERS:
        return said
    return f"{said[:MOST_CHARACTERS]}\n… {len(said) - MOST_CHARACTERS:,} more characters are in the journal"
