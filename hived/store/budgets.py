"""Budgets' rows, what was spent within them, and whom they have stopped.

`root` is the agent's id, or that of the tree's root; NULL for the hive. Who is in a tree is read from the agents that there
are: a parent by its name, and never younger than its child, so that a name that is used again inherits nobody. The members come
first in every join (CROSS JOIN): the spend of one is one look-up, and there may be a year of it.
"""

from hived.store.database import Connection, Row, Tx

_MEMBERS = {
    "agent": "members(id) AS (SELECT :root)",
    "tree": """tree(id, name, created_at) AS (
        SELECT id, name, created_at FROM agents WHERE id = :root
        UNION SELECT a.id, a.name, a.created_at FROM agents a JOIN tree t
          ON a.parent = t.name AND a.created_at >= t.created_at),
      members(id) AS (SELECT id FROM tree)""",
    "hive": "members(id) AS (SELECT id FROM agents)",
}
_SPEND = {
    "hour": "spend_hours s ON s.agent_id = m.id AND s.hour = :span",
    "day": "spend s ON s.agent_id = m.id AND s.day = :span",
    "total": "spend_totals s ON s.agent_id = m.id",
}
_IN_FORCE = """WITH RECURSIVE above(id, parent, created_at) AS (
    SELECT id, parent, created_at FROM agents WHERE id = :agent
    UNION SELECT p.id, p.parent, p.created_at FROM agents p JOIN above c
      ON p.name = c.parent AND p.created_at <= c.created_at)
  SELECT * FROM budgets WHERE scope = 'hive' OR (scope = 'agent' AND agent_id = :agent)
    OR (scope = 'tree' AND agent_id IN (SELECT id FROM above))
  ORDER BY CASE "window" WHEN 'total' THEN 0 WHEN 'day' THEN 1 ELSE 2 END,
    CASE scope WHEN 'agent' THEN 0 WHEN 'tree' THEN 1 ELSE 2 END, id"""
_SPENT = """WITH RECURSIVE $MEMBERS
  SELECT sum(s.usd) AS usd, coalesce(max(s.estimated), 0) AS estimated, coalesce(sum(s.tokens), 0) AS tokens,
    coalesce(sum(s.turns), 0) AS turns FROM members m CROSS JOIN $SPEND"""
_UNPRICED = """WITH RECURSIVE $MEMBERS
  SELECT a.name FROM members m CROSS JOIN agents a ON a.id = m.id CROSS JOIN $SPEND
  GROUP BY a.id HAVING sum(s.usd) IS NULL AND sum(s.turns) > 0 ORDER BY a.name"""
_BEGUN = """WITH RECURSIVE $MEMBERS
  SELECT count(*) FROM members m CROSS JOIN agents a ON a.id = m.id
  WHERE a.turn_id IS NOT NULL AND a.lifecycle = 'running' AND a.id IS NOT :but"""
_ADD = """INSERT INTO spend(agent_id, day, turns, tokens, usd, estimated) VALUES (:id, :span, 1, :tokens, :usd, :estimated)
  ON CONFLICT(agent_id, day) DO UPDATE SET turns = turns + 1, tokens = tokens + excluded.tokens,
    usd = CASE WHEN excluded.usd IS NULL THEN usd ELSE coalesce(usd, 0) + excluded.usd END,
    estimated = max(estimated, excluded.estimated)"""
_ADD_TOTAL = _ADD.replace("spend(", "spend_totals(").replace(" day,", "").replace(" :span,", "").replace(", day)", ")")
_ADD_HOUR = _ADD.replace("spend(", "spend_hours(").replace("day", "hour")


def select_budgets(connection: Connection) -> list[Row]:
    """The hive's first, then by agent; the longest window first."""
    return connection.execute(
        """SELECT * FROM budgets ORDER BY scope <> 'hive', agent, scope <> 'tree',
             CASE "window" WHEN 'total' THEN 0 WHEN 'day' THEN 1 ELSE 2 END, id"""
    ).fetchall()


def select_budget(connection: Connection, budget_id: str) -> Row | None:
    row: Row | None = connection.execute("SELECT * FROM budgets WHERE id = ?", (budget_id,)).fetchone()
    return row


def select_budgets_starting(connection: Connection, prefix: str) -> list[Row]:
    """At most two, the exact one alone where it is there."""
    exact = select_budget(connection, prefix)
    if exact is not None:
        return [exact]
    return connection.execute(
        "SELECT * FROM budgets WHERE id >= ?1 AND id < ?1 || char(1114111) LIMIT 2", (prefix,)
    ).fetchall()


def select_budget_of(connection: Connection, scope: str, root: str | None, window: str) -> Row | None:
    row: Row | None = connection.execute(
        """SELECT * FROM budgets WHERE scope = ? AND coalesce(agent_id, '') = coalesce(?, '') AND "window" = ?""",
        (scope, root, window),
    ).fetchone()
    return row


def select_budgets_of(connection: Connection, agent_id: str) -> list[Row]:
    """Its own, and those of the tree of which it is the root."""
    return connection.execute("SELECT * FROM budgets WHERE agent_id = ?", (agent_id,)).fetchall()


