"""One event as a person reads it: text as text, each tool in its own way, long results folded. Everything is cleaned."""

import re
from typing import Any

from hived.cli.output import clean, colour, line
from hived.cli.times import clock

FOLD_AT = 120
"""A result longer than this is shown by its beginning and its length."""
MOST_SUMMARY = 160

_TOOL_LINES = {
    "Bash": "$ {command}",
    "bash": "$ {command}",
    "shell": "$ {command}",
    "Read": "Read {file_path}",
    "read": "Read {path}",
    "Write": "Write {file_path}",
    "write": "Write {path}",
    "Edit": "Edit {file_path}",
    "edit": "Edit {path}",
    "Grep": "Grep {pattern}",
    "grep": "Grep {pattern}",
    "Glob": "Glob {pattern}",
    "glob": "Glob {pattern}",
    "send": "send → {to}: {body}",
}


_NAMED = re.compile(r"\{(\w+)\}")


class _Given(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return ""


def tool_line(tool: str, given: object) -> str:
    """A tool call on one line: `$ ls`, `Read path`, `send → operator: …`, else the tool with what it was given."""
    if not isinstance(given, dict):
        return line(f"{tool} {given}")
    shape = _TOOL_LINES.get(tool.removeprefix("mcp__hive__").removeprefix("mcp__acp__"))
    if shape is not None and all(given.get(key) for key in _NAMED.findall(shape)[:1]):
        return line(shape.format_map(_Given(given)))
    facts = "  ".join(f"{key}={value}" for key, value in given.items())
    return line(f"{tool} {facts}")


def summary(event: dict[str, Any]) -> str:
    """An event on one line, without its kind."""
    payload = event["payload"]
    kind = event["kind"]
    if kind in ("text", "thinking", "note"):
        return line(str(payload.get("text", "")), MOST_SUMMARY)
    if kind == "tool_use":
        return line(tool_line(str(payload.get("tool", "")), payload.get("input")), MOST_SUMMARY)
    if kind == "tool_result":
        failed = "failed: " if payload.get("is_error") else ""
        return line(f"{payload.get('tool', '')} {failed}{payload.get('text', '')}", MOST_SUMMARY)
    if kind == "message_in":
        return line(f"{payload.get('from', '?')}: {payload.get('body', '')}", MOST_SUMMARY)
    if kind == "message_out":
        return line(f"→ {payload.get('to', '?')}: {payload.get('body', '')}", MOST_SUMMARY)
    if kind == "turn_end":
        took = f"{(payload.get('duration_ms') or 0) / 1000:.1f} s, {payload.get('tool_calls') or 0} tool calls"
        return line(f"{payload.get('outcome')} in {took} {payload.get('error') or ''}", MOST_SUMMARY)
    facts = ", ".join(f"{key} {value}" for key, value in payload.items() if value not in (None, "", [], {}))
    return line(facts, MOST_SUMMARY)


def rendered(event: dict[str, Any]) -> list[str]:
    """The lines of a transcript that this event gives; none for what only programs need."""
    payload, kind = event["payload"], event["kind"]
    if kind == "turn_start":
        wake = payload.get("wake") or {}
        parts = (str(part) for part in (wake.get("kind"), wake.get("from")) if part)
        woken = " from ".join(dict.fromkeys(parts))
        return ["", colour(line(f"── {clock(event['ts'])} turn: {woken}"), "dim")]
    if kind == "text":
        return clean(str(payload.get("text", ""))).split("\n")
    if kind == "thinking":
        text = "(thinks)" if payload.get("hidden") else str(payload.get("text", ""))
        return [colour(f"  {part}", "dim") for part in clean(text).split("\n")]
    if kind == "tool_use":
        return [colour(f"  {tool_line(str(payload.get('tool', '')), payload.get('input'))}", "cyan")]
    if kind == "tool_result":
        return _result(str(payload.get("text", "")), bool(payload.get("is_error")))
    if kind == "message_in":
        again = " (again)" if payload.get("redelivered") else ""
        return [
            colour(f"  {line(str(payload.get('from', '?')))}{again}: ", "bold") + line(str(payload.get("body", "")))
        ]
    if kind == "note":
        return [colour(f"  · {line(str(payload.get('text', '')))}", "yellow")]
    if kind == "turn_end" and payload.get("outcome") != "ok":
        return [colour(line(f"  turn {payload.get('outcome')}: {payload.get('error') or ''}"), "red")]
    return []


def _result(text: str, is_error: bool) -> list[str]:
    flat = line(text)
    shown = flat if len(flat) <= FOLD_AT else f"{flat[:FOLD_AT]}… (+{len(flat) - FOLD_AT} characters)"
    return [colour(f"    {'failed: ' if is_error else ''}{shown}", "red" if is_error else "dim")]
