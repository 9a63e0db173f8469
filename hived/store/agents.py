"""Agents' rows, with what their views count."""

from typing import Any

from hived.store import lifecycle_log
from hived.store.database import Connection, Row, Tx

_VIEW = """
SELECT a.*, coalesce(j.cursor, 0) AS cursor, j.last_event_at,
  (SELECT count(*) FROM messages m WHERE m.recipient_id = a.id AND m.status = 'queued') AS unread,
  (SELECT count(*) FROM messages m WHERE m.recipient_id = a.id AND m.status = 'held') AS held,
  (SELECT count(*) FROM waiting w WHERE w.agent = a.name) AS waiting,
  (SELECT s.usd FROM spend s WHERE s.agent_id = a.id AND s.day = :today) AS today_usd,
  t.usd AS total_usd, coalesce(t.turns, 0) AS turns, coalesce(t.estimated, 0) AS estimated,
  (SELECT w.subject FROM waiting w WHERE w.id = a.over_budget AND w.kind = 'budget') AS over_budget_words,
  (SELECT d.id FROM deployments d WHERE d.agent_id = a.id AND d.status IN ('queued', 'building', 'starting', 'checking')
    ORDER BY d.created_at LIMIT 1) AS deploying,
  (SELECT b."window" FROM budgets b WHERE b.id = a.over_budget) AS over_budget_window
FROM agents a LEFT JOIN journals j ON j.agent_id = a.id AND j.journal_uuid = a.journal_uuid
  LEFT JOIN spend_totals t ON t.agent_id = a.id
"""
_VIEW_ONE = _VIEW + "WHERE a.id = :id"
_VIEW_ALL = _VIEW + "WHERE a.lifecycle <> 'buried' ORDER BY a.created_at, a.id"


def select_view(connection: Connection, agent_id: str, today: str) -> Row | None:
    """One agent with all that its view counts. `today` is YYYY-MM-DD."""
    row: Row | None = connection.execute(_VIEW_ONE, {"id": agent_id, "today": today}).fetchone()
    return row


def select_views(connection: Connection, today: str) -> list[Row]:
    """Of all that are not buried, oldest first."""
    return connection.execute(_VIEW_ALL, {"today": today}).fetchall()


def select_agent(connection: Connection, agent_id: str) -> Row | None:
    row: Row | None = connection.execute("SELECT * FROM agents WHERE id = ?", (agent_id,)).fetchone()
    return row


def select_agent_named(connection: Connection, name: str) -> Row | None:
    """Buried or not: a name is free again after a purge."""
    row: Row | None = connection.execute("SELECT * FROM agents WHERE name = ?", (name,)).fetchone()
    return row


def select_agents(connection: Connection) -> list[Row]:
    """All that are not buried, oldest first."""
    return connection.execute("SELECT * FROM agents WHERE lifecycle <> 'buried' ORDER BY created_at, id").fetchall()


def select_lifecycle_counts(connection: Connection) -> dict[str, int]:
    rows = connection.execute("SELECT lifecycle, count(*) AS count FROM agents GROUP BY lifecycle ORDER BY lifecycle")
    return {row["lifecycle"]: row["count"] for row in rows}


def insert_agent(tx: Tx, values: dict[str, Any]) -> None:
    tx.execute(
        """INSERT INTO agents(id, name, role, engine, model, model_set, runtime, parent, spec_json, created_at, wanted,
             lifecycle, lifecycle_since, lifecycle_cause, turn_state_since)
           VALUES (:id, :name, :role, :engine, :model, :model, :runtime, :parent, :spec_json, :now, 'running',
             'requested', :now, :cause, :now)""",
        {**values, "now": tx.now},
    )
    lifecycle_log.insert_step(tx, values["id"], state="requested", cause=values["cause"], generation=0, pid=None)


def is_deploying(connection: Connection, agent_id: str) -> bool:
    """Whether a deployment of it is queued or under way."""
    row = connection.execute(
        """SELECT 1 FROM deployments WHERE agent_id = ? AND status IN ('queued', 'building', 'starting', 'checking')
           LIMIT 1""",
        (agent_id,),
    ).fetchone()
    return row is not None


