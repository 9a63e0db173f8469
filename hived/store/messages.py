"""Messages' rows. Order is `seq`: the order in which hived took them."""

from collections.abc import Sequence
from typing import Any

from hived.store.database import Connection, Row, Tx


def insert_message(tx: Tx, values: dict[str, Any]) -> None:
    tx.execute(
        """INSERT INTO messages(id, sender, sender_id, recipient, recipient_id, body, reply_to, thread, sent_at, "when",
             kind, about, status)
           VALUES (:id, :sender, :sender_id, :recipient, :recipient_id, :body, :reply_to, :thread, :now, :when,
             :kind, :about, 'queued')""",
        {**values, "now": tx.now},
    )


def select_message(connection: Connection, message_id: str) -> Row | None:
    row: Row | None = connection.execute("SELECT * FROM messages WHERE id = ?", (message_id,)).fetchone()
    return row


def select_messages_starting(connection: Connection, prefix: str) -> list[Row]:
    """At most two, the exact one alone where it is there: enough to tell none, one and several apart."""
    exact = select_message(connection, prefix)
    if exact is not None:
        return [exact]
    return connection.execute(
        "SELECT * FROM messages WHERE id >= ?1 AND id < ?1 || char(1114111) LIMIT 2", (prefix,)
    ).fetchall()


def select_messages(
    connection: Connection,
    *,
    agent: str | None,
    recipient: str | None,
    unread: bool,
    limit: int,
    before_seq: int | None,
) -> list[Row]:
    """The newest `limit` that fit, oldest first."""
    rows = connection.execute(
        """SELECT * FROM messages
           WHERE (:agent IS NULL OR sender = :agent OR recipient = :agent)
             AND (:recipient IS NULL OR recipient = :recipient)
             AND (NOT :unread OR status = 'queued')
             AND (:before IS NULL OR seq < :before)
           ORDER BY seq DESC LIMIT :limit""",
        {"agent": agent, "recipient": recipient, "unread": unread, "before": before_seq, "limit": limit},
    ).fetchall()
    return rows[::-1]


def select_due(connection: Connection, agent_id: str, now: str, *, only_now: bool, limit: int) -> list[Row]:
    """What waits for the agent and is not backing off, oldest first."""
    return connection.execute(
        """SELECT * FROM messages WHERE recipient_id = :agent AND status = 'queued'
             AND (not_before IS NULL OR not_before <= :now) AND (NOT :only_now OR "when" = 'now')
           ORDER BY seq LIMIT :limit""",
        {"agent": agent_id, "now": now, "only_now": only_now, "limit": limit},
    ).fetchall()


def select_queued(connection: Connection, agent_id: str, limit: int) -> list[Row]:
    """All that waits for the agent, backing off or not, oldest first."""
    return connection.execute(
        "SELECT * FROM messages WHERE recipient_id = ? AND status = 'queued' ORDER BY seq LIMIT ?", (agent_id, limit)
    ).fetchall()


def select_queue_figures(connection: Connection, agent_id: str, now: str) -> tuple[int, str | None]:
    """(how many are queued, when the next one that backs off comes due)."""
    row = connection.execute(
        """SELECT count(*), min(CASE WHEN not_before > :now THEN not_before END) FROM messages
           WHERE recipient_id = :agent AND status = 'queued'""",
        {"agent": agent_id, "now": now},
    ).fetchone()
    return int(row[0]), row[1]


def select_leased(connection: Connection, agent_id: str, turn_id: str) -> list[Row]:
    return connection.execute(
        """SELECT * FROM messages WHERE recipient_id = ? AND status = 'leased' AND lease_turn_id = ? ORDER BY seq""",
        (agent_id, turn_id),
    ).fetchall()


def select_leased_to_others(connection: Connection, agent_id: str, turn_id: str) -> list[Row]:
    """The agent's leases of any turn but that."""
    return connection.execute(
        """SELECT * FROM messages WHERE recipient_id = ? AND status = 'leased' AND lease_turn_id <> ? ORDER BY seq""",
        (agent_id, turn_id),
    ).fetchall()


def select_leased_before(connection: Connection, agent_id: str, generation: int) -> list[Row]:
    """The agent's leases of generations below that."""
    return connection.execute(
        """SELECT * FROM messages WHERE recipient_id = ? AND status = 'leased' AND lease_generation < ? ORDER BY seq""",
        (agent_id, generation),
    ).fetchall()


def select_received(connection: Connection, agent_id: str, message_ids: Sequence[str]) -> list[Row]:
    """Those of the messages that were sent to the agent, oldest first."""
    found = (
        connection.execute(
            "SELECT * FROM messages WHERE id = ? AND recipient_id = ?", (message_id, agent_id)
        ).fetchone()
        for message_id in dict.fromkeys(message_ids)
    )
    return sorted((row for row in found if row is not None), key=lambda row: int(row["seq"]))


def update_leased(tx: Tx, message_id: str, turn_id: str, generation: int) -> None:
    tx.execute(
        """UPDATE messages SET status = 'leased', deliveries = deliveries + 1, not_before = NULL, lease_turn_id = ?,
             lease_generation = ? WHERE id = ?""",
        (turn_id, generation, message_id),
    )


def update_queued(
    tx: Tx, message_id: str, *, redelivered: bool, not_before: str | None = None, uncount: bool = False
) -> None:
    """Back into the queue. `redelivered` marks it (a mark once made stays); `uncount` takes the lease's delivery back."""
    tx.execute(
        """UPDATE messages SET status = 'queued', lease_turn_id = NULL, lease_generation = NULL,
             redelivered = max(redelivered, :redelivered), not_before = :not_before,
             deliveries = max(0, deliveries - :uncount) WHERE id = :id""",
        {"redelivered": int(redelivered), "not_before": not_before, "uncount": int(uncount), "id": message_id},
    )


def select_held_for(connection: Connection, agent_id: str, outcome: str) -> list[Row]:
    """The agent's messages that are held because of a turn of that outcome, oldest first."""
    return connection.execute(
        "SELECT * FROM messages WHERE recipient_id = ? AND status = 'held' AND held_outcome = ? ORDER BY seq",
        (agent_id, outcome),
    ).fetchall()


def update_held(tx: Tx, message_id: str, reason: str, outcome: str | None) -> None:
    """`outcome`: of the turn that it is held for, if it was one."""
    tx.execute(
        """UPDATE messages SET status = 'held', reason = ?, held_outcome = ?, lease_turn_id = NULL,
             lease_generation = NULL, not_before = NULL WHERE id = ?""",
        (reason, outcome, message_id),
    )


def update_queued_anew(tx: Tx, message_id: str) -> None:
    """A held message back into the queue, its deliveries counted from nothing; that it was delivered before stays marked."""
    tx.execute(
        """UPDATE messages SET status = 'queued', reason = NULL, held_outcome = NULL, deliveries = 0, redelivered = 1,
             not_before = NULL WHERE id = ?""",
        (message_id,),
    )


def update_undeliverable(tx: Tx, message_id: str, reason: str) -> None:
    tx.execute("UPDATE messages SET status = 'undeliverable', reason = ? WHERE id = ?", (reason, message_id))


def update_acked(tx: Tx, message_id: str) -> None:
    tx.execute(
        """UPDATE messages SET status = 'acked', acked_at = ?, reason = NULL, lease_turn_id = NULL,
             lease_generation = NULL, not_before = NULL WHERE id = ?""",
        (tx.now, message_id),
    )
