"""Rows of agents that are to be buried, are buried, or go for good; and the last words in a journal."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from hived.store.database import Connection, Row, Tx

BUSY_SECONDS = 2.0
NEWEST_EVENTS = 200_000
"""How far back the last words are looked for."""

_TOMBSTONES = """SELECT a.*, t.usd AS total_usd, coalesce(t.turns, 0) AS turns,
  coalesce(json_extract(a.session_json, '$.state') = 'refused', 0) AS session_refused,
  (SELECT p.id FROM approvals p WHERE p.status = 'pending' AND p.kind = 'spawn' AND p.spawn_name = a.name) AS reviving
FROM agents a LEFT JOIN spend_totals t ON t.agent_id = a.id """


def select_tombstones(connection: Connection) -> list[Row]:
    """Newest first."""
    return connection.execute(
        _TOMBSTONES + "WHERE a.lifecycle = 'buried' ORDER BY a.lifecycle_since DESC, a.id DESC"
    ).fetchall()


def select_named(connection: Connection, name: str) -> Row | None:
    """That agent, buried or not."""
    row: Row | None = connection.execute(_TOMBSTONES + "WHERE a.name = ?", (name,)).fetchone()
    return row


def select_one(connection: Connection, agent_id: str) -> Row | None:
    """The same by its id."""
    row: Row | None = connection.execute(_TOMBSTONES + "WHERE a.id = ?", (agent_id,)).fetchone()
    return row


def select_purges(connection: Connection) -> list[Row]:
    """The buried who are wanted gone, oldest first."""
    return connection.execute(
        _TOMBSTONES + "WHERE a.lifecycle = 'buried' AND a.purge_json IS NOT NULL ORDER BY a.lifecycle_since, a.id"
    ).fetchall()


def select_open(connection: Connection, agent_id: str) -> Row:
    """(messages, held, questions, reminders): how many are open of it."""
    row: Row = connection.execute(
        """SELECT (SELECT count(*) FROM messages WHERE recipient_id = ?1 AND status IN ('queued', 'leased')
               AND (status = 'queued' OR status = 'leased' OR status = 'held')) AS messages,
             (SELECT count(*) FROM messages WHERE recipient_id = ?1 AND status = 'held') AS held,
             (SELECT count(*) FROM questions WHERE status = 'pending' AND (asker_id = ?1 OR recipient_id = ?1)) AS questions,
             (SELECT count(*) FROM reminders WHERE agent_id = ?1 AND status IN ('pending', 'sent', 'failed')) AS reminders""",
        (agent_id,),
    ).fetchone()
    return row


def select_children(connection: Connection, name: str) -> list[str]:
    """Who names it as their parent, oldest first."""
    rows = connection.execute("SELECT name FROM agents WHERE parent = ? ORDER BY created_at, id", (name,))
    return [row["name"] for row in rows]


def select_undecided(connection: Connection, agent_id: str) -> list[Row]:
    """What it has asked, and proposals for its config, that can still be decided; oldest first."""
    return connection.execute(
        """SELECT * FROM approvals WHERE status IN ('pending', 'orphaned') AND (requester_id = ?1
             OR (kind = 'apply_commit' AND agent_id = ?1))
           ORDER BY created_at, id""",
        (agent_id,),
    ).fetchall()


def select_held(connection: Connection, agent_id: str) -> list[Row]:
    """Held messages for it, by themselves and not by a pair; oldest first."""
    return connection.execute(
        """SELECT id, sender, substr(body, 1, 200) AS body, reason FROM messages
           WHERE recipient_id = ? AND status = 'held' AND pair_id IS NULL ORDER BY seq""",
        (agent_id,),
    ).fetchall()


def count_of(connection: Connection, agent_id: str) -> Row:
    """(rules in force, budgets, approvals, deployments): how many of each are its own."""
    row: Row = connection.execute(
        """SELECT (SELECT count(*) FROM rules WHERE agent_id = ?1 AND revoked_at IS NULL) AS rules,
             (SELECT count(*) FROM budgets WHERE agent_id = ?1) AS budgets,
             (SELECT count(*) FROM approvals WHERE requester_id = ?1 OR agent_id = ?1) AS approvals,
             (SELECT count(*) FROM deployments WHERE agent_id = ?1) AS deployments""",
        (agent_id,),
    ).fetchone()
    return row


def select_rules(connection: Connection, agent_id: str) -> list[str]:
    """The ids of its own that are in force."""
    rows = connection.execute("SELECT id FROM rules WHERE agent_id = ? AND revoked_at IS NULL ORDER BY id", (agent_id,))
    return [row["id"] for row in rows]


def update_bury_wanted(tx: Tx, agent_id: str, bury_json: str) -> None:
    tx.execute(
        "UPDATE agents SET wanted = 'stopped', bury_wanted = 1, bury_json = ? WHERE id = ?", (bury_json, agent_id)
    )


def update_failed(tx: Tx, approval_id: str, failure: str) -> None:
    """Nobody decides it any more."""
    tx.execute(
        "UPDATE approvals SET status = 'failed', failure = ?, decided_at = ? WHERE id = ?",
        (failure, tx.now, approval_id),
    )


def update_buried(tx: Tx, agent_id: str, buried_json: str) -> None:
    """Nothing is wanted of it, and nothing holds of it, any more. Its lifecycle is the caller's to write."""
    tx.execute(
        """UPDATE agents SET buried_json = ?, wanted = 'stopped', bury_wanted = 0, kill_wanted = 0, paused = 0, online = 0,
             restart_token = started_token, conditions_json = '[]', login_json = NULL, turn_state = 'unknown',
             turn_state_since = ?, turn_id = NULL, turn_wake = NULL, turn_until = NULL WHERE id = ?""",
        (buried_json, tx.now, agent_id),
    )


