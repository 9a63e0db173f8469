"""Numbered migrations, each in its own transaction with a backup first. A newer database is refused, not touched."""

import shutil
import sqlite3
from contextlib import closing
from importlib import resources
from pathlib import Path

from hived.wire.errors import DatabaseNewer

_VERSION_OFFSET = 60
"""Where SQLite's file format keeps `user_version`."""


def migrations() -> list[tuple[int, str, str]]:
    """(number, name, SQL) of every migration this program has, in order."""
    folder = resources.files("hived.store") / "migrations"
    found = [entry for entry in folder.iterdir() if entry.name.endswith(".sql")]
    return sorted((int(entry.name[:4]), entry.name, entry.read_text(encoding="utf-8")) for entry in found)


def migrate(path: Path) -> list[str]:
    """Bring the database at `path` (made if missing) to this program's schema; the names of what was run."""
    known = migrations()
    newest = known[-1][0]
    existed = path.exists() and path.stat().st_size > 0
    if existed and (written := _written_version(path)) > newest:
        raise DatabaseNewer(path=str(path), found=written, known=newest)
    done: list[str] = []
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        found = int(connection.execute("PRAGMA user_version").fetchone()[0])
        if found > newest:
            raise DatabaseNewer(path=str(path), found=found, known=newest)
        path.chmod(0o600)
        for number, name, sql in known:
            if number <= found:
                continue
            if existed:
                _back_up(connection, path, before=number)
            connection.executescript(f"BEGIN IMMEDIATE;\n{sql}\nPRAGMA user_version={number};\nCOMMIT;")
            done.append(name)
    return done


def _written_version(path: Path) -> int:
    """The schema's number in the file's header, read without opening the database: even that would write beside it."""
    with path.open("rb") as file:
        file.seek(_VERSION_OFFSET)
        return int.from_bytes(file.read(4), "big")


def _back_up(connection: sqlite3.Connection, path: Path, *, before: int) -> None:
    target = path.with_name(f"{path.name}.before-{before:04d}")
    scratch = target.with_name(target.name + ".part")
    with closing(sqlite3.connect(scratch)) as copy:
        connection.backup(copy)
    scratch.chmod(0o600)
    shutil.move(scratch, target)
