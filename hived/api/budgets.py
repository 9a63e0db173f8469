"""Budgets, as the operator sees and decides them; and a harness's question whether a turn without messages may start."""

from fastapi import APIRouter, Request

from hived.api.callers import actor_of, harness_of, hive_of
from hived.api.idempotency import remembered
from hived.core import budgets, spend
from hived.core.agent_views import check_generation
from hived.store.database import Connection, Tx
from hived.wire import routes
from hived.wire.budgets import Budget, BudgetDraft, BudgetList, BudgetRaise, TurnAllowed, TurnAsked
from hived.wire.times import utc_now

host_router = APIRouter(tags=["decisions"])
agent_router = APIRouter(tags=["harness"])


@host_router.get(routes.BUDGETS)
async def get_budgets(request: Request) -> BudgetList:
    """Every budget with what is spent of it, the hive's first, then by agent."""
    return await hive_of(request).database.read(lambda conn: BudgetList(budgets=budgets.list_budgets(conn)))


@host_router.put(routes.BUDGETS)
async def put_budget(request: Request, draft: BudgetDraft) -> Budget:
    """Set the one of that scope and window, instead of what there was. Without a figure it is removed: what it was."""
    actor = actor_of(request)
    return await hive_of(request).database.write(remembered(request, lambda tx: budgets.set_budget(tx, draft, actor)))


@host_router.get(routes.BUDGET)
async def get_budget(request: Request, id: str) -> Budget:
    """One budget, by its id or a unique beginning of it."""

    def query(conn: Connection) -> Budget:
        return spend.to_budget(conn, budgets.find_budget(conn, id), utc_now())

    return await hive_of(request).database.read(query)


@host_router.delete(routes.BUDGET)
async def delete_budget(request: Request, id: str) -> Budget:
    """There is none any more; what it was. Whom it stopped goes on."""
    actor = actor_of(request)
    return await hive_of(request).database.write(remembered(request, lambda tx: budgets.remove_budget(tx, id, actor)))


@host_router.post(routes.BUDGET_RAISE)
async def post_raise(request: Request, id: str, more: BudgetRaise | None = None) -> Budget:
    """Allow more in this window only; without figures as much again. Whom it stopped goes on."""
    actor, wanted = actor_of(request), more or BudgetRaise()
    return await hive_of(request).database.write(
        remembered(request, lambda tx: budgets.raise_budget(tx, id, wanted, actor))
    )


@agent_router.post(routes.TURN_START)
async def post_turn_start(request: Request, asked: TurnAsked) -> TurnAllowed:
    """Whether a turn that claims nothing (a checkpoint, a compaction) may start. Where not, hived wakes the harness when it may."""
    agent, generation = await harness_of(request)

    def change(tx: Tx) -> TurnAllowed:
        reason = budgets.check_turn(tx, check_generation(tx, agent["id"], generation))
        return TurnAllowed(allowed=reason is None, reason=reason or "")

    return await hive_of(request).database.write(change)
