"""Deployments' rows: one build and start of one commit each."""

from typing import Any

from hived.store.database import Connection, Row, Tx

OPEN = ("queued", "building", "starting", "checking")
_OPEN = "status IN ('queued', 'building', 'starting', 'checking')"
_SELECT = """SELECT id, agent_id, agent, kind, status, step, commit_sha, base_sha, approval_id, actor_json, note, reason, engine, model,
  runtime, generation, checked_from, change_json, before_json, recorded, created_at, started_at, ended_at
FROM deployments """
"""Without the log, which may be long."""
_BEFORE = "(created_at, id) < (SELECT b.created_at, b.id FROM deployments b WHERE b.id = :before)"
_NEWEST_ENDED = """id IN (SELECT d.id FROM deployments d
  WHERE d.status NOT IN ('queued', 'building', 'starting', 'checking') ORDER BY d.created_at DESC, d.id DESC LIMIT ?)"""
_NEWEST_DEPLOYED = """id IN (SELECT d.id FROM deployments d WHERE d.agent_id = ?1 AND d.status = 'deployed'
  ORDER BY d.created_at DESC, d.id DESC LIMIT ?2)"""


def insert_deployment(tx: Tx, values: dict[str, Any]) -> None:
    tx.execute(
        """INSERT INTO deployments(id, agent_id, agent, kind, status, commit_sha, base_sha, approval_id, actor_json, note,
             engine, model, runtime, change_json, created_at, started_at, ended_at)
           VALUES (:id, :agent_id, :agent, :kind, :status, :commit, :base, :approval_id, :actor_json, :note, :engine, :model,
             :runtime, :change_json, :now, :ended, :ended)""",
        {**values, "now": tx.now, "ended": tx.now if values["status"] == "deployed" else None},
    )


def select_deployment(connection: Connection, deployment_id: str) -> Row | None:
    """With its log."""
    row: Row | None = connection.execute("SELECT * FROM deployments WHERE id = ?", (deployment_id,)).fetchone()
    return row


def select_deployments_starting(connection: Connection, prefix: str) -> list[Row]:
    """At most two, the exact one alone where it is there, with their logs."""
    exact = select_deployment(connection, prefix)
    if exact is not None:
        return [exact]
    return connection.execute(
        "SELECT * FROM deployments WHERE id >= ?1 AND id < ?1 || char(1114111) LIMIT 2", (prefix,)
    ).fetchall()


def select_page(connection: Connection, *, agent: str | None, before: str | None, limit: int) -> list[Row]:
    """The newest `limit`, newest first. `agent` is a name or an id, `before` a deployment's id."""
    return connection.execute(
        _SELECT
        + "WHERE (:agent IS NULL OR agent = :agent OR agent_id = :agent) AND (:before IS NULL OR "
        + _BEFORE
        + ") ORDER BY created_at DESC, id DESC LIMIT :limit",
        {"agent": agent, "before": before, "limit": limit},
    ).fetchall()


def select_shown(connection: Connection, newest: int) -> list[Row]:
    """Those under way, and the newest of the others; newest first."""
    return connection.execute(
        _SELECT + "WHERE " + _OPEN + " OR " + _NEWEST_ENDED + " ORDER BY created_at DESC, id DESC",
        (newest,),
    ).fetchall()


def select_open(connection: Connection) -> list[Row]:
    """Those that have not ended, oldest first."""
    return connection.execute(_SELECT + "WHERE " + _OPEN + " ORDER BY created_at, id").fetchall()


def select_open_of(connection: Connection, agent_id: str) -> list[Row]:
    """Those of one agent that have not ended, oldest first."""
    return connection.execute(
        _SELECT + "WHERE agent_id = ? AND " + _OPEN + " ORDER BY created_at, id", (agent_id,)
    ).fetchall()


def select_deployed_of(connection: Connection, agent_id: str) -> list[Row]:
    """What was deployed of one agent, oldest first."""
    return connection.execute(
        _SELECT + "WHERE agent_id = ? AND status = 'deployed' ORDER BY created_at, id",
        (agent_id,),
    ).fetchall()


def select_approved_before(connection: Connection, agent_id: str, approval_id: str) -> Row | None:
    """The agent's newest deployment that came of another approval, however it ended; None where there is none."""
    row: Row | None = connection.execute(
        _SELECT
        + """WHERE agent_id = ? AND approval_id IS NOT NULL AND approval_id <> ? AND commit_sha IS NOT NULL
             ORDER BY created_at DESC, id DESC LIMIT 1""",
        (agent_id, approval_id),
    ).fetchone()
    return row


def select_unrecorded(connection: Connection) -> list[Row]:
    """Those that have ended and are not in meta/ yet, in the order in which they ended."""
    return connection.execute(
        _SELECT + "WHERE NOT recorded AND status IN ('deployed', 'failed') ORDER BY ended_at, id"
    ).fetchall()


def select_newest_deployed(connection: Connection) -> list[Row]:
    """Of each agent, buried ones too, what was deployed last, with the agent's `lifecycle`."""
    return connection.execute(
        """SELECT d.id, d.agent_id, d.agent, d.commit_sha, d.engine, d.model, d.runtime, a.lifecycle
           FROM agents a JOIN deployments d ON d.id = (SELECT n.id FROM deployments n
             WHERE n.agent_id = a.id AND n.status = 'deployed' ORDER BY n.created_at DESC, n.id DESC LIMIT 1)
           ORDER BY a.created_at, a.id"""
    ).fetchall()


