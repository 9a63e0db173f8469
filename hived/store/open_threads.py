"""What of an agent's own messages and asks has not come to an end: looked at across their tables."""

from hived.store.database import Connection, Row


def select_undelivered(connection: Connection, sender_id: str, limit: int) -> list[Row]:
    """Its messages, questions aside, that nobody has taken to a clean end and somebody still may, newest first."""
    return connection.execute(
        """SELECT id, recipient, status, sent_at, reason FROM messages
           WHERE sender_id = ? AND status IN ('queued', 'leased', 'held') AND kind <> 'question'
           ORDER BY seq DESC LIMIT ?""",
        (sender_id, limit),
    ).fetchall()


def select_undecided(connection: Connection, requester_id: str) -> list[Row]:
    """Its asks of the operator that can still be decided, oldest first."""
    return connection.execute(
        """SELECT id, kind, subject, created_at FROM approvals
           WHERE requester_id = ? AND status IN ('pending', 'orphaned') ORDER BY created_at, id""",
        (requester_id,),
    ).fetchall()
