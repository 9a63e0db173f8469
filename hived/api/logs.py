"""An agent's logs: its harness's (agentd.log), its engine's (engine.log) and that of its last setup. The last lines, and
what comes: pushed as it is written, through every rotation."""

import asyncio
import contextlib
import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import watchfiles
from fastapi import APIRouter, Header, Query, Request

from hived.api.callers import hive_of
from hived.api.sse import EventStream, only
from hived.core.agent_views import find_any_agent
from hived.core.hive import Hive
from hived.logs import Follower, Position, tail
from hived.paths import AgentPaths
from hived.wire import routes
from hived.wire.errors import InvalidRequest
from hived.wire.logs import LogLines
from hived.wire.times import to_text

MAX_LINES = 2000
MOST_STREAMS = 32
"""Each watches by itself: the system gives 128 watchers to a user."""
WATCH_STEP_MS = 50
LOOK_MS = 5000
"""A write that the system gave no notice of is found within this."""

log = logging.getLogger(__name__)

Which = Literal["harness", "engine", "setup"]

host_router = APIRouter(tags=["agents"])


@host_router.get(routes.AGENT_LOG)
async def get_log(
    request: Request,
    name: str,
    lines: Annotated[int, Query(ge=1, le=MAX_LINES)] = 200,
    which: Which = "harness",
) -> dict[str, Any]:
    """The newest `lines` lines, oldest first, without control characters, and where the whole log is."""
    hive = hive_of(request)
    path = _file(await _paths(hive, name), which)
    found, _ = await asyncio.to_thread(tail, path, lines, older=_goes_on(which))
    return {"lines": found, "path": str(path)}


@host_router.get(routes.AGENT_LOG_STREAM, response_class=EventStream, response_model=None, status_code=200)
async def get_log_stream(
    request: Request,
    name: str,
    lines: Annotated[int, Query(ge=0, le=MAX_LINES)] = 0,
    which: Which = "harness",
    last_event_id: Annotated[str | None, Header()] = None,
) -> EventStream:
    """The newest `lines` lines, then each as it is written: events `lines` (LogLines), whose `id:` a client that comes again gives
    back as Last-Event-ID."""
    hive = hive_of(request)
    path = _file(await _paths(hive, name), which)
    known = None if last_event_id is None else Position.read(last_event_id)
    return await follow(hive, path, lines, known, older=_goes_on(which))


async def follow(hive: Hive, path: Path, lines: int, known: Position | None, *, older: bool = True) -> EventStream:
    """Raises InvalidRequest where too many follow already."""
    if len(_streams(hive)) >= MOST_STREAMS:
        raise InvalidRequest(reason=f"{MOST_STREAMS} logs are followed already: that is the most.")
    stream = _LogStream(hive, path)
    first: list[bytes] = []
    if known is None:
        found, known = await asyncio.to_thread(tail, path, lines, older=older)
        if found:
            first.append(_event(found, known, path))
    stream.follower.position = known
    return EventStream(only(*first), stream.take, stream.close, stream.finish)


class _LogStream:
    """One reader's. The watch is in place before the log is read, so nothing comes between."""

    def __init__(self, hive: Hive, path: Path) -> None:
        self.follower = Follower(path, None)
        self._of = _streams(hive)
        self._of.add(self)
        self._path = path
        self._hive = hive
        self._news = asyncio.Event()
        self._ended = asyncio.Event()
        """Of its own: a watch that is cancelled sets the event that was to stop it."""
        self._reading: asyncio.Task[list[str]] | None = None
        self._beside = [asyncio.create_task(self._watch()), asyncio.create_task(self._until_stopping())]

    async def take(self) -> bytes | None:
        """What is read while nobody waits for it any more is given to the next who does."""
        while not self._ended.is_set():
            self._news.clear()
            if self._reading is None:
                self._reading = asyncio.create_task(asyncio.to_thread(self.follower.read))
            lines = await asyncio.shield(self._reading)
            self._reading = None
            if lines:
                return _event(lines, self.follower.position, self._path)
            await self._news.wait()
        return None

    def close(self) -> None:
        self._end()
        self._of.discard(self)
        for task in self._beside:
            task.cancel()

    async def finish(self) -> None:
        """Once nobody takes any more."""
        await asyncio.wait([*self._beside, *([self._reading] if self._reading else [])])
        self.follower.close()

    def _end(self) -> None:
        self._ended.set()
        self._news.set()

    async def _watch(self) -> None:
        """Where the system will not watch (any more), or the folder is gone, the stream ends: its reader comes again."""
        try:
            async for _ in watchfiles.awatch(
                self._path.parent,
                watch_filter=lambda _, path: Path(path).name == self._path.name,
                debounce=WATCH_STEP_MS,
                step=WATCH_STEP_MS,
                stop_event=self._ended,
                recursive=False,
                rust_timeout=LOOK_MS,
                yield_on_timeout=True,
            ):
                self._news.set()
        except OSError as error:
            log.warning("%s cannot be watched: %s", self._path, error)
        finally:
            self._end()

    async def _until_stopping(self) -> None:
        await self._hive.stopping.wait()
        self._end()


def _streams(hive: Hive) -> set["_LogStream"]:
    found: set[_LogStream] = hive.__dict__.setdefault("log_streams", set())
    return found


async def _paths(hive: Hive, name: str) -> AgentPaths:
    row = await hive.database.read(lambda connection: find_any_agent(connection, name))
    return hive.paths.agent(row["name"])


def _file(paths: AgentPaths, which: Which) -> Path:
    return {"harness": paths.log, "engine": paths.engine_log, "setup": paths.setup_log}[which]


def _goes_on(which: Which) -> bool:
    """The log that was rotated away is the same one's. Each setup has a log of its own."""
    return which != "setup"


def _event(lines: list[str], position: Position | None, path: Path) -> bytes:
    file, written = str(position.inode) if position is not None else None, None
    with contextlib.suppress(OSError):
        written = to_text(datetime.fromtimestamp(path.stat().st_mtime, UTC))
    data = LogLines(lines=lines, file=file, written_at=written).model_dump_json().encode()
    mark = b"" if position is None else b"id: %s\n" % str(position).encode()
    return mark + b"event: lines\ndata: %s\n\n" % data
