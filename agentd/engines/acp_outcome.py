"""How a turn of an agent ended: the stop reason or the JSON-RPC error, as an outcome, a sentence, and whether to repeat. Pure.

Only typed facts and the text of an error count, never what the agent writes as its answer.
"""

import json
import re
from dataclasses import dataclass
from typing import Any

from agentd.engines.acp_words import one_line, text_of
from hived.wire.turns import Outcome

AUTH_REQUIRED = -32000
METHOD_NOT_FOUND = -32601
MOST_ERROR_CHARACTERS = 1000

_STATUS = re.compile(r"\b(?:API Error|status(?: code)?|HTTP)[: =]{1,3}([45]\d\d)\b", re.IGNORECASE)
_TOO_LONG = re.compile(r"prompt is too long|context.?length.?exceeded|context.?window.?exceeded", re.IGNORECASE)
_NO_KEY = re.compile(r"\b(?:invalid|incorrect) (?:x-)?api.key\b", re.IGNORECASE)
"""OpenCode hands its provider's words on, and no status."""
_AWAY = re.compile(
    r"\b(?:ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|EHOSTUNREACH|ENETUNREACH|ETIMEDOUT|fetch failed)\b"
)
"""What Node says of a host that is not there."""
_NO_REPEAT = frozenset({400, 402, 403, 404, 413})
_KINDS: dict[str, Outcome] = {
    "authentication_failed": "needs_login", "unauthorized": "needs_login", "rate_limit": "rate_limited",
    "usage_limit_exceeded": "rate_limited", "context_window_exceeded": "prompt_too_long",
}  # fmt: skip
"""claude-agent-acp's `errorKind` and Codex's `codex_error_info`."""
_NO_REPEAT_KINDS = frozenset({"billing_error", "invalid_request", "model_not_found"})


@dataclass(frozen=True, slots=True)
class Verdict:
    outcome: Outcome
    error: str | None = None
    retryable: bool = True
    away: bool = False
    """See EngineFailed."""


OK = Verdict("ok")
CANCELLED = Verdict("cancelled")


def of_stop(reason: Any, title: str, *, interrupted: bool, refused: bool) -> Verdict:
    """`interrupted`: we asked for it; `refused`: a permission was refused in this turn."""
    match reason:
        case "end_turn":
            return OK
        case "cancelled" if interrupted:
            return CANCELLED
        case "cancelled" if refused:
            return Verdict("cancelled", f"{title} ended the turn because a permission was refused.")
        case "cancelled":
            return Verdict("failed", f"{title} broke the turn off, and nobody had asked it to.")
        case "max_tokens":
            return Verdict("failed", "The model's answer broke off before its end.")
        case "max_turn_requests":
            return Verdict("failed", f"{title} stopped at the most requests that it makes in one turn.")
        case "refusal":
            return Verdict("failed", "The model refused to go on.", retryable=False)
        case _:
            said = one_line(text_of(reason), 60) or "none"
            return Verdict("failed", f"{title} ended the turn with a reason that is not known here: {said}.")


def of_error(code: Any, message: Any, data: Any, login: str) -> Verdict:
    """A JSON-RPC error in answer to a call. `login`: the sentence for one that is not logged in."""
    kind, detail = _kind_of(data)
    said = one_line(_inner(text_of(message)), MOST_ERROR_CHARACTERS) or f"error {code}"
    if detail and detail not in said:
        said = one_line(f"{said}: {detail}", MOST_ERROR_CHARACTERS)
    status = _status_of(code, said)
    no_login = code == AUTH_REQUIRED or status == 401 or (_KINDS.get(kind) == "needs_login" and status != 403)
    if no_login or _NO_KEY.search(said):
        return Verdict("needs_login", f"{login} ({said})", retryable=False)
    if _KINDS.get(kind) == "prompt_too_long" or _TOO_LONG.search(said):
        return Verdict("prompt_too_long", said)
    if status == 429 or _KINDS.get(kind) == "rate_limited":
        return Verdict("rate_limited", said)
    retryable = status not in _NO_REPEAT and kind not in _NO_REPEAT_KINDS
    return Verdict("failed", said, retryable, away=(status or 0) >= 500 or says_away(said))


def says_away(words: str) -> bool:
    """Whether they are of a host that cannot be reached."""
    return _AWAY.search(words) is not None


def _inner(message: str) -> str:
    """gemini hands its server's error on as the JSON that it came in."""
    if not message.startswith("{") or len(message) > 10 * MOST_ERROR_CHARACTERS:
        return message
    try:
        found = json.loads(message)
    except (ValueError, RecursionError):
        return message
    error = found.get("error") if isinstance(found, dict) else None
    return (text_of(error.get("message")) if isinstance(error, dict) else "") or message


def _kind_of(data: Any) -> tuple[str, str]:
    """What kind of error it is, where the agent says so, and what else it says."""
    if isinstance(data, str):
        return "", one_line(text_of(data), MOST_ERROR_CHARACTERS)
    if not isinstance(data, dict):
        return "", ""
    kind = data.get("errorKind", data.get("codex_error_info"))
    if isinstance(kind, dict):  # Codex: {"http_connection_failed": {"http_status_code": 503}}
        kind = next(iter(kind), "")
    detail = data.get("message", data.get("details", data.get("detail")))
    return text_of(kind), one_line(text_of(detail), MOST_ERROR_CHARACTERS)


def _status_of(code: Any, said: str) -> int | None:
    """The HTTP status: gemini gives it as the error's code, others in its words."""
    if isinstance(code, int) and 400 <= code <= 599:
        return code
    found = _STATUS.search(said)
    return int(found.group(1)) if found else None
