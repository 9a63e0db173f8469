"""Events as text: a payload as JSON within its limit, and the line that the wire carries. Each is encoded once."""

import json
import math
from collections.abc import Callable
from typing import Any

from hived.wire.base import MOST_NESTED
from hived.wire.protocol import MAX_PAYLOAD_BYTES

KEPT_OF_A_CUT_BYTES = 16 * 1024
"""What is left in place of a string that was cut: enough to see what it is."""

MOST_CUTS = 8
"""Each cut encodes the payload again; one with more long strings than this is kept in its file alone."""

_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode
_encode_tolerant = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=repr, skipkeys=True).encode

Payload = dict[str, Any]
Overflow = Callable[[str], str]
"""Keeps a string whole somewhere and answers with the name of the file."""


def payload_text(payload: Payload) -> str:
    """The payload as JSON that any parser takes: no NaN, no lone surrogates, nothing deeper than MOST_NESTED."""
    try:
        text = _encode(payload)
        if text.count("[") + text.count("{") > MOST_NESTED:
            text = _encode(_plain(payload))
    except (ValueError, TypeError, RecursionError):
        text = _encode_tolerant(_plain(payload))
    return text if text.isascii() else _sound(text)


def event_line(id: int | None, ts: str, kind: str, payload_json: str) -> bytes:
    """One event as one line, its end included. Live events have no id."""
    number = "null" if id is None else str(id)
    return f'{{"id":{number},"ts":"{ts}","kind":"{kind}","payload":{payload_json}}}\n'.encode()


def fits(payload_json: str) -> bool:
    return len(payload_json) * 4 <= MAX_PAYLOAD_BYTES or len(payload_json.encode()) <= MAX_PAYLOAD_BYTES


def cut(payload: Payload, overflow: Overflow) -> Payload:
    """The payload with its longest strings cut until it fits; `cut` says which, how long they were, and where they are."""
    shorter: Payload = _plain(payload)
    cuts: dict[str, dict[str, object]] = {}
    while not fits(payload_text({**shorter, "cut": cuts})):
        path, longest = _longest(shorter)
        if len(longest) <= KEPT_OF_A_CUT_BYTES // 4 or len(cuts) == MOST_CUTS:
            text = payload_text(payload)
            return {"cut": {"": {"bytes": len(text.encode()), "file": overflow(text)}}}
        sound = _sound(longest)
        kept = sound.encode()[:KEPT_OF_A_CUT_BYTES].decode("utf-8", "ignore")
        shorter = _replaced(shorter, path, kept[: len(longest) // 2])
        cuts[".".join(map(str, path))] = {"bytes": len(sound.encode()), "file": overflow(sound)}
    return {**shorter, "cut": cuts}


def _sound(text: str) -> str:
    """Without lone surrogates, which no UTF-8 can carry."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()
    return text


def _plain(value: Any, depth: int = 0) -> Any:
    if depth > MOST_NESTED:
        return "…"
    if isinstance(value, dict):
        return {str(key): _plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, depth + 1) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


Path = tuple[str | int, ...]


def _longest(value: Any, path: Path = ()) -> tuple[Path, str]:
    """The longest string below `value`, with the way to it."""
    best: tuple[Path, str] = (path, value if isinstance(value, str) else "")
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        found = _longest(item, (*path, key))
        if len(found[1]) > len(best[1]):
            best = found
    return best


def _replaced(value: Any, path: Path, text: str) -> Any:
    if not path:
        return text
    key, *rest = path
    if isinstance(value, dict):
        return {**value, key: _replaced(value[key], tuple(rest), text)}
    return [_replaced(item, tuple(rest), text) if index == key else item for index, item in enumerate(value)]
