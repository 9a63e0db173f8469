"""Keeps the screen's state true: snapshot, then the feed after it; for each pane a stream, then pages; logs. Away and back.

Reports changes and never touches a widget. While hived is away it tries again with a growing pause, for as long as it takes.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from hived.client.hive_client import HiveClient
from hived.client.lifecycle_calls import WhichLog
from hived.wire.errors import AgentNotFound, HiveError, NotRunning, ProtocolMismatch, ResyncNeeded, Unavailable
from hived.wire.events import Event, TranscriptPage
from hived.wire.times import to_text
from hivetui.state.clock import Clock, system_clock
from hivetui.state.hive import (
    Change,
    FeedRowsCame,
    LinkLost,
    LinkMade,
    LinkRefused,
    LogBegun,
    LogFailed,
    LogWritten,
    SnapshotTaken,
)
from hivetui.state.logs import MOST_LINES, LogOf
from hivetui.state.transcript import PAGE_EVENTS, last_id_of

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 1.5
"""hived back after a restart is noticed within 2 s."""
OPENING_EVENTS = 2 * PAGE_EVENTS
"""How many of the newest events a pane begins with."""
OPENING_LINES: dict[WhichLog, int] = {"engine": 200, "harness": 200, "setup": MOST_LINES}


@dataclass(frozen=True, slots=True)
class PageCame:
    """A page of an agent's journal; `before` is None for the newest."""

    agent: str
    page: TranscriptPage
    before: int | None


@dataclass(frozen=True, slots=True)
class PageFailed:
    agent: str
    number: int


@dataclass(frozen=True, slots=True)
class EventsCame:
    """Live events, deltas included."""

    agent: str
    events: list[Event]


@dataclass(frozen=True, slots=True)
class StreamLost:
    """Nothing live comes for this agent until its newest page comes again."""

    agent: str


TranscriptNews = PageCame | PageFailed | EventsCame | StreamLost


