"""Approvals' rows."""

from typing import Any

from hived.store.database import Connection, Row, Tx

_SELECT = """SELECT a.*, g.created_at AS granted_at, g.used_by AS grant_used_by
FROM approvals a LEFT JOIN grants g ON g.id = a.id """
"""With the grant that it left, if it did."""


def insert_approval(tx: Tx, values: dict[str, Any]) -> None:
    tx.execute(
        """INSERT INTO approvals(id, kind, status, requester, requester_id, spawn_name, generation, turn_id, subject,
             payload_json, input_hash, created_at)
           VALUES (:id, :kind, 'pending', :requester, :requester_id, :spawn_name, :generation, :turn_id, :subject,
             :payload_json, :input_hash, :now)""",
        {**values, "now": tx.now},
    )


def select_approval(connection: Connection, approval_id: str) -> Row | None:
    row: Row | None = connection.execute(_SELECT + "WHERE a.id = ?", (approval_id,)).fetchone()
    return row


def select_approvals_starting(connection: Connection, prefix: str) -> list[Row]:
    """At most two, the exact one alone where it is there: enough to tell none, one and several apart."""
    exact = select_approval(connection, prefix)
    if exact is not None:
        return [exact]
    return connection.execute(_SELECT + "WHERE a.id >= ?1 AND a.id < ?1 || char(1114111) LIMIT 2", (prefix,)).fetchall()


def select_approval_ids(
    connection: Connection, *, kind: str | None, status: str | None, undecided: bool, limit: int, before: str | None
) -> list[str]:
    """Of the newest `limit` that fit, newest first. `before` is an approval's id."""
    rows = connection.execute(
        """SELECT a.id FROM approvals a
           WHERE (:kind IS NULL OR a.kind = :kind) AND (:status IS NULL OR a.status = :status)
             AND (NOT :undecided OR a.status IN ('pending', 'orphaned'))
             AND (:before IS NULL
               OR (a.created_at, a.id) < (SELECT b.created_at, b.id FROM approvals b WHERE b.id = :before))
           ORDER BY a.created_at DESC, a.id DESC LIMIT :limit""",
        {"kind": kind, "status": status, "undecided": undecided, "limit": limit, "before": before},
    ).fetchall()
    return [row["id"] for row in rows]


def count_undecided(connection: Connection, agent_id: str, *, most: int) -> int:
    """How many of the agent's asks can still be decided, counted no further than `most`."""
    row = connection.execute(
        """SELECT count(*) FROM (SELECT 1 FROM approvals WHERE status IN ('pending', 'orphaned')
             AND +requester_id = ? LIMIT ?)""",
        (agent_id, most),
    ).fetchone()
    return int(row[0])


def select_pending_spawn(connection: Connection, name: str) -> Row | None:
    row: Row | None = connection.execute(
        "SELECT * FROM approvals WHERE status = 'pending' AND kind = 'spawn' AND spawn_name = ?", (name,)
    ).fetchone()
    return row


def select_pending_commit(connection: Connection, agent_id: str, commit: str) -> Row | None:
    """The undecided proposal of that commit."""
    row: Row | None = connection.execute(
        _SELECT + "WHERE a.kind = 'apply_commit' AND a.status = 'pending' AND a.agent_id = ? AND a.input_hash = ?",
        (agent_id, commit),
    ).fetchone()
    return row


def select_denied_commits(connection: Connection) -> list[Row]:
    """Denied proposals whose payload is still kept."""
    return connection.execute(
        _SELECT
        + """WHERE a.kind = 'apply_commit' AND a.status = 'denied' AND json_extract(a.payload_json, '$.commit') IS NOT NULL
           ORDER BY a.created_at, a.id"""
    ).fetchall()


def select_commits_of(connection: Connection, agent_id: str) -> list[Row]:
    """(id, status, commit, begun: it has a deployment) of every proposal of that agent's config, oldest first."""
    return connection.execute(
        """SELECT a.id, a.status, a.input_hash AS 'commit',
             EXISTS (SELECT 1 FROM deployments d WHERE d.approval_id = a.id) AS begun
           FROM approvals a WHERE a.kind = 'apply_commit' AND a.agent_id = ? ORDER BY a.created_at, a.id""",
        (agent_id,),
    ).fetchall()


def select_proposed_agents(connection: Connection) -> list[Row]:
    """(id, name) of the agents, buried ones too, whose config something was proposed for."""
    return connection.execute(
        """SELECT id, name FROM agents WHERE id IN (SELECT agent_id FROM approvals WHERE kind = 'apply_commit')
           ORDER BY created_at, id"""
    ).fetchall()


def select_commit_before(connection: Connection, agent_id: str, created_at: str, approval_id: str) -> Row | None:
    """The proposal of that agent's config that was asked for before this one, which was made then."""
    row: Row | None = connection.execute(
        _SELECT
        + """WHERE a.kind = 'apply_commit' AND a.agent_id = ? AND (a.created_at, a.id) < (?, ?)
           ORDER BY a.created_at DESC, a.id DESC LIMIT 1""",
        (agent_id, created_at, approval_id),
    ).fetchone()
    return row


def select_spawn_of(connection: Connection, agent_id: str) -> Row | None:
    """The approved spawn that made the agent, or brought it back last."""
    row: Row | None = connection.execute(
        """SELECT * FROM approvals WHERE kind = 'spawn' AND status = 'approved' AND agent_id = ?
           ORDER BY created_at DESC, id DESC LIMIT 1""",
        (agent_id,),
    ).fetchone()
    return row


