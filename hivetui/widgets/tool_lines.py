"""A tool call in one line, per tool: `Read path`, `$ command`, `Edit path +3 −1`, `send → operator`. Input is hostile."""

import json
from typing import Any

from hivetui.widgets.lines import Piece, clean, one_line

PREFIXES = ("mcp__hive__", "mcp__hive-tools__", "hive__", "mcp__acp__")
"""Of servers whose tools go by their own names: the hive's, and those that an ACP client lends."""
SHELLS = frozenset({"Bash", "shell", "bash", "sh", "run"})
OTHER_NAMES = {"read": "Read", "write": "Write", "edit": "Edit", "grep": "Grep", "glob": "Glob"}
"""What api's own tools and ACP's kinds of tools are the same as."""
EDITS = ("Edit", "MultiEdit", "NotebookEdit")
PATHS = ("file_path", "path", "filePath", "notebook_path")
DIFF_LINES = 4
"""Lines of an edit that are shown folded."""
MOST_DETAIL_LINES = 400


def tool_name(tool: str) -> str:
    """`mcp__github__search` as `github·search`; a hive tool by its own name."""
    for prefix in PREFIXES:
        if tool.startswith(prefix):
            return one_line(tool.removeprefix(prefix), 60)
    if tool.startswith("mcp__"):
        return one_line("·".join(part for part in tool.removeprefix("mcp__").split("__") if part), 60)
    return one_line(tool, 60) or "tool"


def is_folded(tool: str) -> bool:
    """Nothing of what lies behind its one line is shown until it is opened."""
    name = tool_name(tool)
    return name in SHELLS or OTHER_NAMES.get(name, name) == "Write"


def tool_line(tool: str, given: object) -> list[Piece]:
    """What the tool is asked to do, in one line."""
    use: dict[str, Any] = given if isinstance(given, dict) else {}
    shown = tool_name(tool)
    name = OTHER_NAMES.get(shown, shown)
    command = command_of(shown, use)
    if command and (shown in SHELLS or (name == "Read" and _text(use, *PATHS) is None)):
        first, *others = clean(command).strip().split("\n")
        more: list[Piece] = [(f" … {len(others)} more line{'' if len(others) == 1 else 's'}", "dim")] if others else []
        return [("$ ", "strong"), (first, "text"), *more]
    if name in ("Read", "NotebookRead", "View") and (path := _text(use, *PATHS, "title")):
        where = f" from line {use['offset']}" if isinstance(use.get("offset"), int) else ""
        return [("Read ", "strong"), (one_line(path), "text"), (where, "dim")]
    if name in EDITS and (path := _text(use, *PATHS)):
        added, removed = edit_size(use)
        every = " everywhere" if use.get("replace_all") is True else ""
        return [
            ("Edit ", "strong"), (one_line(path), "text"), (f" +{added}", "good"), (f" −{removed}", "bad"), (every, "dim"),
        ]  # fmt: skip
    if name in EDITS and (title := _text(use, "title")):
        return [("Edit ", "strong"), (one_line(title), "text")]
    if name == "Write" and (path := _text(use, *PATHS)):
        lines = len((_text(use, "content", "text") or "").splitlines())
        return [("Write ", "strong"), (one_line(path), "text"), (f" {lines} line{'' if lines == 1 else 's'}", "dim")]
    if name in ("Grep", "Glob", "search") and (pattern := _text(use, "pattern", "query")):
        where = _text(use, "path", "glob") or ""
        return [(f"{name} ", "strong"), (one_line(pattern), "text"), (f" in {one_line(where)}" if where else "", "dim")]
    if name == "send" and (to := _text(use, "to", "recipient")):
        return [("send ", "strong"), ("→ ", "dim"), (one_line(to, 40), "text")]
    if name == "request_spawn":
        parts = [str(use[key]) for key in ("model", "engine") if use.get(key)]
        return [("request_spawn ", "strong"), (one_line(str(use.get("name", ""))), "text"), (_dotted(parts), "dim")]
    if name in ("WebFetch", "WebSearch") and (what := _text(use, "url", "query")):
        return [(f"{name} ", "strong"), (one_line(what), "text")]
    if name in ("Task", "Agent") and (what := _text(use, "description", "prompt")):
        return [(f"{name} ", "strong"), (one_line(what), "text")]
    if name == "TodoWrite" and isinstance(use.get("todos"), list):
        return [("TodoWrite ", "strong"), (f"{len(use['todos'])} items", "dim")]
    return [(name, "strong"), (_arguments(given), "dim")]


