"""Approvals' rows."""

from typing import Any

from hived.store.database import Connection, Row, Tx


def insert_approval(tx: Tx, values: dict[str, Any]) -> None:
    tx.execute(
        """INSERT INTO approvals(id, kind, status, requester, requester_id, spawn_name, generation, turn_id, subject,
             payload_json, created_at)
           VALUES (:id, :kind, 'pending', :requester, :requester_id, :spawn_name, :generation, :turn_id, :subject,
             :payload_json, :now)""",
        {**values, "now": tx.now},
    )


def select_approval(connection: Connection, approval_id: str) -> Row | None:
    row: Row | None = connection.execute("SELECT * FROM approvals WHERE id = ?", (approval_id,)).fetchone()
    return row


def select_approvals_starting(connection: Connection, prefix: str) -> list[Row]:
    """At most two, the exact one alone where it is there: enough to tell none, one and several apart."""
    exact = select_approval(connection, prefix)
    if exact is not None:
        return [exact]
    return connection.execute(
        "SELECT * FROM approvals WHERE id >= ?1 AND id < ?1 || char(1114111) LIMIT 2", (prefix,)
    ).fetchall()


def select_approvals(
    connection: Connection, *, kind: str | None, status: str | None, undecided: bool, limit: int, before: str | None
) -> list[Row]:
    """The newest `limit` that fit, oldest first. `before` is an approval's id."""
    rows = connection.execute(
        """SELECT * FROM approvals
           WHERE (:kind IS NULL OR kind = :kind) AND (:status IS NULL OR status = :status)
             AND (NOT :undecided OR status IN ('pending', 'orphaned'))
             AND (:before IS NULL OR (created_at, id) < (SELECT b.created_at, b.id FROM approvals b WHERE b.id = :before))
           ORDER BY created_at DESC, id DESC LIMIT :limit""",
        {"kind": kind, "status": status, "undecided": undecided, "limit": limit, "before": before},
    ).fetchall()
    return rows[::-1]


def select_pending_spawn(connection: Connection, name: str) -> Row | None:
    row: Row | None = connection.execute(
        "SELECT * FROM approvals WHERE status = 'pending' AND kind = 'spawn' AND spawn_name = ?", (name,)
    ).fetchone()
    return row


def select_spawn_of(connection: Connection, agent_id: str) -> Row | None:
    """The approved spawn that made the agent."""
    row: Row | None = connection.execute(
        "SELECT * FROM approvals WHERE kind = 'spawn' AND status = 'approved' AND agent_id = ?", (agent_id,)
    ).fetchone()
    return row


def select_pending_of_turn(connection: Connection, agent_id: str, turn_id: str) -> list[Row]:
    return connection.execute(
        """SELECT * FROM approvals WHERE kind = 'tool_use' AND requester_id = ? AND turn_id = ?
             AND status = 'pending' ORDER BY created_at, id""",
        (agent_id, turn_id),
    ).fetchall()


def select_pending_below(connection: Connection, agent_id: str, generation: int) -> list[Row]:
    """Pending tool_use asks of the agent's generations below that."""
    return connection.execute(
        """SELECT * FROM approvals WHERE kind = 'tool_use' AND requester_id = ? AND generation < ?
             AND status = 'pending' ORDER BY created_at, id""",
        (agent_id, generation),
    ).fetchall()


def select_decided_in_turn(connection: Connection, agent_id: str, generation: int) -> list[Row]:
    """Decided tool_use asks whose turn has not ended."""
    return connection.execute(
        """SELECT * FROM approvals WHERE kind = 'tool_use' AND requester_id = ? AND generation = ? AND NOT turn_over
             AND status IN ('approved', 'denied', 'cancelled', 'expired') ORDER BY decided_at, id""",
        (agent_id, generation),
    ).fetchall()


def update_decided(
    tx: Tx, approval_id: str, status: str, *, actor_json: str, note: str | None, updated_input_json: str | None
) -> bool:
    """Decide it if nobody has: False where somebody was first. One statement, so that there is one winner."""
    cursor = tx.execute(
        """UPDATE approvals SET status = ?, decided_at = ?, decided_by_json = ?, note = ?, updated_input_json = ?
           WHERE id = ? AND status IN ('pending', 'orphaned')""",
        (status, tx.now, actor_json, note, updated_input_json, approval_id),
    )
    return cursor.rowcount == 1


def update_made(tx: Tx, approval_id: str, agent_id: str) -> None:
    """The agent that came of an approved spawn."""
    tx.execute("UPDATE approvals SET agent_id = ? WHERE id = ?", (agent_id, approval_id))


def update_status(tx: Tx, approval_id: str, status: str, failure: str | None = None) -> None:
    tx.execute("UPDATE approvals SET status = ?, failure = ? WHERE id = ?", (status, failure, approval_id))


def update_turn_over(tx: Tx, agent_id: str, turn_id: str) -> None:
    tx.execute(
        "UPDATE approvals SET turn_over = 1 WHERE kind = 'tool_use' AND requester_id = ? AND turn_id = ?",
        (agent_id, turn_id),
    )
