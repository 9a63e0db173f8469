"""What must hold between the tables, asked as questions: each gives the rows for which it does not."""

from hived.store.database import Connection, Row

_EXPECTED = """WITH expected(id, kind) AS (
  SELECT id, kind FROM approvals WHERE status = 'pending'
  UNION ALL SELECT a.id, a.kind FROM approvals a WHERE a.status = 'orphaned' AND NOT EXISTS (
    SELECT 1 FROM approvals b WHERE b.requester_id = a.requester_id AND b.input_hash = a.input_hash AND (
      b.status = 'pending' OR (b.status = 'orphaned' AND (b.created_at, b.id) > (a.created_at, a.id))))
  UNION ALL SELECT id, 'question' FROM questions WHERE status = 'pending' AND with_operator
  UNION ALL SELECT id, 'held_message' FROM messages WHERE status = 'held' AND pair_id IS NULL
    AND recipient_id NOT IN (SELECT id FROM agents WHERE lifecycle = 'buried')
  UNION ALL SELECT id, 'pair' FROM pairs WHERE status = 'held'
  UNION ALL SELECT id, 'budget' FROM budgets WHERE over_since IS NOT NULL
  UNION ALL SELECT id, 'parked' FROM agents WHERE lifecycle = 'parked'
  UNION ALL SELECT id, 'resume_choice' FROM agents WHERE json_extract(session_json, '$.state') = 'refused' AND lifecycle <> 'buried'
  UNION ALL SELECT a.id, 'needs_login' FROM agents a, json_each(a.conditions_json) c
    WHERE json_extract(c.value, '$.kind') = 'needs_login'
), possible(id, kind) AS (
  SELECT id, kind FROM expected
  UNION ALL SELECT a.id, 'rate_limited' FROM agents a, json_each(a.conditions_json) c
    WHERE json_extract(c.value, '$.kind') = 'rate_limited'
) """
"""An agent's settings say whether a rate limit waits for the operator: where it is listed, there must be one."""


def select_damage(connection: Connection) -> list[str]:
    """What SQLite itself finds wrong."""
    said = [str(row[0]) for row in connection.execute("PRAGMA quick_check(100)")]
    lost = [
        f"row {row[1]} of {row[0]} names a row of {row[2]} that is not there"
        for row in connection.execute("PRAGMA foreign_key_check")
    ]
    return [text for text in said if text != "ok"] + lost


def select_unlisted(connection: Connection) -> list[Row]:
    """What needs the operator and is not in the one list: id, kind."""
    return connection.execute(
        _EXPECTED + "SELECT id, kind FROM expected EXCEPT SELECT id, kind FROM waiting ORDER BY 1"  # noqa: S608 (fixed)
    ).fetchall()


def select_listed_for_nothing(connection: Connection) -> list[Row]:
    """What is in the one list and needs nobody: id, kind."""
    return connection.execute(
        _EXPECTED + "SELECT id, kind FROM waiting EXCEPT SELECT id, kind FROM possible ORDER BY 1"  # noqa: S608 (fixed)
    ).fetchall()


def select_bad_leases(connection: Connection) -> list[Row]:
    """Leased to nobody or to a dead generation, or a lease on what is not leased: id, status, lease_generation, generation."""
    return connection.execute(
        """SELECT m.id, m.status, m.lease_turn_id, m.lease_generation, a.generation
           FROM messages m LEFT JOIN agents a ON a.id = m.recipient_id
           WHERE CASE WHEN m.status = 'leased'
             THEN m.lease_turn_id IS NULL OR m.lease_generation IS NULL OR m.lease_generation IS NOT a.generation
             ELSE m.lease_turn_id IS NOT NULL OR m.lease_generation IS NOT NULL END ORDER BY m.seq"""
    ).fetchall()


def select_shared_leases(connection: Connection) -> list[Row]:
    """Agents with leases of more than one turn: recipient, turns."""
    return connection.execute(
        """SELECT recipient, count(DISTINCT lease_turn_id) AS turns FROM messages WHERE status = 'leased'
           GROUP BY recipient_id HAVING turns > 1 ORDER BY recipient"""
    ).fetchall()


