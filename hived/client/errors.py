"""What hived answered, as the error class it was raised from. Standard library only: the CLI loads it on every call."""

import json
from typing import Any

from hived.wire.errors import BY_CODE, Conflict, HiveError, Internal, Missing, Refused, Unavailable

MOST_TEXT = 500
"""How much of an answer that is no error of ours is shown."""


def error_from_wire(status: int, body: object) -> HiveError:
    """The error of an answer with that HTTP status. `body` is the raw answer (bytes or text) or its parsed JSON.

    A code that this build does not know keeps its name, status and sentence, in the family that its status says.
    """
    found = _parsed(body)
    if not isinstance(found, dict) or not isinstance(found.get("code"), str):
        return Internal(f"hived answered with status {status}: {_shown(body)}", status=status)
    code = found["code"]
    message = found.get("message")
    detail = found.get("detail")
    kind = BY_CODE.get(code) or _newcomer(code, status)
    error = kind(message if isinstance(message, str) else None)
    error.detail = dict(detail) if isinstance(detail, dict) else {}
    return error


def _newcomer(code: str, status: int) -> type[HiveError]:
    """A class for a code of a newer hived."""
    families: dict[int, type[HiveError]] = {404: Missing, 409: Conflict}
    family = families.get(status, Refused if 400 <= status < 500 else Unavailable)
    return type("NewerError", (family,), {"code": code, "status": status, "template": code})


def _parsed(body: object) -> Any:
    if not isinstance(body, bytes | str):
        return body
    try:
        return json.loads(body)
    except ValueError:
        return None


def _shown(body: object) -> str:
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else str(body)
    return text.strip()[:MOST_TEXT] or "(nothing)"
