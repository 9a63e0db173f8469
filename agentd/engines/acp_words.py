"""Pieces of an agent's JSON as plain text: content blocks, diffs, tool outputs. Pure, bounded; all of it is hostile."""

import difflib
import json
from collections.abc import Iterable
from typing import Any

MOST_CHARACTERS = 400_000
"""Of one tool's result; the journal keeps 256 KiB of it in place, and the rest in a file."""
MOST_DIFF_LINES = 4000
"""Of both sides together; comparing more would hold up everything else."""


def text_of(value: Any) -> str:
    """The value where it is a text, without lone surrogates, which no UTF-8 can carry; else empty."""
    if not isinstance(value, str):
        return ""
    return value if value.isascii() else value.encode("utf-8", "replace").decode()


def one_line(text: str, most: int) -> str:
    return " ".join(text[: most * 4].split())[:most]


def block_text(block: Any) -> str:
    """One content block: its text, or what it is."""
    if not isinstance(block, dict):
        return ""
    match block.get("type"):
        case "text":
            return text_of(block.get("text"))
        case "image" | "audio" as kind:
            return f"[{kind}: {one_line(text_of(block.get('mimeType')), 80) or 'unknown'}]"
        case "resource_link":
            return f"[{one_line(text_of(block.get('uri')), 500)}]"
        case "resource":
            resource = block.get("resource")
            held = resource if isinstance(resource, dict) else {}
            return text_of(held.get("text")) or f"[{one_line(text_of(held.get('uri')), 500)}]"
        case _:
            return ""


def content_text(content: Any) -> str:
    """A tool call's content: blocks, diffs and terminals, one under the other."""
    if not isinstance(content, list):
        return ""
    parts = []
    for item in content:
        if not isinstance(item, dict):
            continue
        if item.get("type") == "content":
            parts.append(block_text(item.get("content")))
        elif item.get("type") == "diff":
            parts.append(diff_text(item))
    return bounded("\n".join(part for part in parts if part))


def diff_text(item: dict[str, Any]) -> str:
    """A file's change as a unified diff, or its size where it is too long to compare."""
    path = one_line(text_of(item.get("path")), 1000)
    old, new = text_of(item.get("oldText")).splitlines(), text_of(item.get("newText")).splitlines()
    if len(old) + len(new) > MOST_DIFF_LINES:
        return f"{path}: {len(old)} lines become {len(new)}"
    before = path if old else "/dev/null"
    return "\n".join(difflib.unified_diff(old, new, before, path, lineterm=""))


def output_text(output: Any) -> str:
    """A tool's raw output, as whatever it is: a text, MCP blocks, or a record of which one part is the text."""
    if isinstance(output, str):
        return bounded(text_of(output))
    if isinstance(output, list):
        return bounded("\n".join(filter(None, map(block_text, output))) or as_json(output))
    if isinstance(output, dict):
        for key in ("formatted_output", "output", "aggregated_output", "text", "error", "message"):
            if isinstance(output.get(key), str):
                return bounded(text_of(output[key]))
        if isinstance(output.get("content"), list):
            return output_text(output["content"])
        return as_json(output) if output else ""
    return "" if output is None else as_json(output)


def as_json(value: Any) -> str:
    try:
        return bounded(text_of(json.dumps(value, ensure_ascii=False)))
    except (ValueError, RecursionError):
        return "[not to be shown]"


def bounded(text: str) -> str:
    if len(text) <= MOST_CHARACTERS:
        return text
    return f"{text[:MOST_CHARACTERS]}\n… {len(text) - MOST_CHARACTERS} more characters were left out"


def plan_text(entries: Any) -> str:
    """A plan as a list; empty where there is none."""
    marks = {"completed": "[x]", "in_progress": "[>]"}
    lines = [
        f"{marks.get(str(entry.get('status')), '[ ]')} {one_line(text_of(entry.get('content')), 300)}"
        for entry in _dicts(entries)
    ]
    return "\n".join(["Plan:", *lines[:100]]) if lines else ""


def _dicts(value: Any) -> Iterable[dict[str, Any]]:
    return (item for item in value if isinstance(item, dict)) if isinstance(value, list) else ()
