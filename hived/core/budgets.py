"""Budgets: what may be spent, checked where a turn starts and where an agent is spawned.

A turn that is under way is never ended by one: what it goes over by is at most one turn of each agent. Whom a budget stops
is marked in the books, so that every way on (more is allowed, the window ends) finds them, whatever was restarted meanwhile.
"""

import math
from typing import Any

from hived.core import audit, spend, waiting
from hived.core.agent_views import find_agent, publish
from hived.core.finding import only_one
from hived.core.text import one_line
from hived.store import agents as agent_store
from hived.store import budgets as store
from hived.store import messages as message_store
from hived.store import waiting as waiting_store
from hived.store.database import Connection, Row, Tx
from hived.wire.agents import SpawnRequest
from hived.wire.approvals import Actor
from hived.wire.budgets import Budget, BudgetDraft, BudgetRaise, BudgetWindow
from hived.wire.errors import BudgetNotFound, InvalidRequest, NotOver, OverBudget
from hived.wire.ids import new_id
from hived.wire.times import utc_now
from hived.wire.turns import Cost

MOST = {"usd": 1e9, "tokens": 10**15, "turns": 10**9}
"""As BudgetDraft takes them."""
SPEC_LIMITS: dict[str, tuple[BudgetWindow, str]] = {
    "usd_per_day": ("day", "usd"),
    "tokens_per_day": ("day", "tokens"),
    "turns_per_hour": ("hour", "turns"),
}
"""An agent.toml's `limits` that are budgets."""
OTHER_LIMITS = ("rate_limit_resume", "memory", "cpu", "processes")


def check_turn(tx: Tx, agent: Row) -> str | None:
    """None: the turn may start. Else which budget is spent, in one sentence: the agent is marked, the operator has it in his
    list, and the harness is woken when there is a way on. `agent` is its row as it is now; its view is published.
    """
    for budget in store.select_in_force(tx.connection, agent["id"]):
        by = _over_by(tx.connection, budget, tx.now, asks=agent["id"])
        if by is not None:
            words = spend.sentence(budget, by, tx.now)
            _stop(tx, agent, budget, words)
            return words
    if agent["over_budget"] is not None:
        store.update_agent_over(tx, agent["id"], None)
        publish(tx, agent["id"])
        _let_go(tx, agent["over_budget"])
    return None


def check_spawn(conn: Connection, parent: str | None) -> None:
    """Raises OverBudget where the spawn tree of `parent` (None: the hive) has nothing left."""
    now = utc_now()
    row = None if parent is None else agent_store.select_agent_named(conn, parent)
    for budget in store.select_in_force(conn, "" if row is None else row["id"]):
        by = None if budget["scope"] == "agent" else _over_by(conn, budget, now)
        if by is not None:
            raise OverBudget(reason=f"{spend.sentence(budget, by, now, spawns=True)}.")


def take_turn(tx: Tx, agent_id: str, at: str, cost: Cost | None) -> None:
    """A turn of the agent ended then: it is counted, whatever its outcome."""
    spend.book(tx, agent_id, at, cost)
    tx.gather(_feed, *(budget["id"] for budget in store.select_in_force(tx.connection, agent_id)))


def look_again(tx: Tx) -> None:
    """More is allowed, or less is spent: wake whom a budget stopped that stops them no more."""
    for agent in store.select_stopped(tx.connection):
        if check_turn(tx, agent) is None:
            unread, _ = message_store.select_queue_figures(tx.connection, agent["id"], tx.now)
            tx.ring(agent["id"], "wake", {"unread": unread})


def run_due(tx: Tx) -> None:
    """A window has ended: wake whom a budget stopped that is not over any more."""
    look_again(tx)


def next_due(conn: Connection) -> str | None:
    """When `run_due` must be called again at the latest; None: never."""
    ends = (spend.end_of(budget["window"], budget["over_for"]) for budget in store.select_stopping(conn))
    return min((end for end in ends if end is not None), default=None)


