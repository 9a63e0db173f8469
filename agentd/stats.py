"""turn-stats.sqlite: one row a turn, every column of wire.turns.TurnRow. Best effort: no turn fails for its statistics."""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import aiosqlite

from agentd.context import cost_of, ctx_of, usage_of
from hived.wire.turns import Cost, Ctx, TurnRow

_TYPES = {"cost_usd": "REAL", "model": "TEXT", "wake_from": "TEXT", "result_kind": "TEXT", "note": "TEXT"}
_TYPES |= {"started_at": "TEXT", "ended_at": "TEXT", "tool_call_breakdown_json": "TEXT", "session_id": "TEXT"}
COLUMNS = tuple(TurnRow.model_fields)
BUSY_SECONDS = 5.0
MOST_LOOKED_AT = 50
"""How many turns back figures are looked for at a start."""
COMPACT = "compact"
"""In `wake_from`: a turn that made the conversation shorter."""


@dataclass(frozen=True, slots=True)
class LastFigures:
    """What is known of an agent before its first turn after a start."""

    ctx: Ctx | None = None
    """Of the conversation as it stands: None too where it was compacted or begun anew since the last figure."""
    cost: Cost | None = None
    ended_at: str | None = None


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

    async def last_figures(self) -> LastFigures:
        """From the newest rows that have them; nothing where there are none, or no file that can be read."""
        if not self._path.exists():
            return LastFigures()
        try:
            return figures_of(await asyncio.to_thread(self._newest))
        except (sqlite3.Error, OSError, ValueError) as error:
            self._log(f"the statistics {self._path} cannot be read: {error}")
            return LastFigures()

    def _newest(self) -> list[TurnRow]:
        uri = f"file:{quote(str(self._path))}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS)) as connection:
            connection.row_factory = sqlite3.Row
            if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'turns'").fetchone() is None:
                return []
            rows = connection.execute("SELECT * FROM turns ORDER BY rowid DESC LIMIT ?", (MOST_LOOKED_AT,)).fetchall()
        return [TurnRow.model_validate(dict(row)) for row in rows]


def figures_of(rows: Sequence[TurnRow]) -> LastFigures:
    """What these rows, newest first, say. `cost` and `ctx` may be of different turns."""
    cost = next((found for row in rows if (found := cost_of(usage_of(row)))), None)
    session = next((row.session_id for row in rows if row.session_id), None)
    ctx: Ctx | None = None
    for row in rows:
        if row.session_id not in (None, session):
            break
        ctx = ctx_of(usage_of(row))
        if ctx is not None or (row.wake_from == COMPACT and row.result_kind == "ok"):
            break
    return LastFigures(ctx, cost, rows[0].ended_at if rows else None)


async def _prepare(connection: aiosqlite.Connection) -> None:
    """The table as this build knows it; an older file gains the columns it lacks."""
    await connection.execute("PRAGMA journal_mode=WAL")
    await connection.execute("CREATE TABLE IF NOT EXISTS turns(turn_id TEXT PRIMARY KEY)")
    async with connection.execute("PRAGMA table_info(turns)") as cursor:
        there = {row[1] async for row in cursor}
    for column in COLUMNS:
        if column not in there:
            await connection.execute(f"ALTER TABLE turns ADD COLUMN {column} {_TYPES.get(column, 'INTEGER')}")