def edit_size(use: dict[str, Any]) -> tuple[int, int]:
    """Lines that an edit adds and removes, counted on its two texts without what they share at both ends."""
    changed = _edit_lines(use)
    return sum(tone == "good" for _, tone in changed), sum(tone == "bad" for _, tone in changed)


def detail_lines(tool: str, given: object) -> list[Piece]:
    """What lies behind the one line: an edit's changed lines, the rest of a command, all of an input."""
    use: dict[str, Any] = given if isinstance(given, dict) else {}
    shown = tool_name(tool)
    name = OTHER_NAMES.get(shown, shown)
    lines: list[Piece] = []
    if name in EDITS:
        lines = _edit_lines(use)
    elif shown in SHELLS:
        lines = [(line, "text") for line in clean(command_of(shown, use) or "").strip().split("\n")[1:]]
    elif name == "Write":
        lines = [(f"+ {line}", "good") for line in clean(_text(use, "content", "text") or "").split("\n")]
    return lines[:MOST_DETAIL_LINES]


def command_of(name: str, use: dict[str, Any]) -> str | None:
    """What is run; some agents give it as a call's title alone."""
    return _text(use, "command", "cmd") or (_text(use, "title") if name in SHELLS else None)


def _edit_lines(use: dict[str, Any]) -> list[Piece]:
    """The lines that go and come, each with its sign; of a diff those that it says."""
    lines: list[Piece] = []
    for old, new in edits_of(use):
        gone, come = _changed(old, new)
        lines += [(f"− {line}", "bad") for line in gone] + [(f"+ {line}", "good") for line in come]
    for line in clean(_text(use, "diff") or "").split("\n") if not lines else ():
        if line.startswith(("+", "-")) and not line.startswith(("+++ ", "--- ")):
            lines.append((f"+ {line[1:]}", "good") if line.startswith("+") else (f"− {line[1:]}", "bad"))
    return lines


def edits_of(use: dict[str, Any]) -> list[tuple[str, str]]:
    """What each edit of an input replaces, and by what."""
    edits = use.get("edits")
    found = [edit for edit in edits if isinstance(edit, dict)] if isinstance(edits, list) else [use]
    return [(str(e.get("old_string") or ""), str(e.get("new_string") or e.get("new_source") or "")) for e in found]


def _changed(old: str, new: str) -> tuple[list[str], list[str]]:
    gone, come = clean(old).split("\n") if old else [], clean(new).split("\n") if new else []
    while gone and come and gone[0] == come[0]:
        gone, come = gone[1:], come[1:]
    while gone and come and gone[-1] == come[-1]:
        gone, come = gone[:-1], come[:-1]
    return gone, come


def _text(use: dict[str, Any], *keys: str) -> str | None:
    return next((value for key in keys if isinstance(value := use.get(key), str) and value), None)


def _dotted(parts: list[str]) -> str:
    return "".join(f" · {one_line(part, 40)}" for part in parts)


def _arguments(given: object) -> str:
    if given in (None, {}, ""):
        return ""
    if isinstance(given, dict) and len(given) == 1 and isinstance(value := next(iter(given.values())), str):
        return f" {one_line(value, 160)}"
    return f" {one_line(given if isinstance(given, str) else json.dumps(given, ensure_ascii=False, default=str), 160)}"
