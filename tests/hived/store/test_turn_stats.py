"""Reading what an agent's harness wrote of its turns: an older file, a broken one, none at all."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from hived.store.turn_stats import select_turns


def write(path: Path, *rows: tuple[str, int | None]) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE turns(turn_id TEXT PRIMARY KEY, input_tokens INTEGER)")
        connection.executemany("INSERT INTO turns VALUES (?, ?)", rows)
        connection.commit()


def test_no_file_is_no_turns(tmp_path: Path) -> None:
    assert select_turns(tmp_path / "none.sqlite", limit=5, before=None) == []


def test_a_file_without_the_table_is_no_turns(tmp_path: Path) -> None:
    path = tmp_path / "empty.sqlite"
    sqlite3.connect(path).close()
    path.touch()
    assert select_turns(path, limit=5, before=None) == []


def test_missing_columns_and_figures_are_none_not_zero(tmp_path: Path) -> None:
    path = tmp_path / "stats.sqlite"
    write(path, ("t1", None))
    (turn,) = select_turns(path, limit=5, before=None)
    assert (turn.turn_id, turn.input_tokens, turn.cost_usd, turn.session_id) == ("t1", None, None, None)


def test_pages_go_back_from_the_newest_and_read_forward(tmp_path: Path) -> None:
    path = tmp_path / "a folder's stats?.sqlite"
    write(path, *((f"t{number}", number) for number in range(1, 8)))
    assert [turn.turn_id for turn in select_turns(path, limit=3, before=None)] == ["t5", "t6", "t7"]
    assert [turn.turn_id for turn in select_turns(path, limit=3, before="t5")] == ["t2", "t3", "t4"]


def test_a_file_that_is_no_database_says_so(tmp_path: Path) -> None:
    path = tmp_path / "stats.sqlite"
    path.write_bytes(b"this is no database, by a long way" * 100)
    with pytest.raises(OSError, match="not a database"):
        select_turns(path, limit=5, before=None)