def set_budget(tx: Tx, draft: BudgetDraft, actor: Actor) -> Budget:
    """The one of that scope and window from now on, instead of what there was; without a figure there is none any more.

    Raises InvalidRequest, InvalidName, AgentNotFound, BudgetNotFound.
    """
    name, root = draft.agent, None
    if (draft.scope == "hive") != (name is None):
        what = "the hive's budget is nobody's" if draft.scope == "hive" else f"a budget of scope {draft.scope} has one"
        raise InvalidRequest(reason=f"agent: {what}.")
    if name is not None:
        root = find_agent(tx.connection, name)["id"]
    before = store.select_budget_of(tx.connection, draft.scope, root, draft.window)
    figures = draft.model_dump(include={"usd", "tokens", "turns"})
    if all(figure is None for figure in figures.values()):
        if before is None:
            raise BudgetNotFound(id=f"{draft.scope} {name or ''} {draft.window}".replace("  ", " "))
        return remove_budget(tx, before["id"], actor)
    store.insert_budget(
        tx, budget_id=new_id(), scope=draft.scope, agent=name, root=root, window=draft.window, source="operator", **figures
    )  # fmt: skip
    row = store.select_budget_of(tx.connection, draft.scope, root, draft.window)
    assert row is not None
    previous = None if before is None else _figures(before)
    audit.append(tx, "budget.set", actor, row["id"], {**_named(row), **figures, "previous": previous})
    return _changed(tx, row)


def raise_budget(tx: Tx, prefix: str, more: BudgetRaise, actor: Actor) -> Budget:
    """More in the window that holds now; without figures as much again as the budget itself, if it is spent: so of two who
    decide it at once one does.

    Raises BudgetNotFound, AmbiguousId, InvalidRequest, NotOver.
    """
    row = find_budget(tx.connection, prefix)
    held = {name: figure for name, figure in _figures(row).items() if figure is not None}
    asked = {name: figure for name, figure in more.model_dump().items() if figure is not None}
    strange = [name for name in asked if name not in held]
    if strange:
        raise InvalidRequest(reason=f"{strange[0]}: this budget has none; it has {' and '.join(held)}.")
    if not asked and row["over_since"] is None and _over_by(tx.connection, row, tx.now) is None:
        raise NotOver(id=row["id"])
    on_top = asked or held
    if not any(on_top.values()):
        raise InvalidRequest(reason="It is raised by nothing: say by how much, with usd, tokens or turns.")
    usd, tokens, turns = spend.raised(row, tx.now)
    store.update_raised(
        tx,
        row["id"],
        spend.span_of(row["window"], tx.now),
        usd=min(usd + on_top.get("usd", 0.0), MOST["usd"]),
        tokens=int(min(tokens + on_top.get("tokens", 0), MOST["tokens"])),
        turns=int(min(turns + on_top.get("turns", 0), MOST["turns"])),
    )
    seen = spend.to_budget(tx.connection, row, tx.now).model_dump()
    audit.append(tx, "budget.raised", actor, row["id"], {**_named(row), **on_top}, seen=seen)
    return _changed(tx, row)


def remove_budget(tx: Tx, prefix: str, actor: Actor) -> Budget:
    """What it was. Raises BudgetNotFound, AmbiguousId."""
    row = find_budget(tx.connection, prefix)
    budget = spend.to_budget(tx.connection, row, tx.now)
    detail = {**_named(row), **_figures(row)}
    audit.append(tx, "budget.removed", actor, row["id"], detail, seen=budget.model_dump())
    _remove(tx, row)
    look_again(tx)
    return budget


def list_budgets(conn: Connection) -> list[Budget]:
    """The hive's first, then by agent."""
    now = utc_now()
    return [spend.to_budget(conn, row, now) for row in store.select_budgets(conn)]


def find_budget(conn: Connection, prefix: str) -> Row:
    """The budget with that id, or the only one whose id begins so. Raises BudgetNotFound, AmbiguousId."""
    return only_one(store.select_budgets_starting(conn, prefix), prefix, BudgetNotFound, "budget")


def take_from_spec(tx: Tx, agent_id: str, request: SpawnRequest) -> None:
    """Set the budgets that the agent.toml's `limits` name (usd_per_day, tokens_per_day, turns_per_hour), instead of those from
    there before. One that the operator has set of the same window stays. Raises InvalidRequest.
    """
    check_spec(request)
    wanted: dict[BudgetWindow, dict[str, Any]] = {}
    for name, (window, figure) in SPEC_LIMITS.items():
        if request.limits.get(name) is not None:
            wanted.setdefault(window, {"usd": None, "tokens": None, "turns": None})[figure] = request.limits[name]
    for row in store.select_budgets_from_spec(tx.connection, agent_id):
        if row["window"] not in wanted:
            _remove(tx, row)
    for window, figures in wanted.items():
        row_before = store.select_budget_of(tx.connection, "agent", agent_id, window)
        if row_before is not None and (row_before["source"] == "operator" or _figures(row_before) == figures):
            continue
        chosen = new_id() if row_before is None else row_before["id"]
        store.insert_budget(
            tx, budget_id=chosen, scope="agent", agent=request.name, root=agent_id, window=window, source="agent.toml",
            **figures,
        )  # fmt: skip
        tx.gather(_feed, chosen)
    look_again(tx)


