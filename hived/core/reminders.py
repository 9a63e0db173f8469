"""Reminders: kept until due, then a message like any other; what comes of that message is the reminder's too.

pending → sent (its message is under way) → done; or failed, where that message is held. Retrying and cancelling a failed
one is sending its message again, or dropping it.
"""

from datetime import datetime, timedelta

from hived.core import audit, carriers, messages
from hived.core.agent_views import find_agent
from hived.core.event_payloads import ReminderCancelled, ReminderOut
from hived.core.finding import only_one
from hived.core.text import one_line, sound
from hived.store import agents as agent_store
from hived.store import reminders as store
from hived.store.database import Connection, Row, Tx
from hived.wire import moments
from hived.wire.approvals import Actor
from hived.wire.errors import (
    HiveError,
    InvalidMoment,
    InvalidRequest,
    NotYours,
    QueueFull,
    ReminderClosed,
    ReminderNotFound,
)
from hived.wire.ids import new_id
from hived.wire.names import HIVED, OPERATOR
from hived.wire.reminders import MOST_DELAY_SECONDS, MOST_OPEN, MOST_TEXT_CHARACTERS, Reminder, ReminderDraft
from hived.wire.times import from_text, to_text

PAST_SECONDS = 60.0
"""How far back a moment may lie that the operator names: a clock that is a little off, a command that took a while."""
DUE_AT_ONCE = 200
"""Sent in one change; the others come in the next."""
MOST_ERROR_CHARACTERS = 500


def take_reminder(tx: Tx, agent: Row, out: ReminderOut) -> None:
    """A `reminder_out` of that agent; a moment that has passed is due at once. The same id again is the same reminder.

    Raises InvalidMoment, InvalidRequest, QueueFull.
    """
    known = store.select_reminder(tx.connection, out.reminder_id)
    if known is not None:
        if known["agent_id"] != agent["id"] or known["made_by"] == OPERATOR:
            raise InvalidRequest(reason=f"The reminder id {out.reminder_id} is somebody else's.")
        return
    _insert(tx, out.reminder_id, agent, agent["name"], out.text, _moment(tx, out.due_at))


def remind_agent(tx: Tx, draft: ReminderDraft) -> Reminder:
    """A reminder of the operator's to one agent. Raises InvalidName, AgentNotFound, InvalidMoment, InvalidRequest, QueueFull."""
    agent = find_agent(tx.connection, draft.agent)
    due = _moment(tx, draft.when)
    if due < from_text(tx.now) - timedelta(seconds=PAST_SECONDS):
        raise InvalidMoment(given=draft.when[:64], reason="that has passed.")
    return _insert(tx, new_id(), agent, OPERATOR, draft.text, due)


def take_cancel(tx: Tx, agent: Row, out: ReminderCancelled) -> None:
    """A `reminder_cancelled` of that agent, which may cancel what it made. Raises ReminderNotFound, AmbiguousId, NotYours, ReminderClosed."""
    row = find_reminder(tx.connection, out.reminder_id)
    if row["agent_id"] != agent["id"] or row["made_by"] == OPERATOR:
        whose = OPERATOR if row["made_by"] == OPERATOR else row["agent"]
        raise NotYours(who=agent["name"], what="cancel", noun="reminder", id=row["id"], whose=f"{whose}'s")
    _cancel(tx, row, agent["name"])


def cancel(tx: Tx, prefix: str, actor: Actor) -> Reminder:
    """Whoever made it; its message too, unless a turn has that now. Raises ReminderNotFound, AmbiguousId, ReminderClosed."""
    row = find_reminder(tx.connection, prefix)
    cancelled = _cancel(tx, row, actor.who)
    audit.append(
        tx,
        "reminder.cancelled",
        actor,
        row["id"],
        {"agent": row["agent"], "subject": one_line(row["text"])},
        seen=row["text"],
    )
    return cancelled


def attempt_failed(tx: Tx, message: Row, error: str, *, held: bool) -> None:
    """A delivery of the reminder's message (kind `reminder`, `about` its id) came to nothing."""
    row = _carried(tx, message)
    if row is not None:
        store.update_attempt(tx, row["id"], "failed" if held else "sent", one_line(error, MOST_ERROR_CHARACTERS))
        feed_reminder(tx, row["id"])


def attempt_done(tx: Tx, message: Row) -> None:
    """The reminder's message was acked."""
    row = _carried(tx, message)
    if row is not None:
        store.update_done(tx, row["id"])
        feed_reminder(tx, row["id"])


def message_retried(tx: Tx, message: Row, actor: Actor) -> None:
    """The reminder's message was held and is queued anew: the reminder is under way again, its attempts counted afresh."""
    row = _carried(tx, message)
    if row is not None:
        store.update_afresh(tx, row["id"])
        feed_reminder(tx, row["id"])


def message_dropped(tx: Tx, message: Row, actor: Actor) -> None:
    """The reminder's message was held and is given up: so is the reminder."""
    row = _carried(tx, message)
    if row is not None:
        store.update_cancelled(tx, row["id"])
        feed_reminder(tx, row["id"])


