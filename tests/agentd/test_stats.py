"""turn-stats.sqlite: every column, old files included, and no turn fails for it."""

import sqlite3
from pathlib import Path

from agentd.stats import COLUMNS, TurnStats
from hived.wire.turns import TurnRow


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
