"""What an agent has changed in its clone, as last looked at: a column of its row, and of its tombstone."""

from hived.store.database import Connection, Row, Tx


def select_named(connection: Connection, name: str) -> Row | None:
    """Buried or not."""
    row: Row | None = connection.execute(
        "SELECT id, name, lifecycle, spec_json, work_json FROM agents WHERE name = ?", (name,)
    ).fetchone()
    return row


def select_one(connection: Connection, agent_id: str) -> Row | None:
    row: Row | None = connection.execute(
        "SELECT id, name, lifecycle, spec_json, work_json FROM agents WHERE id = ?", (agent_id,)
    ).fetchone()
    return row


def select_never_looked(connection: Connection) -> list[Row]:
    """Those with a repository that nobody has looked at yet, oldest first."""
    return connection.execute(
        """SELECT id, name, spec_json FROM agents WHERE work_json IS NULL AND lifecycle <> 'buried' AND workspace IS NOT NULL
             AND json_extract(spec_json, '$.repo') IS NOT NULL ORDER BY created_at, id"""
    ).fetchall()


def update_work(tx: Tx, agent_id: str, work_json: str) -> None:
    tx.execute(
        """UPDATE agents SET work_json = ?1,
             buried_json = CASE WHEN buried_json IS NULL THEN NULL ELSE json_set(buried_json, '$.work', json(?1)) END
           WHERE id = ?2""",
        (work_json, agent_id),
    )