def agent_gone(tx: Tx, agent_id: str) -> None:
    """The agent is no more: no budget is its own or its tree's. What it spent goes with its rows, and counts nowhere then."""
    for row in store.select_budgets_of(tx.connection, agent_id):
        _remove(tx, row)
        _let_go(tx, row["id"])
    look_again(tx)


def not_stopped(tx: Tx, agent: Row) -> None:
    """The agent begins no turn any more, so no budget keeps it from one. `agent` is its row as it is now."""
    if agent["over_budget"] is not None:
        store.update_agent_over(tx, agent["id"], None)
        _let_go(tx, agent["over_budget"])


def check_spec(request: SpawnRequest) -> None:
    """Raises InvalidRequest for limits that say nothing."""
    for name, value in request.limits.items():
        if name in OTHER_LIMITS:
            continue
        if name not in SPEC_LIMITS:
            known = ", ".join((*SPEC_LIMITS, *OTHER_LIMITS))
            raise InvalidRequest(reason=f"limits.{one_line(name, 64)}: there is no such limit; there are {known}.")
        figure = SPEC_LIMITS[name][1]
        kinds = (int, float) if figure == "usd" else (int,)
        what = "a number" if figure == "usd" else "a whole number"
        if isinstance(value, bool) or not isinstance(value, kinds) or not 0 <= value <= MOST[figure]:
            raise InvalidRequest(reason=f"limits.{name}: {what} from 0 to {MOST[figure]:,.0f}.")
        if isinstance(value, float) and not math.isfinite(value):
            raise InvalidRequest(reason=f"limits.{name}: {what} from 0 to {MOST[figure]:,.0f}.")


def _over_by(conn: Connection, budget: Row, now: str, *, asks: str | None = None) -> str | None:
    return spend.over_by(spend.spent(conn, budget, now, asks=asks), spend.limits(budget, now))


def _stop(tx: Tx, agent: Row, budget: Row, words: str) -> None:
    """Mark the agent, and list the budget; again: nothing is written where nothing is new."""
    before, span = agent["over_budget"], spend.span_of(budget["window"], tx.now)
    if before != budget["id"]:
        store.update_agent_over(tx, agent["id"], budget["id"])
        publish(tx, agent["id"])
        if before is not None:
            _let_go(tx, before)
    if budget["over_for"] != span:
        store.update_over(tx, budget["id"], span)
    item = waiting_store.select_item(tx.connection, budget["id"], "budget")
    if item is None or item["subject"] != one_line(words):
        waiting.open_item(
            tx, budget["id"], "budget", agent=budget["agent"], subject=words, since=budget["over_since"], blocks=True
        )
        tx.gather(_feed, budget["id"])
        _publish_owner(tx, budget)


def _let_go(tx: Tx, budget_id: str) -> None:
    """Where it stops nobody any more, it is off the list."""
    if store.select_stopped(tx.connection, budget_id):
        return
    row = store.select_budget(tx.connection, budget_id)
    store.clear_over(tx, budget_id)
    waiting.close_item(tx, budget_id, "budget")
    tx.gather(_feed, budget_id)
    if row is not None:
        _publish_owner(tx, row)


def _publish_owner(tx: Tx, budget: Row) -> None:
    """Its view counts what waits of it."""
    if budget["agent_id"] is not None and agent_store.select_agent(tx.connection, budget["agent_id"]) is not None:
        publish(tx, budget["agent_id"])


def _remove(tx: Tx, row: Row) -> None:
    store.delete_budget(tx, row["id"])
    tx.feed("budget_removed", {"id": row["id"]})


def _changed(tx: Tx, row: Row) -> Budget:
    look_again(tx)
    tx.gather(_feed, row["id"])
    return spend.to_budget(tx.connection, find_budget(tx.connection, row["id"]), tx.now)


def _feed(tx: Tx, budget_ids: list[str]) -> None:
    for budget_id in budget_ids:
        row = store.select_budget(tx.connection, budget_id)
        if row is not None:
            tx.feed("budget", spend.to_budget(tx.connection, row, tx.now).model_dump_json())


def _figures(row: Row) -> dict[str, Any]:
    return {"usd": row["usd"], "tokens": row["tokens"], "turns": row["turns"]}


def _named(row: Row) -> dict[str, Any]:
    return {"scope": row["scope"], "agent": row["agent"], "window": row["window"]}