def agent_gone(tx: Tx, agent_id: str, name: str, reason: str | None = None) -> None:
    """The agent is no more, or buried (`reason` says so): nobody is left to be reminded. Call it before its mail is given up."""
    reason = reason or f"there is no agent {name} any more"
    for row in store.select_open(tx.connection, agent_id):
        if row["message_id"] is not None:
            carriers.withdraw(tx, row["message_id"], reason, though_delivered=True)
        store.update_cancelled(tx, row["id"])
        feed_reminder(tx, row["id"])


def count_open(conn: Connection, agent_id: str) -> int:
    """How many of the agent's are pending."""
    return store.select_count_pending(conn, agent_id)


def run_due(tx: Tx) -> None:
    """Send what is due."""
    for row in store.select_due(tx.connection, tx.now, DUE_AT_ONCE):
        _fire(tx, row)


def next_due(conn: Connection) -> str | None:
    """When `run_due` must be called again at the latest; None: never."""
    return store.select_next_due(conn)


def find_reminder(conn: Connection, prefix: str) -> Row:
    """The reminder with that id, or the only one whose id begins so. Raises ReminderNotFound, AmbiguousId."""
    return only_one(store.select_reminders_starting(conn, prefix), prefix, ReminderNotFound, "reminder")


def list_reminders(
    conn: Connection, *, agent: str | None = None, closed: bool = False, limit: int = 200, before: str | None = None
) -> list[Reminder]:
    """At most `limit`, the one that is due first comes first; `closed`: done and cancelled ones too, and the latest of all.

    Raises ReminderNotFound, AmbiguousId (`before`).
    """
    older = None if before is None else find_reminder(conn, before)["id"]
    rows = store.select_reminders(conn, agent=agent, closed=closed, limit=limit, before=older)
    return [to_reminder(row) for row in rows]


def list_open(conn: Connection) -> list[Reminder]:
    """Neither done nor cancelled, the one that is due first comes first."""
    return [to_reminder(row) for row in store.select_open(conn)]


def to_reminder(row: Row) -> Reminder:
    return Reminder(
        id=row["id"],
        agent=row["agent"],
        made_by=row["made_by"],
        text=row["text"],
        status=row["status"],
        created_at=row["created_at"],
        due_at=row["due_at"],
        attempts=row["attempts"],
        error=row["error"],
        message_id=row["message_id"],
        closed_at=row["closed_at"],
    )


def feed_reminder(tx: Tx, reminder_id: str) -> Reminder:
    reminder = to_reminder(find_reminder(tx.connection, reminder_id))
    tx.feed("reminder", reminder.model_dump_json())
    return reminder


def _moment(tx: Tx, given: str) -> datetime:
    now = from_text(tx.now)
    due = moments.parse(given, now)
    if due > now + timedelta(seconds=MOST_DELAY_SECONDS):
        raise InvalidMoment(given=given[:64], reason=f"at most {MOST_DELAY_SECONDS // 86_400} days ahead.")
    return due


def _insert(tx: Tx, reminder_id: str, agent: Row, made_by: str, text: str, due: datetime) -> Reminder:
    text = sound(text)
    if not text.strip():
        raise InvalidRequest(reason="A reminder needs words.")
    if len(text) > MOST_TEXT_CHARACTERS:
        raise InvalidRequest(
            reason=f"A reminder has at most {MOST_TEXT_CHARACTERS} characters; this one has {len(text)}."
        )
    count = store.select_count_pending(tx.connection, agent["id"])
    if count >= MOST_OPEN:
        raise QueueFull(
            f"{agent['name']} has {count} reminders to come; none is added until some are due or cancelled.",
            recipient=agent["name"], count=count, sender=made_by,
        )  # fmt: skip
    values = {"id": reminder_id, "agent": agent["name"], "agent_id": agent["id"], "made_by": made_by, "text": text}
    store.insert_reminder(tx, {**values, "due_at": to_text(due)})
    return feed_reminder(tx, reminder_id)


def _fire(tx: Tx, row: Row) -> None:
    """Its message and its status are one change: killed anywhere, it is sent once."""
    agent = agent_store.select_agent(tx.connection, row["agent_id"])
    if agent is None:
        store.update_cancelled(tx, row["id"])
    else:
        try:
            with tx.part():
                sent = messages.send(
                    tx, sender=HIVED, to=agent["name"], body=row["text"], kind="reminder", about=row["id"]
                )
                store.update_sent(tx, row["id"], sent[0].id)
        except HiveError as error:
            store.update_unsent(tx, row["id"], one_line(error.message, MOST_ERROR_CHARACTERS))
    feed_reminder(tx, row["id"])


def _cancel(tx: Tx, row: Row, who: str) -> Reminder:
    if row["status"] in ("done", "cancelled"):
        raise ReminderClosed(id=row["id"], status=row["status"])
    if row["message_id"] is not None and row["status"] != "pending":
        reason = f"its reminder was cancelled by {who}"
        carrier = carriers.withdraw(tx, row["message_id"], reason, though_delivered=True)
        if carrier is not None and carrier["status"] == "leased":
            raise ReminderClosed(id=row["id"], status="being read in a turn")
    store.update_cancelled(tx, row["id"])
    return feed_reminder(tx, row["id"])


def _carried(tx: Tx, message: Row) -> Row | None:
    """The reminder that the message carries."""
    row = None if message["about"] is None else store.select_reminder(tx.connection, message["about"])
    return row if row is not None and row["message_id"] == message["id"] else None
