"""The journal's file: `events.sqlite`, written by this process alone; hived pages it and deletes old rows.

aiosqlite runs every statement on its own thread; a group of rows is handed over whole through `Connection._execute`
(semi-private: aiosqlite's minor is pinned), so that a group costs one hop.
"""

import asyncio
import fcntl
import json
import os
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import aiosqlite

from hived.wire.ids import new_id
from hived.wire.journal import SCHEMA

T = TypeVar("T")
Row = tuple[int, str, str, str]
"""id, ts, kind, payload_json."""

BUSY_SECONDS = 10.0
"""hived's deleting of old rows holds the file for milliseconds at a time."""

JournalError = (sqlite3.Error, OSError)
"""What a journal's file may raise."""


class JournalFile:
    """Open with `open`; every method may raise JournalError."""

    def __init__(self, connection: aiosqlite.Connection, lock: int, facts: dict[str, str], last_id: int) -> None:
        self._connection = connection
        self._lock = lock
        self.facts = facts
        self.last_id = last_id
        """The highest id ever given, deleted rows included."""

    @property
    def uuid(self) -> str:
        return self.facts["uuid"]

    @classmethod
    async def open(cls, path: Path) -> "JournalFile":
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = _locked(path)
        try:
            # An aiosqlite connection that cannot open its file leaves its thread to end by itself, later.
            await asyncio.to_thread(lambda: sqlite3.connect(path).close())
            connection = aiosqlite.connect(path, isolation_level=None, timeout=BUSY_SECONDS)
            await connection
            try:
                facts, last_id = await _on_thread(connection, lambda: _prepare(connection._conn))
            except BaseException:
                await connection.close()
                raise
        except BaseException:
            os.close(lock)
            raise
        return cls(connection, lock, facts, last_id)

    async def write(self, rows: Sequence[Row], facts: Mapping[str, str | None]) -> None:
        """Commit these rows and facts together."""
        await self._run(lambda connection: _write(connection, rows, facts))

    async def page(self, after_id: int, *, most_events: int, most_bytes: int) -> list[Row]:
        """The next rows after that id, oldest first; at least one where there is one."""
        return await self._run(lambda connection: _page(connection, after_id, most_events, most_bytes))

    async def oldest_id(self) -> int | None:
        row = await self._run(lambda connection: connection.execute("SELECT MIN(id) FROM events").fetchone())
        oldest: int | None = row[0]
        return oldest

    async def newest(self, kinds: Sequence[str], count: int) -> list[Row]:
        """The newest rows of those kinds, oldest first."""
        marks = ",".join("?" * len(kinds))
        sql = f"SELECT id, ts, kind, payload_json FROM events WHERE kind IN ({marks}) ORDER BY id DESC LIMIT ?"  # noqa: S608
        rows = await self._run(lambda connection: connection.execute(sql, (*kinds, count)).fetchall())
        return list(reversed(rows))

    async def close(self) -> None:
        await self._connection.close()
        os.close(self._lock)

    async def _run(self, function: Callable[[sqlite3.Connection], T]) -> T:
        return await _on_thread(self._connection, lambda: function(self._connection._conn))


def _locked(path: Path) -> int:
    """Two harnesses that HIVE_EVENTS_DB sends to one file would give the same ids twice, and lose each other's events."""
    lock = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise OSError("another agent's harness writes it") from error
    return lock


async def _on_thread(connection: aiosqlite.Connection, function: Callable[[], T]) -> T:
    result: T = await connection._execute(function)  # type: ignore[no-untyped-call]
    return result


def _prepare(connection: sqlite3.Connection) -> tuple[dict[str, str], int]:
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "cache_size=-1000"):
        connection.execute(f"PRAGMA {pragma}")
    connection.executescript(SCHEMA)
    connection.execute("INSERT OR IGNORE INTO journal(key, value) VALUES ('uuid', ?)", (new_id(),))
    facts = dict(connection.execute("SELECT key, value FROM journal").fetchall())
    last = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'events'").fetchone()
    return facts, int(last[0]) if last else 0


def _write(connection: sqlite3.Connection, rows: Sequence[Row], facts: Mapping[str, str | None]) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        # A write that was cancelled may still have happened, and is then repeated: its rows are there already.
        connection.executemany("INSERT OR IGNORE INTO events(id, ts, kind, payload_json) VALUES (?, ?, ?, ?)", rows)
        for key, value in facts.items():
            if value is None:
                connection.execute("DELETE FROM journal WHERE key = ?", (key,))
            else:
                connection.execute("INSERT OR REPLACE INTO journal(key, value) VALUES (?, ?)", (key, value))
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _page(connection: sqlite3.Connection, after_id: int, most_events: int, most_bytes: int) -> list[Row]:
    found: list[Row] = []
    size = 0
    rows: Any = connection.execute(
        "SELECT id, ts, kind, payload_json FROM events WHERE id > ? ORDER BY id LIMIT ?", (after_id, most_events)
    )
    for row in rows:
        size += len(row[3].encode()) + 100
        if found and size > most_bytes:
            break
        found.append(row)
    rows.close()
    return found


def payload_of(row: Row) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(row[3])
    return found
