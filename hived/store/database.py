"""The one connection that writes and the few that read.

A change is a plain function of a `Tx`. Whatever waits is taken into one transaction (group commit), a SAVEPOINT each, so
one refused change does not touch its neighbours; nothing is awaited inside. After the commit, and in its order, feed rows
are published and `after_commit` callbacks run; then the callers get their answers.

aiosqlite runs every statement on its own thread; a change is many statements and must not be interleaved, so it is handed
over whole through `Connection._execute` (semi-private: aiosqlite's minor is pinned, tests/store keeps the contract).
"""

import asyncio
import contextlib
import json
import logging
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import aiosqlite

from hived.store import migrate
from hived.wire.snapshot import FeedKind, FeedRow
from hived.wire.times import utc_now

logger = logging.getLogger(__name__)
T = TypeVar("T")
Connection = sqlite3.Connection
Row = sqlite3.Row
"""So that the layers above name them without importing a database library."""
Change = Callable[["Tx"], T]
Query = Callable[[sqlite3.Connection], T]
FeedListener = Callable[[Sequence[FeedRow]], None]
RingListener = Callable[["Ring"], None]

SUPERVISOR = "supervisor"
"""Who to ring when what is wanted of an agent has changed."""

DEFAULT_FEED_ROWS = 20_000
PRUNE_EVERY = 256
"""Rows of the feed between two prunings, so that most changes pay nothing for it."""
MAX_CHANGES_PER_COMMIT = 512
"""Bounds how long the first caller of a group waits for the last."""
READERS = 2
BUSY_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Ring:
    """A doorbell: `event` is one of wire/control's names; for SUPERVISOR it is `look`."""

    to: str
    event: str
    payload: dict[str, Any]


class Tx:
    """One change inside the writer's transaction: SQL, feed rows and what is to happen once it is committed."""

    def __init__(self, connection: sqlite3.Connection, feed_rows: int = DEFAULT_FEED_ROWS) -> None:
        self.connection = connection
        self.now = utc_now()
        self._feed_rows_kept = feed_rows
        self.feed_rows: list[FeedRow] = []
        self.rings: list[Ring] = []
        self.callbacks: list[Callable[[], None]] = []

    def execute(self, sql: str, parameters: Sequence[Any] | dict[str, Any] = ()) -> sqlite3.Cursor:
        return self.connection.execute(sql, parameters)

    def one(self, sql: str, parameters: Sequence[Any] | dict[str, Any] = ()) -> sqlite3.Row | None:
        row: sqlite3.Row | None = self.connection.execute(sql, parameters).fetchone()
        return row

    def all(self, sql: str, parameters: Sequence[Any] | dict[str, Any] = ()) -> list[sqlite3.Row]:
        return self.connection.execute(sql, parameters).fetchall()

    def feed(self, kind: FeedKind, payload: dict[str, Any]) -> None:
        """Append a row to the feed: it commits with this change and is published after it."""
        cursor = self.connection.execute(
            "INSERT INTO feed(ts, kind, payload_json) VALUES (?, ?, ?)", (self.now, kind, json.dumps(payload))
        )
        seq = cursor.lastrowid or 0
        self.feed_rows.append(FeedRow(seq=seq, ts=self.now, kind=kind, payload=payload))
        if seq % PRUNE_EVERY == 0:
            self.connection.execute("DELETE FROM feed WHERE seq <= ?", (seq - self._feed_rows_kept,))

    @contextlib.contextmanager
    def part(self) -> Iterator[None]:
        """A part of this change that may fail by itself: what is raised in it undoes the part, doorbells included."""
        marks = len(self.feed_rows), len(self.rings), len(self.callbacks)
        self.connection.execute("SAVEPOINT part")
        try:
            yield
        except BaseException:
            self.connection.execute("ROLLBACK TO part")
            self.connection.execute("RELEASE part")
            del self.feed_rows[marks[0] :], self.rings[marks[1] :], self.callbacks[marks[2] :]
            raise
        self.connection.execute("RELEASE part")

    def ring(self, to: str, event: str, payload: dict[str, Any] | None = None) -> None:
        """Tell an agent's harness (`to` is the agent's id) over its control stream, or SUPERVISOR, once this is durable."""
        self.rings.append(Ring(to, event, payload or {}))

    def after_commit(self, callback: Callable[[], None]) -> None:
        """Called on the event loop once this change is durable, in commit order. It must not raise."""
        self.callbacks.append(callback)


@dataclass(slots=True)
class _Pending:
    change: Change[Any]
    future: asyncio.Future[Any]
    result: Any = None
    error: BaseException | None = None
    tx: Tx | None = None


