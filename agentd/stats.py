"""turn-stats.sqlite: one row a turn, every column of wire.turns.TurnRow. Best effort: no turn fails for its statistics."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import aiosqlite

from hived.wire.turns import TurnRow

_TYPES = {"cost_usd": "REAL", "model": "TEXT", "wake_from": "TEXT", "result_kind": "TEXT", "note": "TEXT"}
_TYPES |= {"started_at": "TEXT", "ended_at": "TEXT", "tool_call_breakdown_json": "TEXT", "session_id": "TEXT"}
COLUMNS = tuple(TurnRow.model_fields)
BUSY_SECONDS = 5.0


class TurnStats:
    """`record` opens the file for one row and closes it: a turn lasts seconds, and an idle harness holds nothing open."""

    def __init__(self, path: Path, log: Callable[[str], None]) -> None:
        self._path = path
        self._log = log

    async def record(self, row: TurnRow) -> None:
        """Write that turn's row; a second write of the same turn replaces it."""
        marks = ", ".join("?" * len(COLUMNS))
        sql = f"INSERT OR REPLACE INTO turns({', '.join(COLUMNS)}) VALUES ({marks})"  # noqa: S608
        values = row.model_dump()
        try:
            async with aiosqlite.connect(self._path, timeout=BUSY_SECONDS) as connection:
                await _prepare(connection)
                await connection.execute(sql, [values[column] for column in COLUMNS])
                await connection.commit()
        except (sqlite3.Error, OSError) as error:
            self._log(f"the turn's statistics could not be written to {self._path}: {error}")


async def _prepare(connection: aiosqlite.Connection) -> None:
    """The table as this build knows it; an older file gains the columns it lacks."""
    await connection.execute("PRAGMA journal_mode=WAL")
    await connection.execute("CREATE TABLE IF NOT EXISTS turns(turn_id TEXT PRIMARY KEY)")
    async with connection.execute("PRAGMA table_info(turns)") as cursor:
        there = {row[1] async for row in cursor}
    for column in COLUMNS:
        if column not in there:
            await connection.execute(f"ALTER TABLE turns ADD COLUMN {column} {_TYPES.get(column, 'INTEGER')}")
