"""kill -9 of the harness at each step of claim, turn, outbox and ack: nothing is lost, nothing is acked or sent twice."""

import pytest

from agentd.fault_points import POINTS
from hived.wire.process_identity import start_mark
from tests.agentd.programs import HANGS_ONCE
from tests.agentd.rig import Rig

TURN = {"repeat": True, "steps": [{"say": "begun"}, {"send": {"to": "bob", "body": "from {n}"}}, {"say": "over"}]}


@pytest.mark.parametrize("point", POINTS)
async def test_a_kill_loses_and_doubles_nothing(rig: Rig, point: str) -> None:
    rig.scripted(TURN)
    rig.env["HIVE_FAULT_POINT"] = point
    message = await rig.stub.send("please")
    await rig.start(connected=False)
    assert await rig.ended() == -9
    assert (rig.harness / f"fault-{point}").exists()
    rig.stub.next_generation()
    await rig.start()
    books = rig.stub.books
    await rig.stub.until(lambda: books.messages[message]["status"] == "acked", "the message being acked")
    assert books.messages[message]["acks"] == 1
    ids = [event["id"] for event in books.events]
    assert ids == list(range(1, len(ids) + 1))
    turns = [event["payload"]["turn_id"] for event in books.events if event["kind"] == "turn_start"]
    ends = [event["payload"]["turn_id"] for event in books.events if event["kind"] == "turn_end"]
    assert turns == ends, "every turn that began has one end"
    assert len(set(turns)) == len(turns)
    outbox = [event["payload"]["message_id"] for event in books.events if event["kind"] == "message_out"]
    assert sorted(outbox) == sorted(books.sent), "every message that was written down was sent, once"


@pytest.mark.parametrize("point", ["turn_started", "in_turn", "before_turn_end"])
async def test_a_turn_that_was_cut_off_is_closed_truthfully_and_its_message_comes_again_marked(
    rig: Rig, point: str
) -> None:
    rig.scripted(TURN)
    rig.env["HIVE_FAULT_POINT"] = point
    await rig.stub.send("please")
    await rig.start(connected=False)
    await rig.ended()
    rig.stub.next_generation()
    await rig.start()
    ends = await rig.stub.turn_ends(2)
    assert (ends[0]["outcome"], ends[0]["retryable"]) == ("failed", True)
    assert ends[0]["error"] == "the harness ended in mid-turn"
    assert ends[1]["outcome"] == "ok"
    assert any("was cut off" in note["text"] for note in rig.stub.payloads("note"))
    assert [payload["redelivered"] for payload in rig.stub.payloads("message_in")] == [False, True]


async def test_a_turn_that_was_cut_off_costs_what_it_had_told_as_an_estimate(rig: Rig) -> None:
    told = {"ctx": 30_000, "window": 200_000, "tokens": 31_000, "cost_usd": 0.25}
    rig.scripted({"steps": [{"usage": told}, {"say": "so far"}, {"wait_seconds": 600}]})
    await rig.start()
    await rig.stub.send("please")
    await rig.stub.until(lambda: rig.stub.payloads("text"), "the turn having told its figures")
    await rig.kill()
    rig.stub.next_generation()
    await rig.start()
    (end,) = await rig.stub.turn_ends(1)
    assert end["ctx"] == {"tokens": 30_000, "window": 200_000}
    assert end["cost"] == {"tokens": 31_000, "usd": 0.25, "estimated": True}
    (row,) = [row for row in rig.stats() if row["turn_id"] == end["turn_id"]]
    assert (row["result_kind"], row["cost_usd"], row["cost_estimated"]) == ("failed", 0.25, 1)
    assert (row["last_input_tokens"], row["context_window"]) == (30_000, 200_000)


async def test_the_engine_of_a_killed_harness_is_ended_by_the_next(rig: Rig) -> None:
    rig.command(HANGS_ONCE)
    await rig.start()
    await rig.stub.send("please")
    await rig.stub.until(lambda: rig.stub.payloads("text"), "the engine running")
    engine = int(rig.stub.payloads("text")[0]["text"])
    await rig.kill()
    assert start_mark(engine) is not None
    await rig.start()
    ends = await rig.stub.turn_ends(2)
    assert ends[1]["outcome"] == "ok"
    assert start_mark(engine) is None
    assert "ended the engine that an earlier harness left behind" in rig.log()


async def test_the_engine_that_dies_in_mid_turn_is_started_again_on_its_session(rig: Rig) -> None:
    rig.scripted({"steps": [{"say": "one"}, {"exit": 3}]}, {"steps": [{"say": "two"}]})
    await rig.start()
    await rig.stub.send("please")
    ends = await rig.stub.turn_ends(2)
    assert (ends[0]["outcome"], ends[0]["retryable"]) == ("failed", True)
    assert "the scenario says: exit 3" in ends[0]["error"]
    assert ends[1]["outcome"] == "ok"
    assert ends[0]["session_id"] == ends[1]["session_id"]
    assert [payload["text"] for payload in rig.stub.payloads("text")] == ["one", "two"]


async def test_a_session_is_resumed_by_the_next_harness(rig: Rig) -> None:
    rig.scripted({"steps": [{"say": "first"}]}, {"steps": [{"say": "second"}]})
    await rig.start()
    await rig.stub.send("one")
    await rig.stub.turn_ends(1)
    await rig.kill()
    await rig.start()
    await rig.stub.send("two")
    ends = await rig.stub.turn_ends(2)
    assert ends[0]["session_id"] == ends[1]["session_id"]
    assert [payload["text"] for payload in rig.stub.payloads("text")] == ["first", "second"]
