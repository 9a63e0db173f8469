"""The one connection that writes and the few that read.

A change is a plain function of a `Tx`. Whatever waits is taken into one transaction (group commit), a SAVEPOINT each, so
one refused change does not touch its neighbours; nothing is awaited inside. What its changes gathered is fed once at its end
(an agent's view, receipts). After the commit, and in its order, feed rows are published and `after_commit` callbacks run;
then the callers get their answers.

aiosqlite runs every statement on its own thread; a change is many statements and must not be interleaved, so it is handed
over whole through `Connection._execute` (semi-private: aiosqlite's minor is pinned, tests/store keeps the contract).
"""

import asyncio
import contextlib
import json
import logging
import sqlite3
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import aiosqlite

from hived.config import Config
from hived.store import migrate
from hived.wire.snapshot import FeedKind
from hived.wire.times import from_text, to_text, utc_now

logger = logging.getLogger(__name__)
T = TypeVar("T")
Connection = sqlite3.Connection
Row = sqlite3.Row
"""So that the layers above name them without importing a database library."""
Change = Callable[["Tx"], T]
Query = Callable[[sqlite3.Connection], T]
FeedListener = Callable[[Sequence["Fed"]], None]
Flush = Callable[["Tx", list[str]], None]
RingListener = Callable[["Ring"], None]

SUPERVISOR = "supervisor"
"""Who to ring when what is wanted of an agent has changed."""

PRUNE_EVERY = 256
"""Rows of the feed between two prunings, so that most changes pay nothing for it."""
MAX_CHANGES_PER_COMMIT = 512
"""Bounds how long the first caller of a group waits for the last."""
ROWS_AT_ONCE = 16
"""That one statement inserts."""
READERS = 2
BUSY_SECONDS = 10.0
WRITER_CACHE_KIB = 8192
"""So that a flood's indexes stay in it until the commit; taken only as far as the books are that large."""
WAL_PAGES = 4000
"""Of 4 KiB, between two checkpoints: a page that many commits touch is written into the books once for all of them."""


@dataclass(frozen=True, slots=True)
class Ring:
    """A doorbell: `event` is one of wire/control's names; for SUPERVISOR it is `look`."""

    to: str
    event: str
    payload: dict[str, Any]


@dataclass(slots=True)
class Fed:
    """A row of the feed as it is written and published: wire.snapshot.FeedRow with its payload encoded once."""

    ts: str
    kind: FeedKind
    payload_json: str
    seq: int = 0
    """Given at the end of the transaction."""

    @property
    def payload(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.payload_json)
        return found

    def to_json(self) -> str:
        """The FeedRow."""
        return f'{{"seq":{self.seq},"ts":"{self.ts}","kind":"{self.kind}","payload":{self.payload_json}}}'


class Tx:
    """One change inside the writer's transaction: SQL, feed rows and what is to happen once it is committed."""

    def __init__(self, connection: sqlite3.Connection, config: Config, now: str) -> None:
        self.connection = connection
        self.config = config
        self.now = now
        self.feed_rows: list[Fed] = []
        self.rings: list[Ring] = []
        self.callbacks: list[Callable[[], None]] = []
        self.gathered: dict[Flush, dict[str, None]] = {}
        self.looked_up: dict[Hashable, Any] = {}
        """What this change has read and would read again for each of many messages. Whoever writes it keeps it true."""

    def in_seconds(self, seconds: float) -> str:
        """The time that many seconds from `now` (negative: ago)."""
        return to_text(from_text(self.now) + timedelta(seconds=seconds))

    def execute(self, sql: str, parameters: Sequence[Any] | dict[str, Any] = ()) -> sqlite3.Cursor:
        return self.connection.execute(sql, parameters)

    def one(self, sql: str, parameters: Sequence[Any] | dict[str, Any] = ()) -> sqlite3.Row | None:
        row: sqlite3.Row | None = self.connection.execute(sql, parameters).fetchone()
        return row

    def all(self, sql: str, parameters: Sequence[Any] | dict[str, Any] = ()) -> list[sqlite3.Row]:
        return self.connection.execute(sql, parameters).fetchall()

    def feed(self, kind: FeedKind, payload: dict[str, Any] | str) -> None:
        """Append a row to the feed (a `str` is JSON already): it commits with this change and is published after it."""
        text = payload if isinstance(payload, str) else json.dumps(payload)
        self.feed_rows.append(Fed(self.now, kind, text))

    def gather(self, flush: Flush, *items: str) -> None:
        """Call `flush` once at the end of the transaction, with every item that its changes gave it, each once.

        For what follows from many changes and is fed once: an agent's view, receipts. `flush` looks at the books itself.
        """
        self.gathered.setdefault(flush, {}).update(dict.fromkeys(items))

    @contextlib.contextmanager
    def part(self) -> Iterator[None]:
        """A part of this change that may fail by itself: what is raised in it undoes the part, doorbells included."""
        marks = len(self.feed_rows), len(self.rings), len(self.callbacks)
        self.connection.execute("SAVEPOINT part")
        try:
            yield
        except BaseException:
            if not self.connection.in_transaction:  # a full disk: SQLite has undone all of it
                raise
            self.connection.execute("ROLLBACK TO part")
            self.connection.execute("RELEASE part")
            del self.feed_rows[marks[0] :], self.rings[marks[1] :], self.callbacks[marks[2] :]
            self.looked_up.clear()
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
        self.config = Config()
        """The operator's settings, as changes find them (`Tx.config`)."""
        self.clock: Callable[[], str] = utc_now
        """What changes take for the time (`Tx.now`)."""
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
                    last = await _on_thread(self._writer, lambda group=group: self._commit(group))  # type: ignore[misc]
                except BaseException as error:
                    for pending in group:
                        if not pending.future.done():
                            pending.future.set_exception(error)
                    if not isinstance(error, sqlite3.Error):
                        raise
                    continue
                self._publish(group, last)
            if self._closing:
                return

    def _commit(self, group: list[_Pending]) -> Tx:
        return _commit(self._writer._conn, group, self.config, self.clock)

    def _publish(self, group: list[_Pending], last: Tx) -> None:
        done = [pending.tx for pending in group if pending.tx and not pending.error]
        rows = [row for tx in (*done, last) for row in tx.feed_rows]
        if rows:
            for listener in self._on_feed:
                _tell(listener, rows)
        for tx in (*done, last):
            for ring in tx.rings:
                for hear in self._on_ring:
                    _tell(hear, ring)
            for callback in tx.callbacks:
                _tell(callback)
        for pending in group:
            if pending.future.done():
                continue
            if pending.error is not None:
                pending.future.set_exception(pending.error)
            else:
                pending.future.set_result(pending.result)


