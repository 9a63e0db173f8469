"""Migrations: numbered, whole or not at all, with a backup; a newer database is left as it is."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from hived.store import migrate
from hived.wire.errors import DatabaseNewer


def version(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])


def tables(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as connection:
        return {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "hive.sqlite"


def test_numbers_begin_at_one_without_a_gap() -> None:
    numbers = [number for number, _, _ in migrate.migrations()]
    assert numbers == list(range(1, len(numbers) + 1))


def test_a_new_database_gets_them_all_and_no_backup(path: Path) -> None:
    assert migrate.migrate(path) == [name for _, name, _ in migrate.migrations()]
    assert version(path) == len(migrate.migrations())
    assert {"agents", "messages", "approvals", "feed", "audit"} <= tables(path)
    assert list(path.parent.glob("*.before-*")) == []


def test_a_second_time_there_is_nothing_to_do(path: Path) -> None:
    migrate.migrate(path)
    assert migrate.migrate(path) == []


def test_an_older_database_is_backed_up_before_each_step(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    migrate.migrate(path)
    newest = version(path)
    newer = [*migrate.migrations(), (newest + 1, "9999_more.sql", "CREATE TABLE more(x);")]
    monkeypatch.setattr(migrate, "migrations", lambda: newer)
    assert migrate.migrate(path) == ["9999_more.sql"]
    backup = path.with_name(f"hive.sqlite.before-{newest + 1:04d}")
    assert (version(path), version(backup)) == (newest + 1, newest)
    assert "more" in tables(path) - tables(backup)
    assert backup.stat().st_mode & 0o777 == 0o600


def test_a_migration_that_fails_changes_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    migrate.migrate(path)
    before, newest = tables(path), version(path)
    broken = [*migrate.migrations(), (newest + 1, "9999_broken.sql", "CREATE TABLE more(x); CREATE TABLE more(x);")]
    monkeypatch.setattr(migrate, "migrations", lambda: broken)
    with pytest.raises(sqlite3.OperationalError):
        migrate.migrate(path)
    assert (version(path), tables(path)) == (newest, before)


def test_a_newer_database_is_refused_and_not_touched(path: Path) -> None:
    migrate.migrate(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
        connection.commit()
    before = path.read_bytes(), path.stat().st_mtime_ns, sorted(path.parent.iterdir())
    with pytest.raises(DatabaseNewer) as refusal:
        migrate.migrate(path)
    assert refusal.value.detail["found"] == 99
    assert (path.read_bytes(), path.stat().st_mtime_ns, sorted(path.parent.iterdir())) == before
