"""How a turn of Claude Code ended: its result and what led to it, as an outcome, a sentence, and whether a repeat can help.

`subtype` says little (an API error comes as `success`) and `terminal_reason` differs between versions, so the typed facts
are asked in order: was it interrupted, what kind of API failure, which HTTP status, which end.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from agentd.engines.claude_events import RateLimit, Result
from hived.wire.times import to_text
from hived.wire.turns import Outcome

_MOST_ERROR_CHARACTERS = 1000
_INTERRUPTED = frozenset({"aborted_streaming", "aborted_tools"})
_TOO_LONG = frozenset({"prompt_too_long"})
_LIMITED = frozenset({"rate_limit", "usage_limit_reached"})
_NO_REPEAT_STATUS = frozenset({400, 402, 403, 404, 413})
_NO_REPEAT_KIND = frozenset({"billing_error", "model_not_found", "invalid_request"})


@dataclass(frozen=True, slots=True)
class Verdict:
    outcome: Outcome
    error: str | None = None
    retryable: bool = True
    until: str | None = None
    """rate_limited: when it ends, where the CLI says so in a field of its own; never read out of its words."""


OK = Verdict("ok")
CANCELLED = Verdict("cancelled")


def verdict_of(result: Result, api_failure: str | None, limit_until: str | None, interrupted: bool) -> Verdict:
    """`api_failure`: the kind of the last ApiFailure of this turn; `limit_until`: the end of the limit that was last told of;
    `interrupted`: we asked."""
    if interrupted and (result.is_error or result.terminal_reason in _INTERRUPTED):
        return CANCELLED
    if not result.is_error:
        if result.cut_off and result.terminal_reason is not None:
            return Verdict("failed", "The model's answer broke off before its end.")
        return OK
    return _failure(result, api_failure, limit_until)


def _failure(result: Result, api_failure: str | None, limit_until: str | None) -> Verdict:
    said = _said(result)
    status = result.api_error_status
    if result.terminal_reason in _TOO_LONG:
        return Verdict("prompt_too_long", said)
    if status == 401 or (api_failure == "authentication_failed" and status != 403):
        return Verdict("needs_login", said, retryable=False)
    if status == 429 or api_failure in _LIMITED or result.api_error in _LIMITED:
        return Verdict("rate_limited", said, until=limit_until)
    if status in _NO_REPEAT_STATUS or api_failure in _NO_REPEAT_KIND:
        return Verdict("failed", said, retryable=False)
    if result.terminal_reason in _INTERRUPTED:
        return Verdict("failed", "Claude Code broke the turn off, and nobody had asked it to.")
    return Verdict("failed", said)


def _said(result: Result) -> str:
    """What the CLI says of it in one piece, without its own diagnostics."""
    told = [error for error in result.errors if not error.startswith("[ede_diagnostic]")]
    text = result.text or "; ".join(told)
    if not text:
        end = result.terminal_reason or result.subtype or "no reason given"
        text = f"Claude Code ended the turn with an error ({end})."
    return " ".join(text.split())[:_MOST_ERROR_CHARACTERS]


def resets_at(limit: RateLimit) -> str | None:
    """When the limit ends, as times are written everywhere here; None where that is not known."""
    if limit.resets_at is None:
        return None
    try:
        return to_text(datetime.fromtimestamp(limit.resets_at, UTC))
    except (ValueError, OverflowError, OSError):
        return None
