"""Migrations: numbered, whole or not at all, with a backup; a newer database is left as it is."""

import json
import sqlite3
import uuid
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


def test_limits_that_agents_were_made_with_become_budgets(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    every = migrate.migrations()
    monkeypatch.setattr(migrate, "migrations", lambda: every[:2])
    migrate.migrate(path)
    specs = {
        "rich": {"usd_per_day": 5, "tokens_per_day": 1000, "turns_per_hour": 3, "memory": "2G"},
        "half": {"usd_per_day": 0.5},
        "wrong": {"usd_per_day": "five", "turns_per_hour": 1.5},
        "owing": {"usd_per_day": -5},
        "free": {},
    }
    with closing(sqlite3.connect(path)) as connection, connection:
        for number, (name, limits) in enumerate(specs.items()):
            connection.execute(
                """INSERT INTO agents(id, name, role, engine, model, runtime, spec_json, created_at, wanted, lifecycle,
                     lifecycle_since, lifecycle_cause, turn_state_since)
                   VALUES (?, ?, 'worker', 'scripted', 'm', 'process', ?, '2026', 'stopped', 'stopped', '2026', '', '2026')""",
                (str(number), name, json.dumps({"name": name, "engine": "scripted", "limits": limits})),
            )
    monkeypatch.undo()
    migrate.migrate(path)
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute(
            """SELECT agent, "window", usd, tokens, turns, agent_id, scope, source FROM budgets ORDER BY agent_id, "window" """
        ).fetchall()
        ids = [row[0] for row in connection.execute("SELECT id FROM budgets")]
    assert [row[:5] for row in rows] == [
        ("rich", "day", 5.0, 1000, None), ("rich", "hour", None, None, 3), ("half", "day", 0.5, None, None),
    ]  # fmt: skip
    assert {row[5:] for row in rows} == {("0", "agent", "agent.toml"), ("1", "agent", "agent.toml")}
    assert [(uuid.UUID(found).version, uuid.UUID(found).variant) for found in ids] == [(7, uuid.RFC_4122)] * 3
