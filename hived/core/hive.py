"""What the routers and the supervision share: the database, the settings, and the topics that carry its news."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from hived.config import Config
from hived.core.bus import Topic
from hived.core.gates import Gate
from hived.core.heard import HEARD
from hived.core.presence import Presence
from hived.doctor.runtimes import Runtimes
from hived.paths import HivePaths
from hived.store.database import SUPERVISOR, Connection, Database, Fed, Ring
from hived.wire.errors import TookTooLong
from hived.wire.snapshot import HiveInfo

BELL_LIMIT = 256
"""Doorbells one control stream may leave unheard before it is cut off; the harness then connects again."""

LOOKS_AT_ONCE = 2
"""Workspaces: each look is a handful of processes, and may read every file of a repository."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One feed row, encoded once for every reader: a whole SSE event."""

    seq: int
    data: bytes


@dataclass(frozen=True, slots=True)
class LiveEvents:
    """Events of one agent as they came in, encoded once for every reader."""

    first_id: int | None
    last_id: int | None
    """None where all are live only."""
    data: bytes
    """Whole SSE events in one piece: thousands of small ones would stay behind as holes in the memory."""
    journal_uuid: str = ""
    """Whose ids these are: a new journal begins at 1 again."""

    def above(self, event_id: int) -> bytes:
        """The part that a reader who has everything up to that event has not: live ones, and those with a higher id."""
        if self.first_id is None or self.first_id > event_id:
            return self.data
        wholes = [whole for whole in self.data.split(b"\n\n") if whole and not _has_come(whole, event_id)]
        return b"".join([whole + b"\n\n" for whole in wholes])


def _has_come(whole: bytes, event_id: int) -> bool:
    """Whether this SSE event's `id:` line, always its first, is at or below that id."""
    return whole.startswith(b"id: ") and int(whole[4 : whole.index(b"\n")]) <= event_id


class Hive:
    """One per hived."""

    def __init__(self, paths: HivePaths, config: Config, database: Database, info: HiveInfo) -> None:
        self.paths = paths
        self.config = config
        self.database = database
        self.info = info
        self.stopping = asyncio.Event()
        self.look = asyncio.Event()
        """Set whenever the supervision has something to look at."""
        self.model_files = asyncio.Lock()
        """Held while a setting's file and the books are made to say the same."""
        self.folders_made = asyncio.Event()
        """Set whenever an agent's folders have been made: there is more to watch."""
        self.looks = asyncio.Semaphore(LOOKS_AT_ONCE)
        """Held while an agent's workspace is looked at (api/work.py, supervision/work_watch.py)."""
        self._gates: dict[str, Gate] = {}
        self.presence = Presence()
        self.heard_at: dict[str, str] = {}
        """By agent: when it was last heard of anything that its engine did or said; since this hived runs."""
        self.runtimes = Runtimes(config.runtime)
        self.feed: Topic[Frame] = Topic(config.reader_buffer_bytes)
        self._changed: Topic[None] = Topic(limit=1 << 30)
        self._bells: dict[str, Topic[Ring]] = {}
        self._live: dict[str, Topic[LiveEvents]] = {}
        self._listening: dict[str, list[list[dict[str, Any]]]] = {}
        database.config = config
        database.on_feed(self._publish)
        database.on_ring(self._ring)

    def bells(self, agent_id: str) -> Topic[Ring]:
        """The doorbells of one agent's harness."""
        return self._bells.setdefault(agent_id, Topic(BELL_LIMIT))

    def gate(self, agent_id: str) -> Gate:
        """Of applied/<name>: who writes to it, and who sweeps it."""
        return self._gates.setdefault(agent_id, Gate())

    def live(self, agent_id: str) -> Topic[LiveEvents]:
        """One agent's events as they come in; weights are bytes."""
        return self._live.setdefault(agent_id, Topic(self.config.reader_buffer_bytes))

    @contextlib.contextmanager
    def listening(self, key: str) -> Iterator[list[dict[str, Any]]]:
        """What is heard (core/heard.py) under that key meanwhile, oldest first; filled before `until` looks again."""
        heard: list[dict[str, Any]] = []
        self._listening.setdefault(key, []).append(heard)
        try:
            yield heard
        finally:
            left = [other for other in self._listening.pop(key) if other is not heard]
            if left:
                self._listening[key] = left

    async def until(self, condition: Callable[[Connection], bool], *, seconds: float, what: str) -> None:
        """Return once `condition` holds of the database, looking again after each change; else TookTooLong."""
        subscription = self._changed.subscribe()
        try:
            async with asyncio.timeout(seconds):
                while not await self.database.read(condition):
                    await subscription.take()
        except TimeoutError:
            raise TookTooLong(what=what, seconds=seconds) from None
        finally:
            subscription.close()

    def close_streams(self) -> None:
        """End every stream, so that open readers do not hold up the shutdown."""
        self.stopping.set()
        self.feed.close()
        for bells in self._bells.values():
            bells.close()
        for live in self._live.values():
            live.close()

    def _publish(self, rows: Sequence[Fed]) -> None:
        for row in rows if len(self.feed) else ():
            data = b"id: %d\nevent: %s\ndata: %s\n\n" % (row.seq, row.kind.encode(), row.to_json().encode())
            self.feed.publish([Frame(row.seq, data)], weight=len(data))
        self._changed.publish([None], weight=0)

    def _ring(self, ring: Ring) -> None:
        if ring.event == HEARD:
            for heard in self._listening.get(ring.to, ()):
                heard.append(ring.payload)
        elif ring.to == SUPERVISOR:
            self.look.set()
        else:
            self.bells(ring.to).publish([ring])
