"""The typed client on a real Unix socket."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hived.client.hive_client import HiveClient
from hived.wire.agents import SpawnRequest
from hived.wire.approvals import Verdict
from hived.wire.errors import (
    AlreadyDecided,
    ApprovalNotFound,
    NotRunning,
    PathTooLong,
    ProtocolMismatch,
    ResyncNeeded,
    UnknownRoute,
)
from hived.wire.events import Event
from hived.wire.messages import MessageDraft
from hived.wire.protocol import PROTOCOL
from tests.fakes.hived_api import WHEN, FakeHived
from tests.hivetui import scene


@pytest.fixture
async def hived() -> AsyncIterator[FakeHived]:
    async with FakeHived(scene.snapshot()) as fake:
        yield fake


@pytest.fixture
async def client(hived: FakeHived) -> AsyncIterator[HiveClient]:
    async with HiveClient(hived.socket) as found:
        yield found


async def test_answers_are_wire_models(hived: FakeHived, client: HiveClient) -> None:
    hived.engines = [engine.model_dump() for engine in scene.engines()]
    assert (await client.fetch_snapshot()).seq == 500
    assert (await client.fetch_version()).protocol == PROTOCOL
    assert [engine.kind for engine in await client.list_engines()] == [found.kind for found in scene.engines()]
    assert (await client.start_agent("alice")).name == "alice"


async def test_a_refusal_comes_back_as_its_type(hived: FakeHived, client: HiveClient) -> None:
    with pytest.raises(ApprovalNotFound) as missing:
        await client.approve("nothing")
    assert missing.value.code == "approval_not_found"
    approval = await client.deny(scene.ident(101), Verdict(note="not today"))
    assert (approval.status, approval.note) == ("denied", "not today")
    with pytest.raises(AlreadyDecided) as lost:
        await client.approve(scene.ident(101))
    assert lost.value.detail["by"] == "operator"


async def test_a_call_carries_its_idempotency_key(hived: FakeHived, client: HiveClient) -> None:
    await client.send_message(MessageDraft(to="alice", body="hello"), key="k-1")
    asked = await client.create_agent(SpawnRequest(name="scout", engine="claude"), key="k-2")
    assert hived.keys == ["k-1", "k-2"]
    assert asked.status == "pending"
    assert hived.asked[1][2] == {"name": "scout", "engine": "claude"}


async def test_nobody_on_the_socket_is_one_clear_error(tmp_path: Path) -> None:
    async with HiveClient(Path("/tmp/hv-nobody.sock")) as client:
        with pytest.raises(NotRunning) as error:
            await client.fetch_snapshot()
        assert "hive up" in error.value.message
        with pytest.raises(NotRunning):
            async with client.feed(0):
                pass


def test_a_path_that_the_kernel_does_not_take_is_said_at_once() -> None:
    with pytest.raises(PathTooLong):
        HiveClient(Path("/tmp") / ("x" * 120))


async def test_another_protocol_is_refused_before_anything_is_read(hived: FakeHived, client: HiveClient) -> None:
    hived.protocol = PROTOCOL + 1
    with pytest.raises(ProtocolMismatch) as error:
        await client.fetch_snapshot()
    assert error.value.detail["theirs"] == str(PROTOCOL + 1)


async def test_the_feed_gives_rows_as_they_happen_and_ends_with_a_resync(hived: FakeHived, client: HiveClient) -> None:
    async with client.feed(500) as batches:
        hived.say("agent", scene.agent(2, "alice", unread=7))
        rows = await anext(batches)
        assert [(row.seq, row.kind, row.payload["unread"]) for row in rows] == [(501, "agent", 7)]
        hived.resync()
        with pytest.raises(ResyncNeeded):
            await anext(batches)


async def test_a_stream_that_hived_ends_ends(hived: FakeHived, client: HiveClient) -> None:
    async with client.transcript_stream("alice") as batches:
        hived.tell("alice", [Event(ts=WHEN, kind="text_delta", payload={"text": "a"})])
        assert (await anext(batches))[0].id is None
        hived.cut("alice")
        assert [batch async for batch in batches] == []


async def test_a_page_says_what_the_journal_spans(hived: FakeHived, client: HiveClient) -> None:
    hived.journals["alice"] = [Event(id=n, ts=WHEN, kind="note", payload={"text": str(n)}) for n in range(1, 301)]
    page = await client.fetch_transcript("alice", before=101, limit=50)
    assert (page.first_id, page.last_id, page.events[0].id, page.events[-1].id) == (1, 300, 51, 100)


async def test_an_answer_that_is_no_error_of_hiveds_is_an_error_all_the_same(client: HiveClient) -> None:
    with pytest.raises(Exception, match="404") as error:
        await client.show_agent("nobody")
    assert not isinstance(error.value, UnknownRoute)