def select_bad_ends(connection: Connection) -> list[Row]:
    """Acked without a time, a time without being acked, held or undeliverable without a reason: id, status."""
    return connection.execute(
        """SELECT id, status FROM messages WHERE (status = 'acked') != (acked_at IS NOT NULL)
             OR (status IN ('held', 'undeliverable') AND reason IS NULL AND pair_id IS NULL) ORDER BY seq"""
    ).fetchall()


def select_held_by_no_pair(connection: Connection) -> list[Row]:
    """Messages that are held by a pair which does not hold any more: id, pair_id."""
    return connection.execute(
        """SELECT m.id, m.pair_id FROM messages m LEFT JOIN pairs p ON p.id = m.pair_id
           WHERE m.status = 'held' AND m.pair_id IS NOT NULL AND p.status IS NOT 'held' ORDER BY m.seq"""
    ).fetchall()


def select_bad_grants(connection: Connection) -> list[Row]:
    """Grants of what was not approved, and such as were used by nothing, or more than once: id."""
    return connection.execute(
        """SELECT g.id FROM grants g LEFT JOIN approvals a ON a.id = g.id LEFT JOIN approvals u ON u.id = g.used_by
           WHERE a.status IS NOT 'approved' OR (g.used_at IS NULL) != (g.used_by IS NULL)
             OR (g.used_by IS NOT NULL AND u.answered_by_grant IS NOT g.id)
             OR (SELECT count(*) FROM approvals x WHERE x.answered_by_grant = g.id) > 1 ORDER BY g.id"""
    ).fetchall()


def select_answered_by_nothing(connection: Connection) -> list[Row]:
    """Approvals that name a grant which was not used for them, or a rule that is not there: id."""
    return connection.execute(
        """SELECT a.id FROM approvals a LEFT JOIN grants g ON g.id = a.answered_by_grant
             LEFT JOIN rules r ON r.id = a.answered_by_rule
           WHERE (a.answered_by_grant IS NOT NULL AND g.used_by IS NOT a.id AND a.status = 'approved')
             OR (a.answered_by_rule IS NOT NULL AND r.id IS NULL) ORDER BY a.id"""
    ).fetchall()


def select_bad_decisions(connection: Connection) -> list[Row]:
    """Approvals whose state and whose entries in the audit are not one decision, or none: id, status, entries."""
    return connection.execute(
        """WITH entries(subject, n, verdict, who) AS (
             SELECT subject, count(*), max(substr(action, 10)), max(json_extract(actor_json, '$.who')) FROM audit
             WHERE action IN ('approval.approved', 'approval.denied') GROUP BY subject)
           SELECT a.id, a.status, coalesce(e.n, 0) AS entries FROM approvals a LEFT JOIN entries e ON e.subject = a.id
           WHERE CASE WHEN a.status IN ('approved', 'denied') OR (a.status = 'failed' AND a.decided_by_json IS NOT NULL)
             THEN e.n IS NOT 1 OR a.decided_at IS NULL OR e.who IS NOT json_extract(a.decided_by_json, '$.who')
               OR e.verdict IS NOT CASE a.status WHEN 'denied' THEN 'denied' ELSE 'approved' END
             ELSE e.n IS NOT NULL END
           UNION ALL SELECT e.subject, 'gone', e.n FROM entries e
             WHERE NOT EXISTS (SELECT 1 FROM approvals a WHERE a.id = e.subject)
           ORDER BY 1"""
    ).fetchall()


def select_seen(connection: Connection) -> list[Row]:
    """Approvals and questions with what the audit says was seen of them: id, kind, shown (JSON or text), seen."""
    return connection.execute(
        """SELECT a.id, 'approval' AS kind, a.payload_json AS shown, json_extract(e.detail_json, '$.seen') AS seen
           FROM audit e JOIN approvals a ON a.id = e.subject
           WHERE e.action LIKE 'approval.%' AND json_extract(e.detail_json, '$.seen') IS NOT NULL
             AND a.payload_json <> '{}'
           UNION ALL SELECT q.id, 'question', q.text, json_extract(e.detail_json, '$.seen')
           FROM audit e JOIN questions q ON q.id = e.subject
           WHERE e.action = 'question.answered' AND json_extract(e.detail_json, '$.seen') IS NOT NULL"""
    ).fetchall()


