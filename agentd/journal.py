"""The journal: every event is written here before anything is sent. Ids are given at once, rows committed in groups.

`append` is synchronous and answers with the id; the row is durable after the next group commit, and only then handed to
the listener (the uplink), in order, live events in between. A journal that cannot be opened is replaced by memory, loudly.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from agentd import fault_points
from agentd.event_lines import cut, event_line, fits, payload_text
from agentd.journal_file import JournalError, JournalFile, Row, payload_of
from agentd.journal_memory import JournalMemory
from hived.wire.times import utc_now

GROUP_SECONDS = 0.025
"""Between two commits: what comes often is committed in groups, a lone event at once. Twenty agents share two cores, and
each commit and the batch that follows it cost more than the events in it; nobody sees 25 ms."""
CROWDED_BYTES = 4 * 1024 * 1024
"""With so much not yet durable, whoever appends waits in `room`."""
RETRY_SECONDS = 1.0
"""Between two tries while the disk takes nothing (full, or gone)."""

Line = tuple[int | None, bytes]
"""An event's id (None: live only) and its line for the wire."""
Listener = Callable[[list[Line]], None]


class Journal:
    """Open with `open`, run `run` in the harness's task group. `problem` says why there is no file, where there is none."""

    def __init__(self, book: JournalFile | JournalMemory, overflow: Path, problem: str | None) -> None:
        self._book = book
        self._overflow = overflow
        self.problem = problem
        self.last_id = book.last_id
        self.durable_id = book.last_id
        self._facts = dict(book.facts)
        self._changed_facts: dict[str, str | None] = {}
        self.told = 0
        """How many events were appended or passed on."""
        self._rows: list[Row] = []
        self._lines: list[Line] = []
        self._bytes = 0
        self._wake = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._next_commit_at = 0.0
        self._committed = asyncio.Condition()
        self._listener: Listener = lambda lines: None
        self.on_trouble: Callable[[str | None], None] = lambda reason: None
        """Told when commits begin to fail (with the reason) and when they work again (None)."""

    @classmethod
    async def open(cls, path: Path, overflow: Path) -> "Journal":
        """Never fails: where the file cannot be used, `problem` is set and events live in memory."""
        try:
            return cls(await JournalFile.open(path), overflow, None)
        except JournalError as error:
            return cls(JournalMemory(), overflow, f"The journal {path} cannot be opened: {error}.")

    @property
    def uuid(self) -> str:
        return self._book.uuid

    def listen(self, listener: Listener) -> None:
        """Call `listener` with each group of lines once it is durable."""
        self._listener = listener

    def append(self, kind: str, payload: dict[str, Any]) -> int:
        """Add an event and answer with its id. One over the limit is cut, and kept whole in the overflow folder."""
        self.last_id += 1
        self.told += 1
        ts = utc_now()
        text = payload_text(payload)
        if not fits(text):
            text = payload_text(cut(payload, self._keep_whole))
        line = event_line(self.last_id, ts, kind, text)
        self._rows.append((self.last_id, ts, kind, text))
        self._lines.append((self.last_id, line))
        self._bytes += len(line)
        self._schedule()
        return self.last_id

    def live(self, kind: str, payload: dict[str, Any]) -> None:
        """Pass on an event that is never stored. One over the limit is dropped: the whole comes later, stored."""
        text = payload_text(payload)
        if fits(text):
            self.told += 1
            line = event_line(None, utc_now(), kind, text)
            self._lines.append((None, line))
            self._bytes += len(line)
            self._schedule()

    @property
    def crowded(self) -> bool:
        return self._bytes > CROWDED_BYTES

    async def room(self) -> None:
        """Wait until appending is welcome again."""
        async with self._committed:
            await self._committed.wait_for(lambda: not self.crowded)

    async def flush(self) -> None:
        """Wait until all that was appended so far is durable."""
        wanted = self.last_id
        if self.durable_id < wanted:
            self._wake.set()
            async with self._committed:
                await self._committed.wait_for(lambda: self.durable_id >= wanted)

    def get(self, key: str) -> str | None:
        """A durable fact of this agent."""
        return self._facts.get(key)

    def set(self, key: str, value: str | None) -> None:
        """Keep a fact; it is committed with the next group. None forgets it."""
        if value is None:
            self._facts.pop(key, None)
        else:
            self._facts[key] = value
        self._changed_facts[key] = value
        self._schedule()

    def skip_to(self, cursor: int) -> bool:
        """Number on after `cursor`. True where this journal was behind it: a power cut took events that hived has."""
        if cursor <= self.last_id:
            return False
        self.last_id = self.durable_id = cursor
        return True

    async def page(self, after_id: int, *, most_events: int, most_bytes: int) -> list[Line]:
        """Durable events after that id, as lines."""
        rows = await self._book.page(after_id, most_events=most_events, most_bytes=most_bytes)
        return [(row[0], event_line(*row)) for row in rows]

    async def oldest_id(self) -> int | None:
        return await self._book.oldest_id()

    async def newest(self, kinds: Sequence[str], count: int) -> list[tuple[str, dict[str, Any]]]:
        """(kind, payload) of the newest durable events of those kinds, oldest first."""
        return [(row[2], payload_of(row)) for row in await self._book.newest(kinds, count)]

    async def run(self) -> None:
        """Commit what comes, until cancelled. `close` commits what is left."""
        while True:
            await self._wake.wait()
            await self._commit()

    async def close(self) -> None:
        """Commit what is left and close the file. `run` has ended by now."""
        with contextlib.suppress(*JournalError):
            await self._commit_once()
        await self._book.close()

    async def _commit(self) -> None:
        failing = False
        while True:
            try:
                await self._commit_once()
            except JournalError as error:
                if not failing:
                    self.on_trouble(f"The journal takes nothing: {error}. Events wait in memory.")
                failing = True
                await asyncio.sleep(RETRY_SECONDS)
            else:
                if failing:
                    self.on_trouble(None)
                return

    async def _commit_once(self) -> None:
        self._wake.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        rows, lines, facts, size = self._rows, self._lines, self._changed_facts, self._bytes
        self._rows, self._lines, self._changed_facts = [], [], {}
        if rows or facts:
            try:
                await self._book.write(rows, facts)
            except BaseException:
                self._rows = rows + self._rows
                self._lines = lines + self._lines
                self._changed_facts = facts | self._changed_facts
                raise
        self._bytes -= size
        self._next_commit_at = asyncio.get_running_loop().time() + GROUP_SECONDS
        if rows:
            self.durable_id = max(self.durable_id, rows[-1][0])
            if fault_points.armed():
                self._reach_points([row[2] for row in rows])
        self._listener(lines)
        async with self._committed:
            self._committed.notify_all()

    def _reach_points(self, kinds: Sequence[str]) -> None:
        """Durable, and not yet sent: where a kill must lose nothing."""
        for kind, point in fault_points.OF_KINDS.items():
            if kind in kinds:
                fault_points.reach(point)

    def _schedule(self) -> None:
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_at(max(self._next_commit_at, loop.time()), self._wake.set)

    def _keep_whole(self, text: str) -> str:
        """Best effort: the cut event says that it was cut, whether or not there is a file."""
        path = self._overflow / f"{self.uuid}-{self.last_id}-{len(text)}.txt"
        try:
            self._overflow.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        except OSError:
            return ""
        return path.name
