"""Reminders: kept until due, then a message like any other; what comes of that message is the reminder's too."""

from hived.core.event_payloads import ReminderCancelled, ReminderOut
from hived.store.database import Connection, Row, Tx


def take_reminder(tx: Tx, agent: Row, out: ReminderOut) -> None:
    """A `reminder_out` of that agent. The same id again is the same reminder. Raises InvalidMoment, InvalidRequest."""


def take_cancel(tx: Tx, agent: Row, out: ReminderCancelled) -> None:
    """A `reminder_cancelled` of that agent. Raises ReminderNotFound, ReminderClosed."""


def attempt_failed(tx: Tx, message: Row, error: str, *, held: bool) -> None:
    """A delivery of the reminder's message (kind `reminder`, `about` its id) came to nothing."""


def attempt_done(tx: Tx, message: Row) -> None:
    """The reminder's message was acked."""


def count_open(conn: Connection, agent_id: str) -> int:
    return 0


def run_due(tx: Tx) -> None:
    """Send what is due."""


def next_due(conn: Connection) -> str | None:
    """When `run_due` must be called again at the latest; None: never."""
    return None