def select_bad_questions(connection: Connection) -> list[Row]:
    """Answered without an answer, answered while not, or with more than one answer under way: id, status."""
    return connection.execute(
        """SELECT q.id, q.status FROM questions q
           WHERE (q.status = 'answered') != (q.answered_by_json IS NOT NULL)
             OR (q.status = 'answered' AND q.answered_at IS NULL)
             OR (SELECT count(*) FROM messages m WHERE m.about = q.id AND m.kind = 'answer' AND m.refused IS NULL) > 1
             OR (q.status = 'answered' AND json_extract(q.answered_by_json, '$.who') = 'operator'
               AND (SELECT count(*) FROM audit e WHERE e.subject = q.id AND e.action = 'question.answered') != 1)
           ORDER BY q.id"""
    ).fetchall()


def select_bad_pairs(connection: Connection) -> list[Row]:
    """Pairs whose state and whose decision in the audit do not fit: id, status."""
    return connection.execute(
        """SELECT p.id, p.status FROM pairs p WHERE (p.status = 'held') != (p.decided_at IS NULL)
             OR (p.status != 'held') != (SELECT count(*) FROM audit e
               WHERE e.subject = p.id AND e.action = 'pair.' || p.status AND p.status != 'held') ORDER BY p.id"""
    ).fetchall()


def select_bad_reminders(connection: Connection) -> list[Row]:
    """Reminders that went out with no message, or with another's: id, status."""
    return connection.execute(
        """SELECT r.id, r.status FROM reminders r LEFT JOIN messages m ON m.id = r.message_id
           WHERE (r.status = 'sent' AND m.about IS NOT r.id)
             OR (SELECT count(*) FROM messages x WHERE x.about = r.id AND x.kind = 'reminder') > 1 ORDER BY r.id"""
    ).fetchall()


def select_stopped_by_nothing(connection: Connection) -> list[Row]:
    """Agents that wait for a budget which stops nobody: name."""
    return connection.execute(
        """SELECT a.name FROM agents a LEFT JOIN budgets b ON b.id = a.over_budget
           WHERE a.over_budget IS NOT NULL AND b.over_since IS NULL ORDER BY a.name"""
    ).fetchall()


def select_unmade_spawns(connection: Connection) -> list[Row]:
    """Approved spawns of which nothing came: id."""
    return connection.execute(
        "SELECT id FROM approvals WHERE kind = 'spawn' AND status = 'approved' AND agent_id IS NULL ORDER BY id"
    ).fetchall()


def select_bad_deployments(connection: Connection) -> list[Row]:
    """Deployments that are under way where they cannot be, and such as ended without an end: id, status, why."""
    return connection.execute(
        """SELECT id, status, why FROM (SELECT d.id, d.status, d.created_at, CASE
             WHEN d.open AND (a.id IS NULL OR a.lifecycle = 'buried') THEN 'its agent is gone'
             WHEN d.open AND d.status <> 'queued' AND EXISTS (SELECT 1 FROM deployments o WHERE o.agent_id = d.agent_id
               AND o.id <> d.id AND o.status IN ('building', 'starting', 'checking')) THEN 'another one of its agent is under way'
             WHEN d.open = (d.ended_at IS NOT NULL) THEN 'its end does not fit'
             WHEN d.status = 'failed' AND (d.step IS NULL OR d.reason IS NULL) THEN 'nobody knows why'
             WHEN d.status IN ('starting', 'checking', 'deployed') AND d.commit_sha IS NULL THEN 'it has no commit'
             WHEN d.status IN ('starting', 'checking') AND a.commit_sha IS NOT d.commit_sha THEN 'its agent runs another commit'
             WHEN d.status = 'checking' AND (d.checked_from IS NULL OR d.generation IS NULL) THEN 'nobody watches it'
             END AS why
           FROM (SELECT *, status IN ('queued', 'building', 'starting', 'checking') AS open FROM deployments) d
             LEFT JOIN agents a ON a.id = d.agent_id)
           WHERE why IS NOT NULL ORDER BY created_at, id"""
    ).fetchall()


