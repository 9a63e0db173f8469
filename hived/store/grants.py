"""Grants' rows. Their id is the approval's that left them."""

from hived.store.database import Connection, Row, Tx


def insert_grant(tx: Tx, approval_id: str, *, agent_id: str, tool: str, input_hash: str) -> None:
    tx.execute(
        "INSERT INTO grants(id, agent_id, tool, input_hash, created_at) VALUES (?, ?, ?, ?, ?)",
        (approval_id, agent_id, tool, input_hash, tx.now),
    )


def select_unused(connection: Connection, agent_id: str, input_hash: str, *, after: str) -> Row | None:
    """The oldest of those that were made after that time."""
    row: Row | None = connection.execute(
        """SELECT * FROM grants WHERE agent_id = ? AND input_hash = ? AND used_at IS NULL AND created_at > ?
           ORDER BY created_at, id LIMIT 1""",
        (agent_id, input_hash, after),
    ).fetchone()
    return row


def update_used(tx: Tx, approval_id: str, used_by: str) -> None:
    tx.execute("UPDATE grants SET used_at = ?, used_by = ? WHERE id = ?", (tx.now, used_by, approval_id))


def delete_unused(tx: Tx, agent_id: str) -> None:
    tx.execute("DELETE FROM grants WHERE agent_id = ? AND used_at IS NULL", (agent_id,))