def was_deployed(connection: Connection, agent_id: str) -> bool:
    """Whether there has ever been a deployment of it, however it ended."""
    row = connection.execute("SELECT 1 FROM deployments WHERE agent_id = ? LIMIT 1", (agent_id,)).fetchone()
    return row is not None


def is_on_trial(connection: Connection, agent_id: str) -> bool:
    """Whether a deployment of it is started or checked."""
    row = connection.execute(
        "SELECT 1 FROM deployments WHERE agent_id = ? AND status IN ('starting', 'checking') LIMIT 1", (agent_id,)
    ).fetchone()
    return row is not None


def update_wanted(tx: Tx, agent_id: str, wanted: str) -> None:
    """Wanted running, a kill is forgotten; wanted stopped, a pause is."""
    tx.execute(
        """UPDATE agents SET wanted = ?1, kill_wanted = CASE ?1 WHEN 'running' THEN 0 ELSE kill_wanted END,
             paused = CASE ?1 WHEN 'running' THEN paused ELSE 0 END WHERE id = ?2""",
        (wanted, agent_id),
    )


def update_kill_wanted(tx: Tx, agent_id: str, kill: bool) -> None:
    tx.execute("UPDATE agents SET kill_wanted = ? WHERE id = ?", (int(kill), agent_id))


def update_paused(tx: Tx, agent_id: str, paused: bool, cause: str | None) -> None:
    """Wanted so. `cause`: what its lifecycle says once it is so; None leaves it."""
    tx.execute(
        "UPDATE agents SET paused = ?, pause_cause = coalesce(?, pause_cause) WHERE id = ?",
        (int(paused), cause, agent_id),
    )


def update_frozen(tx: Tx, agent_id: str, frozen: bool) -> bool:
    """What its harness says; whether that is news."""
    changed = tx.execute("UPDATE agents SET frozen = ?1 WHERE id = ?2 AND frozen <> ?1", (int(frozen), agent_id))
    return changed.rowcount > 0


def update_restart_wanted(tx: Tx, agent_id: str) -> None:
    """One above the token that the current generation answers, however often it is asked for."""
    tx.execute(
        "UPDATE agents SET restart_token = started_token + 1, wanted = 'running', kill_wanted = 0 WHERE id = ?",
        (agent_id,),
    )


def update_workspace(tx: Tx, agent_id: str, workspace: str) -> None:
    tx.execute("UPDATE agents SET workspace = ? WHERE id = ?", (workspace, agent_id))


def update_lifecycle(tx: Tx, agent_id: str, state: str, cause: str, pid: int | None) -> None:
    """`since` moves only when the state does."""
    tx.execute(
        """UPDATE agents SET lifecycle_since = CASE WHEN lifecycle = :state THEN lifecycle_since ELSE :now END,
             lifecycle = :state, lifecycle_cause = :cause, pid = :pid WHERE id = :id""",
        {"state": state, "cause": cause, "pid": pid, "now": tx.now, "id": agent_id},
    )


def update_generation(tx: Tx, agent_id: str) -> None:
    """One up, for a harness that is about to be started; nothing is known of it yet."""
    tx.execute(
        """UPDATE agents SET generation = generation + 1, started_token = restart_token, online = 0, pid = NULL, frozen = 0,
             turn_state = 'unknown', turn_state_since = :now, turn_id = NULL, turn_wake = NULL, turn_until = NULL
           WHERE id = :id""",
        {"now": tx.now, "id": agent_id},
    )


def update_online(tx: Tx, agent_id: str, online: bool) -> None:
    tx.execute(
        "UPDATE agents SET online = :online, ever_online = max(ever_online, :online) WHERE id = :id",
        {"online": int(online), "id": agent_id},
    )


def update_all_unheard(tx: Tx) -> None:
    tx.execute(
        "UPDATE agents SET online = 0, turn_state = 'unknown', turn_until = NULL, turn_state_since = ?", (tx.now,)
    )


def update_turn(
    tx: Tx, agent_id: str, *, state: str, since: str, turn_id: str | None, wake: str | None, until: str | None
) -> None:
    tx.execute(
        """UPDATE agents SET turn_state = ?, turn_state_since = ?, turn_id = ?, turn_wake = ?, turn_until = ?
           WHERE id = ?""",
        (state, since, turn_id, wake, until, agent_id),
    )