def select_unapplied(connection: Connection) -> list[Row]:
    """Approved proposals of which no deployment came, or one that failed: id."""
    return connection.execute(
        """SELECT a.id FROM approvals a WHERE a.kind = 'apply_commit' AND a.status = 'approved' AND NOT EXISTS (
             SELECT 1 FROM deployments d WHERE d.approval_id = a.id AND d.status <> 'failed') ORDER BY a.id"""
    ).fetchall()


def select_undeployed(connection: Connection) -> list[Row]:
    """Agents on a commit that no deployment has put them on, or that would go back to one that was never deployed: name, sha."""
    return connection.execute(
        """SELECT a.name, a.commit_sha AS sha FROM agents a WHERE a.commit_sha IS NOT NULL AND NOT EXISTS (
             SELECT 1 FROM deployments d WHERE d.agent_id = a.id AND d.commit_sha = a.commit_sha
               AND d.status IN ('starting', 'checking', 'deployed'))
           UNION SELECT a.name, a.good_sha FROM agents a WHERE a.good_sha IS NOT NULL AND NOT EXISTS (
             SELECT 1 FROM deployments d WHERE d.agent_id = a.id AND d.commit_sha = a.good_sha AND d.status = 'deployed')
           ORDER BY 1"""
    ).fetchall()


def select_restless(connection: Connection) -> list[Row]:
    """What is still wanted of the buried, and a purge of who is none: name, what."""
    return connection.execute(
        """SELECT a.name, 'it is wanted running' AS what FROM agents a WHERE a.lifecycle = 'buried'
             AND (a.wanted <> 'stopped' OR a.online OR a.bury_wanted)
           UNION SELECT a.name, 'it has no tombstone' FROM agents a WHERE a.lifecycle = 'buried' AND a.buried_json IS NULL
           UNION SELECT a.name, 'it is purged, and not buried' FROM agents a WHERE a.lifecycle <> 'buried' AND a.purge_json IS NOT NULL
           UNION SELECT a.name, p.kind || ' ' || p.id || ' can still be decided' FROM agents a JOIN approvals p
             ON p.requester_id = a.id OR (p.kind = 'apply_commit' AND p.agent_id = a.id)
             WHERE a.lifecycle = 'buried' AND p.status IN ('pending', 'orphaned')
           UNION SELECT a.name, 'question ' || q.id || ' can still be answered' FROM agents a JOIN questions q
             ON q.asker_id = a.id OR q.recipient_id = a.id WHERE a.lifecycle = 'buried' AND q.status = 'pending'
           UNION SELECT a.name, 'reminder ' || r.id || ' will still be sent' FROM agents a JOIN reminders r ON r.agent_id = a.id
             WHERE a.lifecycle = 'buried' AND r.status = 'pending'
           ORDER BY 1, 2"""
    ).fetchall()


def select_recorded(connection: Connection) -> list[Row]:
    """Each agent of which something was deployed, while nothing of it is under way or waits to be recorded, with its newest
    deployment that worked: id, name, lifecycle, runtime, spec_json, commit_sha, deployment, deployed (sha), kind."""
    return connection.execute(
        """SELECT a.id, a.name, a.lifecycle, a.runtime, a.spec_json, a.commit_sha, d.id AS deployment, d.commit_sha AS deployed, d.kind
           FROM agents a JOIN deployments d ON d.id = (SELECT n.id FROM deployments n
             WHERE n.agent_id = a.id AND n.status = 'deployed' ORDER BY n.created_at DESC, n.id DESC LIMIT 1)
           WHERE a.purge_json IS NULL AND NOT a.bury_wanted AND NOT EXISTS (SELECT 1 FROM deployments o WHERE o.agent_id = a.id
             AND (o.status IN ('queued', 'building', 'starting', 'checking')
               OR (o.status IN ('deployed', 'failed') AND NOT o.recorded)))
           ORDER BY a.name"""
    ).fetchall()


def count_entries(connection: Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM audit").fetchone()[0])
