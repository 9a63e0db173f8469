"""What the writer asks at every turn reads an agent's open messages, however many are settled."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from hived.store import agents, messages, migrate

ASKED: list[Callable[[sqlite3.Connection], Any]] = [
    lambda conn: messages.select_due(conn, "a", "now", only_now=False, limit=32),
    lambda conn: messages.select_queued(conn, "a", 32),
    lambda conn: messages.select_queue_figures(conn, "a", "now"),
    lambda conn: messages.count_for(conn, "a", most=1000),
    lambda conn: messages.count_from_for(conn, "b", "a", most=1000),
    lambda conn: messages.select_leased(conn, "a"),
    lambda conn: messages.select_leases(conn, "a", "t1"),
    lambda conn: messages.select_leased_plainly(conn, "a", "t1", ["m1"]),
    lambda conn: messages.select_leased_before(conn, "a", 2),
    lambda conn: messages.select_open_for(conn, "a"),
    lambda conn: agents.select_view(conn, "a", "2026-11-21"),
]


@pytest.mark.parametrize("ask", ASKED)
def test_open_messages_are_found_by_their_index(tmp_path: Path, ask: Callable[[sqlite3.Connection], Any]) -> None:
    path = tmp_path / "hive.sqlite"
    migrate.migrate(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        asked: list[str] = []
        connection.set_trace_callback(asked.append)
        ask(connection)
        connection.set_trace_callback(None)
        assert asked
        plan = [row["detail"] for sql in asked for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}")]
        ways = [detail for detail in plan if detail.startswith(("SCAN m", "SEARCH m"))]
        assert ways, plan
        assert all("messages_by_recipient" in way or "messages_held" in way for way in ways), plan