@dataclass(slots=True)
class _Reader:
    connection: aiosqlite.Connection
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Database:
    """Open with `Database.open`, close with `close`. Raises DatabaseNewer for a file of a newer schema."""

    def __init__(self, path: Path, writer: aiosqlite.Connection, readers: list[_Reader]) -> None:
        self.path = path
        self._writer = writer
        self._readers = readers
        self._next_reader = 0
        self._queue: list[_Pending] = []
        self._wake = asyncio.Event()
        self._closing = False
        self.feed_rows = DEFAULT_FEED_ROWS
        """How many rows of the feed are kept for readers to resume from."""
        self._on_feed: list[FeedListener] = []
        self._on_ring: list[RingListener] = []
        self._task = asyncio.create_task(self._write_loop(), name="store writer")

    @classmethod
    async def open(cls, path: Path) -> "Database":
        path.parent.mkdir(parents=True, exist_ok=True)
        await asyncio.to_thread(migrate.migrate, path)
        writer = await _connect(path)
        readers = [_Reader(await _connect(path, read_only=True)) for _ in range(READERS)]
        return cls(path, writer, readers)

    def on_feed(self, listener: FeedListener) -> None:
        """Call `listener` with each commit's feed rows, in order."""
        self._on_feed.append(listener)

    def on_ring(self, listener: RingListener) -> None:
        """Call `listener` with each doorbell, after the feed rows of its commit."""
        self._on_ring.append(listener)

    async def write(self, change: Change[T]) -> T:
        """Run `change` and answer when it is committed. What it raises is raised here and rolls back only itself."""
        if self._closing:
            raise RuntimeError("the database is closed")
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._queue.append(_Pending(change, future))
        self._wake.set()
        return await future

    async def read(self, query: Query[T]) -> T:
        """Run `query` on a reader, inside one read transaction."""
        reader = self._readers[self._next_reader % len(self._readers)]
        self._next_reader += 1
        async with reader.lock:
            return await _on_thread(reader.connection, lambda: _read_in(reader.connection._conn, query))

    async def close(self) -> None:
        """Write what is still queued, then close."""
        self._closing = True
        self._wake.set()
        await self._task
        for reader in self._readers:
            await reader.connection.close()
        await self._writer.close()

    async def _write_loop(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._queue:
                group = self._queue[:MAX_CHANGES_PER_COMMIT]
                del self._queue[: len(group)]
                try:
                    await _on_thread(self._writer, lambda group=group: self._commit(group))  # type: ignore[misc]
                except BaseException as error:
                    for pending in group:
                        if not pending.future.done():
                            pending.future.set_exception(error)
                    if not isinstance(error, sqlite3.Error):
                        raise
                    continue
                self._publish(group)
            if self._closing:
                return

    def _commit(self, group: list[_Pending]) -> None:
        _commit(self._writer._conn, group, self.feed_rows)

    def _publish(self, group: list[_Pending]) -> None:
        rows = [row for pending in group if pending.tx and not pending.error for row in pending.tx.feed_rows]
        if rows:
            for listener in self._on_feed:
                _tell(listener, rows)
        for pending in group:
            if pending.tx and not pending.error:
                for ring in pending.tx.rings:
                    for hear in self._on_ring:
                        _tell(hear, ring)
                for callback in pending.tx.callbacks:
                    _tell(callback)
            if pending.future.done():
                continue
            if pending.error is not None:
                pending.future.set_exception(pending.error)
            else:
                pending.future.set_result(pending.result)


def _commit(connection: sqlite3.Connection, group: list[_Pending], feed_rows: int) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        for pending in group:
            connection.execute("SAVEPOINT change")
            tx = Tx(connection, feed_rows)
            try:
                pending.result = pending.change(tx)
            except Exception as error:
                connection.execute("ROLLBACK TO change")
                pending.error = error
            else:
                pending.tx = tx
            connection.execute("RELEASE change")
        connection.execute("COMMIT")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise


def _tell(listener: Callable[..., None], *news: Any) -> None:
    """A listener's own fault must not end the writer, which everyone waits for."""
    try:
        listener(*news)
    except Exception:
        logger.exception("a listener to the store failed")


def _read_in(connection: sqlite3.Connection, query: Query[T]) -> T:
    connection.execute("BEGIN")
    try:
        return query(connection)
    finally:
        connection.execute("ROLLBACK")


async def _on_thread(connection: aiosqlite.Connection, function: Callable[[], T]) -> T:
    result: T = await connection._execute(function)  # type: ignore[no-untyped-call]
    return result


async def _connect(path: Path, *, read_only: bool = False) -> aiosqlite.Connection:
    connection = await aiosqlite.connect(path, isolation_level=None, timeout=BUSY_SECONDS)
    connection.row_factory = sqlite3.Row
    pragmas = ["journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "cache_size=-2000"]
    if read_only:
        pragmas.append("query_only=ON")
    for pragma in pragmas:
        await connection.execute(f"PRAGMA {pragma}")
    return connection
