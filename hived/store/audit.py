"""The audit's rows: appended, never changed."""

from collections.abc import Iterator

from hived.store.database import Connection, Row, Tx


def select_last(connection: Connection) -> Row | None:
    row: Row | None = connection.execute("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1").fetchone()
    return row


def select_all(connection: Connection) -> Iterator[Row]:
    """In order."""
    yield from connection.execute("SELECT * FROM audit ORDER BY seq")


def insert_entry(
    tx: Tx, *, seq: int, action: str, actor_json: str, subject: str, detail_json: str, previous_hash: str, digest: str
) -> None:
    tx.execute(
        """INSERT INTO audit(seq, ts, action, actor_json, subject, detail_json, previous_hash, hash)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?)""",
        (seq, tx.now, action, actor_json, subject, detail_json, previous_hash, digest),
    )
