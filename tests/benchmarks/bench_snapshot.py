"""`GET /v1/snapshot` with 10,000 open items: under 300 ms, beside SQLite reading the same rows and json.dumps of them."""

import asyncio
import json
import sqlite3
import statistics
import time

from hived.store.database import Database
from hived.wire.snapshot import Snapshot
from tests.benchmarks.measure import Finding
from tests.support.hive import LiveHive, UnixConnection, live_hive
from tests.support.open_items import fill

ITEMS = 10_000
MARK_SECONDS = 0.3
ROUNDS = 11
TABLES = (
    "SELECT * FROM waiting",
    "SELECT * FROM approvals WHERE status IN ('pending', 'orphaned')",
    "SELECT * FROM questions WHERE status = 'pending'",
    "SELECT * FROM messages WHERE status = 'held'",
)


def run() -> list[Finding]:
    with live_hive(start=False) as hive:
        asyncio.run(_fill(hive))
        hive.start()
        taken = _get(hive)[1]
        found = Snapshot.model_validate_json(taken)
        assert len(found.waiting) == ITEMS, len(found.waiting)
        floor = statistics.median(_read(hive) for _ in range(ROUNDS))
        walls = sorted(_get(hive)[0] for _ in range(ROUNDS))
    ours, worst = statistics.median(walls), walls[-1]
    return [
        Finding(
            f"snapshot, {ITEMS:,} open items, {len(taken) / 2**20:.1f} MiB",
            f"{ours * 1000:.0f} ms, max {worst * 1000:.0f}",
            f"rows and json {floor * 1000:.0f} ms",
            ours / floor,
            f"under {MARK_SECONDS * 1000:.0f} ms",
            ours < MARK_SECONDS,
        )
    ]


async def _fill(hive: LiveHive) -> None:
    database = await Database.open(hive.paths.database)
    try:
        await fill(database, ITEMS)
    finally:
        await database.close()


def _get(hive: LiveHive) -> tuple[float, bytes]:
    """Seconds until the whole body is here, and the body."""
    connection = UnixConnection(hive.paths.host_socket)
    try:
        connection.connect()
        began = time.perf_counter()
        connection.request("GET", "/v1/snapshot")
        answer = connection.getresponse()
        body = answer.read()
        assert answer.status == 200, body[:200]
        return time.perf_counter() - began, body
    finally:
        connection.close()


def _read(hive: LiveHive) -> float:
    connection = sqlite3.connect(hive.paths.database)
    connection.row_factory = sqlite3.Row
    try:
        began = time.perf_counter()
        text = json.dumps([[dict(row) for row in connection.execute(table)] for table in TABLES])
        assert text
        return time.perf_counter() - began
    finally:
        connection.close()
