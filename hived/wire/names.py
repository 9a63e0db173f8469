"""Agent names. A name becomes a folder and a socket, so its form is checked before anything is made of it."""

import re

from hived.wire.errors import InvalidName

_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}", re.ASCII)

QUEEN = "queen"
OPERATOR = "operator"
HIVED = "hived"
EVERYONE = "*"
RESERVED = frozenset({OPERATOR, HIVED})

EFFORT_FILE = "effort"
PERMISSION_MODE_FILE = "permission-mode"
"""Beside the model file, and like it: one line, written by hived by atomic rename, watched, missing where nothing is set."""


def checked_name(name: str) -> str:
    """The name itself, or InvalidName: `[a-z][a-z0-9-]{0,31}`, and not one that the hive uses for itself."""
    if not _NAME.fullmatch(name) or name in RESERVED:
        raise InvalidName(name=name[:64])
    return name
