"""A look at hive.sqlite that changes nothing, for a doctor: hived may be running on it, or another version of hived."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
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


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Raises OSError where the file cannot be read as a database. Nothing is written, beside it neither."""
    if not path.exists():
        raise OSError("there is no such file")
    # A database that was closed well has no -wal beside it, and can be read without the files that SQLite would make.
    mode = "mode=ro" if path.with_name(f"{path.name}-wal").exists() else "immutable=1"
    try:
        with closing(
            sqlite3.connect(f"{path.absolute().as_uri()}?{mode}", uri=True, timeout=BUSY_SECONDS)
        ) as connection:
            connection.row_factory = sqlite3.Row
            yield connection
    except sqlite3.Error as error:
        raise OSError(str(error)) from error


def schema_of(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def look(path: Path) -> Looked:
    """Raises OSError as `opened` does."""
    with opened(path) as connection:
        schema = schema_of(connection)
        said = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
    return Looked(schema, migrations()[-1][0], None if said == "ok" else said)
