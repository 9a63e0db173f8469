"""Questions' rows."""

from typing import Any

from hived.store.database import Connection, Row, Tx


def insert_question(tx: Tx, values: dict[str, Any]) -> None:
    tx.execute(
        """INSERT INTO questions(id, kind, asker, asker_id, recipient, recipient_id, with_operator, text, options_json,
             multi, status, created_at, deadline, goes_up_at, thread, closed_at, reason)
           VALUES (:id, :kind, :asker, :asker_id, :recipient, :recipient_id, :with_operator, :text, :options_json,
             :multi, :status, :now, :deadline, :goes_up_at, :id, :closed_at, :reason)""",
        {**values, "now": tx.now},
    )


def select_question(connection: Connection, question_id: str) -> Row | None:
    row: Row | None = connection.execute("SELECT * FROM questions WHERE id = ?", (question_id,)).fetchone()
    return row


def select_questions_starting(connection: Connection, prefix: str) -> list[Row]:
    """At most two, the exact one alone where it is there: enough to tell none, one and several apart."""
    exact = select_question(connection, prefix)
    if exact is not None:
        return [exact]
    return connection.execute(
        "SELECT * FROM questions WHERE id >= ?1 AND id < ?1 || char(1114111) LIMIT 2", (prefix,)
    ).fetchall()


def select_question_ids(
    connection: Connection, *, status: str | None, agent: str | None, limit: int, before: str | None
) -> list[str]:
    """Of the newest `limit` that fit, newest first: of one status, asked by or of `agent`, older than the question `before`."""
    rows = connection.execute(
        """SELECT id FROM questions
           WHERE (:status IS NULL OR status = :status)
             AND (:agent IS NULL OR asker = :agent OR recipient = :agent)
             AND (:before IS NULL OR (created_at, id) < (SELECT b.created_at, b.id FROM questions b WHERE b.id = :before))
           ORDER BY created_at DESC, id DESC LIMIT :limit""",
        {"status": status, "agent": agent, "before": before, "limit": limit},
    ).fetchall()
    return [row["id"] for row in rows]


def select_newest_closed(connection: Connection, limit: int) -> list[Row]:
    """Those that were asked last of all that are closed, oldest first."""
    rows = connection.execute(
        "SELECT * FROM questions WHERE status <> 'pending' ORDER BY id DESC LIMIT ?", (limit,)
    ).fetchall()
    return rows[::-1]


def select_pending_of(connection: Connection, asker_id: str) -> list[Row]:
    """Asked by that agent, oldest first."""
    return connection.execute(
        "SELECT * FROM questions WHERE asker_id = ? AND status = 'pending' ORDER BY created_at, id", (asker_id,)
    ).fetchall()


def select_pending_for(connection: Connection, recipient_id: str) -> list[Row]:
    """Asked of that agent, oldest first."""
    return connection.execute(
        "SELECT * FROM questions WHERE recipient_id = ? AND status = 'pending' ORDER BY created_at, id",
        (recipient_id,),
    ).fetchall()


def select_count_of(connection: Connection, asker_id: str | None) -> int:
    """How many that agent (None: the operator) has pending."""
    return int(
        connection.execute(
            "SELECT count(*) FROM questions WHERE asker_id IS ? AND status = 'pending'", (asker_id,)
        ).fetchone()[0]
    )


def select_count_open(connection: Connection, agent_id: str) -> int:
    """How many are pending that the agent asked or was asked."""
    return int(
        connection.execute(
            """SELECT (SELECT count(*) FROM questions WHERE asker_id = ?1 AND status = 'pending')
                    + (SELECT count(*) FROM questions WHERE recipient_id = ?1 AND status = 'pending')""",
            (agent_id,),
        ).fetchone()[0]
    )


def select_due(connection: Connection, now: str, limit: int) -> list[Row]:
    """Past their deadline, or unanswered for so long that they go up; at most `limit` of each."""
    expired = connection.execute(
        "SELECT * FROM questions WHERE status = 'pending' AND deadline IS NOT NULL AND deadline <= ? ORDER BY deadline LIMIT ?",
        (now, limit),
    ).fetchall()
    unanswered = connection.execute(
        """SELECT * FROM questions WHERE status = 'pending' AND NOT with_operator AND goes_up_at IS NOT NULL
             AND goes_up_at <= ?1 AND (deadline IS NULL OR deadline > ?1) ORDER BY goes_up_at LIMIT ?2""",
        (now, limit),
    ).fetchall()
    return expired + unanswered


def select_next_due(connection: Connection) -> str | None:
    found: str | None = connection.execute(
        """SELECT min(due) FROM (
             SELECT min(deadline) AS due FROM questions WHERE status = 'pending' AND deadline IS NOT NULL
             UNION ALL
             SELECT min(goes_up_at) FROM questions
               WHERE status = 'pending' AND NOT with_operator AND goes_up_at IS NOT NULL)"""
    ).fetchone()[0]
    return found


def update_answered(tx: Tx, question_id: str, *, actor_json: str, text: str | None, options_json: str | None) -> bool:
    """Answer it if nobody has: False where it is closed already. One statement, so that there is one winner."""
    cursor = tx.execute(
        """UPDATE questions SET status = 'answered', answered_at = :now, closed_at = :now, answered_by_json = :actor,
             answer_text = :text, answer_options_json = :options
           WHERE id = :id AND status = 'pending' AND (deadline IS NULL OR deadline > :now)""",
        {"now": tx.now, "actor": actor_json, "text": text, "options": options_json, "id": question_id},
    )
    return cursor.rowcount == 1


def update_closed(tx: Tx, question_id: str, status: str, reason: str) -> bool:
    """Expire or cancel it; False where it is closed already."""
    cursor = tx.execute(
        "UPDATE questions SET status = ?, reason = ?, closed_at = ? WHERE id = ? AND status = 'pending'",
        (status, reason, tx.now, question_id),
    )
    return cursor.rowcount == 1


def update_gone_up(tx: Tx, question_id: str, reason: str) -> None:
    """It is the operator's too; `goes_up_at` says since when at the latest."""
    tx.execute(
        "UPDATE questions SET with_operator = 1, reason = ?1, goes_up_at = min(coalesce(goes_up_at, ?2), ?2) WHERE id = ?3",
        (reason, tx.now, question_id),
    )