def update_report(
    tx: Tx, agent_id: str, *, abilities_json: str, models_json: str | None, ctx_json: str | None, cost_json: str | None
) -> None:
    """Models of None keep the ones that are known; figures are taken only where none are known."""
    tx.execute(
        """UPDATE agents SET abilities_json = ?, models_json = coalesce(?, models_json), ctx_json = coalesce(ctx_json, ?),
             cost_json = coalesce(cost_json, ?) WHERE id = ?""",
        (abilities_json, models_json, ctx_json, cost_json, agent_id),
    )


def update_session(tx: Tx, agent_id: str, *, session_id: str | None, session_json: str) -> None:
    tx.execute("UPDATE agents SET session_id = ?, session_json = ? WHERE id = ?", (session_id, session_json, agent_id))


def update_login(tx: Tx, agent_id: str, login_json: str) -> None:
    tx.execute("UPDATE agents SET login_json = ? WHERE id = ?", (login_json, agent_id))


def update_effort(tx: Tx, agent_id: str, effort: str | None) -> None:
    tx.execute("UPDATE agents SET effort = ? WHERE id = ?", (effort, agent_id))


def update_permission_mode(tx: Tx, agent_id: str, permission_mode: str | None) -> None:
    tx.execute("UPDATE agents SET permission_mode = ? WHERE id = ?", (permission_mode, agent_id))


def update_spec(tx: Tx, agent_id: str, *, engine: str, spec_json: str) -> None:
    """What it is asked to be from now on."""
    tx.execute("UPDATE agents SET engine = ?, spec_json = ? WHERE id = ?", (engine, spec_json, agent_id))


def update_engine_forgotten(tx: Tx, agent_id: str) -> None:
    """What is known of the engine that it had, but for what that has cost."""
    tx.execute(
        """UPDATE agents SET effort = NULL, permission_mode = NULL, session_id = NULL, session_json = '{}', ctx_json = NULL,
             models_json = '[]', abilities_json = '{}', login_json = NULL WHERE id = ?""",
        (agent_id,),
    )


def update_conditions(tx: Tx, agent_id: str, conditions_json: str) -> None:
    tx.execute("UPDATE agents SET conditions_json = ? WHERE id = ?", (conditions_json, agent_id))


def update_model(tx: Tx, agent_id: str, model: str) -> None:
    """What its engine says that it uses."""
    tx.execute("UPDATE agents SET model = ? WHERE id = ?", (model, agent_id))


def update_model_set(tx: Tx, agent_id: str, model: str) -> None:
    """What it is to use, as its model file says."""
    tx.execute("UPDATE agents SET model = ?1, model_set = ?1 WHERE id = ?2", (model, agent_id))


def update_files_behind(tx: Tx, agent_id: str, behind: bool) -> None:
    """Whether its setting files are still to say what the books do."""
    tx.execute("UPDATE agents SET files_behind = ? WHERE id = ?", (int(behind), agent_id))


def update_usage(tx: Tx, agent_id: str, *, ctx_json: str | None, cost_json: str | None) -> None:
    """A figure of None keeps the older one."""
    tx.execute(
        "UPDATE agents SET ctx_json = coalesce(?, ctx_json), cost_json = coalesce(?, cost_json) WHERE id = ?",
        (ctx_json, cost_json, agent_id),
    )


def clear_ctx(tx: Tx, agent_id: str) -> None:
    tx.execute("UPDATE agents SET ctx_json = NULL WHERE id = ?", (agent_id,))


def update_turn_ended(
    tx: Tx,
    agent_id: str,
    *,
    state: str,
    since: str,
    turn_id: str,
    outcome: str,
    error: str | None,
    session_id: str | None,
    ctx_json: str | None,
    cost_json: str | None,
) -> None:
    """How its last turn ended, and what it does now; a figure or a session id of None keeps the one that is known."""
    tx.execute(
        """UPDATE agents SET turn_state = ?, turn_state_since = ?, turn_id = NULL, turn_wake = NULL, last_turn_id = ?,
             last_outcome = ?, last_error = ?, session_id = coalesce(?, session_id), ctx_json = coalesce(?, ctx_json),
             cost_json = coalesce(?, cost_json) WHERE id = ?""",
        (state, since, turn_id, outcome, error, session_id, ctx_json, cost_json, agent_id),
    )
