"""kill -9 of the harness while it asks, answers, reminds itself and listens: each is taken once, and what came in comes again."""

import pytest

from agentd.fault_points import THREAD_POINTS
from tests.agentd.rig import Rig

TURN = {
    "repeat": True,
    "steps": [
        {"answer_all": "yes"},
        {"ask": {"text": "Which, for {message_id}?", "options": ["left", "right"]}},
        {"remind": {"text": "look", "delay_seconds": 60}},
        {"inbox": {"wait": 5}},
        {"ask_permission": {"tool": "Bash", "input": {"command": "make"}}},
        {"say": "over"},
    ],
}
OUT = {"question_out": "question_id", "answer_out": "answer_id", "reminder_out": "reminder_id"}


@pytest.mark.parametrize("point", [*THREAD_POINTS, "batch_sent"])
async def test_a_kill_loses_and_doubles_nothing(rig: Rig, point: str) -> None:
    rig.scripted(TURN)
    rig.env["HIVE_FAULT_POINT"] = point
    rig.stub.decided = {"status": "approved"}
    question = await rig.stub.ask("Is it done?")
    await rig.start(connected=False)
    mail = await _mail_while_it_listens(rig, point)
    assert await rig.ended() == -9
    rig.stub.next_generation()
    await rig.start()
    books = rig.stub.books
    await rig.stub.until(lambda: all(m["status"] == "acked" for m in books.messages.values()), "all being acked")
    assert [message["acks"] for message in books.messages.values()] == [1] * len(books.messages)
    ids = [event["id"] for event in books.events]
    assert ids == list(range(1, len(ids) + 1))
    for kind, key in OUT.items():
        journalled = [payload[key] for payload in rig.journalled(kind)]
        assert len(set(journalled)) == len(journalled)
        assert sorted(journalled) == sorted(books.outbox[kind]), "what was written down was taken, once"
    assert {answer["question_id"] for answer in books.outbox["answer_out"].values()} == {question}
    told = [payload for payload in rig.stub.payloads("message_in") if payload["message_id"] == mail]
    if point == "mail_taken":
        assert [payload["redelivered"] for payload in told] == [False, True]


async def _mail_while_it_listens(rig: Rig, point: str) -> str | None:
    """A message that comes once the inbox is asked, where the kill is not before that."""
    if point not in ("mail_taken", "ask_journalled"):
        return None
    await rig.stub.until(lambda: rig.stub.waiting, "the inbox being asked")
    return await rig.stub.send("more", "bob")
