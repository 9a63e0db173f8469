"""How far hived has taken each agent's journals."""

from hived.store.database import Connection, Row, Tx


def select_journal(connection: Connection, agent_id: str, journal_uuid: str) -> Row | None:
    """The agent's name, generation and journal in use, with `cursor` and `refused_json` of that journal (NULL: new to hived)."""
    row: Row | None = connection.execute(
        """SELECT a.name, a.generation, a.journal_uuid, j.cursor, j.refused_json FROM agents a
           LEFT JOIN journals j ON j.agent_id = a.id AND j.journal_uuid = ? WHERE a.id = ?""",
        (journal_uuid, agent_id),
    ).fetchone()
    return row


def insert_journal(tx: Tx, agent_id: str, journal_uuid: str) -> None:
    """Make that journal the agent's own; a new one starts at cursor 0."""
    tx.execute(
        "INSERT INTO journals(agent_id, journal_uuid, cursor) VALUES (?, ?, 0) ON CONFLICT DO NOTHING",
        (agent_id, journal_uuid),
    )
    tx.execute("UPDATE agents SET journal_uuid = ? WHERE id = ?", (journal_uuid, agent_id))


def update_cursor(tx: Tx, agent_id: str, journal_uuid: str, cursor: int, last_event_at: str) -> None:
    tx.execute(
        "UPDATE journals SET cursor = ?, last_event_at = ? WHERE agent_id = ? AND journal_uuid = ?",
        (cursor, last_event_at, agent_id, journal_uuid),
    )


def update_refused(tx: Tx, agent_id: str, journal_uuid: str, refused_json: str | None) -> None:
    tx.execute(
        "UPDATE journals SET refused_json = ? WHERE agent_id = ? AND journal_uuid = ?",
        (refused_json, agent_id, journal_uuid),
    )
