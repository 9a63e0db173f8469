"""Answers already given, by the key that the caller chose."""

from hived.store.database import Connection, Row, Tx

KEPT_SECONDS = 86_400.0


def select_answer(connection: Connection, key: str, caller: str) -> Row | None:
    row: Row | None = connection.execute(
        "SELECT fingerprint, status, answer FROM idempotency WHERE key = ? AND caller = ?", (key, caller)
    ).fetchone()
    return row


def insert_answer(tx: Tx, key: str, caller: str, fingerprint: str, status: int, answer: str) -> None:
    """Keep the first answer to the key; answers older than KEPT_SECONDS go."""
    tx.execute("DELETE FROM idempotency WHERE created_at < ?", (tx.in_seconds(-KEPT_SECONDS),))
    tx.execute(
        """INSERT INTO idempotency(key, caller, fingerprint, status, answer, created_at) VALUES (?, ?, ?, ?, ?, ?)
           ON CONFLICT(key, caller) DO NOTHING""",
        (key, caller, fingerprint, status, answer, tx.now),
    )
