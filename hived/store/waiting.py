"""The rows of the one list of what needs the operator."""

from hived.store.database import Connection, Row, Tx


def insert_item(
    tx: Tx, *, item_id: str, kind: str, agent: str | None, subject: str, since: str, blocks: bool, told_at: str | None
) -> None:
    """Add the item, or renew its words; how long it has waited and when it was told of stay."""
    tx.execute(
        """INSERT INTO waiting(id, kind, agent, subject, since, blocks, notified_at) VALUES (?, ?, ?, ?, ?, ?, ?)
           ON CONFLICT(id, kind) DO UPDATE SET agent = excluded.agent, subject = excluded.subject, blocks = excluded.blocks""",
        (item_id, kind, agent, subject, since, int(blocks), told_at),
    )


def select_item(connection: Connection, item_id: str, kind: str) -> Row | None:
    row: Row | None = connection.execute("SELECT * FROM waiting WHERE id = ? AND kind = ?", (item_id, kind)).fetchone()
    return row


def select_items(connection: Connection) -> list[Row]:
    """Those that somebody stands still for come first, the oldest first of each."""
    return connection.execute("SELECT * FROM waiting ORDER BY blocks DESC, since, id, kind").fetchall()


def select_count(connection: Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM waiting").fetchone()[0])


def delete_item(tx: Tx, item_id: str, kind: str) -> bool:
    return tx.execute("DELETE FROM waiting WHERE id = ? AND kind = ?", (item_id, kind)).rowcount == 1


def select_untold(connection: Connection) -> list[Row]:
    """What nobody was told of yet, oldest first."""
    return connection.execute("SELECT * FROM waiting WHERE notified_at IS NULL ORDER BY since, id, kind").fetchall()


def update_told(tx: Tx) -> None:
    tx.execute("UPDATE waiting SET notified_at = ? WHERE notified_at IS NULL", (tx.now,))
