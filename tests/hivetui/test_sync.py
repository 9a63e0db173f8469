"""Sync against a hived of wire models on a real socket: attach, away and back, resync, transcripts."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from hived.client.hive_client import HiveClient
from hived.wire.events import Event
from hivetui.state.hive import Change, HiveState, LinkLost, LinkMade, LinkRefused, SnapshotTaken, reduced
from hivetui.state.transcript import Transcript
from hivetui.sync import EventsCame, HiveSync, PageCame, StreamLost, TranscriptNews
from tests.fakes.hived_api import WHEN, FakeHived
from tests.hivetui import scene
from tests.hivetui.conditions import until


class Book:
    """What sync reported, and the state that it makes."""

    def __init__(self) -> None:
        self.changes: list[Change] = []
        self.news: list[TranscriptNews] = []
        self.state = HiveState()
        self.alice = Transcript("alice")

    def report(self, change: Change) -> None:
        self.changes.append(change)
        self.state = reduced(self.state, change)

    def report_transcript(self, news: TranscriptNews) -> None:
        self.news.append(news)
        match news:
            case PageCame(_, page, before):
                self.alice.begin(page.journal_uuid)
                self.alice.take_page(page.events, page.first_id, page.last_id, before)
            case EventsCame(_, events):
                self.alice.take_live(events)
            case StreamLost():
                self.alice.lost_touch()

    def count(self, kind: type) -> int:
        return sum(isinstance(found, kind) for found in (*self.changes, *self.news))


class Followed:
    def __init__(self, hived: FakeHived, sync: HiveSync, book: Book) -> None:
        self.hived, self.sync, self.book = hived, sync, book


@pytest.fixture
async def followed() -> AsyncIterator[Followed]:
    book = Book()
    async with FakeHived(scene.snapshot()) as hived, HiveClient(hived.socket) as client:
        hived.journals["alice"] = list(scene.journals()["alice"])
        sync = HiveSync(client, book.report, book.report_transcript, scene.clock)
        task = asyncio.create_task(sync.run())
        await until(lambda: hived.followers("feed") and book.count(LinkMade), "attaching")
        yield Followed(hived, sync, book)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_attaching_takes_a_snapshot_and_then_what_happens(followed: Followed) -> None:
    followed.hived.say("agent", scene.agent(2, "alice", unread=9))
    await until(lambda: followed.book.state.agents["alice"].unread == 9, "the row")
    assert followed.book.state.seq == 501
    assert followed.book.count(SnapshotTaken) == 1


async def test_a_resync_takes_a_new_snapshot(followed: Followed) -> None:
    followed.hived.snapshot.agents.append(scene.agent(9, "hugo"))
    followed.hived.resync()
    await until(lambda: "hugo" in followed.book.state.agents, "the new snapshot")
    assert followed.book.count(LinkLost) == 0


async def test_hived_may_go_and_come_back_and_nothing_is_missed(followed: Followed) -> None:
    await followed.hived.stop()
    await until(lambda: followed.book.state.link.kind == "away", "being away")
    followed.hived.snapshot.agents.append(scene.agent(9, "hugo"))
    await followed.hived.start()
    await until(lambda: followed.book.state.link.kind == "live", "being back")
    assert "hugo" in followed.book.state.agents
    assert followed.book.state.link.was_live


async def test_a_transcript_is_followed_then_paged_and_doubles_are_dropped(followed: Followed) -> None:
    last = len(followed.hived.journals["alice"])
    followed.sync.watch(["alice"])
    await until(lambda: followed.book.alice.opened, "the first page")
    again = followed.hived.journals["alice"].pop()
    followed.hived.tell("alice", [again, Event(id=last + 1, ts=WHEN, kind="text", payload={"text": "new"})])
    await until(lambda: followed.book.alice.last_id == last + 1, "the live event")
    assert followed.book.alice.loaded == last + 1


async def test_a_stream_that_is_cut_off_is_opened_again_and_the_gap_is_paged(followed: Followed) -> None:
    followed.sync.watch(["alice"])
    await until(lambda: followed.hived.followers("alice"), "the stream")
    await until(lambda: followed.book.alice.opened, "the first page")
    last = followed.book.alice.last_id
    followed.hived.cut("alice")
    followed.hived.journals["alice"].append(Event(id=last + 1, ts=WHEN, kind="text", payload={"text": "meanwhile"}))
    await until(lambda: followed.book.alice.last_id == last + 1, "the gap")
    assert followed.book.count(StreamLost) == 1


async def test_a_transcript_that_is_no_longer_shown_is_no_longer_followed(followed: Followed) -> None:
    followed.sync.watch(["alice", "bob"])
    await until(lambda: followed.hived.followers("alice") and followed.hived.followers("bob"), "both streams")
    followed.sync.watch(["bob"])
    await until(lambda: not followed.hived.followers("alice"), "letting go of alice")
    assert followed.hived.followers("bob") == 1


async def test_a_page_is_loaded_by_its_ids(followed: Followed) -> None:
    followed.hived.journals["alice"] = [Event(id=n, ts=WHEN, kind="note", payload={}) for n in range(1, 1001)]
    followed.sync.watch(["alice"])
    await until(lambda: followed.book.alice.opened, "the first page")
    followed.sync.load_page("alice", 0)
    await until(lambda: followed.book.alice.get(1) is not None, "the page")
    assert {"limit": "200", "before": "201"} in followed.hived.pages


async def test_another_protocol_ends_it_with_one_sentence() -> None:
    book = Book()
    async with FakeHived(scene.snapshot()) as hived, HiveClient(hived.socket) as client:
        hived.protocol = 99
        sync = HiveSync(client, book.report, book.report_transcript, scene.clock)
        task = asyncio.create_task(sync.run())
        await until(lambda: book.count(LinkRefused), "the refusal")
        assert book.state.link.reason.startswith("hived speaks protocol 99")
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
    assert book.count(LinkRefused) == 1
