"""Pairs' rows. A pair's two agents stand in the order of their ids."""

from typing import Any

from hived.store.database import Connection, Row, Tx

_PAIRS = """SELECT p.*, (SELECT count(*) FROM messages m WHERE m.pair_id = p.id AND m.status = 'held') AS held
FROM pairs p """


def insert_pair(tx: Tx, values: dict[str, Any]) -> None:
    tx.execute(
        """INSERT INTO pairs(id, first_id, second_id, first, second, status, since, exchanged, window_seconds)
           VALUES (:id, :first_id, :second_id, :first, :second, 'held', :now, :exchanged, :window_seconds)""",
        {**values, "now": tx.now},
    )


def select_pair(connection: Connection, pair_id: str) -> Row | None:
    row: Row | None = connection.execute(_PAIRS + "WHERE p.id = ?", (pair_id,)).fetchone()
    return row


def select_pairs_starting(connection: Connection, prefix: str) -> list[Row]:
    """At most two, the exact one alone where it is there."""
    exact = select_pair(connection, prefix)
    if exact is not None:
        return [exact]
    return connection.execute(_PAIRS + "WHERE p.id >= ?1 AND p.id < ?1 || char(1114111) LIMIT 2", (prefix,)).fetchall()


def select_pairs(connection: Connection, *, held: bool) -> list[Row]:
    """Oldest first; `held`: only those that are."""
    where = "WHERE p.status = 'held' " if held else ""
    return connection.execute(_PAIRS + where + "ORDER BY p.since, p.id").fetchall()


def select_held_pair(connection: Connection, first_id: str, second_id: str) -> str | None:
    """The id of the pair that holds what those two write to each other."""
    row = connection.execute(
        "SELECT id FROM pairs WHERE first_id = ? AND second_id = ? AND status = 'held'", (first_id, second_id)
    ).fetchone()
    return None if row is None else str(row["id"])


def select_last_decided(connection: Connection, first_id: str, second_id: str) -> str | None:
    """When a pair of those two was last decided."""
    row = connection.execute(
        "SELECT max(decided_at) AS at FROM pairs WHERE first_id = ? AND second_id = ?", (first_id, second_id)
    ).fetchone()
    at: str | None = row["at"]
    return at


def update_decided(tx: Tx, pair_id: str, status: str, actor_json: str) -> bool:
    """Decide it, once: False where it is decided already."""
    cursor = tx.execute(
        "UPDATE pairs SET status = ?, decided_at = ?, decided_by_json = ? WHERE id = ? AND status = 'held'",
        (status, tx.now, actor_json, pair_id),
    )
    return cursor.rowcount == 1
