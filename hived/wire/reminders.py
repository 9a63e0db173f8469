"""Reminders: a message to an agent at its time, by the agent for itself or by the operator."""

from typing import Literal

from pydantic import Field

from hived.wire.base import Answer, WireModel

ReminderStatus = Literal["pending", "sent", "done", "failed", "cancelled"]

MOST_ATTEMPTS = 5
"""Deliveries of a reminder that come to nothing; then it has failed, and its message is held."""
MOST_TEXT_CHARACTERS = 16_384
MOST_DELAY_SECONDS = 366 * 24 * 3600
MOST_OPEN = 200
"""Pending reminders of one agent."""


class Reminder(Answer):
    id: str
    agent: str
    made_by: str
    """The agent itself, or `operator`."""
    text: str
    status: ReminderStatus = "pending"
    """`sent`: it is due and its message is under way; `failed`: that message is held."""
    created_at: str
    due_at: str
    attempts: int = 0
    error: str | None = None
    """Of the last attempt that came to nothing."""
    message_id: str | None = None
    closed_at: str | None = None
    cut: bool = False
    """In a snapshot alone: only how its text begins; `GET /v1/reminders?agent=NAME` has it whole."""


class ReminderList(Answer):
    """`GET /v1/reminders`, the one that is due first comes first."""

    reminders: list[Reminder]


class ReminderDraft(WireModel):
    """`POST /v1/reminders` by the operator."""

    agent: str
    when: str
    """`90s`, `10m`, `2h30m`, `3d`, or a time in ISO 8601."""
    text: str = Field(min_length=1, max_length=MOST_TEXT_CHARACTERS)
