"""Reminders' rows."""

from typing import Any

from hived.store.database import Connection, Row, Tx


def insert_reminder(tx: Tx, values: dict[str, Any]) -> None:
    tx.execute(
        """INSERT INTO reminders(id, agent, agent_id, made_by, text, status, created_at, due_at)
           VALUES (:id, :agent, :agent_id, :made_by, :text, 'pending', :now, :due_at)""",
        {**values, "now": tx.now},
    )


def select_reminder(connection: Connection, reminder_id: str) -> Row | None:
    row: Row | None = connection.execute("SELECT * FROM reminders WHERE id = ?", (reminder_id,)).fetchone()
    return row


def select_reminders_starting(connection: Connection, prefix: str) -> list[Row]:
    """At most two, the exact one alone where it is there: enough to tell none, one and several apart."""
    exact = select_reminder(connection, prefix)
    if exact is not None:
        return [exact]
    return connection.execute(
        "SELECT * FROM reminders WHERE id >= ?1 AND id < ?1 || char(1114111) LIMIT 2", (prefix,)
    ).fetchall()


def select_reminders(
    connection: Connection, *, agent: str | None, closed: bool, limit: int, before: str | None
) -> list[Row]:
    """The `limit` that are due last of those that fit, the one that is due first comes first; `closed`: the others too."""
    rows = connection.execute(
        """SELECT * FROM reminders
           WHERE (:closed OR status IN ('pending', 'sent', 'failed')) AND (:agent IS NULL OR agent = :agent)
             AND (:before IS NULL OR (due_at, id) < (SELECT b.due_at, b.id FROM reminders b WHERE b.id = :before))
           ORDER BY due_at DESC, id DESC LIMIT :limit""",
        {"closed": closed, "agent": agent, "before": before, "limit": limit},
    ).fetchall()
    return rows[::-1]


def select_open(connection: Connection, agent_id: str | None = None) -> list[Row]:
    """Neither done nor cancelled, of one agent or of all, the one that is due first comes first."""
    return connection.execute(
        """SELECT * FROM reminders WHERE status IN ('pending', 'sent', 'failed') AND (?1 IS NULL OR agent_id = ?1)
           ORDER BY due_at, id""",
        (agent_id,),
    ).fetchall()


def select_count_pending(connection: Connection, agent_id: str) -> int:
    return int(
        connection.execute(
            "SELECT count(*) FROM reminders WHERE agent_id = ? AND status = 'pending'", (agent_id,)
        ).fetchone()[0]
    )


def select_due(connection: Connection, now: str, limit: int) -> list[Row]:
    return connection.execute(
        "SELECT * FROM reminders WHERE status = 'pending' AND due_at <= ? ORDER BY due_at, id LIMIT ?", (now, limit)
    ).fetchall()


def select_next_due(connection: Connection) -> str | None:
    found: str | None = connection.execute("SELECT min(due_at) FROM reminders WHERE status = 'pending'").fetchone()[0]
    return found


def update_sent(tx: Tx, reminder_id: str, message_id: str) -> None:
    tx.execute("UPDATE reminders SET status = 'sent', message_id = ? WHERE id = ?", (message_id, reminder_id))


def update_attempt(tx: Tx, reminder_id: str, status: str, error: str) -> None:
    """One more delivery that came to nothing."""
    tx.execute(
        "UPDATE reminders SET attempts = attempts + 1, error = ?, status = ? WHERE id = ?", (error, status, reminder_id)
    )


def update_done(tx: Tx, reminder_id: str) -> None:
    """One more delivery, and its last."""
    tx.execute(
        "UPDATE reminders SET attempts = attempts + 1, status = 'done', closed_at = ? WHERE id = ?",
        (tx.now, reminder_id),
    )


def update_unsent(tx: Tx, reminder_id: str, error: str) -> None:
    """It was due and could not even be sent."""
    tx.execute(
        "UPDATE reminders SET status = 'failed', message_id = NULL, error = ? WHERE id = ?", (error, reminder_id)
    )


def update_afresh(tx: Tx, reminder_id: str) -> None:
    """Under way again, its attempts counted from nothing; the last error stays to be read."""
    tx.execute("UPDATE reminders SET status = 'sent', attempts = 0 WHERE id = ?", (reminder_id,))


def update_due(tx: Tx, reminder_id: str) -> None:
    """Pending, and due now."""
    tx.execute("UPDATE reminders SET status = 'pending', due_at = ?, attempts = 0 WHERE id = ?", (tx.now, reminder_id))


def update_cancelled(tx: Tx, reminder_id: str) -> None:
    tx.execute("UPDATE reminders SET status = 'cancelled', closed_at = ? WHERE id = ?", (tx.now, reminder_id))
