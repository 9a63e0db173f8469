"""Payloads that the journal had to cut, made whole again from the files beside it (`cut: {field: {bytes, file}}`)."""

import json
import os
import stat
from pathlib import Path
from typing import Any

MOST_BYTES = 40 * 1024 * 1024
"""Of one file: no line of an engine is longer than 32 MiB."""


def made_whole(payload: dict[str, Any], overflow: Path) -> tuple[dict[str, Any], int]:
    """The payload without its `cut`, and how many texts are still cut because their file is gone."""
    cuts = payload.get("cut")
    if not isinstance(cuts, dict):
        return payload, 0
    whole: Any = {key: value for key, value in payload.items() if key != "cut"}
    missing = 0
    for path, cut in cuts.items():
        text = _read(overflow, cut.get("file") if isinstance(cut, dict) else None)
        if text is None:
            missing += 1
        elif path:
            whole = _replaced(whole, path.split("."), text)
        else:  # the whole payload is in the file
            whole = _table(text) or whole
    return whole, missing


def _read(overflow: Path, name: Any) -> str | None:
    """A plain file of that folder; no link is followed, and no name leads out."""
    if not isinstance(name, str) or not name or name != os.path.basename(name) or name in (".", ".."):
        return None
    try:
        descriptor = os.open(overflow / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError):
        return None
    with open(descriptor, encoding="utf-8", errors="replace") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_size > MOST_BYTES:
            return None
        return file.read()


def _table(text: str) -> dict[str, Any] | None:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _replaced(value: Any, path: list[str], text: str) -> Any:
    """With that text at the path, whose keys may hold dots themselves: the first way that leads to a text is taken."""
    if not path:
        return text if isinstance(value, str) else value
    if isinstance(value, list):
        if not path[0].isdecimal() or int(path[0]) >= len(value):
            return value
        index = int(path[0])
        return [*value[:index], _replaced(value[index], path[1:], text), *value[index + 1 :]]
    if isinstance(value, dict):
        for length in range(len(path), 0, -1):
            key = ".".join(path[:length])
            if key in value:
                return {**value, key: _replaced(value[key], path[length:], text)}
    return value
