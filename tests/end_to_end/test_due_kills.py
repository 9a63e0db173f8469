"""hived is killed between a moment and what follows from it: nothing due is lost, and nothing comes twice."""

import contextlib
import http.client
import sqlite3

import pytest

from tests.support.hive import LiveHive, wait_until
from tests.support.living import WORKER, living, until_idle
from tests.support.own_agent import event, own_agent

SCENARIO = """
[[turn]]
repeat = true
steps = [{say = "seen"}]
"""


def rows(hive: LiveHive, sql: str) -> list[tuple[object, ...]]:
    with contextlib.closing(sqlite3.connect(hive.paths.database)) as database:
        return database.execute(sql).fetchall()


def until_dead(hive: LiveHive) -> None:
    wait_until(lambda: hive.process is not None and hive.process.poll() is not None, "hived's death")


def remind(hive: LiveHive, when: str) -> str:
    status, made = hive.post("/v1/reminders", {"agent": WORKER, "when": when, "text": "stand up"})
    assert status == 201, made
    found: str = made["id"]
    return found


def until_done(hive: LiveHive) -> None:
    wait_until(lambda: rows(hive, "SELECT status FROM reminders") == [("done",)], "the reminder being read", 40)
    assert rows(hive, "SELECT status, sender, kind FROM messages") == [("acked", "hived", "reminder")]


@pytest.mark.parametrize("step", ["hived_due", "hived_due_done"])
def test_a_hived_killed_before_or_after_the_commit_sends_a_reminder_once(step: str) -> None:
    with living(SCENARIO) as hive:
        hive.stop()
        hive.env["HIVE_FAULT_POINT"] = step
        hive.start()
        hive.until_online(WORKER)
        with contextlib.suppress(OSError, http.client.HTTPException):
            remind(hive, "1s")
        until_dead(hive)
        sent = rows(hive, "SELECT count(*) FROM messages")
        assert sent == [(0 if step == "hived_due" else 1,)]
        hive.start()
        until_done(hive)


def test_a_hived_killed_between_due_and_delivery_delivers_it_when_the_agent_comes() -> None:
    with living(SCENARIO) as hive:
        assert hive.post(f"/v1/agents/{WORKER}/stop")[0] == 200
        remind(hive, "0s")
        wait_until(lambda: rows(hive, "SELECT status FROM reminders") == [("sent",)], "the reminder being due")
        hive.kill()
        hive.start()
        assert hive.post(f"/v1/agents/{WORKER}/start")[0] == 200
        until_done(hive)


def test_what_came_due_while_hived_was_away_is_sent_at_its_start() -> None:
    with living(SCENARIO) as hive:
        remind(hive, "3d")
        until_idle(hive)
        hive.kill()
        with contextlib.closing(sqlite3.connect(hive.paths.database)) as database, database:
            database.execute("UPDATE reminders SET due_at = '2026-01-01T00:00:00.000Z'")
        hive.start()
        until_done(hive)


@pytest.mark.parametrize("step", ["hived_due", "hived_due_done"])
def test_a_hived_killed_at_a_deadline_expires_the_question_once(step: str) -> None:
    with own_agent() as ada:
        hive = ada.hive
        ada.post_events(event(1, "question_out", question_id="q-1", to="operator", text="Well?", deadline="2s"))
        hive.stop()
        hive.env["HIVE_FAULT_POINT"] = step
        hive.start(wait=False)
        until_dead(hive)
        hive.env["HIVE_FAULT_POINT"] = ""
        hive.start()
        wait_until(lambda: hive.get("/v1/questions/q-1")[1]["status"] == "expired", "its end")
        assert hive.get("/v1/waiting")[1]["waiting"] == []
        assert rows(hive, "SELECT kind, about FROM messages") == [("report", "q-1")]
        assert hive.post("/v1/questions/q-1/answer", {"text": "yes"})[1]["code"] == "question_closed"


@pytest.mark.parametrize(("step", "status"), [("hived_decide", "pending"), ("hived_decided", "answered")])
def test_an_answer_cut_off_before_its_commit_is_still_to_be_given_and_after_it_is_given(step: str, status: str) -> None:
    with own_agent() as ada:
        hive = ada.hive
        ada.post_events(event(1, "question_out", question_id="q-1", to="operator", text="Well?"))
        hive.stop()
        hive.env["HIVE_FAULT_POINT"] = step
        hive.start()
        key = {"idempotency-key": "once"}
        with contextlib.suppress(OSError, http.client.HTTPException):
            hive.post("/v1/questions/q-1/answer", {"text": "yes"}, key)
        until_dead(hive)
        hive.start()
        assert hive.get("/v1/questions/q-1")[1]["status"] == status
        assert hive.post("/v1/questions/q-1/answer", {"text": "yes"}, key)[0] == 200, (
            "the same call again is the same answer"
        )
        assert rows(hive, "SELECT kind, body FROM messages") == [("answer", "yes")]
        assert rows(hive, "SELECT count(*) FROM audit WHERE action = 'question.answered'") == [(1,)]
