"""The checker of tests/verified/chaos sees each promise broken: a checker that cannot fail proves nothing."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.hive import live_hive, wait_until
from tests.support.living import command, scripted, send, until_idle, waiting
from tests.verified.promises import PROMISES, prove
from tests.verified.shell import Failed

BOOKS = "hive.sqlite"
JOURNAL = "agents/ann/harness/events.sqlite"
ANN = """
[[turn]]
match = "work"
steps = [
  {send = {to = "bob", body = "a note"}},
  {ask = {to = "bob", text = "Is it done?"}},
  {remind = {text = "look again", delay_seconds = 0.2}},
  {ask_permission = {tool = "Bash", input = {command = "make"}}},
]

[[turn]]
repeat = true
steps = [{say = "Noted."}]
"""
BOB = """
[[turn]]
repeat = true
steps = [{answer_all = "yes"}]
"""
TURN_END = """INSERT INTO events(id, ts, kind, payload_json)
              SELECT max(id) + 1, ts, 'turn_end', json_set(payload_json, '$.turn_id', 'another') FROM events
              WHERE kind = 'turn_end' AND json_array_length(payload_json, '$.message_ids') > 0"""
BREAKS = {
    "an event is missing": (JOURNAL, "DELETE FROM events WHERE id = 3", "events:"),
    "hived has not taken all": (BOOKS, "UPDATE journals SET cursor = cursor - 1", "events:"),
    "a turn never ended": (JOURNAL, "UPDATE events SET kind = 'note' WHERE kind = 'turn_end'", "turns:"),
    "a message is lost": (BOOKS, "DELETE FROM messages WHERE body = 'a note'", "messages sent by agents:"),
    "a message that nobody sent": (
        BOOKS, "UPDATE messages SET id = 'x' WHERE body = 'a note'", "messages sent by agents:",
    ),
    "an ack that no turn made": (JOURNAL, "UPDATE events SET payload_json = json_set(payload_json, '$.outcome', 'failed')"
                                 " WHERE kind = 'turn_end'", "messages to agents:"),
    "two acks": (JOURNAL, TURN_END, "messages to agents:"),
    "a second delivery, unmarked": (JOURNAL, "INSERT INTO events(id, ts, kind, payload_json)"
                                    " SELECT (SELECT max(id) FROM events) + 1, ts, kind, payload_json FROM events"
                                    " WHERE kind = 'message_in' LIMIT 1", "deliveries:"),
    "another's message": (BOOKS, "UPDATE messages SET recipient = 'bob' WHERE recipient = 'ann'", "deliveries:"),
    "one is left": (BOOKS, "UPDATE messages SET status = 'queued' WHERE body = 'a note'", "messages: none is queued"),
    "one was given up in silence": (
        BOOKS, "UPDATE messages SET status = 'undeliverable', reason = NULL WHERE body = 'a note'", "messages: none is queued",
    ),
    "a question is lost": (BOOKS, "DELETE FROM questions", "questions:"),
    "a question stays open": (BOOKS, "UPDATE questions SET status = 'pending'", "questions:"),
    "an answer is lost": (BOOKS, "UPDATE messages SET kind = 'message' WHERE kind = 'answer'", "questions:"),
    "an answer by another": (BOOKS, "UPDATE messages SET sender = 'eve' WHERE kind = 'answer'", "questions:"),
    "a late answer": (BOOKS, "UPDATE questions SET deadline = '2001-01-01T00:00:00.000Z'", "questions:"),
    "a reminder is lost": (BOOKS, "DELETE FROM reminders", "reminders:"),
    "a reminder did not come": (BOOKS, "UPDATE reminders SET status = 'failed'", "reminders:"),
    "a reminder came too early": (BOOKS, "UPDATE reminders SET due_at = '2101-01-01T00:00:00.000Z'", "reminders:"),
    "an ask is lost": (BOOKS, "DELETE FROM approvals WHERE kind = 'tool_use'", "permission asks:"),
    "an ask stays open": (BOOKS, "UPDATE approvals SET status = 'pending' WHERE kind = 'tool_use'", "permission asks:"),
    "the engine was told otherwise": (
        BOOKS, "UPDATE approvals SET status = 'denied' WHERE kind = 'tool_use'", "permission asks:",
    ),
    "a decision without an entry": (BOOKS, "DELETE FROM audit WHERE action = 'approval.approved'", "decisions of the operator:"),
    "a decision from nowhere": (
        BOOKS, "UPDATE approvals SET decided_by_json = json_set(decided_by_json, '$.pid', NULL)", "decisions of the operator:",
    ),
    "something still waits": (
        BOOKS, "INSERT INTO waiting(id, kind, subject, since) VALUES ('x', 'parked', 'x', 'x')", "the one list:",
    ),
    "a grant for another": (
        BOOKS, "INSERT INTO grants(id, agent_id, tool, input_hash, created_at, used_by)"
        " SELECT 'x', 'y', 'Bash', 'z', 'x', id FROM approvals WHERE kind = 'tool_use'", "one-time yeses:",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """The files of a hive at rest, in which two agents have done one of each."""
    with live_hive() as hive:
        scripted(hive, BOB, "bob")
        scripted(hive, ANN, "ann")
        send(hive, "work", "ann")
        (ask,) = wait_until(lambda: waiting(hive, "tool_use"), "the ask")
        assert hive.post(f"/v1/approvals/{ask['id']}/approve", {})[0] == 200
        wait_until(lambda: not hive.get("/v1/reminders")[1]["reminders"], "the reminder's end")
        for name in ("bob", "ann"):
            until_idle(hive, name)
        assert command(hive, "down", "--agents").returncode == 0
        yield hive.home


def test_a_hive_at_rest_keeps_every_promise(home: Path) -> None:
    lines = prove(home)
    assert len(lines) == len(PROMISES)
    counts = {line.split(None, 2)[1].rstrip(":,"): int(line.split()[0]) for line in lines}
    assert {counts[word] for word in ("questions", "reminders", "permission")} == {1}


@pytest.mark.parametrize("broken", BREAKS)
def test_a_broken_promise_is_seen(home: Path, tmp_path: Path, broken: str) -> None:
    file, sql, words = BREAKS[broken]
    copy = tmp_path / "home"
    for kept in (BOOKS, JOURNAL, JOURNAL.replace("ann", "bob")):
        (copy / kept).parent.mkdir(parents=True, exist_ok=True)
        for part in home.glob(f"{kept}*"):
            shutil.copy(part, copy / kept.replace(Path(kept).name, part.name))
    with closing(sqlite3.connect(copy / file)) as books:
        assert books.execute(sql).rowcount
        books.commit()
    with pytest.raises(Failed, match=f"BROKEN: {words}"):
        prove(copy)
