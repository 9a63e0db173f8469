"""The status once more, when something changed that no event carries; and what a report says."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agentd.conditions import Conditions
from agentd.journal import Journal
from agentd.sessions import Sessions
from agentd.status import Status
from agentd.status_reports import StatusReports
from agentd.uplink import Uplink
from hived.client.agent_client import AgentClient
from hived.wire.agents import EngineAbilities, ModelOffered
from tests.fakes.hived_stub import HivedStub, serving


class Parts:
    def __init__(self, folder: Path, stub: HivedStub, journal: Journal) -> None:
        self.stub = stub
        self.client = AgentClient(stub.socket, stub.generation)
        self.status = Status(journal, Conditions(journal, folder), Sessions(journal), "small")
        self.uplink = Uplink(self.client, journal, lambda refused: None, lambda line: None)
        self.reports = StatusReports(self.client, journal, self.uplink, self.status, lambda line: None)
        self.status.on_news = self.reports.ask
        self.journal = journal
        journal.listen(self.uplink.take)


@pytest.fixture
async def parts(tmp_path: Path) -> AsyncIterator[Parts]:
    async with serving(HivedStub(tmp_path / "agent.sock")) as stub:
        journal = await Journal.open(tmp_path / "events.sqlite", tmp_path / "overflow")
        found = Parts(tmp_path, stub, journal)
        tasks = [asyncio.create_task(work.run()) for work in (journal, found.uplink, found.reports)]
        try:
            yield found
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            await journal.close()
            await found.client.close()


async def test_models_that_the_engine_names_late_are_reported_at_once(parts: Parts) -> None:
    parts.uplink.connect(0)
    parts.status.set_engine(EngineAbilities(), [ModelOffered(name="large")])
    await parts.stub.until(lambda: parts.stub.statuses, "a report")
    assert [model["name"] for model in parts.stub.statuses[-1]["models"]] == ["large"]
    parts.status.set_engine(EngineAbilities(compact=True), [])
    await parts.stub.until(lambda: len(parts.stub.statuses) == 2, "another report")
    assert [model["name"] for model in parts.stub.statuses[-1]["models"]] == ["large"], "what was known stays"
    assert parts.stub.statuses[-1]["abilities"]["compact"] is True


async def test_what_is_as_it_was_is_not_reported(parts: Parts) -> None:
    told: list[None] = []
    parts.status.on_news = lambda: told.append(None)
    parts.status.set_engine(EngineAbilities(), [])
    parts.status.set_engine(EngineAbilities(steer=True), [])
    parts.status.set_engine(EngineAbilities(steer=True), [])
    assert len(told) == 1


async def test_a_report_that_is_overtaken_by_an_event_is_followed_by_one_that_is_true(parts: Parts) -> None:
    parts.uplink.connect(0)
    turns = iter(("one", None))

    def begins_a_turn_meanwhile(method: str, path: str) -> None:
        if path == "/v1/status" and (turn := next(turns, None)) is not None:
            parts.status.set_turn("thinking", turn)

    parts.stub.fault = begins_a_turn_meanwhile
    parts.reports.ask()
    await parts.stub.until(lambda: len(parts.stub.statuses) == 2, "a second report")
    assert [status["turn_state"] for status in parts.stub.statuses] == ["idle", "thinking"]


async def test_nothing_is_sent_while_hived_is_away_and_hello_says_it_later(parts: Parts) -> None:
    parts.reports.ask()
    parts.journal.append("note", {"text": "x", "level": "info"})
    await parts.journal.flush()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.1):
            await parts.uplink.until_connected()
    assert parts.stub.statuses == []