def _commit(connection: sqlite3.Connection, group: list[_Pending], config: Config, clock: Callable[[], str]) -> Tx:
    """Run the group in one transaction; the Tx of what it gathered."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        gathered: dict[Flush, dict[str, None]] = {}
        rows: list[Fed] = []
        for pending in group:
            connection.execute("SAVEPOINT change")
            tx = Tx(connection, config, clock())
            try:
                pending.result = pending.change(tx)
            except Exception as error:
                if not connection.in_transaction:  # a full disk: SQLite has undone all of them
                    _undone(error)
                connection.execute("ROLLBACK TO change")
                pending.error = error
            else:
                pending.tx = tx
                rows += tx.feed_rows
                for flush, items in tx.gathered.items():
                    gathered.setdefault(flush, {}).update(items)
            connection.execute("RELEASE change")
        last = Tx(connection, config, clock())
        for flush, items in gathered.items():
            _flush(last, flush, list(items))
        rows += last.feed_rows
        if rows:
            _write_feed(connection, rows, config.feed_rows)
        connection.execute("COMMIT")
        return last
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise


def _flush(tx: Tx, flush: Flush, items: list[str]) -> None:
    """What is fed of a change must not undo it."""
    try:
        with tx.part():
            flush(tx, items)
    except Exception as error:
        if not tx.connection.in_transaction:
            _undone(error)
        logger.exception("what follows from a change could not be fed")


def _undone(error: Exception) -> NoReturn:
    """Nothing of the group is there any more: all of it fails."""
    if isinstance(error, sqlite3.Error):
        raise error
    raise sqlite3.OperationalError(f"the changes were undone: {error}") from error


def insert_rows(connection: sqlite3.Connection, sql: str, row: str, rows: Sequence[Sequence[Any]]) -> None:
    """Insert the rows, ROWS_AT_ONCE by one statement: `sql` has $ROWS where they go, and `row` is one's parentheses.

    executemany takes the interpreter's lock anew for each row, and waits for the event loop each time.
    """
    whole = len(rows) - len(rows) % ROWS_AT_ONCE
    if whole:
        many = sql.replace("$ROWS", ",".join([row] * ROWS_AT_ONCE))
        for start in range(0, whole, ROWS_AT_ONCE):
            connection.execute(many, [value for values in rows[start : start + ROWS_AT_ONCE] for value in values])
    if len(rows) > whole:
        connection.executemany(sql.replace("$ROWS", row), rows[whole:])


def _write_feed(connection: sqlite3.Connection, rows: list[Fed], kept: int) -> None:
    """Number the rows and write them; prune now and then."""
    newest = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'feed'").fetchone()
    before = int(newest[0]) if newest else 0
    for seq, row in enumerate(rows, before + 1):
        row.seq = seq
    insert_rows(
        connection,
        "INSERT INTO feed(seq, ts, kind, payload_json) VALUES $ROWS",
        "(?, ?, ?, ?)",
        [(row.seq, row.ts, row.kind, row.payload_json) for row in rows],
    )
    rounds = rows[-1].seq // PRUNE_EVERY
    if rounds > before // PRUNE_EVERY:
        connection.execute("DELETE FROM feed WHERE seq <= ?", (rounds * PRUNE_EVERY - kept,))


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
    pragmas = ["journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"]
    if read_only:
        pragmas += ["query_only=ON", "cache_size=-2000"]
    else:
        pragmas += [f"cache_size=-{WRITER_CACHE_KIB}", f"wal_autocheckpoint={WAL_PAGES}"]
    for pragma in pragmas:
        await connection.execute(f"PRAGMA {pragma}")
    return connection


def says_full(error: Exception) -> bool:
    """SQLite found no room on the disk."""
    return isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