def select_commits_of(connection: Connection, agent_id: str, newest: int) -> list[str]:
    """What the newest deployments of an agent built, and those under way; newest first."""
    rows = connection.execute(
        _SELECT
        + "WHERE agent_id = ?1 AND commit_sha IS NOT NULL AND ("
        + _OPEN
        + " OR "
        + _NEWEST_DEPLOYED
        + ") ORDER BY created_at DESC, id DESC",
        (agent_id, newest),
    )
    return [row["commit_sha"] for row in rows]


def update_building(tx: Tx, deployment_id: str) -> None:
    tx.execute(
        "UPDATE deployments SET status = 'building', started_at = coalesce(started_at, ?) WHERE id = ?",
        (tx.now, deployment_id),
    )


def update_commit(tx: Tx, deployment_id: str, commit: str) -> None:
    tx.execute("UPDATE deployments SET commit_sha = ? WHERE id = ?", (commit, deployment_id))


def update_starting(
    tx: Tx,
    deployment_id: str,
    *,
    commit: str,
    base: str | None,
    generation: int,
    before_json: str,
    engine: str,
    model: str,
    runtime: str,
) -> None:
    """`base`: what ran until now; None keeps what ran when it was asked for."""
    tx.execute(
        """UPDATE deployments SET status = 'starting', started_at = coalesce(started_at, ?), commit_sha = ?,
             base_sha = coalesce(?, base_sha), reason = NULL, generation = ?, before_json = ?, engine = ?, model = ?, runtime = ?
           WHERE id = ?""",
        (tx.now, commit, base, generation, before_json, engine, model, runtime, deployment_id),
    )


def update_before(tx: Tx, deployment_id: str, before_json: str) -> None:
    """What a failure of one that is starting or checking goes back to."""
    tx.execute("UPDATE deployments SET before_json = ? WHERE id = ?", (before_json, deployment_id))


def update_checking(tx: Tx, deployment_id: str, generation: int) -> None:
    tx.execute(
        "UPDATE deployments SET status = 'checking', generation = ?, checked_from = ? WHERE id = ?",
        (generation, tx.now, deployment_id),
    )


def update_starting_again(tx: Tx, deployment_id: str, generation: int) -> None:
    """From `checking`: what was watched has ended, and the next one may still come up."""
    tx.execute(
        "UPDATE deployments SET status = 'starting', generation = ?, checked_from = NULL WHERE id = ?",
        (generation, deployment_id),
    )


def update_ended(
    tx: Tx, deployment_id: str, status: str, *, step: str | None = None, reason: str | None = None
) -> None:
    tx.execute(
        "UPDATE deployments SET status = ?, step = ?, reason = ?, ended_at = ? WHERE id = ?",
        (status, step, reason, tx.now, deployment_id),
    )


def update_reason(tx: Tx, deployment_id: str, reason: str | None) -> None:
    """Of one that has not ended: what it waits for."""
    tx.execute("UPDATE deployments SET reason = ? WHERE id = ?", (reason, deployment_id))


def update_log(tx: Tx, deployment_id: str, log: str) -> None:
    tx.execute("UPDATE deployments SET log = ? WHERE id = ?", (log, deployment_id))


def update_recorded(tx: Tx, deployment_id: str) -> None:
    tx.execute("UPDATE deployments SET recorded = 1 WHERE id = ?", (deployment_id,))


def update_agent_deployed(
    tx: Tx, agent_id: str, *, engine: str, role: str, runtime: str, spec_json: str, commit: str | None
) -> None:
    """What the agent's next generation is started as, and runs."""
    tx.execute(
        "UPDATE agents SET engine = ?, role = ?, runtime = ?, spec_json = ?, commit_sha = ? WHERE id = ?",
        (engine, role, runtime, spec_json, commit, agent_id),
    )


def update_agent_commit(tx: Tx, agent_id: str, commit: str | None) -> None:
    """What its generations run; None: it is not started before a deployment has built it."""
    tx.execute("UPDATE agents SET commit_sha = ? WHERE id = ?", (commit, agent_id))


def update_agent_back(tx: Tx, agent_id: str, before: dict[str, Any]) -> None:
    """What it was before a deployment that failed, by the names of its columns."""
    tx.execute(
        """UPDATE agents SET engine = :engine, role = :role, runtime = :runtime, spec_json = :spec_json,
             commit_sha = :commit_sha, model = :model, model_set = :model_set, effort = :effort,
             permission_mode = :permission_mode, session_id = :session_id, session_json = :session_json WHERE id = :id""",
        {**before, "id": agent_id},
    )


def update_agent_good(tx: Tx, agent_id: str, commit: str) -> None:
    """What a failed deployment goes back to."""
    tx.execute("UPDATE agents SET good_sha = ? WHERE id = ?", (commit, agent_id))


def select_agents_waiting(connection: Connection) -> list[Row]:
    """Agents whose first deployment has failed and who are wanted running anew: they need another one. Oldest first."""
    return connection.execute(
        """SELECT a.* FROM agents a WHERE a.commit_sha IS NULL AND a.lifecycle = 'requested' AND a.wanted = 'running'
             AND NOT a.bury_wanted
             AND EXISTS (SELECT 1 FROM deployments d WHERE d.agent_id = a.id)
             AND NOT EXISTS (SELECT 1 FROM deployments d WHERE d.agent_id = a.id
               AND d.status IN ('queued', 'building', 'starting', 'checking'))
           ORDER BY a.created_at, a.id"""
    ).fetchall()


def select_agents_unbuilt(connection: Connection) -> list[Row]:
    """Agents of older homes: nothing was ever deployed of them, and nothing is about to be. Oldest first."""
    return connection.execute(
        """SELECT a.* FROM agents a WHERE a.commit_sha IS NULL AND a.lifecycle <> 'buried'
             AND NOT EXISTS (SELECT 1 FROM deployments d WHERE d.agent_id = a.id)
           ORDER BY a.created_at, a.id"""
    ).fetchall()
