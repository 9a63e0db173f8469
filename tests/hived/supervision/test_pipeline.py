"""What the machine cannot do just now is said where the operator looks, once, and is gone when it works."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from hived.core import agents, deployments
from hived.store.database import Tx
from hived.supervision import pipeline
from hived.supervision.builder import build
from hived.supervision.pipeline import Pipeline
from hived.wire.deployments import DeploymentStatus
from tests.support.books import OPERATOR, Books

TROUBLE = "the machine keeps it from going on: Not a directory; it is tried again."
SPEC: dict[str, Any] = {"engine": "command", "engine_options": {"command": ["cat"]}}


@pytest.fixture(autouse=True)
async def deploying(books: Books, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """hived's own pipeline, which tries again at once."""
    books.hive.config.healthy_seconds = 0
    monkeypatch.setattr(pipeline, "RETRY_SECONDS", 0.0)
    running = asyncio.create_task(Pipeline(books.hive).run())
    yield
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


class Tags:
    """Of applied/bee: hived cannot write any while `broken`."""

    def __init__(self, books: Books) -> None:
        self._tags: Path = books.hive.paths.agent("bee").applied / ".git/refs/tags"

    def broken(self) -> None:
        self._tags.parent.mkdir(parents=True, exist_ok=True)
        if self._tags.exists():
            self._tags.rename(self._tags.with_name("aside"))
        self._tags.touch()

    def mended(self) -> None:
        self._tags.unlink()
        aside = self._tags.with_name("aside")
        aside.rename(self._tags) if aside.exists() else self._tags.mkdir()


def fed(books: Books) -> list[tuple[str, str | None]]:
    """(status, reason) of every deployment that was fed, in order."""
    found = [json.loads(row.payload_json) for row in books.feed if row.kind == "deployment"]
    return [(one["status"], one["reason"]) for one in found]


async def until(books: Books, status: DeploymentStatus, reason: str | None) -> None:
    def reached(conn: Any) -> bool:
        newest = deployments.list_deployments(conn, agent="bee").deployments[0]
        return (newest.status, newest.reason) == (status, reason)

    await books.hive.until(reached, seconds=60, what="The deployment")


async def tried_again(monkeypatch: pytest.MonkeyPatch, times: int = 3) -> None:
    """So many more builds have begun."""
    begun, left = asyncio.Event(), times

    async def counting(*words: Any) -> Any:
        nonlocal left
        left -= 1
        if left <= 0:
            begun.set()
        return await build(*words)

    with monkeypatch.context() as patched:
        patched.setattr(pipeline, "build", counting)
        await begun.wait()


async def test_of_one_that_is_not_built_yet_it_is_its_cause_and_gone_when_it_works(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    tags = Tags(books)
    agent_id = await books.agent("bee", online=False, **SPEC)
    repo = books.hive.paths.agent("bee").applied / ".git"
    repo.mkdir(parents=True, mode=0o700)
    for folder in ("objects/info", "objects/pack", "refs/heads", "info"):
        (repo / folder).mkdir(parents=True)
    tags.broken()

    def ask(tx: Tx) -> None:
        agents.set_lifecycle(tx, agent_id, "requested", "it was asked for", pid=None)
        deployments.queue_first(tx, agent_id, actor=OPERATOR)

    await books.do(ask)
    trouble = TROUBLE.replace("Not a directory", "File exists")
    await until(books, "queued", trouble)
    assert (await books.view("bee")).lifecycle.cause == f"its config is not built yet: {trouble}"
    await tried_again(monkeypatch)
    assert fed(books) == [("queued", None), ("queued", trouble)], "once, however often it is tried"
    going = asyncio.Event()

    async def long(*words: Any) -> Any:
        await going.wait()
        return await build(*words)

    with monkeypatch.context() as patched:
        patched.setattr(pipeline, "GOES_ON_SECONDS", 0.0)
        patched.setattr(pipeline, "build", long)
        await until(books, "queued", None)
    assert (await books.view("bee")).lifecycle.cause == "its setup runs"
    tags.mended()
    going.set()
    await until(books, "starting", None)
    assert fed(books)[-1] == ("starting", None)


async def test_of_one_that_runs_it_is_the_deployments_and_it_runs_on(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent_id = await books.agent("bee", **SPEC)
    cause = (await books.view("bee")).lifecycle.cause
    tags = Tags(books)

    def ask(tx: Tx) -> None:
        row = agents.find_agent(tx.connection, "bee")
        deployments.queue(tx, row, "rebuild", actor=OPERATOR)

    await books.do(ask)
    await until(books, "starting", None)
    tags.broken()

    def come_up(tx: Tx) -> None:
        generation = agents.next_generation(tx, agent_id)
        agents.set_online(tx, agent_id, generation, True)
        agents.set_lifecycle(tx, agent_id, "running", cause, pid=99)

    await books.do(come_up)
    await until(books, "checking", TROUBLE)
    assert ((await books.view("bee")).lifecycle.state, (await books.view("bee")).lifecycle.cause) == ("running", cause)
    tags.mended()
    await until(books, "deployed", None)
    assert fed(books)[-3:] == [("checking", None), ("checking", TROUBLE), ("deployed", None)]