def has_asks_of_turn(connection: Connection, agent_id: str, turn_id: str) -> bool:
    """Whether the turn asked for anything, decided or not; most ask for nothing."""
    row = connection.execute(
        "SELECT 1 FROM approvals WHERE kind = 'tool_use' AND requester_id = ? AND turn_id = ? LIMIT 1",
        (agent_id, turn_id),
    ).fetchone()
    return row is not None


def select_pending_of_turn(connection: Connection, agent_id: str, turn_id: str) -> list[Row]:
    return connection.execute(
        _SELECT
        + """WHERE a.kind = 'tool_use' AND a.requester_id = ? AND a.turn_id = ? AND a.status = 'pending'
           ORDER BY a.created_at, a.id""",
        (agent_id, turn_id),
    ).fetchall()


def select_unheard_of_turn(connection: Connection, agent_id: str, turn_id: str, *, cut_off: bool) -> list[Row]:
    """What somebody decided while a harness that is gone by now (`cut_off`: or goes now) waited for it, and that it never wrote
    down."""
    return connection.execute(
        _SELECT
        + """JOIN agents now ON now.id = a.requester_id
           WHERE a.kind = 'tool_use' AND a.requester_id = ? AND a.turn_id = ? AND a.status IN ('approved', 'denied')
             AND NOT a.heard AND NOT a.turn_over AND NOT a.orphaned AND a.answered_by_rule IS NULL
             AND (? OR a.generation < now.generation) ORDER BY a.created_at, a.id""",
        (agent_id, turn_id, cut_off),
    ).fetchall()


def select_undecided_twins(connection: Connection, agent_id: str, input_hash: str) -> list[Row]:
    """The agent's pending and orphaned asks for that tool and input, oldest first."""
    return connection.execute(
        _SELECT
        + """WHERE a.requester_id = ? AND a.input_hash = ? AND a.status IN ('pending', 'orphaned')
           ORDER BY a.created_at, a.id""",
        (agent_id, input_hash),
    ).fetchall()


def select_pending_below(connection: Connection, agent_id: str, generation: int) -> list[Row]:
    """Pending tool_use asks of the agent's generations below that."""
    return connection.execute(
        _SELECT
        + """WHERE a.kind = 'tool_use' AND a.requester_id = ? AND a.generation < ? AND a.status = 'pending'
           ORDER BY a.created_at, a.id""",
        (agent_id, generation),
    ).fetchall()


def select_decided_in_turn(connection: Connection, agent_id: str, generation: int) -> list[Row]:
    """Decided tool_use asks whose turn has not ended."""
    return connection.execute(
        """SELECT * FROM approvals WHERE kind = 'tool_use' AND requester_id = ? AND generation = ? AND NOT turn_over
             AND status IN ('approved', 'denied', 'cancelled', 'expired') ORDER BY decided_at, id""",
        (agent_id, generation),
    ).fetchall()


def update_decided(
    tx: Tx,
    approval_id: str,
    status: str,
    *,
    actor_json: str,
    note: str | None,
    updated_input_json: str | None,
    rule: str | None,
    grant: str | None,
) -> bool:
    """Decide it if nobody has: False where somebody was first. One statement, so that there is one winner."""
    cursor = tx.execute(
        """UPDATE approvals SET status = ?, decided_at = ?, decided_by_json = ?, note = ?, updated_input_json = ?,
             answered_by_rule = ?, answered_by_grant = ?
           WHERE id = ? AND status IN ('pending', 'orphaned')""",
        (status, tx.now, actor_json, note, updated_input_json, rule, grant, approval_id),
    )
    return cursor.rowcount == 1


def update_made(tx: Tx, approval_id: str, agent_id: str) -> None:
    """The agent that came of an approved spawn."""
    tx.execute("UPDATE approvals SET agent_id = ? WHERE id = ?", (agent_id, approval_id))


def update_status(tx: Tx, approval_id: str, status: str, failure: str | None = None) -> None:
    tx.execute("UPDATE approvals SET status = ?, failure = ? WHERE id = ?", (status, failure, approval_id))


def update_renewed(tx: Tx, approval_id: str, subject: str, payload_json: str) -> None:
    """What a pending one says, before anybody has decided it."""
    tx.execute(
        "UPDATE approvals SET subject = ?, payload_json = ? WHERE id = ? AND status = 'pending'",
        (subject, payload_json, approval_id),
    )


def update_orphaned(tx: Tx, approval_id: str, input_hash: str) -> None:
    """`input_hash`: for rows of older schemas, which have none, so that an ask for the same finds it."""
    tx.execute(
        "UPDATE approvals SET status = 'orphaned', orphaned = 1, input_hash = coalesce(input_hash, ?) WHERE id = ?",
        (input_hash, approval_id),
    )


def update_cancelled(tx: Tx, approval_id: str, actor_json: str) -> None:
    tx.execute(
        "UPDATE approvals SET status = 'cancelled', decided_at = ?, decided_by_json = ? WHERE id = ?",
        (tx.now, actor_json, approval_id),
    )


def update_heard(tx: Tx, agent_id: str, approval_id: str) -> None:
    tx.execute(
        "UPDATE approvals SET heard = 1 WHERE id = ? AND requester_id = ? AND kind = 'tool_use'",
        (approval_id, agent_id),
    )


def update_turn_over(tx: Tx, agent_id: str, turn_id: str) -> None:
    tx.execute(
        "UPDATE approvals SET turn_over = 1 WHERE kind = 'tool_use' AND requester_id = ? AND turn_id = ?",
        (agent_id, turn_id),
    )
