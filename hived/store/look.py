"""A look at hive.sqlite that changes nothing, for a doctor: hived may be running on it, or another version of hived."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from hived.store.migrate import migrations

BUSY_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Looked:
    schema: int
    newest: int
    """The schema of this program."""
    problem: str | None
    """What SQLite's own check says; None where it finds nothing."""


def look(path: Path) -> Looked:
    """Raises OSError where the file cannot be read as a database. Nothing is written, beside it neither."""
    # A database that was closed well has no -wal beside it, and can be read without the files that SQLite would make.
    mode = "mode=ro" if path.with_name(f"{path.name}-wal").exists() else "immutable=1"
    try:
        with closing(
            sqlite3.connect(f"{path.absolute().as_uri()}?{mode}", uri=True, timeout=BUSY_SECONDS)
        ) as connection:
            schema = int(connection.execute("PRAGMA user_version").fetchone()[0])
            said = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
    except sqlite3.Error as error:
        raise OSError(str(error)) from error
    return Looked(schema, migrations()[-1][0], None if said == "ok" else said)
