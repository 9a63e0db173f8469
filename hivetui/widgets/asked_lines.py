"""All that a tool is asked to do, for a decision: the command with what is unusual in it, an edit as its diff, every other key."""

import difflib
import json
from typing import Any

from hivetui.widgets.lines import Piece, one_line, thousands
from hivetui.widgets.tool_lines import EDITS, OTHER_NAMES, PATHS, SHELLS, command_of, edits_of, tool_name
from hivetui.widgets.visible import unusual, visible

MOST_CHARACTERS = 32 * 1024
"""Of an input that is not shown whole."""
MOST_COMPARED = 128 * 1024
"""Characters of two texts that are compared line by line; longer ones go and come as a whole."""


def asked_lines(tool: str, given: object, *, whole: bool = False) -> list[Piece]:
    """Every key of the input, one after another; without `whole` at most `MOST_CHARACTERS`, and how much more there is."""
    pieces = whole_input(tool, given)
    if whole:
        return pieces
    kept: list[Piece] = []
    left = MOST_CHARACTERS
    for at, (text, tone) in enumerate(pieces):
        if len(text) > left:
            more = len(text) - left + sum(len(other) for other, _ in pieces[at + 1 :])
            return [
                *kept, (text[:left], tone), ("\n", ""), (f"… {thousands(more)} more characters, not shown: ", "bad-strong"),
                ("v", "key"), (" shows all of it", "bad"),
            ]  # fmt: skip
        kept.append((text, tone))
        left -= len(text)
    return kept


def whole_input(tool: str, given: object) -> list[Piece]:
    """Nothing left out; what shows best first."""
    use: dict[str, Any] = given if isinstance(given, dict) else {"input": given}
    name = tool_name(tool)
    kind = OTHER_NAMES.get(name, name)
    rows: list[list[Piece]] = []
    told: set[str] = set()
    if name in SHELLS and (command := command_of(name, use)):
        told |= {key for key in ("command", "cmd", "title") if use.get(key) == command}
        rows += _command(command)
    elif kind in EDITS and (texts := _texts(use)):
        told |= _path(kind, use, rows) | texts
        for old, new in edits_of(use):
            rows += _diff(old, new)
    elif kind == "Write" and isinstance(content := use.get("content"), str):
        told |= _path(kind, use, rows) | {"content"}
        rows += [[("+ ", "good"), *visible(line, "good")] for line in content.split("\n")]
    for key, value in use.items():
        if key not in told:
            text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=1, default=str)
            rows.append([(f"{one_line(str(key), 60)} ", "dim"), *visible(text)])
    pieces: list[Piece] = []
    for row in rows:
        pieces += [*row, ("\n", "")]
    return pieces[:-1]


def _command(command: str) -> list[list[Piece]]:
    """The command with its lines marked, and a warning of what one could overlook."""
    lines = command.split("\n")
    rows: list[list[Piece]] = []
    for at, line in enumerate(lines):
        lead: Piece = ("$ ", "strong") if at == 0 else ("  ", "")
        end: list[Piece] = [(" ↵", "faint")] if at + 1 < len(lines) else []
        rows.append([lead, *visible(line, "strong"), *end])
    if said := unusual(command):
        rows.append([("! ", "bad-strong"), (", ".join(said), "bad")])
    return rows


def _path(kind: str, use: dict[str, Any], rows: list[list[Piece]]) -> set[str]:
    key = next((key for key in PATHS if isinstance(use.get(key), str)), None)
    if key is None:
        return set()
    rows.append([(f"{kind} ", "strong"), *visible(use[key], "strong")])
    return {key}


def _diff(old: str, new: str) -> list[list[Piece]]:
    """What goes and what comes, with up to three lines around it."""
    if old == new:
        return [[("nothing changes: both texts are the same", "bad")], [("  ", ""), *visible(old, "dim")]]
    gone, come = old.split("\n") if old else [], new.split("\n") if new else []
    if len(old) + len(new) > MOST_COMPARED:
        return [
            *([("− ", "bad"), *visible(line, "bad")] for line in gone),
            *([("+ ", "good"), *visible(line, "good")] for line in come),
        ]
    rows: list[list[Piece]] = []
    for line in list(difflib.unified_diff(gone, come, lineterm="", n=3))[2:]:
        match line[:1]:
            case "+":
                rows.append([("+ ", "good"), *visible(line[1:], "good")])
            case "-":
                rows.append([("− ", "bad"), *visible(line[1:], "bad")])
            case "@":
                rows += [[("…", "faint")]] if rows else []
            case _:
                rows.append([("  ", ""), *visible(line[1:], "dim")])
    return rows


def _texts(use: dict[str, Any]) -> set[str]:
    """The keys that a diff shows all of: none where an edit says more than two texts."""
    edits = use.get("edits")
    if isinstance(edits, list):
        known = {"old_string", "new_string"}
        whole = all(
            isinstance(edit, dict) and edit.keys() <= known and all(_is_text(v) for v in edit.values())
            for edit in edits
        )
        return {"edits"} if whole and edits else set()
    return {key for key in ("old_string", "new_string", "new_source") if isinstance(use.get(key), str)}


def _is_text(value: object) -> bool:
    return isinstance(value, str)
