"""An agent's turn-stats.sqlite, written by its harness, read here. An older file lacks columns; those are None."""

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from hived.wire.turns import TurnRow

BUSY_SECONDS = 2.0


def select_turns(path: Path, *, limit: int, before: str | None) -> list[TurnRow]:
    """The newest `limit` turns (older than the turn `before`), oldest first; none where there is no such file.

    Blocks: call it on a thread. Raises OSError where the file cannot be read.
    """
    if not path.exists():
        return []
    uri = f"file:{quote(str(path))}?mode=ro"
    try:
        with closing(sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS)) as connection:
            connection.row_factory = sqlite3.Row
            rows = connection.execute(
                """SELECT * FROM turns
                   WHERE :before IS NULL OR rowid < (SELECT t.rowid FROM turns t WHERE t.turn_id = :before)
                   ORDER BY rowid DESC LIMIT :limit""",
                {"before": before, "limit": limit},
            ).fetchall()
    except sqlite3.OperationalError as error:
        if "no such table" in str(error):
            return []
        raise OSError(str(error)) from error
    except sqlite3.DatabaseError as error:
        raise OSError(str(error)) from error
    return [TurnRow.model_validate(dict(row)) for row in reversed(rows)]
