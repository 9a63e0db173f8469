"""The steps of agents' lives, the newest KEPT of each."""

from hived.store.database import Connection, Row, Tx

KEPT = 50


def insert_step(tx: Tx, agent_id: str, *, state: str, cause: str, generation: int, pid: int | None) -> None:
    """One that says the same as the newest only gives that its pid."""
    newest = tx.one("SELECT * FROM lifecycle_log WHERE agent_id = ? ORDER BY seq DESC LIMIT 1", (agent_id,))
    if newest is not None and (newest["state"], newest["cause"], newest["generation"]) == (state, cause, generation):
        tx.execute("UPDATE lifecycle_log SET pid = coalesce(?, pid) WHERE seq = ?", (pid, newest["seq"]))
        return
    tx.execute(
        "INSERT INTO lifecycle_log(agent_id, at, state, cause, generation, pid) VALUES (?, ?, ?, ?, ?, ?)",
        (agent_id, tx.now, state, cause, generation, pid),
    )
    tx.execute(
        """DELETE FROM lifecycle_log WHERE agent_id = ?1 AND seq <=
             (SELECT seq FROM lifecycle_log WHERE agent_id = ?1 ORDER BY seq DESC LIMIT 1 OFFSET ?2)""",
        (agent_id, KEPT),
    )


def select_steps(connection: Connection, agent_id: str) -> list[Row]:
    """Oldest first."""
    return connection.execute("SELECT * FROM lifecycle_log WHERE agent_id = ? ORDER BY seq", (agent_id,)).fetchall()


def count_steps_since(connection: Connection, agent_id: str, state: str, since: str) -> int:
    row = connection.execute(
        "SELECT count(*) FROM lifecycle_log WHERE agent_id = ? AND state = ? AND at >= ?", (agent_id, state, since)
    ).fetchone()
    return int(row[0])


def select_end_above(connection: Connection, agent_id: str, generation: int) -> Row | None:
    """The newest step in which a generation above that one crashed or was parked."""
    row: Row | None = connection.execute(
        """SELECT * FROM lifecycle_log WHERE agent_id = ? AND generation > ? AND state IN ('crashed', 'parked')
           ORDER BY seq DESC LIMIT 1""",
        (agent_id, generation),
    ).fetchone()
    return row