class HiveSync:
    """Run it once; it ends by being cancelled, or where hived speaks another protocol."""

    def __init__(
        self,
        client: HiveClient,
        report: Callable[[Change], None],
        report_transcript: Callable[[TranscriptNews], None],
        clock: Clock = system_clock,
    ) -> None:
        self._client = client
        self._report = report
        self._report_transcript = report_transcript
        self._clock = clock
        self._focused = True
        self._focus_said = asyncio.Event()
        self._live = asyncio.Event()
        self._watched: frozenset[str] = frozenset()
        self._logs: frozenset[LogOf] = frozenset()
        self._wanted: list[tuple[str, int]] = []
        self._look = asyncio.Event()

    def say_focus(self, *, focused: bool) -> None:
        """Whether somebody looks at this screen: hived is told, now or when it is back, and notifies nobody meanwhile."""
        if focused != self._focused:
            self._focused = focused
            self._focus_said.set()

    def watch(self, agents: Iterable[str]) -> None:
        """Follow the transcripts of these agents, and of no others."""
        watched = frozenset(agents)
        if watched != self._watched:
            self._watched = watched
            self._look.set()

    def follow_logs(self, logs: frozenset[LogOf]) -> None:
        """Follow these logs, and no others."""
        if logs != self._logs:
            self._logs = logs
            self._look.set()

    def load_page(self, agent: str, number: int) -> None:
        """Load that page of an agent's journal."""
        self._wanted.append((agent, number))
        self._look.set()

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow_hive(), name="feed")
            tasks.create_task(self._follow_what_is_shown(tasks), name="transcripts and logs")
            tasks.create_task(self._tell_focus(), name="presence")

    # The hive ----------------------------------------------------------------------------------------------

    async def _follow_hive(self) -> None:
        pause = FIRST_PAUSE_SECONDS
        seq: int | None = None
        while True:
            try:
                if seq is None:
                    snapshot = await self._client.fetch_snapshot()
                    seq = snapshot.seq
                    self._report(SnapshotTaken(snapshot))
                said = self._focused
                async with self._client.feed(seq, focused=said) as batches:
                    if said != self._focused:
                        self._focus_said.set()
                    if not self._live.is_set():
                        self._live.set()
                        self._report(LinkMade(self._now()))
                    async for rows in batches:
                        pause = FIRST_PAUSE_SECONDS
                        self._report(FeedRowsCame(rows))
                        seq = rows[-1].seq
            except ResyncNeeded:
                seq = None
            except ProtocolMismatch as error:
                self._live.clear()
                self._report(LinkRefused(self._now(), error.message))
                return
            except HiveError as error:
                seq = None
                self._live.clear()
                self._report(LinkLost(self._now(), error.message))
                await asyncio.sleep(pause)
                pause = min(LONGEST_PAUSE_SECONDS, pause * 2)
            else:
                await asyncio.sleep(FIRST_PAUSE_SECONDS)

    async def _tell_focus(self) -> None:
        while True:
            await self._focus_said.wait()
            await self._live.wait()
            self._focus_said.clear()
            with contextlib.suppress(HiveError):  # with the next feed it is said again
                await self._client.say_presence(focused=self._focused)

    # Transcripts and logs ----------------------------------------------------------------------------------

    async def _follow_what_is_shown(self, tasks: asyncio.TaskGroup) -> None:
        followers: dict[str | LogOf, asyncio.Task[None]] = {}
        while True:
            await self._look.wait()
            self._look.clear()
            shown: frozenset[str | LogOf] = self._watched | self._logs
            for of in [of for of in followers if of not in shown]:
                followers.pop(of).cancel()
            for of in shown:
                if of not in followers or followers[of].done():
                    follows = self._follow_log(of) if isinstance(of, LogOf) else self._follow_transcript(of)
                    followers[of] = tasks.create_task(follows, name=f"of {of}")
            wanted, self._wanted = self._wanted, []
            for agent, number in wanted:
                tasks.create_task(self._load_page(agent, number), name=f"page {number} of {agent}")

    async def _follow_transcript(self, agent: str) -> None:
        """The stream first, then the newest page: what comes in between comes by the stream, doubles go by id."""
        pause = FIRST_PAUSE_SECONDS
        while True:
            await self._live.wait()
            try:
                async with self._client.transcript_stream(agent) as batches:
                    page = await self._client.fetch_transcript(agent, limit=OPENING_EVENTS)
                    self._report_transcript(PageCame(agent, page, None))
                    async for events in batches:
                        pause = FIRST_PAUSE_SECONDS
                        self._report_transcript(EventsCame(agent, events))
            except ResyncNeeded:
                pause = FIRST_PAUSE_SECONDS
            except (AgentNotFound, ProtocolMismatch):
                return
            except HiveError:
                pause = min(LONGEST_PAUSE_SECONDS, pause * 2)
            self._report_transcript(StreamLost(agent))
            await asyncio.sleep(pause)

    async def _follow_log(self, of: LogOf) -> None:
        pause = FIRST_PAUSE_SECONDS
        while True:
            await self._live.wait()
            try:
                async with self._client.log_stream(of.agent, of.which, OPENING_LINES[of.which]) as batches:
                    self._report(LogBegun(of))
                    async for parts in batches:
                        pause = FIRST_PAUSE_SECONDS
                        self._report(LogWritten(of, parts))
            except (AgentNotFound, ProtocolMismatch) as error:
                self._report(LogFailed(of, error.message))
                return
            except HiveError as error:
                self._report(LogFailed(of, error.message))
                pause = min(LONGEST_PAUSE_SECONDS, pause * 2)
            await asyncio.sleep(pause)

    async def _load_page(self, agent: str, number: int) -> None:
        before = last_id_of(number) + 1
        try:
            page = await self._client.fetch_transcript(agent, before=before, limit=PAGE_EVENTS)
        except NotRunning:
            await self._live.wait()
            self._report_transcript(PageFailed(agent, number))
        except (HiveError, Unavailable):
            self._report_transcript(PageFailed(agent, number))
        else:
            self._report_transcript(PageCame(agent, page, before))

    def _now(self) -> str:
        return to_text(self._clock())
