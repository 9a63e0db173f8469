"""TOML as text, for scenarios, agent.toml and hive.lock: strings that any hostile words are safe in, and values."""

import json
import math
import re
from typing import Any

MOST_DEPTH = 4
"""Of a value that is written as a table; a parser must not be led deeper than a person would write."""

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_NOT_ASCII = re.compile(r"[^ -~]")


def string(text: str) -> str:
    """A basic string on one line. Whatever is not printable is escaped, so that it can be looked at in a terminal."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + _NOT_ASCII.sub(_escaped, escaped) + '"'


def value(found: Any) -> str:
    """A text, number, boolean, list or table, on one line. Raises TypeError for what TOML has no word for."""
    match found:
        case str():
            return string(found)
        case bool():
            return "true" if found else "false"
        case int():
            return str(found)
        case float():
            return repr(found)
        case list():
            return "[" + ", ".join(value(item) for item in found) + "]"
        case dict():
            inner = ", ".join(f"{_key(key)} = {value(item)}" for key, item in found.items())
            return f"{{ {inner} }}" if inner else "{}"
    raise TypeError(type(found).__name__)


def lines(table: dict[str, Any]) -> list[str]:
    """`key = value`, one a line. Raises TypeError as `value`."""
    return [f"{_key(key)} = {value(item)}" for key, item in table.items()]


def table_or_json(table: dict[str, Any]) -> str:
    """The table as such, where TOML can say all that is in it; else as a text that holds it as JSON."""
    return value(table) if _is_plain(table, MOST_DEPTH) else string(json.dumps(table, ensure_ascii=False))


def _is_plain(found: Any, depth: int) -> bool:
    if isinstance(found, list | dict):
        items = found.values() if isinstance(found, dict) else found
        if isinstance(found, dict) and len(set(map(_key, found))) < len(found):
            return False  # names that differ only in what no text can hold
        return depth > 0 and all(_is_plain(item, depth - 1) for item in items)
    if isinstance(found, float):
        return math.isfinite(found)
    if isinstance(found, int):
        return -(2**63) <= found < 2**63
    return isinstance(found, str)


def _key(name: str) -> str:
    return name if _BARE_KEY.fullmatch(name) else string(name)


def _escaped(found: re.Match[str]) -> str:
    character = found.group()
    if character in "\n\t\r":
        return {"\n": "\\n", "\t": "\\t", "\r": "\\r"}[character]
    code = ord(character)
    if 0xD800 <= code <= 0xDFFF:  # no Unicode text has one
        return "\ufffd"
    if character.isprintable():
        return character
    return f"\\u{code:04X}" if code <= 0xFFFF else f"\\U{code:08X}"
