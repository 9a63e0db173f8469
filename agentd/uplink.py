"""The way up: durable events to hived in order, against hived's cursor, one batch in flight; live ones in between.

What is sent comes from a short tail in memory, or, where hived is further behind than that, from the journal. hived away
delays it, never doubles or loses it; live events are for whoever looks now and are dropped then.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Sequence

from agentd.event_lines import event_line, payload_text
from agentd.fault_points import reach
from agentd.journal import Journal, Line
from hived.client.agent_client import AgentClient
from hived.wire.errors import EventGap, HiveError, ProtocolMismatch, Refused, StaleGeneration
from hived.wire.events import EventsTaken
from hived.wire.messages import RefusedMessage
from hived.wire.times import utc_now

BATCH_BYTES = 900 * 1000
"""Below the 1 MiB that hived takes in one request."""
BATCH_EVENTS = 2000
TAIL_BYTES = 2 * 1024 * 1024
BUSY_PACE_SECONDS = 0.05
"""Between the starts of two batches in a flood; otherwise the journal's groups set the pace."""
BUSY_LINES = 10
"""A batch of so many lines means a flood: larger batches then cost less, and nobody reads along."""
RETRY_SECONDS = (0.1, 0.2, 0.5, 1.0)
MOST_TOLD = 1024
"""Refusals that are known here to have been told: hived says the last ones again in its hello."""


