"""The watch over agents' work: it looks when something has ended, never more than it must, and writes what is new."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hived.core import agents
from hived.paths import AgentPaths
from hived.store.database import Connection
from hived.supervision import work_watch
from hived.supervision.work_watch import WorkWatch
from hived.wire.work import WorkState
from hived.workspace.clones import make_workspace
from hived.workspace.work import look as really_look
from tests.support.books import Books, event, open_books
from tests.support.repositories import Desk, make_origin


@pytest.fixture
async def books() -> AsyncIterator[Books]:
    async with open_books() as opened:
        yield opened


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Whose workspaces have been looked at, in order; and without a pause."""
    seen: list[str] = []

    def look(paths: AgentPaths, repo: str | None) -> WorkState:
        seen.append(paths.name)
        return really_look(paths, repo)

    monkeypatch.setattr(work_watch, "look", look)
    monkeypatch.setattr(work_watch, "PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(work_watch, "PAUSE_SHARE", 0)
    return seen


@contextlib.asynccontextmanager
async def watching(books: Books) -> AsyncIterator[WorkWatch]:
    watch = WorkWatch(books.hive)
    task = asyncio.create_task(watch.run())
    try:
        yield watch
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def worker(books: Books, folder: Path, name: str = "ada") -> Desk:
    origin = make_origin(folder / f"{name}-origin")
    paths = books.hive.paths.agent(name)
    await asyncio.to_thread(make_workspace, name, str(origin), paths.workspace)
    agent_id = await books.agent(name, repo=str(origin))
    await books.do(lambda tx: agents.set_workspace(tx, agent_id, str(paths.workspace)))
    return Desk(origin, paths)


async def until_seen(books: Books, commits: int, name: str = "ada") -> WorkState:
    def seen(conn: Connection) -> bool:
        found = agents.view(conn, agents.find_agent(conn, name)["id"]).work
        return found is not None and found.commits == commits

    await books.hive.until(seen, seconds=60, what="the look")
    found = (await books.view(name)).work
    assert found is not None
    return found


async def until_done(watch: WorkWatch) -> None:
    """Nothing is due and nobody is looking."""
    await asyncio.sleep(0)
    while watch._tasks:
        await asyncio.wait(list(watch._tasks.values()), timeout=60)


async def turn(books: Books, number: int, name: str = "ada") -> None:
    """A turn of it begins and ends."""
    agent_id = (await books.view(name)).id
    await books.events(agent_id, event(number, "turn_start", turn_id=f"t{number}", wake={"kind": "message"}))
    await books.end_turn(agent_id, f"t{number}", "ok")


async def test_those_that_nobody_has_looked_at_are_looked_at_first(
    books: Books, tmp_path: Path, looks: list[str]
) -> None:
    desk = await worker(books, tmp_path)
    desk.commit()
    async with watching(books):
        await until_seen(books, 1)
    assert looks == ["ada"]


async def test_the_end_of_a_turn_is_a_reason_and_its_beginning_is_none(
    books: Books, tmp_path: Path, looks: list[str]
) -> None:
    desk = await worker(books, tmp_path)
    async with watching(books):
        await until_seen(books, 0)
        desk.commit()
        ada = (await books.view("ada")).id
        await books.events(ada, event(1, "turn_start", turn_id="t1", wake={"kind": "message"}))
        assert len(looks) == 1
        await books.end_turn(ada, "t1", "ok")
        await until_seen(books, 1)
    assert len(looks) == 2


async def test_a_stop_is_a_reason(books: Books, tmp_path: Path, looks: list[str]) -> None:
    desk = await worker(books, tmp_path)
    async with watching(books):
        await until_seen(books, 0)
        desk.commit()
        ada = (await books.view("ada")).id
        await books.do(lambda tx: agents.set_lifecycle(tx, ada, "stopped", "it was asked to", pid=None))
        await until_seen(books, 1)


async def test_what_has_not_changed_is_not_written(books: Books, tmp_path: Path, looks: list[str]) -> None:
    await worker(books, tmp_path)
    async with watching(books) as watch:
        first = await until_seen(books, 0)
        await turn(books, 1)
        await until_done(watch)
        assert looks == ["ada", "ada"]
        assert (await books.view("ada")).work == first


async def test_many_ends_within_one_look_are_one_more_look(
    books: Books, tmp_path: Path, looks: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = await worker(books, tmp_path)
    go_on = threading.Event()

    def slow(paths: AgentPaths, repo: str | None) -> WorkState:
        looks.append(paths.name)
        found = really_look(paths, repo)
        assert go_on.wait(60)
        return found

    async with watching(books) as watch:
        await until_seen(books, 0)
        await until_done(watch)
        monkeypatch.setattr(work_watch, "look", slow)
        for number in range(1, 40, 2):
            await turn(books, number)
        desk.commit()
        go_on.set()
        await until_seen(books, 1)
        await until_done(watch)
    assert looks == ["ada"] * 3


async def test_agents_without_a_repository_are_none_of_its_business(
    books: Books, tmp_path: Path, looks: list[str]
) -> None:
    await books.agent("bob")
    desk = await worker(books, tmp_path)
    async with watching(books):
        await turn(books, 1, "bob")
        desk.commit()
        await turn(books, 1)
        await until_seen(books, 1)
    assert set(looks) == {"ada"}


async def test_a_look_that_fails_is_logged_and_the_next_one_is_made(
    books: Books, tmp_path: Path, looks: list[str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    desk = await worker(books, tmp_path)
    loop, tried, broken = asyncio.get_running_loop(), asyncio.Event(), iter([True])

    def look(paths: AgentPaths, repo: str | None) -> WorkState:
        if next(broken, False):
            loop.call_soon_threadsafe(tried.set)
            raise RuntimeError("the disk is not well")
        return really_look(paths, repo)

    monkeypatch.setattr(work_watch, "look", look)
    async with watching(books) as watch:
        await asyncio.wait_for(tried.wait(), 60)
        await until_done(watch)
        assert "the work of ada cannot be looked at" in caplog.text
        desk.commit()
        await turn(books, 1)
        await until_seen(books, 1)
