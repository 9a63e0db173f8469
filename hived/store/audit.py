"""The audit's rows: appended, never changed."""

from collections.abc import Iterator

from hived.store.database import Connection, Row, Tx


def select_last(connection: Connection) -> Row | None:
    row: Row | None = connection.execute("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1").fetchone()
    return row


def select_head(connection: Connection) -> Row | None:
    """The number and hash that the last entry must have; None where none has been written."""
    row: Row | None = connection.execute("SELECT seq, hash FROM audit_head").fetchone()
    return row


def select_entries(connection: Connection, *, limit: int, before: int | None, subject: str | None) -> list[Row]:
    """The newest `limit` that fit, oldest first. `subject` is an id or the beginning of one."""
    rows = connection.execute(
        """SELECT * FROM audit WHERE (:before IS NULL OR seq < :before)
             AND (:subject IS NULL OR (subject >= :subject AND subject < :subject || char(1114111)))
           ORDER BY seq DESC LIMIT :limit""",
        {"limit": limit, "before": before, "subject": subject},
    ).fetchall()
    return rows[::-1]


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


def upsert_head(tx: Tx, seq: int, digest: str) -> None:
    tx.execute(
        """INSERT INTO audit_head(one, seq, hash) VALUES (1, ?, ?)
           ON CONFLICT(one) DO UPDATE SET seq = excluded.seq, hash = excluded.hash""",
        (seq, digest),
    )
