"""turn-stats.sqlite: every column, old files included, and no turn fails for it."""

import sqlite3
from pathlib import Path

from agentd.stats import COLUMNS, LastFigures, TurnStats, figures_of
from hived.wire.turns import Cost, Ctx, TurnRow


def rows(path: Path) -> list[dict[str, object]]:
    connection = sqlite3.connect(path)
    connection.row_factory = sqlite3.Row
    try:
        return [dict(row) for row in connection.execute("SELECT * FROM turns")]
    finally:
        connection.close()


async def test_a_row_has_every_column_and_none_where_there_is_no_figure(tmp_path: Path) -> None:
    stats = TurnStats(tmp_path / "stats.sqlite", lambda line: None)
    await stats.record(TurnRow(turn_id="t", cost_usd=0.5, cost_estimated=True))
    (row,) = rows(tmp_path / "stats.sqlite")
    assert set(row) == set(COLUMNS)
    assert (row["cost_usd"], row["cost_estimated"], row["input_tokens"]) == (0.5, 1, None)


async def test_an_older_file_gains_the_columns_it_lacks_and_keeps_its_rows(tmp_path: Path) -> None:
    path = tmp_path / "stats.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE turns(turn_id TEXT PRIMARY KEY, model TEXT)")
    connection.execute("INSERT INTO turns VALUES ('old', 'opus')")
    connection.commit()
    connection.close()
    await TurnStats(path, lambda line: None).record(TurnRow(turn_id="new", output_tokens=3))
    old, new = rows(path)
    assert (old["turn_id"], old["model"], old["output_tokens"]) == ("old", "opus", None)
    assert new["output_tokens"] == 3


async def test_a_file_that_cannot_be_written_is_logged_and_no_more(tmp_path: Path) -> None:
    said: list[str] = []
    path = tmp_path / "stats.sqlite"
    path.write_bytes(b"no database " * 1000)
    await TurnStats(path, said.append).record(TurnRow(turn_id="t"))
    assert str(path) in said[0]


async def test_the_last_figures_are_of_the_newest_rows_that_have_them(tmp_path: Path) -> None:
    stats = TurnStats(tmp_path / "stats.sqlite", lambda line: None)
    assert await stats.last_figures() == LastFigures()
    assert not (tmp_path / "stats.sqlite").exists()
    rows_ = [
        TurnRow(turn_id="1", last_input_tokens=50, context_window=100, input_tokens=70, cost_usd=0.5, ended_at="A"),
        TurnRow(turn_id="2", input_tokens=7, ended_at="B"),
        TurnRow(turn_id="3", ended_at="C"),
    ]
    for row in rows_:
        await stats.record(row)
    assert await stats.last_figures() == LastFigures(Ctx(tokens=50, window=100), Cost(tokens=7), "C")


def test_a_row_without_figures_gives_none_and_never_0() -> None:
    assert figures_of([TurnRow(turn_id="1", context_window=100, ended_at="A")]) == LastFigures(ended_at="A")


def test_how_full_a_conversation_was_says_nothing_of_one_that_was_compacted_or_begun_since() -> None:
    full = TurnRow(turn_id="1", last_input_tokens=90, context_window=100, session_id="old")
    compacted = TurnRow(turn_id="2", wake_from="compact", result_kind="ok", session_id="old")
    failed = TurnRow(turn_id="2", wake_from="compact", result_kind="failed", session_id="old")
    anew = TurnRow(turn_id="3", session_id="new")
    assert figures_of([failed, full]).ctx == Ctx(tokens=90, window=100)
    assert figures_of([compacted, full]).ctx is None
    assert figures_of([anew, full]).ctx is None


async def test_an_older_file_without_the_window_gives_its_figures_too(tmp_path: Path) -> None:
    path = tmp_path / "stats.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE turns(turn_id TEXT PRIMARY KEY, last_input_tokens INTEGER)")
    connection.execute("INSERT INTO turns VALUES ('old', 50)")
    connection.commit()
    connection.close()
    assert (await TurnStats(path, lambda line: None).last_figures()).ctx == Ctx(tokens=50, window=200_000)


async def test_a_file_that_cannot_be_read_is_logged_and_no_more(tmp_path: Path) -> None:
    said: list[str] = []
    (tmp_path / "stats.sqlite").write_bytes(b"no database " * 1000)
    assert await TurnStats(tmp_path / "stats.sqlite", said.append).last_figures() == LastFigures()
    assert len(said) == 1
