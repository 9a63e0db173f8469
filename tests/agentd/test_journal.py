"""The journal: ids at once, rows in groups, nothing handed on before it is durable."""

import asyncio
import contextlib
import json
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agentd.journal import Journal, Line
from hived.wire.protocol import MAX_PAYLOAD_BYTES


@contextlib.asynccontextmanager
async def running(journal: Journal) -> AsyncIterator[Journal]:
    task = asyncio.create_task(journal.run())
    try:
        yield journal
    finally:
        task.cancel()
        await asyncio.wait({task})
        await journal.close()


async def opened(folder: Path) -> Journal:
    return await Journal.open(folder / "events.sqlite", folder / "overflow")


async def rows(folder: Path) -> list[tuple[int, str, str]]:
    connection = sqlite3.connect(folder / "events.sqlite")
    try:
        return connection.execute("SELECT id, kind, payload_json FROM events ORDER BY id").fetchall()
    finally:
        connection.close()


async def test_ids_are_given_at_once_and_go_on_after_a_restart(tmp_path: Path) -> None:
    async with running(await opened(tmp_path)) as journal:
        assert [journal.append("text", {"text": word}) for word in "abc"] == [1, 2, 3]
        uuid = journal.uuid
    async with running(await opened(tmp_path)) as journal:
        assert journal.uuid == uuid
        assert journal.append("text", {"text": "d"}) == 4
        await journal.flush()
    assert [row[0] for row in await rows(tmp_path)] == [1, 2, 3, 4]


async def test_a_file_that_another_harness_writes_is_not_written_and_that_is_said(tmp_path: Path) -> None:
    async with running(await opened(tmp_path)) as journal:
        async with running(await opened(tmp_path)) as other:
            assert other.problem is not None
            assert "another agent's harness" in other.problem
            assert other.uuid != journal.uuid
            other.append("text", {"text": "theirs"})
            await other.flush()
        journal.append("text", {"text": "ours"})
        await journal.flush()
    assert [json.loads(row[2])["text"] for row in await rows(tmp_path)] == ["ours"]
    async with running(await opened(tmp_path)) as journal:
        assert journal.problem is None


async def test_ids_of_deleted_rows_are_never_given_again(tmp_path: Path) -> None:
    async with running(await opened(tmp_path)) as journal:
        journal.append("text", {"text": "a"})
    connection = sqlite3.connect(tmp_path / "events.sqlite")
    connection.execute("DELETE FROM events")
    connection.commit()
    connection.close()
    async with running(await opened(tmp_path)) as journal:
        assert journal.append("text", {"text": "b"}) == 2


async def test_the_listener_gets_only_what_is_durable_in_order_with_live_events_between(tmp_path: Path) -> None:
    heard: list[Line] = []
    durable_when_heard: list[int] = []

    def listen(lines: list[Line]) -> None:
        connection = sqlite3.connect(tmp_path / "events.sqlite")
        durable_when_heard.append(connection.execute("SELECT MAX(id) FROM events").fetchone()[0])
        connection.close()
        heard.extend(lines)

    async with running(await opened(tmp_path)) as journal:
        journal.listen(listen)
        journal.append("text", {"text": "a"})
        journal.live("text_delta", {"text": "b"})
        journal.append("text", {"text": "c"})
        assert heard == []
        await journal.flush()
        assert [id for id, _ in heard] == [1, None, 2]
        assert durable_when_heard == [2]
        assert json.loads(heard[1][1])["kind"] == "text_delta"


async def test_events_are_committed_in_groups(tmp_path: Path) -> None:
    groups: list[int] = []
    async with running(await opened(tmp_path)) as journal:
        journal.listen(lambda lines: groups.append(len(lines)))
        for number in range(5000):
            journal.append("text", {"text": f"line {number}"})
        await journal.flush()
    assert sum(groups) == 5000
    assert len(groups) < 50


async def test_facts_are_durable(tmp_path: Path) -> None:
    async with running(await opened(tmp_path)) as journal:
        journal.set("session_id", "one")
        journal.set("other", "two")
        journal.set("other", None)
    async with running(await opened(tmp_path)) as journal:
        assert journal.get("session_id") == "one"
        assert journal.get("other") is None


