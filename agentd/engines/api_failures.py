"""What a model server says when it refuses, as a typed outcome. Pure.

A body may be `{"error": {message, type, code}}`, `{"error": "text"}` (Ollama), `{"message"}`, `{"detail"}`, or no JSON at all.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from hived.wire.times import to_text
from hived.wire.turns import Outcome

MOST_SAID_CHARACTERS = 600
MOST_WAIT_DAYS = 366
"""Who names a later moment does not mean it: then nothing is known."""
_BUSY_STATUS = frozenset({408, 409, 425, 500, 502, 503, 504, 520, 522, 524, 529})
_STATUS_OF_KIND = {
    "authentication_error": 401, "invalid_api_key": 401, "permission_error": 403, "not_found_error": 404,
    "model_not_found": 404, "rate_limit_error": 429, "rate_limit_exceeded": 429, "api_error": 500, "server_error": 500,
    "internal_error": 500, "overloaded_error": 529, "timeout_error": 504, "insufficient_quota": 402, "billing_error": 402,
    "invalid_request_error": 400, "request_too_large": 413,
}  # fmt: skip
_BILLING = frozenset({"insufficient_quota", "billing_error", "billing_hard_limit_reached"})
_TOO_LONG_CODES = frozenset({"context_length_exceeded", "exceed_context_size_error", "request_too_large"})
_TOO_LONG = re.compile(
    r"prompt is too long|maximum context length|context[ _](?:length|size|window|limit)|maximum model length"
    r"|input token count .{0,40}exceeds|too many (?:input )?tokens|prompt too long",
    re.IGNORECASE,
)
_NO_CREDIT = re.compile(r"credit balance is too low", re.IGNORECASE)


@dataclass(eq=False)
class ApiFailure(Exception):
    """One request that did not work. `message` is one sentence, without any key."""

    outcome: Outcome
    message: str
    retryable: bool = True
    """By a later turn."""
    again: bool = False
    """The same request may be made again at once, after a moment."""
    wait_seconds: float | None = None
    """How long the server asks to be left alone."""
    until: str | None = None
    """rate_limited: when it ends, where that is known."""
    empty: bool = False
    """The stream ended without a word: asked unstreamed, the server may say why."""

    def __str__(self) -> str:
        return self.message


def failure_of(status: int, headers: Mapping[str, str], body: bytes, server: str, model: str) -> ApiFailure:
    """`server`: its host, to be named. Whoever raises it takes the key out of the message first."""
    said, kind = said_in(body)
    return _failure(status, kind, said or f"HTTP {status}", headers, server, model)


def failure_in_stream(error: Any, server: str, model: str) -> ApiFailure:
    """An error that came in mid-stream, HTTP 200 and all."""
    said, kind = _said(error if isinstance(error, dict) else {"message": str(error)})
    code = error.get("code") if isinstance(error, dict) else None
    status = code if isinstance(code, int) and 400 <= code < 600 else _STATUS_OF_KIND.get(kind, 500)
    return _failure(status, kind, said or "an error without words", {}, server, model)


def said_in(body: bytes) -> tuple[str, str]:
    """(what it says, in one line; its code or type, empty where it has none)."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return one_line(body[:4096].decode("utf-8", "replace")), ""
    if isinstance(found, list) and found:
        found = found[0]
    if not isinstance(found, dict):
        return one_line(str(found)), ""
    error = found.get("error", found)
    return _said(error if isinstance(error, dict) else {"message": str(error)})


def one_line(text: str) -> str:
    return " ".join(text.split())[:MOST_SAID_CHARACTERS]


def _said(error: dict[str, Any]) -> tuple[str, str]:
    words = error.get("message") or error.get("detail") or error.get("type") or ""
    if not isinstance(words, str):
        words = json.dumps(words)
    detail = error.get("metadata")
    if isinstance(detail, dict) and isinstance(detail.get("raw"), str):
        words = f"{words}: {detail['raw']}"
    kinds = [value for value in (error.get("code"), error.get("type")) if isinstance(value, str)]
    known = [kind for kind in kinds if kind in _TOO_LONG_CODES or kind in _BILLING or kind in _STATUS_OF_KIND]
    return one_line(words), (known or kinds or [""])[0]


def _failure(status: int, kind: str, said: str, headers: Mapping[str, str], server: str, model: str) -> ApiFailure:
    if kind in _TOO_LONG_CODES or status == 413 or (status in (400, 422, 500) and _TOO_LONG.search(said)):
        return ApiFailure("prompt_too_long", f"{server}: {said}")
    if status == 401:
        return ApiFailure("needs_login", f"{server} refused the key (401): {said}", retryable=False)
    if status == 402 or kind in _BILLING or (status in (400, 403) and _NO_CREDIT.search(said)):
        return ApiFailure("failed", f"{server} wants to be paid ({status}): {said}", retryable=False)
    if status == 403:
        return ApiFailure("failed", f"{server} does not allow it (403): {said}", retryable=False)
    if status == 404:
        return ApiFailure("failed", f"{server} has no model {model!r} (404): {said}", retryable=False)
    if status == 429:
        wait = _wait_seconds(headers)
        until = None if wait is None else to_text(datetime.now(UTC) + timedelta(seconds=wait))
        message = f"{server} has had enough for now (429): {said}"
        return ApiFailure("rate_limited", message, again=True, wait_seconds=wait, until=until)
    if status in _BUSY_STATUS:
        message = f"{server} is in trouble ({status}): {said}"
        return ApiFailure("failed", message, again=True, wait_seconds=_wait_seconds(headers))
    return ApiFailure("failed", f"{server} refused the request ({status}): {said}", retryable=status >= 500)


def _wait_seconds(headers: Mapping[str, str]) -> float | None:
    """What the server asks for, where that is a time that somebody may wait; None where it says nothing of the kind."""
    try:
        seconds = _stated_seconds(headers)
    except (ValueError, OverflowError):  # a date beyond the calendar
        return None
    return seconds if seconds is not None and seconds <= MOST_WAIT_DAYS * 86400 else None


def _stated_seconds(headers: Mapping[str, str]) -> float | None:
    """What `retry-after` (seconds or a date) or the dialects' own headers say. Raises ValueError, OverflowError."""
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return max(0.0, milliseconds / 1000)
    given = headers.get("retry-after")
    seconds = _number(given)
    if seconds is not None:
        return max(0.0, seconds)
    now = datetime.now(UTC)
    if given:
        try:
            moment = parsedate_to_datetime(given)
        except ValueError:
            moment = None
        if moment is not None:
            return max(0.0, (moment.replace(tzinfo=moment.tzinfo or UTC) - now).total_seconds())
    reset = _number(headers.get("anthropic-ratelimit-unified-reset") or headers.get("x-ratelimit-reset"))
    if reset is None:
        return None
    seconds = reset / 1000 if reset > 1e11 else reset
    return max(0.0, seconds - now.timestamp()) if seconds > 1e9 else max(0.0, seconds)


def _number(text: str | None) -> float | None:
    """A plain, sane number; None for anything else."""
    if text is None or not re.fullmatch(r"\d{1,14}(\.\d{1,6})?", text.strip()):
        return None
    return float(text)
