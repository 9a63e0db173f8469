"""kill -9 in the states that outlast a turn: a nap, a limit, an armed session, a checkpoint, a compaction, a login that is missing.

The next harness shows what is true, every turn that began has one end, and nothing is lost or acked twice.
"""

import pytest

from agentd.fault_points import MAINTENANCE_POINTS, STATE_POINTS
from hived.wire.ids import new_id
from hived.wire.times import in_seconds
from tests.agentd.rig import Rig

HELLO = {"repeat": True, "steps": [{"say": "hello"}]}
FULL = {"steps": [{"usage": {"ctx": 80_000, "window": 100_000, "tokens": 10, "cost_usd": 0.01}}]}
NOTES = {"wake": "checkpoint", "repeat": True, "steps": [{"say": "noted"}]}
SHORTER = {
    "wake": "compact",
    "repeat": True,
    "steps": [{"say": "shorter"}, {"usage": {"ctx": 9000, "window": 100_000}}],
}


def nothing_is_lost_or_doubled(rig: Rig) -> None:
    books = rig.stub.books
    ids = [event["id"] for event in books.events]
    assert ids == list(range(1, len(ids) + 1))
    starts = [start["turn_id"] for start in rig.stub.payloads("turn_start")]
    ends = [end["turn_id"] for end in rig.stub.payloads("turn_end")]
    assert starts == ends, "every turn that began has one end"
    assert len(set(starts)) == len(starts)
    assert all(message.get("acks") == 1 for message in books.messages.values())


async def dies_at(rig: Rig, point: str) -> None:
    assert await rig.ended() == -9
    assert (rig.harness / f"fault-{point}").exists()
    rig.stub.next_generation()
    await rig.start()


@pytest.mark.parametrize("point", MAINTENANCE_POINTS)
async def test_a_kill_in_the_care_of_a_context(rig: Rig, point: str) -> None:
    rig.scripted(NOTES, SHORTER, FULL, HELLO, engine={"window": 100_000})
    rig.env["HIVE_FAULT_POINT"] = point
    await rig.start()
    await rig.stub.send("one")
    await rig.stub.turn_ends(1)
    message = await rig.stub.send("two")
    await dies_at(rig, point)
    await rig.stub.until(lambda: rig.stub.books.messages[message]["status"] == "acked", "the message being acked")
    cut_off = [end for end in rig.stub.payloads("turn_end") if end["outcome"] == "failed"]
    assert [end["message_ids"] for end in cut_off] == [[]]
    assert cut_off[0]["error"] == "the harness ended in mid-turn"
    wakes = [start["wake"]["kind"] for start in rig.stub.payloads("turn_start")]
    broken = ["checkpoint"] if "checkpoint" in point else ["checkpoint", "compact"]
    assert wakes == ["operator", *broken, "checkpoint", "compact", "operator"]
    assert [payload["redelivered"] for payload in rig.stub.payloads("message_in")] == [False, False]
    nothing_is_lost_or_doubled(rig)


async def test_a_kill_in_a_compaction_that_was_asked_for_ends_its_turn_and_leaves_the_agent_idle(rig: Rig) -> None:
    rig.scripted(SHORTER, HELLO)
    rig.env["HIVE_FAULT_POINT"] = "in_compact"
    await rig.start()
    await rig.stub.send("one")
    await rig.stub.turn_ends(1)
    turn_id = new_id()
    await rig.stub.ring("compact", {"turn_id": turn_id})
    await dies_at(rig, "in_compact")
    assert rig.report()["turn_state"] == "idle"
    end = (await rig.stub.turn_ends(2))[1]
    assert (end["turn_id"], end["outcome"], end["message_ids"]) == (turn_id, "failed", [])
    await rig.stub.send("two")
    await rig.stub.turn_ends(3)
    nothing_is_lost_or_doubled(rig)


async def test_a_kill_in_a_nap(rig: Rig) -> None:
    rig.scripted(HELLO)
    rig.env["HIVE_FAULT_POINT"] = "turn_state_journalled"
    await rig.start()
    moment = in_seconds(300)
    await rig.stub.ring("nap", {"until": moment})
    await dies_at(rig, "turn_state_journalled")
    assert (rig.report()["turn_state"], rig.report()["turn_until"]) == ("napping", moment)
    await rig.stub.until(lambda: rig.stub.payloads("turn_state_changed"), "the nap being said once hived is told")
    message = await rig.stub.send("one")
    assert rig.stub.books.messages[message]["status"] == "queued"
    await rig.stub.ring("nap", {"until": None})
    await rig.stub.turn_ends(1)
    nothing_is_lost_or_doubled(rig)


async def test_a_kill_in_a_limit(rig: Rig) -> None:
    """It dies with the limit written down and the turn not ended: the turn is closed, and its message waits for the end."""
    rig.scripted({"steps": [{"limit": {"detail": "used up", "until_seconds": 3600}}]}, HELLO)
    rig.env["HIVE_FAULT_POINT"] = "condition_journalled"
    (rig.harness / "fault-condition_journalled").touch()  # `unsandboxed`, at the start, is not the one that is meant
    await rig.start()
    (rig.harness / "fault-condition_journalled").unlink()
    message = await rig.stub.send("one")
    await dies_at(rig, "condition_journalled")
    (limit,) = [found for found in rig.report()["conditions"] if found["kind"] == "rate_limited"]
    assert (limit["detail"], limit["until"] is not None) == ("used up", True)
    await rig.stub.turn_ends(1)
    assert rig.stub.books.messages[message]["status"] == "queued"
    assert not [claim for claim in rig.stub.claims[1:] if not claim["only_now"]]
    await rig.stub.ring("resume", {})
    await rig.stub.until(lambda: rig.stub.books.messages[message]["status"] == "acked", "the message being acked")
    nothing_is_lost_or_doubled(rig)


async def test_a_kill_with_a_new_session_armed(rig: Rig) -> None:
    rig.scripted(HELLO)
    await rig.start()
    await rig.stub.send("one")
    first = (await rig.stub.turn_ends(1))[0]
    await rig.terminate()
    rig.stub.next_generation()
    rig.env["HIVE_FAULT_POINT"] = "session_journalled"
    await rig.start()
    await rig.stub.ring("new_session", {"primer": True})
    await dies_at(rig, "session_journalled")
    assert (rig.report()["session"]["state"], rig.report()["session"]["primer"]) == ("armed", True)
    await rig.stub.send("two")
    second = (await rig.stub.turn_ends(2))[1]
    assert second["session_id"] != first["session_id"]
    nothing_is_lost_or_doubled(rig)


async def test_a_kill_between_the_use_of_an_armed_session_and_its_first_word_begins_anew_again(rig: Rig) -> None:
    rig.scripted(HELLO)
    await rig.start()
    await rig.stub.send("one")
    first = (await rig.stub.turn_ends(1))[0]
    await rig.terminate()
    rig.stub.next_generation()
    rig.env["HIVE_FAULT_POINT"] = "turn_started"
    await rig.start()
    await rig.stub.ring("new_session", {"primer": True})
    message = await rig.stub.send("two")
    await dies_at(rig, "turn_started")
    assert rig.report()["session"]["state"] == "armed"
    await rig.stub.until(lambda: rig.stub.books.messages[message]["status"] == "acked", "the message being acked")
    assert rig.stub.payloads("turn_end")[-1]["session_id"] != first["session_id"]
    nothing_is_lost_or_doubled(rig)


def test_every_state_has_its_point() -> None:
    assert set(STATE_POINTS) == {"session_journalled", "condition_journalled", "turn_state_journalled"}