async def test_a_page_is_bounded_and_gives_at_least_one_event(tmp_path: Path) -> None:
    async with running(await opened(tmp_path)) as journal:
        for _ in range(10):
            journal.append("text", {"text": "x" * 10_000})
        await journal.flush()
        assert [id for id, _ in await journal.page(2, most_events=3, most_bytes=1_000_000)] == [3, 4, 5]
        assert [id for id, _ in await journal.page(2, most_events=100, most_bytes=25_000)] == [3, 4]
        assert [id for id, _ in await journal.page(2, most_events=100, most_bytes=10)] == [3]
        assert await journal.page(10, most_events=100, most_bytes=10) == []


@pytest.mark.parametrize("text", ["nul \x00", "lone \ud800 surrogate", "ünïcode ☃", "\u2028", '"\\'])
async def test_any_text_is_sound_json_afterwards(tmp_path: Path, text: str) -> None:
    async with running(await opened(tmp_path)) as journal:
        heard: list[Line] = []
        journal.listen(heard.extend)
        journal.append("text", {"text": text, "bad": float("nan")})
        await journal.flush()
    event = json.loads(heard[0][1].decode())
    assert heard[0][1].count(b"\n") == 1
    assert event["payload"]["text"] == text.replace("\ud800", "?")


async def test_a_payload_over_the_limit_is_cut_where_it_is_longest_and_kept_whole(tmp_path: Path) -> None:
    async with running(await opened(tmp_path)) as journal:
        journal.append("tool_use", {"tool": "Write", "input": {"path": "a", "content": "ü" * 300_000}})
        await journal.flush()
    ((_, _, payload_json),) = await rows(tmp_path)
    assert len(payload_json.encode()) <= MAX_PAYLOAD_BYTES
    payload = json.loads(payload_json)
    assert payload["tool"] == "Write"
    assert payload["input"]["path"] == "a"
    cut = payload["cut"]["input.content"]
    assert cut["bytes"] == 600_000
    assert (tmp_path / "overflow" / cut["file"]).read_text() == "ü" * 300_000


async def test_a_payload_of_very_many_strings_is_kept_in_its_file_alone(tmp_path: Path) -> None:
    async with running(await opened(tmp_path)) as journal:
        journal.append("tool_use", {"tool": "Many", "input": {"words": ["word"] * 200_000}})
        await journal.flush()
    ((_, _, payload_json),) = await rows(tmp_path)
    cut = json.loads(payload_json)["cut"][""]
    kept = json.loads((tmp_path / "overflow" / cut["file"]).read_text())
    assert len(kept["input"]["words"]) == 200_000


async def test_while_the_disk_takes_nothing_events_wait_and_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agentd.journal.RETRY_SECONDS", 0.01)
    troubles: list[str | None] = []
    async with running(await opened(tmp_path)) as journal:
        journal.on_trouble = troubles.append
        real = journal._book.write
        failures = iter([1, 2, 3])

        async def full(*given: object) -> None:
            if next(failures, None):
                raise sqlite3.OperationalError("database or disk is full")
            await real(*given)  # type: ignore[arg-type]

        monkeypatch.setattr(journal._book, "write", full)
        journal.append("text", {"text": "a"})
        await journal.flush()
    assert len(troubles) == 2
    assert "disk is full" in str(troubles[0])
    assert troubles[1] is None
    assert [row[0] for row in await rows(tmp_path)] == [1]


async def test_a_journal_that_is_behind_hived_goes_on_after_hiveds_cursor(tmp_path: Path) -> None:
    async with running(await opened(tmp_path)) as journal:
        journal.append("text", {"text": "a"})
        await journal.flush()
        assert journal.skip_to(1) is False
        assert journal.skip_to(40) is True
        assert journal.append("text", {"text": "b"}) == 41


@pytest.mark.parametrize("content", [b"no database at all " * 500, None])
async def test_a_journal_that_cannot_be_opened_is_replaced_by_memory_under_a_new_uuid(
    tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "events.sqlite"
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    uuids = set()
    for _ in range(2):
        async with running(await opened(tmp_path)) as journal:
            assert str(path) in str(journal.problem)
            uuids.add(journal.uuid)
            journal.append("text", {"text": "a"})
            await journal.flush()
            assert [id for id, _ in await journal.page(0, most_events=9, most_bytes=9999)] == [1]
    assert len(uuids) == 2