def update_revived(tx: Tx, agent_id: str) -> None:
    """It is one that was asked for and has never been online; its conversation, settings and figures stay."""
    tx.execute(
        """UPDATE agents SET wanted = 'running', bury_wanted = 0, bury_json = NULL, buried_json = NULL, purge_json = NULL,
             ever_online = 0, last_error = NULL WHERE id = ?""",
        (agent_id,),
    )


def update_purge(tx: Tx, agent_id: str, purge_json: str | None) -> None:
    tx.execute("UPDATE agents SET purge_json = ? WHERE id = ?", (purge_json, agent_id))


def empty_decisions(tx: Tx, agent_id: str) -> int:
    """What it asked for itself, what made it and what was proposed for it keep their rows without what was asked; how many.

    What it proposed for others is their history.
    """
    return tx.execute(
        """UPDATE approvals SET payload_json = '{}', updated_input_json = NULL
           WHERE (agent_id = ?1 OR (requester_id = ?1 AND kind <> 'apply_commit')) AND payload_json <> '{}'""",
        (agent_id,),
    ).rowcount


def release_children(tx: Tx, name: str) -> None:
    """The operator answers for them from now on: whoever has that name next is nobody's parent."""
    tx.execute(
        "UPDATE agents SET parent = NULL, spec_json = json_remove(spec_json, '$.parent') WHERE parent = ?", (name,)
    )


def select_spawns_below(connection: Connection, name: str) -> list[Row]:
    """Undecided spawns and revivals that name it as their parent, oldest first."""
    return connection.execute(
        """SELECT * FROM approvals WHERE status = 'pending' AND kind = 'spawn' AND json_extract(payload_json, '$.parent') = ?
           ORDER BY created_at, id""",
        (name,),
    ).fetchall()


def update_without_parent(tx: Tx, approval_id: str) -> None:
    """What an undecided revival asks for."""
    tx.execute("UPDATE approvals SET payload_json = json_remove(payload_json, '$.parent') WHERE id = ?", (approval_id,))


def delete_agent(tx: Tx, agent_id: str) -> None:
    """With its journals' cursors, what it spent, its lifecycle's steps, unused grants and kept answers."""
    tx.execute("DELETE FROM grants WHERE agent_id = ? AND used_at IS NULL", (agent_id,))
    tx.execute("DELETE FROM idempotency WHERE caller = ?", (agent_id,))
    tx.execute("DELETE FROM agents WHERE id = ?", (agent_id,))


def select_last_text(path: Path) -> tuple[str, str] | None:
    """(words, when) of the last text in that journal; None where there is none to be read. Blocking."""
    if not path.exists():
        return None
    try:
        with closing(
            sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True, isolation_level=None, timeout=BUSY_SECONDS)
        ) as journal:
            row = journal.execute(
                """SELECT payload_json, ts FROM events WHERE kind = 'text' AND id > (SELECT max(id) FROM events) - ?
                   ORDER BY id DESC LIMIT 1""",
                (NEWEST_EVENTS,),
            ).fetchone()
        found = None if row is None else json.loads(row[0]).get("text")
    except (sqlite3.Error, ValueError, AttributeError):
        return None
    return (found, str(row[1])) if isinstance(found, str) else None
