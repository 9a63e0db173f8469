"""Events: what happens in a turn, as the journal keeps it and the transcript routes give it.

A stored event has an `id` (the journal's, 1 upwards without gaps); `text_delta` and `thinking_delta` are live only and
have none. `POST /v1/events` carries them as NDJSON, one event a line, in order, live ones in between.
"""

from typing import Any, Literal

from pydantic import Field

from hived.wire.base import Answer
from hived.wire.messages import RefusedMessage

EventKind = Literal[
    "turn_start", "turn_end", "text", "thinking", "tool_use", "tool_result", "message_in", "message_out", "note",
    "status_changed", "model_changed", "token_usage_changed", "turn_state_changed", "permission_asked",
    "permission_decided", "session_changed", "login_changed", "question_out", "answer_out", "reminder_out",
    "reminder_cancelled", "text_delta", "thinking_delta", "activity",
]  # fmt: skip
LIVE_KINDS: frozenset[str] = frozenset({"text_delta", "thinking_delta", "activity"})
STATE_KINDS: frozenset[str] = frozenset(
    {
        "turn_start", "turn_end", "message_out", "status_changed", "model_changed", "token_usage_changed",
        "turn_state_changed", "session_changed", "login_changed", "question_out", "answer_out", "reminder_out",
        "reminder_cancelled", "permission_decided",
    }
)  # fmt: skip
"""What hived acts on; every other kind only moves the cursor."""

PAYLOADS: dict[str, str] = {
    "turn_start": "turn_id, wake {kind (message|operator|reminder|report|compact|checkpoint), from}, unread, message_ids, model",
    "turn_end": "turn_id, outcome, message_ids, duration_ms, ctx {tokens, window}|null, cost {tokens, usd, estimated}|null,"
    " model, session_id, tool_calls, error|null, retryable, steered, cut_off (its harness was stopped or killed in it)",
    "text": "text",
    "thinking": "text, hidden",
    "tool_use": "tool_use_id, tool, input",
    "tool_result": "tool_use_id, tool, is_error, text",
    "message_in": "message_id, from, body, redelivered, reply_to, steered, kind, about",
    "message_out": "message_id, to, body, reply_to",
    "question_out": "question_id, to, text, options, multi, deadline (ISO 8601), escalate (then `to` is hived's to choose)",
    "answer_out": "answer_id, question_id, text, options (numbers from 0)",
    "reminder_out": "reminder_id, due_at, text",
    "reminder_cancelled": "cancel_id, reminder_id",
    "note": "text, level (info|warning|error), by (engine; without it: the harness)",
    "status_changed": "condition, on, detail, until",
    "model_changed": "model, previous",
    "token_usage_changed": "ctx, cost",
    "turn_state_changed": "state, turn_id, until",
    "permission_asked": "approval_id, tool, input",
    "permission_decided": "approval_id, tool, status (cancelled: the engine took its ask back, and hived closes the row), note, by (a rule or a grant), updated_input",
    "session_changed": "state, id, primer, detail",
    "login_changed": "login_id, state, url, detail",
    "text_delta": "text",
    "thinking_delta": "text",
    "activity": "last_byte_at",
}
"""The keys of each kind's payload. A payload over 256 KiB has its longest strings cut and `cut: {field: {bytes, file}}`."""


class Event(Answer):
    id: int | None = None
    ts: str
    kind: str
    payload: dict[str, Any] = Field(default_factory=dict)


class TranscriptPage(Answer):
    """A page of a journal, oldest first. `first_id` and `last_id` are of the whole journal, so a scrollbar can be drawn."""

    journal_uuid: str | None
    first_id: int | None
    last_id: int | None
    events: list[Event]


class EventsTaken(Answer):
    """The answer to a batch: everything up to `cursor` is hived's now."""

    cursor: int
    refused: list[RefusedMessage] = Field(default_factory=list)
