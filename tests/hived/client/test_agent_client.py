"""The harness's client, on a real Unix socket."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hived.client.agent_client import AgentClient
from hived.wire.control import Hello, Wake
from hived.wire.errors import EventGap, NotRunning, ProtocolMismatch, StaleGeneration, TookTooLong
from hived.wire.messages import Claim
from tests.fakes.hived_stub import HivedStub

EVENT = b'{"id":%d,"ts":"2026-01-01T00:00:00.000Z","kind":"text","payload":{"text":"a"}}\n'


@pytest.fixture
async def stub() -> AsyncIterator[HivedStub]:
    folder = Path(tempfile.mkdtemp(prefix="hv", dir="/tmp"))
    found = HivedStub(folder / "agent.sock")
    await found.start()
    try:
        yield found
    finally:
        await found.stop()
        shutil.rmtree(folder)


@pytest.fixture
async def client(stub: HivedStub) -> AsyncIterator[AgentClient]:
    found = AgentClient(stub.socket, generation=1)
    yield found
    await found.close()


async def test_calls_share_one_kept_connection(stub: HivedStub, client: AgentClient) -> None:
    for _ in range(5):
        assert (await client.whoami()).name == "ann"
    assert stub.connections == 1


async def test_calls_at_the_same_time_wait_for_each_other(stub: HivedStub, client: AgentClient) -> None:
    answers = await asyncio.gather(*(client.whoami() for _ in range(20)))
    assert {answer.name for answer in answers} == {"ann"}
    assert stub.connections == 1


async def test_a_connection_that_hived_has_closed_is_opened_anew(stub: HivedStub, client: AgentClient) -> None:
    await client.whoami()
    await stub.stop()
    await stub.start()
    assert (await client.whoami()).name == "ann"


async def test_nobody_there_is_not_running(stub: HivedStub, client: AgentClient) -> None:
    await stub.stop()
    with pytest.raises(NotRunning):
        await client.whoami()


async def test_errors_come_back_as_their_types(stub: HivedStub, client: AgentClient) -> None:
    taken = await client.post_events(EVENT % 1, journal_uuid="j", oldest=None)
    assert taken.cursor == 1
    with pytest.raises(EventGap) as gap:
        await client.post_events(EVENT % 5, journal_uuid="j", oldest=None)
    assert gap.value.detail["expected"] == 2
    stub.generation = 2
    with pytest.raises(StaleGeneration):
        await client.claim(Claim(turn_id="t"))


async def test_an_answer_that_does_not_come_is_took_too_long(
    stub: HivedStub, client: AgentClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hived.client.agent_client.CALL_SECONDS", 1.0)
    asked = asyncio.Event()

    async def silent(*given: object) -> None:
        asked.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(stub, "_respond", silent)
    with pytest.raises(TookTooLong):
        await client.claim_more(Claim(turn_id="t"))
    assert asked.is_set()


async def test_the_control_stream_gives_models_and_passes_over_what_it_does_not_know(
    stub: HivedStub, client: AgentClient
) -> None:
    async with client.control("j") as events:
        hello = await anext(events)
        assert isinstance(hello, Hello)
        assert hello.name == "ann"
        await stub.ring("of_a_newer_hived", {"x": 1})
        await stub.ring("wake", {"unread": 3, "more": "of a newer hived"})
        assert await anext(events) == Wake(unread=3)
        await stub.stop()
        with pytest.raises(StopAsyncIteration):
            await anext(events)


async def test_another_protocol_is_said(stub: HivedStub, client: AgentClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hived.client.agent_client.PROTOCOL", 99)
    head = b"HTTP/1.1 200 OK\r\nhive-protocol: 1\r\nhive-build: old\r\ncontent-length: 2\r\n\r\n{}"

    async def answer(writer: asyncio.StreamWriter, *given: object) -> None:
        writer.write(head)

    monkeypatch.setattr(stub, "_respond", answer)
    with pytest.raises(ProtocolMismatch):
        await client.whoami()