def select_budgets_from_spec(connection: Connection, agent_id: str) -> list[Row]:
    return connection.execute(
        "SELECT * FROM budgets WHERE source = 'agent.toml' AND agent_id = ?", (agent_id,)
    ).fetchall()


def select_in_force(connection: Connection, agent_id: str) -> list[Row]:
    """Those that hold for the agent: its own, of each tree that it is in, the hive's; the longest window first."""
    return connection.execute(_IN_FORCE, {"agent": agent_id}).fetchall()


def select_spent(connection: Connection, scope: str, root: str | None, window: str, span: str) -> Row:
    """(usd: NULL where no turn gave a figure, estimated, tokens, turns). `span`: YYYY-MM-DD, YYYY-MM-DDTHH or total."""
    row: Row = connection.execute(_within(_SPENT, scope, window), {"root": root, "span": span}).fetchone()
    return row


def select_unpriced(connection: Connection, scope: str, root: str | None, window: str, span: str) -> list[str]:
    """The names of those with turns, none of which gave a cost."""
    rows = connection.execute(_within(_UNPRICED, scope, window), {"root": root, "span": span})
    return [row["name"] for row in rows]


def select_begun(connection: Connection, scope: str, root: str | None, but: str | None) -> int:
    """How many of them are in a turn that has not ended; the agent `but` is passed over."""
    row = connection.execute(_within(_BEGUN, scope), {"root": root, "but": but}).fetchone()
    return int(row[0])


def select_stopped(connection: Connection, budget_id: str | None = None) -> list[Row]:
    """The agents that this budget, or any, has stopped."""
    return connection.execute(
        """SELECT * FROM agents WHERE over_budget IS NOT NULL AND (?1 IS NULL OR over_budget = ?1)
           ORDER BY over_budget_since, id""",
        (budget_id,),
    ).fetchall()


def select_stopping(connection: Connection) -> list[Row]:
    """The budgets that have stopped somebody."""
    return connection.execute("SELECT * FROM budgets WHERE over_since IS NOT NULL").fetchall()


def insert_budget(
    tx: Tx,
    *,
    budget_id: str,
    scope: str,
    agent: str | None,
    root: str | None,
    window: str,
    usd: float | None,
    tokens: int | None,
    turns: int | None,
    source: str,
) -> None:
    """The one of that scope and window from now on, with nothing on top. Where there is one, it keeps its id."""
    tx.execute(
        """INSERT INTO budgets(id, scope, agent, agent_id, "window", usd, tokens, turns, source, created_at)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
           ON CONFLICT(scope, coalesce(agent_id, ''), "window") DO UPDATE SET usd = excluded.usd,
             tokens = excluded.tokens, turns = excluded.turns, source = excluded.source, created_at = excluded.created_at,
             raised_usd = 0, raised_tokens = 0, raised_turns = 0, raised_for = NULL""",
        (budget_id, scope, agent, root, window, usd, tokens, turns, source, tx.now),
    )


def update_raised(tx: Tx, budget_id: str, span: str, *, usd: float, tokens: int, turns: int) -> None:
    """What is on top in that window, all of it."""
    tx.execute(
        "UPDATE budgets SET raised_for = ?, raised_usd = ?, raised_tokens = ?, raised_turns = ? WHERE id = ?",
        (span, usd, tokens, turns, budget_id),
    )


def update_over(tx: Tx, budget_id: str, span: str) -> None:
    """It has stopped somebody, in that window; since when stays."""
    tx.execute(
        "UPDATE budgets SET over_since = coalesce(over_since, ?), over_for = ? WHERE id = ?", (tx.now, span, budget_id)
    )


def clear_over(tx: Tx, budget_id: str) -> None:
    tx.execute("UPDATE budgets SET over_since = NULL, over_for = NULL WHERE id = ?", (budget_id,))


def delete_budget(tx: Tx, budget_id: str) -> None:
    tx.execute("DELETE FROM budgets WHERE id = ?", (budget_id,))


def update_agent_over(tx: Tx, agent_id: str, budget_id: str | None) -> None:
    """Which budget has stopped it; since when stays as long as one does."""
    tx.execute(
        """UPDATE agents SET over_budget = ?1,
             over_budget_since = CASE WHEN ?1 IS NULL THEN NULL ELSE coalesce(over_budget_since, ?2) END WHERE id = ?3""",
        (budget_id, tx.now, agent_id),
    )


def insert_spend(
    tx: Tx, agent_id: str, *, day: str, hour: str, kept_from: str, tokens: int, usd: float | None, estimated: bool
) -> None:
    """Add one turn to that day and that hour. Of the agent's hours, those before `kept_from` go."""
    turn = {"id": agent_id, "tokens": tokens, "usd": usd, "estimated": int(estimated)}
    tx.execute(_ADD, {**turn, "span": day})
    tx.execute(_ADD_HOUR, {**turn, "span": hour})
    tx.execute(_ADD_TOTAL, turn)
    tx.execute("DELETE FROM spend_hours WHERE agent_id = ? AND hour < ?", (agent_id, kept_from))


def _within(statement: str, scope: str, window: str = "total") -> str:
    return statement.replace("$MEMBERS", _MEMBERS[scope]).replace("$SPEND", _SPEND[window])
