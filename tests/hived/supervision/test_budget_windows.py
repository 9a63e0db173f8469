"""The end of a budget's window, seen to by the timekeeper on a clock that is moved."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from hived.core import budgets
from hived.store.database import Ring
from hived.supervision.timekeeper import Timekeeper
from hived.wire.budgets import BudgetDraft, BudgetWindow
from tests.support.books import OPERATOR, Books, event
from tests.support.clocks import MovedClock

EVENING = datetime(2026, 11, 21, 22, 30, tzinfo=UTC)


@contextlib.asynccontextmanager
async def keeping_time(books: Books) -> AsyncIterator[None]:
    task = asyncio.create_task(Timekeeper(books.hive).run())
    try:
        yield
    finally:
        assert not task.done(), "it ended by itself"
        task.cancel()
        await asyncio.wait([task])


async def stopped(books: Books, window: BudgetWindow) -> asyncio.Event:
    """An agent that has had its one turn and has another message; set when its harness is rung."""
    rung = asyncio.Event()
    ada = await books.agent("ada")
    draft = BudgetDraft(agent="ada", turns=1, window=window)
    await books.do(lambda tx: budgets.set_budget(tx, draft, OPERATOR))
    await books.events(ada, {**event(1, "turn_end", turn_id="t1", outcome="ok"), "ts": books.database.clock()})
    await books.send("ada")
    claimed = await books.claim(ada, "t2")
    assert (claimed.messages, claimed.unread) == ([], 1)
    assert claimed.over_budget is not None

    def hear(ring: Ring) -> None:
        if ring.to == ada and ring.event == "wake":
            assert ring.payload == {"unread": 1}
            rung.set()

    books.database.on_ring(hear)
    return rung


@pytest.mark.parametrize(("window", "too_early", "then"), [("day", 5399.0, 1.0), ("hour", 1799.0, 1.0)])
async def test_it_rings_who_was_stopped_when_the_window_ends_and_not_before(
    books: Books, window: BudgetWindow, too_early: float, then: float
) -> None:
    clock = books.database.clock = MovedClock(EVENING)
    rung = await stopped(books, window)
    clock.move(too_early)
    await books.do(budgets.run_due)
    assert not rung.is_set()
    clock.move(then)
    async with keeping_time(books):
        await asyncio.wait_for(rung.wait(), 60)
    assert await books.waiting() == []
    ada = await books.one("SELECT id FROM agents")
    assert len((await books.claim(ada, "t2")).messages) == 1


async def test_one_that_came_while_hived_was_away_is_seen_to_at_its_start(books: Books) -> None:
    clock = books.database.clock = MovedClock(EVENING)
    rung = await stopped(books, "day")
    clock.move(3 * 86_400)
    async with keeping_time(books):
        await asyncio.wait_for(rung.wait(), 60)
    assert await books.read(budgets.next_due) is None


async def test_it_wakes_nobody_from_a_budget_in_all(books: Books) -> None:
    clock = books.database.clock = MovedClock(EVENING)
    rung = await stopped(books, "total")
    clock.move(366 * 86_400)
    assert await books.read(budgets.next_due) is None
    await books.do(budgets.run_due)
    assert not rung.is_set()
    assert [item.kind for item in await books.waiting()] == ["budget"]
