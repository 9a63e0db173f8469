"""A reminder sent once more by the operator, whatever became of it before: above reminders, which delivery itself calls."""

from hived.core import audit, held_messages
from hived.core.reminders import feed_reminder, find_reminder
from hived.core.text import one_line
from hived.store import messages as message_store
from hived.store import reminders as store
from hived.store.database import Tx
from hived.wire.approvals import Actor
from hived.wire.errors import ReminderClosed
from hived.wire.reminders import Reminder


def retry(tx: Tx, prefix: str, actor: Actor) -> Reminder:
    """A failed one is sent again with all its attempts before it, a pending one is due now.

    Raises ReminderNotFound, AmbiguousId, ReminderClosed (its message is under way, or it is over).
    """
    row = find_reminder(tx.connection, prefix)
    if row["status"] not in ("pending", "failed"):
        raise ReminderClosed(id=row["id"], status="on its way" if row["status"] == "sent" else row["status"])
    audit.append(
        tx,
        "reminder.retried",
        actor,
        row["id"],
        {"agent": row["agent"], "subject": one_line(row["text"])},
        seen=row["text"],
    )
    message_id = row["message_id"] if row["status"] == "failed" else None
    message = None if message_id is None else message_store.select_message(tx.connection, message_id)
    if message is not None and message["status"] == "held":
        held_messages.retry_held(tx, message["id"], actor)
    else:
        store.update_due(tx, row["id"])
    return feed_reminder(tx, row["id"])
