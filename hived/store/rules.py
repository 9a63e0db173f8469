"""Rules' rows, and the asks that a preview looks back on."""

from collections.abc import Sequence
from typing import Any

from hived.store.database import Connection, Row, Tx


def insert_rule(tx: Tx, values: dict[str, Any]) -> None:
    tx.execute(
        """INSERT INTO rules(id, scope, agent, agent_id, colony, tool, pattern, verdict, reason, source, made_from,
             created_at, created_by_json, expires_at)
           VALUES (:id, :scope, :agent, :agent_id, NULL, :tool, :pattern, :verdict, :reason, :source, :made_from,
             :now, :created_by_json, :expires_at)""",
        {**values, "now": tx.now},
    )


def select_in_force(connection: Connection, agent_id: str, now: str) -> list[Row]:
    """What stands for that agent: its own rules and the hive's, oldest first."""
    return connection.execute(
        """SELECT * FROM (
             SELECT * FROM rules WHERE revoked_at IS NULL AND scope = 'agent' AND agent_id = :agent_id
             UNION ALL SELECT * FROM rules WHERE revoked_at IS NULL AND scope = 'hive')
           WHERE expires_at IS NULL OR expires_at > :now ORDER BY id""",
        {"agent_id": agent_id, "now": now},
    ).fetchall()


def select_rules(connection: Connection, *, all: bool, now: str) -> list[Row]:
    """Oldest first; those in force alone, or every one there ever was."""
    return connection.execute(
        """SELECT * FROM rules WHERE :all OR (revoked_at IS NULL AND (expires_at IS NULL OR expires_at > :now))
           ORDER BY created_at, id""",
        {"all": all, "now": now},
    ).fetchall()


def select_count_in_force(connection: Connection, now: str) -> int:
    row: Row = connection.execute(
        "SELECT count(*) FROM rules WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?)", (now,)
    ).fetchone()
    return int(row[0])


def select_rules_starting(connection: Connection, prefix: str) -> list[Row]:
    """At most two, the exact one alone where it is there: enough to tell none, one and several apart."""
    exact = connection.execute("SELECT * FROM rules WHERE id = ?", (prefix,)).fetchall()
    if exact:
        return exact
    return connection.execute(
        "SELECT * FROM rules WHERE id >= ?1 AND id < ?1 || char(1114111) LIMIT 2", (prefix,)
    ).fetchall()


def select_same_in_force(
    connection: Connection, *, scope: str, agent_id: str | None, tool: str, pattern: str, verdict: str, now: str
) -> Row | None:
    """A rule that already says so, for as long as it is not revoked."""
    row: Row | None = connection.execute(
        """SELECT * FROM rules WHERE revoked_at IS NULL AND scope = :scope AND agent_id IS :agent_id AND tool = :tool
             AND pattern = :pattern AND verdict = :verdict AND (expires_at IS NULL OR expires_at > :now)
           ORDER BY expires_at IS NOT NULL, id LIMIT 1""",
        {"scope": scope, "agent_id": agent_id, "tool": tool, "pattern": pattern, "verdict": verdict, "now": now},
    ).fetchone()
    return row


def select_of_spec(connection: Connection, agent_id: str) -> list[Row]:
    """Every rule that the agent ever had from its agent.toml, oldest first."""
    return connection.execute(
        "SELECT * FROM rules WHERE agent_id = ? AND source = 'agent.toml' ORDER BY id", (agent_id,)
    ).fetchall()


def update_hit(tx: Tx, rule_ids: Sequence[str]) -> None:
    for rule_id in rule_ids:
        tx.execute("UPDATE rules SET hits = hits + 1, last_hit_at = ? WHERE id = ?", (tx.now, rule_id))


def update_revoked(tx: Tx, rule_id: str, actor_json: str) -> bool:
    """False where it was revoked before."""
    cursor = tx.execute(
        "UPDATE rules SET revoked_at = ?, revoked_by_json = ? WHERE id = ? AND revoked_at IS NULL",
        (tx.now, actor_json, rule_id),
    )
    return cursor.rowcount == 1


def select_asks(
    connection: Connection, *, agent_id: str | None, since: str, before: tuple[str, str], limit: int, most_bytes: int
) -> list[Row]:
    """tool_use asks, newest first, older than `before` (created_at, id); a payload above `most_bytes` is NULL."""
    return connection.execute(
        """SELECT id, requester, requester_id, subject, created_at, status,
             updated_input_json IS NOT NULL AS changed,
             CASE WHEN length(payload_json) <= :most THEN payload_json END AS payload_json
           FROM approvals
           WHERE kind = 'tool_use' AND created_at >= :since AND (created_at, id) < (:at, :id)
             AND (:agent_id IS NULL OR requester_id = :agent_id)
           ORDER BY created_at DESC, id DESC LIMIT :limit""",
        {
            "agent_id": agent_id,
            "since": since,
            "at": before[0],
            "id": before[1],
            "limit": limit,
            "most": most_bytes,
        },
    ).fetchall()
