"""The one writer: group commit, a SAVEPOINT each, publishing in commit order; and the readers beside it."""

import asyncio
import contextlib
import inspect
import sqlite3
import threading
from pathlib import Path

import aiosqlite
import pytest

from hived.store.database import PRUNE_EVERY, Connection, Database, Fed, Tx
from tests.support.books import Books


def note(tx: Tx, text: str) -> Fed:
    """Its row, which is numbered once it is committed."""
    tx.feed("agent", {"text": text})
    return tx.feed_rows[-1]


def notes(conn: Connection) -> list[str]:
    return [row["payload_json"] for row in conn.execute("SELECT payload_json FROM feed ORDER BY seq")]


async def test_one_refused_change_leaves_its_neighbours(books: Books) -> None:
    def refused(tx: Tx) -> None:
        note(tx, "never")
        tx.ring("x", "wake")
        raise ValueError("no")

    answers = await asyncio.gather(
        books.do(lambda tx: note(tx, "one")),
        books.do(refused),
        books.do(lambda tx: note(tx, "two")),
        return_exceptions=True,
    )
    assert isinstance(answers[1], ValueError)
    assert await books.read(notes) == ['{"text": "one"}', '{"text": "two"}']
    assert [row.payload["text"] for row in books.feed] == ["one", "two"]
    assert books.rings == []


async def test_changes_that_wait_together_are_committed_together(books: Books) -> None:
    """A reader sees the data of neither or of both, whatever the order of the answers."""
    depths: list[int] = []

    def change(tx: Tx) -> None:
        with contextlib.closing(sqlite3.connect(books.database.path)) as other:
            depths.append(other.execute("SELECT count(*) FROM feed").fetchone()[0])
        note(tx, "x")

    await asyncio.gather(*(books.do(change) for _ in range(5)))
    assert depths == [0] * 5
    assert len(books.feed) == 5


async def test_news_comes_in_commit_order_after_the_commit_and_before_the_answer(books: Books) -> None:
    order: list[str] = []

    def on_feed(rows: object) -> None:
        with contextlib.closing(sqlite3.connect(books.database.path)) as other:
            committed = other.execute("SELECT count(*) FROM feed").fetchone()[0]
        order.append(f"feed, {committed} committed")

    books.database.on_feed(on_feed)
    books.database.on_ring(lambda ring: order.append(f"ring {ring.to}"))

    def change(tx: Tx) -> None:
        note(tx, "x")
        tx.ring("ada", "wake")
        tx.after_commit(lambda: order.append("after"))

    await books.do(change)
    order.append("answer")
    assert order == ["feed, 1 committed", "ring ada", "after", "answer"]


async def test_feed_numbers_rise_in_commit_order_under_load(books: Books) -> None:
    rows = await asyncio.gather(*(books.do(lambda tx: note(tx, "x")) for _ in range(1500)))
    given = [row.seq for row in rows]
    assert given == list(range(1, 1501))
    assert [row.seq for row in books.feed] == given


async def test_what_many_changes_gather_is_fed_once_at_the_end_with_each_item_once(books: Books) -> None:
    calls: list[list[str]] = []

    def flush(tx: Tx, items: list[str]) -> None:
        calls.append(items)
        note(tx, " ".join(items))

    def change(tx: Tx, *items: str) -> None:
        tx.gather(flush, *items)
        note(tx, "change")

    def refused(tx: Tx) -> None:
        tx.gather(flush, "never")
        raise ValueError("no")

    await asyncio.gather(
        books.do(lambda tx: change(tx, "a", "b")),
        books.do(lambda tx: change(tx, "b", "c")),
        books.do(refused),
        return_exceptions=True,
    )
    assert calls == [["a", "b", "c"]]
    assert [row.payload["text"] for row in books.feed] == ["change", "change", "a b c"]


async def test_what_cannot_be_fed_undoes_nothing(books: Books, caplog: pytest.LogCaptureFixture) -> None:
    def fail(tx: Tx, items: list[str]) -> None:
        note(tx, "half")
        raise RuntimeError("it cannot be fed")

    def change(tx: Tx) -> None:
        tx.gather(fail, "x")
        note(tx, "kept")

    await books.do(change)
    assert await books.read(notes) == ['{"text": "kept"}']
    assert "it cannot be fed" in caplog.text


async def test_a_caller_that_gives_up_neither_undoes_its_change_nor_stops_the_writer(books: Books) -> None:
    going = asyncio.create_task(books.do(lambda tx: note(tx, "left behind")))
    await asyncio.sleep(0)
    going.cancel()
    await books.do(lambda tx: note(tx, "next"))
    assert await books.read(notes) == ['{"text": "left behind"}', '{"text": "next"}']