class Uplink:
    """`take` is the journal's listener; `connect` and `disconnect` follow the control stream."""

    def __init__(
        self,
        client: AgentClient,
        journal: Journal,
        on_refused: Callable[[RefusedMessage], None],
        log: Callable[[str], None],
    ) -> None:
        self._client = client
        self._journal = journal
        self._on_refused = on_refused
        self._log = log
        self.cursor = 0
        """The last event that hived has. Meaningful once it was connected."""
        self._tail: deque[Line] = deque()
        self._tail_bytes = 0
        self._connected = asyncio.Event()
        self._news = asyncio.Event()
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []
        self._awaited: dict[str, tuple[int, asyncio.Future[RefusedMessage | None]]] = {}
        self._told: dict[str, None] = {}
        self._most_events = BATCH_EVENTS
        self._gone = 0
        """Up to here the journal has nothing left that hived does not have: its rows were deleted, or lost with memory."""

    @property
    def connected(self) -> bool:
        return self._connected.is_set()

    async def until_connected(self) -> None:
        await self._connected.wait()

    def take(self, lines: list[Line]) -> None:
        """Lines that are durable now, with live ones between."""
        connected = self.connected
        for line in lines:
            if connected or line[0] is not None:
                self._tail.append(line)
                self._tail_bytes += len(line[1])
        while self._tail_bytes > TAIL_BYTES:
            self._pop()
        self._news.set()

    def connect(self, cursor: int, refused: Sequence[RefusedMessage] = ()) -> None:
        """hived is there, and has everything up to `cursor`. `refused`: of what it took last, whose answer may have been lost."""
        if self._journal.skip_to(cursor):
            self._log(f"hived has events up to {cursor}, this journal had fewer: it goes on from there")
        self._gone = 0
        self._tell(refused)
        self._advance(cursor)
        self._connected.set()
        self._news.set()

    def disconnect(self) -> None:
        self._connected.clear()
        live = sum(len(line[1]) for line in self._tail if line[0] is None)
        if live:
            self._tail = deque(line for line in self._tail if line[0] is not None)
            self._tail_bytes -= live

    async def flushed(self, up_to_id: int) -> None:
        """Wait until hived has every event up to that id, however long it is away."""
        if self.cursor < up_to_id:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append((up_to_id, future))
            await future

    async def word_on(self, message_id: str, event_id: int, seconds: float) -> RefusedMessage | None:
        """hived's refusal of that message, or None once it has taken it. Raises TimeoutError after `seconds`.

        A refusal that comes later goes to `on_refused`.
        """
        future: asyncio.Future[RefusedMessage | None] = asyncio.get_running_loop().create_future()
        self._awaited[message_id] = (event_id, future)
        try:
            async with asyncio.timeout(seconds):
                return await future
        finally:
            self._awaited.pop(message_id, None)

    async def run(self) -> None:
        """Send until cancelled. Raises StaleGeneration and ProtocolMismatch: nothing more can be sent then."""
        failures = 0
        while True:
            await self._connected.wait()
            await self._news.wait()
            self._news.clear()
            lines = await self._next_batch()
            if not lines:
                continue
            self._news.set()
            started_at = asyncio.get_running_loop().time()
            try:
                await self._send(lines)
            except (StaleGeneration, ProtocolMismatch):
                raise
            except HiveError as error:
                pause = RETRY_SECONDS[min(failures, len(RETRY_SECONDS) - 1)]
                failures += 1
                if failures == 1:
                    self._log(f"events wait: {error.message}")
                await asyncio.sleep(pause)
                continue
            failures = 0
            if BUSY_LINES <= len(lines) < self._most_events:
                await asyncio.sleep(max(0.0, started_at + BUSY_PACE_SECONDS - asyncio.get_running_loop().time()))

    async def _next_batch(self) -> list[Line]:
        """What hived is to have next: from the tail where it goes on from the cursor, else from the journal."""
        start = max(self.cursor, self._gone)
        while (first := next((id for id, _ in self._tail if id is not None), None)) is not None and first <= start:
            while self._pop()[0] != first:
                pass
        behind = self._journal.durable_id if first is None else first - 1
        return await self._page(start) if behind > start else self._from_tail()

    async def _page(self, start: int) -> list[Line]:
        lines = await self._journal.page(start, most_events=self._most_events, most_bytes=BATCH_BYTES)
        if not lines:
            self._gone = self._journal.durable_id
            self._news.set()
        return lines

    def _from_tail(self) -> list[Line]:
        lines: list[Line] = []
        size = 0
        while self._tail and len(lines) < self._most_events:
            size += len(self._tail[0][1])
            if lines and size > BATCH_BYTES:
                break
            lines.append(self._pop())
        return lines

    async def _send(self, lines: list[Line]) -> None:
        first = next((id for id, _ in lines if id is not None), None)
        oldest = await self._journal.oldest_id() if first is not None and first != self.cursor + 1 else None
        try:
            taken = await self._client.post_events(
                b"".join([data for _, data in lines]), journal_uuid=self._journal.uuid, oldest=oldest
            )
        except EventGap as error:
            expected = error.detail.get("expected")
            self.cursor = expected - 1 if isinstance(expected, int) else 0
            self._news.set()
            raise
        except Refused as error:
            await self._narrow(lines, error)
            return
        if first is not None:
            reach("batch_sent")
        self._most_events = BATCH_EVENTS
        self._taken(taken)

    def _taken(self, taken: EventsTaken) -> None:
        self._tell(taken.refused)
        self._advance(max(self.cursor, taken.cursor))

    def _tell(self, refused: Sequence[RefusedMessage]) -> None:
        """Each once, to who waits for it or has gone on."""
        for one in refused:
            if one.message_id in self._told:
                continue
            self._told[one.message_id] = None
            found = self._awaited.get(one.message_id)
            if found is None:
                self._on_refused(one)
            elif not found[1].done():
                found[1].set_result(one)
        while len(self._told) > MOST_TOLD:
            del self._told[next(iter(self._told))]

    def _advance(self, cursor: int) -> None:
        """hived has everything up to `cursor`, and what it refused of that is told."""
        self.cursor = cursor
        for event_id, word in self._awaited.values():
            if event_id <= cursor and not word.done():
                word.set_result(None)
        for event_id, future in self._waiting:
            if event_id <= cursor and not future.done():
                future.set_result(None)
        self._waiting = [(event_id, future) for event_id, future in self._waiting if not future.done()]

    async def _narrow(self, lines: list[Line], error: Refused) -> None:
        """hived will not take this batch: find the event it means, and send a note in that one's place."""
        stored = [id for id, _ in lines if id is not None]
        if len(lines) > 1:
            self._most_events = max(1, len(lines) // 2)
            return
        self._most_events = BATCH_EVENTS
        if not stored:
            return
        self._log(f"hived refuses event {stored[0]}: {error.message}")
        note = payload_text({"text": f"hived refused this event: {error.message}", "level": "error"})
        with contextlib.suppress(Refused):
            self._taken(
                await self._client.post_events(
                    event_line(stored[0], utc_now(), "note", note), journal_uuid=self._journal.uuid, oldest=None
                )
            )

    def _pop(self) -> Line:
        line = self._tail.popleft()
        self._tail_bytes -= len(line[1])
        return line
