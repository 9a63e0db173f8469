"""What was spent in a window, and what of a budget is left: figures, limits, and how they are said.

Hours and days are UTC's. A turn counts in the window in which it ended; one that is under way counts as one of the turns
already, so that the last one is not given twice.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hived.store import budgets as store
from hived.store.database import Connection, Row, Tx
from hived.wire.budgets import Budget, BudgetWindow, Spent
from hived.wire.times import to_text
from hived.wire.turns import Cost

MOST_USD = 1e9
MOST_TOKENS = 2**48
"""Beyond any real figure, and safe to add up in SQLite."""
HOURS_KEPT = 48
_CENT_PARTS = 1e-9
"""Sums of a cent's parts are not exact: so near to the limit is at it."""
_WHEN = {"hour": "this hour", "day": "today", "total": "in all"}
_SPANS = {"hour": (13, "%Y-%m-%dT%H", timedelta(hours=1)), "day": (10, "%Y-%m-%d", timedelta(days=1))}


@dataclass(frozen=True, slots=True)
class Limits:
    """What may be spent in the window, with what is on top of it; None: any number."""

    usd: float | None
    tokens: int | None
    turns: int | None


def span_of(window: BudgetWindow, now: str) -> str:
    """The window that holds at `now`: YYYY-MM-DDTHH, YYYY-MM-DD or total."""
    return "total" if window == "total" else now[: _SPANS[window][0]]


def end_of(window: BudgetWindow, span: str) -> str | None:
    """When that window ends; None: never."""
    if window == "total":
        return None
    _, shape, length = _SPANS[window]
    return to_text(datetime.strptime(span, shape).replace(tzinfo=UTC) + length)


def book(tx: Tx, agent_id: str, at: str, cost: Cost | None) -> None:
    """Count one turn that ended then. A figure that cannot be one is none: nobody spends less than nothing."""
    usd = None if cost is None or cost.usd is None or not 0 <= cost.usd <= MOST_USD else cost.usd
    store.insert_spend(
        tx,
        agent_id,
        day=at[:10],
        hour=at[:13],
        kept_from=to_text(datetime.fromisoformat(tx.now) - timedelta(hours=HOURS_KEPT))[:13],
        tokens=0 if cost is None else min(max(cost.tokens, 0), MOST_TOKENS),
        usd=usd,
        estimated=usd is not None and cost is not None and cost.estimated,
    )


def raised(budget: Row, now: str) -> tuple[float, int, int]:
    """(usd, tokens, turns) on top in the window that holds now."""
    if budget["raised_for"] != span_of(budget["window"], now):
        return 0.0, 0, 0
    return budget["raised_usd"], budget["raised_tokens"], budget["raised_turns"]


def limits(budget: Row, now: str) -> Limits:
    usd, tokens, turns = raised(budget, now)
    return Limits(
        usd=None if budget["usd"] is None else budget["usd"] + usd,
        tokens=None if budget["tokens"] is None else budget["tokens"] + tokens,
        turns=None if budget["turns"] is None else budget["turns"] + turns,
    )


def spent(conn: Connection, budget: Row, now: str, *, asks: str | None = None) -> Spent:
    """In the window that holds now. `asks`: the agent that would begin a turn, so that none of its own is under way."""
    scope, root, window = budget["scope"], budget["agent_id"], budget["window"]
    row = store.select_spent(conn, scope, root, window, span_of(window, now))
    begun = 0 if budget["turns"] is None else store.select_begun(conn, scope, root, asks)
    return Spent(
        usd=row["usd"], estimated=bool(row["estimated"]), tokens=row["tokens"], turns=int(row["turns"]) + begun
    )


def over_by(found: Spent, most: Limits) -> str | None:
    """The figure of which nothing is left, said as `$5.02 of its $5.00`; None where something is left of each."""
    if most.usd is not None and (found.usd or 0.0) >= most.usd - _CENT_PARTS:
        about = "about " if found.estimated else ""
        return f"spent {about}{money(found.usd or 0.0)} of its {money(most.usd)}"
    if most.tokens is not None and found.tokens >= most.tokens:
        return f"spent {found.tokens:,} of its {most.tokens:,} tokens"
    if most.turns is not None and found.turns >= most.turns:
        return f"begun {found.turns:,} of its {most.turns:,} turns"
    return None


def sentence(budget: Row, by: str, now: str, *, spawns: bool = False) -> str:
    """`scout has spent $5.02 of its $5.00 today; it starts no turn until …`"""
    scope, name, window = budget["scope"], budget["agent"], budget["window"]
    whose = {"agent": name, "tree": f"The tree of {name}", "hive": "The hive"}[scope]
    stops = {"agent": "it starts no turn", "tree": "nobody in it starts a turn", "hive": "nobody starts a turn"}[scope]
    if spawns:
        stops = "nobody is spawned in it" if scope == "tree" else "nobody is spawned"
    end = end_of(window, span_of(window, now))
    until = "" if end is None else f"{end[:16].replace('T', ' ')} UTC, or "
    return f"{whose} has {by} {_WHEN[window]}; {stops} until {until}more is allowed"


def to_budget(conn: Connection, budget: Row, now: str) -> Budget:
    window: BudgetWindow = budget["window"]
    span = span_of(window, now)
    found, on_top = spent(conn, budget, now), raised(budget, now)
    by = over_by(found, limits(budget, now))
    unpriced = (
        [] if budget["usd"] is None else store.select_unpriced(conn, budget["scope"], budget["agent_id"], window, span)
    )
    return Budget(
        id=budget["id"],
        scope=budget["scope"],
        agent=budget["agent"],
        window=window,
        usd=budget["usd"],
        tokens=budget["tokens"],
        turns=budget["turns"],
        raised=Spent(usd=on_top[0] or None, tokens=on_top[1], turns=on_top[2]),
        spent=found,
        over=by is not None,
        over_since=budget["over_since"],
        words="" if by is None else sentence(budget, by, now),
        resets_at=end_of(window, span),
        unpriced=unpriced,
        source=budget["source"],
    )


def money(usd: float) -> str:
    """`$5.02`; in hundredths of cents where it is less than one."""
    return f"${usd:,.{4 if 0 < usd < 0.01 else 2}f}"