async def test_a_listener_that_fails_stops_nobody(books: Books, caplog: pytest.LogCaptureFixture) -> None:
    def fail(rows: object) -> None:
        raise RuntimeError("a listener's own fault")

    books.database.on_feed(fail)
    await books.do(lambda tx: note(tx, "one"))
    await books.do(lambda tx: note(tx, "two"))
    assert len(books.feed) == 2
    assert "a listener's own fault" in caplog.text


async def test_a_part_undoes_only_itself_and_its_doorbells(books: Books) -> None:
    def change(tx: Tx) -> None:
        note(tx, "kept")
        with contextlib.suppress(ValueError), tx.part():
            note(tx, "undone")
            tx.ring("ada", "wake")
            raise ValueError
        note(tx, "kept too")

    await books.do(change)
    assert await books.read(notes) == ['{"text": "kept"}', '{"text": "kept too"}']
    assert [row.payload["text"] for row in books.feed] == ["kept", "kept too"]
    assert books.rings == []


async def test_the_feed_is_pruned_to_its_limit_now_and_then(books: Books) -> None:
    books.config.feed_rows = 100
    await asyncio.gather(*(books.do(lambda tx: note(tx, "x")) for _ in range(PRUNE_EVERY * 2)))
    assert await books.one("SELECT count(*) FROM feed") == 100
    assert await books.one("SELECT min(seq) FROM feed") == PRUNE_EVERY * 2 - 99


async def test_readers_cannot_write(books: Books) -> None:
    with pytest.raises(sqlite3.OperationalError):
        await books.read(lambda conn: conn.execute("DELETE FROM feed"))


async def test_a_read_is_one_moment(books: Books) -> None:
    """What is committed while a query runs is not seen by its second half."""
    await books.do(lambda tx: note(tx, "x"))

    def twice(conn: Connection) -> tuple[int, int]:
        first = len(notes(conn))
        with contextlib.closing(sqlite3.connect(books.database.path, isolation_level=None)) as other:
            other.execute("INSERT INTO feed(ts, kind, payload_json) VALUES ('t', 'agent', '{}')")
        return first, len(notes(conn))

    assert await books.read(twice) == (1, 1)
    assert len(await books.read(notes)) == 2


async def test_closing_writes_what_is_queued_and_then_refuses(tmp_path: Path) -> None:
    database = await Database.open(tmp_path / "hive.sqlite")
    queued = [asyncio.create_task(database.write(lambda tx: note(tx, "x"))) for _ in range(10)]
    await asyncio.sleep(0)
    await database.close()
    assert [row.seq for row in await asyncio.gather(*queued)] == list(range(1, 11))
    with pytest.raises(RuntimeError):
        await database.write(lambda tx: None)


async def test_the_books_survive_their_process_and_are_the_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "hive.sqlite"
    database = await Database.open(path)
    await database.write(lambda tx: note(tx, "x"))
    assert path.stat().st_mode & 0o777 == 0o600
    assert await database.read(lambda conn: conn.execute("PRAGMA synchronous").fetchone()[0]) == 2
    assert await database.write(lambda tx: tx.execute("PRAGMA synchronous").fetchone()[0]) == 2
    await database.close()
    again = await Database.open(path)
    assert await again.read(notes) == ['{"text": "x"}']
    await again.close()


async def test_aiosqlite_still_runs_a_function_whole_on_the_connections_own_thread(tmp_path: Path) -> None:
    """The contract behind `_execute` and `_conn`, which are semi-private."""
    assert list(inspect.signature(aiosqlite.Connection._execute).parameters)[:2] == ["self", "fn"]
    connection = await aiosqlite.connect(tmp_path / "x.sqlite", isolation_level=None)
    threads: list[int] = []

    def several() -> str:
        threads.append(threading.get_ident())
        connection._conn.execute("CREATE TABLE t(x)")
        connection._conn.execute("INSERT INTO t VALUES (7)")
        return "done"

    assert await connection._execute(several) == "done"  # type: ignore[no-untyped-call]
    assert await connection._execute(lambda: threads.append(threading.get_ident())) is None  # type: ignore[no-untyped-call]
    assert threads[0] == threads[1] != threading.get_ident()
    with pytest.raises(ZeroDivisionError):
        await connection._execute(lambda: 1 / 0)  # type: ignore[no-untyped-call]
    async with connection.execute("SELECT x FROM t") as cursor:
        assert await cursor.fetchone() == (7,)
    await connection.close()
