"""The timekeeper, on a clock that is moved."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator

import pytest

from hived.core import questions, reminders
from hived.store.database import Tx
from hived.supervision import timekeeper as timekeeping
from hived.supervision.timekeeper import Timekeeper, next_due
from tests.support.books import Books, open_books
from tests.support.clocks import MovedClock
from tests.support.speakers import reminder_of, speaker


@pytest.fixture
async def books() -> AsyncIterator[Books]:
    async with open_books(escalation_seconds=5) as opened:
        yield opened


class Watched(Timekeeper):
    """`slept`: for how long it meant to, each time."""

    def __init__(self, books: Books) -> None:
        super().__init__(books.hive)
        self.slept: list[float | None] = []
        self.sleeps = asyncio.Event()

    async def sleep(self, seconds: float | None) -> None:
        self.slept.append(seconds)
        self.sleeps.set()
        await super().sleep(seconds)

    async def asleep(self, seconds: float | None) -> None:
        """Return once it sleeps for that long."""
        while not self.slept or self.slept[-1] != seconds:
            self.sleeps.clear()
            await asyncio.wait_for(self.sleeps.wait(), 60)


@contextlib.asynccontextmanager
async def keeping_time(books: Books) -> AsyncIterator[Watched]:
    watched = Watched(books)
    task = asyncio.create_task(watched.run())
    try:
        yield watched
    finally:
        assert not task.done(), "it ended by itself"
        task.cancel()
        await asyncio.wait([task])


async def until_fed(books: Books, kind: str, status: str, count: int = 1) -> None:
    """Return once the feed has that many rows of it: no clock is asked."""
    came = asyncio.Event()

    def look(_: object = None) -> None:
        rows = [row for row in books.feed if row.kind == kind and row.payload["status"] == status]
        if len(rows) >= count:
            came.set()

    books.database.on_feed(look)
    look()
    await asyncio.wait_for(came.wait(), 60)


async def test_what_came_due_while_nobody_looked_is_seen_to_at_its_start(books: Books) -> None:
    clock = books.database.clock = MovedClock()
    ada = await speaker(books, "ada")
    made = await ada.reminds_itself("1h")
    await ada.asks("operator", deadline="1h")
    clock.move(7200)
    async with keeping_time(books):
        await until_fed(books, "reminder", "sent")
        await until_fed(books, "question", "expired")
    assert (await reminder_of(books, made)).status == "sent"


async def test_it_sleeps_for_good_with_nothing_to_come_and_is_rung_by_what_is_made(books: Books) -> None:
    books.database.clock = MovedClock()
    ada = await speaker(books, "ada")
    async with keeping_time(books) as watched:
        await watched.asleep(None)
        await books.send("ada", "this has no moment")
        made = await ada.reminds_itself("50s")
        await watched.asleep(50.0)
        await ada.cancels(made)
        await watched.asleep(None)
    assert watched.slept == [None, 50.0, None]


async def test_it_sleeps_until_the_earliest_moment_and_a_ring_makes_nothing_due(books: Books) -> None:
    books.database.clock = MovedClock()
    ada = await speaker(books, "ada")
    await ada.reminds_itself("1h")
    async with keeping_time(books) as watched:
        await watched.asleep(timekeeping.MOST_SECONDS)
        await ada.reminds_itself("40s")
        await watched.asleep(40.0)
        await ada.asks("operator", deadline="30s")
        await watched.asleep(30.0)
        await ada.reminds_itself("50s")
    assert {reminder.status for reminder in await books.read(reminders.list_open)} == {"pending"}
    assert len(await books.waiting()) == 1


async def test_a_clock_that_jumps_is_noticed_when_it_looks_again(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timekeeping, "MOST_SECONDS", 0.05)
    clock = books.database.clock = MovedClock()
    ada = await speaker(books, "ada")
    async with keeping_time(books):
        await ada.reminds_itself("3d")
        clock.move(3 * 86_400)
        await until_fed(books, "reminder", "sent")
        clock.move(-30 * 86_400)
        await ada.reminds_itself("10m")
        clock.move(600)
        await until_fed(books, "reminder", "sent", 2)


async def test_a_failure_is_logged_and_tried_again_and_keeps_nothing_else_waiting(
    books: Books, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(timekeeping, "RETRY_SECONDS", 0.01)
    failures = 3

    def broken(tx: Tx) -> None:
        nonlocal failures
        if failures:
            failures -= 1
            raise RuntimeError("the disk is full")
        questions.run_due(tx)

    monkeypatch.setitem(timekeeping.RUN, "questions", broken)
    clock = books.database.clock = MovedClock()
    ada = await speaker(books, "ada")
    await ada.asks("operator", deadline="10s")
    await ada.reminds_itself("10s")
    clock.move(10)
    with caplog.at_level(logging.ERROR):
        async with keeping_time(books):
            await until_fed(books, "reminder", "sent")
            await until_fed(books, "question", "expired")
    assert [record.message for record in caplog.records] == ["questions that are due cannot be seen to"] * 3


async def test_books_that_cannot_be_read_do_not_end_it(
    books: Books, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(timekeeping, "RETRY_SECONDS", 0.01)
    looked: list[int] = []

    def broken(conn: object) -> str | None:
        looked.append(1)
        if len(looked) < 3:
            raise OSError("it cannot be read")
        return reminders.next_due(conn)  # type: ignore[arg-type]

    monkeypatch.setattr(timekeeping, "next_due", broken)
    ada = await speaker(books, "ada")
    await ada.reminds_itself("0s")
    with caplog.at_level(logging.ERROR):
        async with keeping_time(books):
            await until_fed(books, "reminder", "sent")
    assert len(caplog.records) == 2


async def test_escalations_go_up_by_themselves(books: Books) -> None:
    clock = books.database.clock = MovedClock()
    await speaker(books, "queen", role="queen")
    ada = await speaker(books, "ada")
    async with keeping_time(books):
        asked = await ada.escalates()
        assert await books.read(next_due) == clock.ahead(5)
        clock.move(5)
        await ada.reminds_itself("1h")  # whatever is made has it look at the clock
        await until_fed(books, "question", "pending", 2)
    assert [item.id for item in await books.waiting()] == [asked]
