"""The care of a context: a checkpoint and a compaction at 75 %, a new conversation at 50 % and cold, and what goes wrong in it."""

import asyncio
from typing import Any

import pytest

from agentd.context_care import COLD_SECONDS, COMPACT_PERCENT, RENEW_PERCENT, Thresholds
from hived.wire.ids import new_id
from tests.agentd.rig import Rig

NOTES = {
    "wake": "checkpoint", "repeat": True,
    "steps": [{"write": {"path": "state:notes.md", "text": "plum"}}, {"usage": {"ctx": 81000, "tokens": 500, "cost_usd": 0.25}}],
}  # fmt: skip
SHORTER = {"wake": "compact", "repeat": True, "steps": [{"usage": {"ctx": 8000, "tokens": 900, "cost_usd": 0.5}}]}
WORK = {"repeat": True, "steps": [{"say": "hello"}]}


def full(percent: int) -> dict[str, Any]:
    """A turn that leaves the context so full."""
    return {
        "steps": [
            {"say": "much"},
            {"usage": {"ctx": percent * 1000, "window": 100_000, "tokens": 10, "cost_usd": 0.01}},
        ]
    }


def wakes(rig: Rig) -> list[str]:
    return [start["wake"]["kind"] for start in rig.stub.payloads("turn_start")]


async def worked(rig: Rig, turns: int, body: str = "please") -> list[dict[str, Any]]:
    """Send a message; the turn_ends once there are so many."""
    await rig.stub.send(body)
    return await rig.stub.turn_ends(turns)


async def test_at_75_percent_notes_are_written_then_it_is_compacted_then_the_work_is_done(rig: Rig) -> None:
    rig.scripted(NOTES, SHORTER, full(80), WORK, engine={"window": 100_000})
    await rig.start()
    await worked(rig, 1)
    message = await rig.stub.send("two")
    ends = await rig.stub.turn_ends(4)
    assert wakes(rig) == ["operator", "checkpoint", "compact", "operator"]
    assert [end["outcome"] for end in ends] == ["ok"] * 4
    assert (ends[1]["message_ids"], ends[2]["message_ids"], ends[3]["message_ids"]) == ([], [], [message])
    assert (rig.home / "state" / "notes.md").read_text() == "plum"
    assert ends[2]["ctx"] == {"tokens": 8000, "window": 100_000}
    assert ends[2]["cost"] == {"tokens": 900, "usd": 0.5, "estimated": False}
    assert [end["session_id"] for end in ends] == [ends[0]["session_id"]] * 4
    assert any("80 % full" in note["text"] for note in rig.stub.payloads("note"))
    states = [change["state"] for change in rig.stub.payloads("turn_state_changed")]
    assert states == ["compacting"]
    await rig.terminate()
    assert [row["wake_from"] for row in rig.stats()] == ["operator", "checkpoint", "compact", "operator"]
    assert [row["cost_usd"] for row in rig.stats()][1:3] == [0.25, 0.5]


async def test_nothing_is_done_while_nothing_waits_or_below_the_threshold(rig: Rig) -> None:
    rig.scripted(full(74), full(80), NOTES, SHORTER, WORK)
    await rig.start()
    await worked(rig, 1)
    await worked(rig, 2)
    await rig.stub.ring("wake", {"unread": 0})
    await rig.stub.ring("nap", {"until": None})
    await rig.stub.until(lambda: rig.stub.payloads("turn_state_changed"), "an answer to what came after the wake")
    assert wakes(rig) == ["operator", "operator"]


async def test_what_comes_right_after_the_look_at_the_inbox_waits_for_the_care_too(rig: Rig) -> None:
    rig.scripted(NOTES, SHORTER, full(80), WORK, engine={"window": 100_000})
    await rig.start()
    ringing: list[asyncio.Task[str]] = []

    def comes_after_the_answer(method: str, path: str) -> tuple[int, dict[str, Any]] | None:
        if path != "/v1/inbox" or ringing:
            return None
        ringing.append(asyncio.get_running_loop().create_task(rig.stub.send("two")))
        return 200, {"messages": []}

    rig.stub.fault = comes_after_the_answer
    await worked(rig, 1)
    await rig.stub.turn_ends(4)
    assert wakes(rig) == ["operator", "checkpoint", "compact", "operator"]
    assert ringing[0].done()


async def test_how_full_it_is_is_known_after_a_restart(rig: Rig) -> None:
    rig.scripted(full(80), NOTES, SHORTER, WORK)
    await rig.start()
    await worked(rig, 1)
    await rig.terminate()
    rig.stub.next_generation()
    await rig.start()
    assert rig.report()["ctx"] == {"tokens": 80_000, "window": 100_000}
    assert rig.report()["cost"] == {"tokens": 10, "usd": 0.01, "estimated": False}
    await worked(rig, 4)
    assert wakes(rig) == ["operator", "checkpoint", "compact", "operator"]


async def test_a_compaction_that_says_no_figures_leaves_none_and_is_not_repeated(rig: Rig) -> None:
    rig.scripted(full(80), NOTES, {"wake": "compact", "repeat": True, "steps": []}, WORK, engine={"window": 100_000})
    await rig.start()
    await worked(rig, 1)
    ends = await worked(rig, 4)
    assert ends[2]["outcome"] == "ok"
    await rig.terminate()
    rig.stub.next_generation()
    await rig.start()
    await worked(rig, 5, "three")
    assert wakes(rig) == ["operator", "checkpoint", "compact", "operator", "operator"]


async def test_a_figure_of_the_inference_that_compacted_is_not_taken_for_what_is_left(rig: Rig) -> None:
    rig.scripted(full(80), NOTES, {"wake": "compact", "steps": [{"usage": {"ctx": 82_000, "tokens": 900}}]}, WORK)
    await rig.start()
    await worked(rig, 1)
    ends = await worked(rig, 4)
    assert (ends[2]["outcome"], ends[2]["ctx"]) == ("ok", None)
    assert ends[2]["cost"]["tokens"] == 900


async def test_a_context_that_is_as_full_after_its_compaction_is_not_compacted_before_every_turn(rig: Rig) -> None:
    nothing_said = {"wake": "compact", "repeat": True, "steps": []}
    rig.scripted(NOTES, nothing_said, {**full(80), "repeat": True})
    await rig.start()
    await worked(rig, 1)
    await worked(rig, 4)
    await worked(rig, 5, "three")
    assert wakes(rig) == ["operator", "checkpoint", "compact", "operator", "operator"]


async def test_half_full_and_cold_begins_a_new_conversation_that_is_told_where_the_notes_are(rig: Rig) -> None:
    rig.scripted(NOTES, full(55), {"repeat": True, "match": "two", "steps": [{"say": "after"}]})
    await rig.start(HIVE_CACHE_SECONDS="0")
    first = (await worked(rig, 1))[0]
    ends = await worked(rig, 3, "two")
    assert wakes(rig) == ["operator", "checkpoint", "operator"]
    assert ends[1]["session_id"] == first["session_id"]
    assert ends[2]["session_id"] != first["session_id"]
    await rig.stub.until(lambda: len(rig.stub.payloads("session_changed")) == 3, "the new session being kept")
    changes = rig.stub.payloads("session_changed")
    assert [(change["state"], change["primer"]) for change in changes] == [
        ("kept", None),
        ("armed", True),
        ("kept", None),
    ]


async def test_half_full_and_warm_goes_on_as_it_is(rig: Rig) -> None:
    rig.scripted(NOTES, full(55), WORK)
    await rig.start()
    await worked(rig, 1)
    await worked(rig, 2)
    assert wakes(rig) == ["operator", "operator"]


async def test_an_engine_that_cannot_compact_begins_a_new_conversation_instead(rig: Rig) -> None:
    rig.scripted(NOTES, full(80), WORK, engine={"compact": False})
    await rig.start()
    first = (await worked(rig, 1))[0]
    ends = await worked(rig, 3)
    assert wakes(rig) == ["operator", "checkpoint", "operator"]
    assert ends[2]["session_id"] != first["session_id"]


async def test_a_checkpoint_that_fails_is_said_once_and_the_work_goes_on(rig: Rig) -> None:
    broken = {"wake": "checkpoint", "repeat": True, "steps": [{"fail": {"outcome": "failed", "error": "no disk"}}]}
    rig.scripted(broken, SHORTER, {**full(80), "repeat": True})
    await rig.start()
    await worked(rig, 1)
    message = await rig.stub.send("two")
    ends = await rig.stub.turn_ends(3)
    assert [end["outcome"] for end in ends] == ["ok", "failed", "ok"]
    assert ends[2]["message_ids"] == [message]
    await worked(rig, 4, "three")
    assert wakes(rig) == ["operator", "checkpoint", "operator", "operator"]
    assert sum("The checkpoint did not work (no disk)" in note["text"] for note in rig.stub.payloads("note")) == 1


async def test_a_compaction_that_fails_is_said_once_and_the_work_goes_on(rig: Rig) -> None:
    rig.scripted(NOTES, {**full(80), "repeat": True}, engine={"compact": "fails"})
    await rig.start()
    await worked(rig, 1)
    ends = await worked(rig, 4)
    assert [end["outcome"] for end in ends] == ["ok", "ok", "failed", "ok"]
    await worked(rig, 5, "three")
    assert wakes(rig) == ["operator", "checkpoint", "compact", "operator", "operator"]
    assert sum("was not compacted" in note["text"] for note in rig.stub.payloads("note")) == 1


async def test_a_checkpoint_can_be_cancelled_and_the_work_goes_on(rig: Rig) -> None:
    slow = {"wake": "checkpoint", "repeat": True, "steps": [{"say": "writing"}, {"wait_seconds": 60}]}
    rig.scripted(slow, full(80), WORK)
    await rig.start()
    await worked(rig, 1)
    message = await rig.stub.send("two")
    await rig.stub.until(lambda: len(rig.stub.payloads("text")) == 2, "the checkpoint running")
    await rig.stub.ring("cancel", {"turn_id": rig.stub.payloads("turn_start")[-1]["turn_id"]})
    ends = await rig.stub.turn_ends(3)
    assert [end["outcome"] for end in ends] == ["ok", "cancelled", "ok"]
    assert ends[2]["message_ids"] == [message]


async def test_a_limit_that_is_reached_in_a_checkpoint_holds_the_work_back(rig: Rig) -> None:
    limited = {"wake": "checkpoint", "steps": [{"limit": {"detail": "used up", "until_seconds": 3600}}]}
    rig.scripted(limited, full(80), WORK)
    await rig.start()
    await worked(rig, 1)
    message = await rig.stub.send("two")
    ends = await rig.stub.turn_ends(2)
    assert ends[1]["outcome"] == "rate_limited"
    await rig.stub.ring("nap", {"until": None})
    await rig.stub.until(lambda: rig.stub.payloads("turn_state_changed"), "an answer to what came after")
    assert rig.stub.books.messages[message]["status"] == "queued"
    await rig.stub.ring("resume", {})
    assert (await rig.stub.turn_ends(3))[2]["message_ids"] == [message]


# A compaction that is asked for --------------------------------------------------------------------------------


async def test_a_compaction_that_is_asked_for_is_a_turn_with_the_id_that_was_given(rig: Rig) -> None:
    rig.scripted(full(30), SHORTER, WORK)
    await rig.start()
    await worked(rig, 1)
    turn_id = new_id()
    await rig.stub.ring("compact", {"turn_id": turn_id})
    end = (await rig.stub.turn_ends(2))[1]
    assert (end["turn_id"], end["outcome"], end["message_ids"]) == (turn_id, "ok", [])
    assert rig.stub.payloads("turn_start")[1]["wake"] == {"kind": "compact", "from": "operator"}
    kinds = rig.stub.kinds()
    start = kinds.index("turn_start", kinds.index("turn_end"))
    assert kinds[start + 1] == "turn_state_changed"
    assert rig.stub.payloads("turn_state_changed")[0] == {"state": "compacting", "turn_id": turn_id, "until": None}


async def test_a_compaction_waits_for_the_turn_that_runs_and_two_who_ask_are_both_answered(rig: Rig) -> None:
    rig.scripted({"steps": [{"say": "begun"}, {"wait_for_file": "go"}]}, SHORTER)
    await rig.start()
    await rig.stub.send("please")
    await rig.stub.until(lambda: rig.stub.payloads("text"), "the turn running")
    first, second = new_id(), new_id()
    for turn_id in (first, second, first):
        await rig.stub.ring("compact", {"turn_id": turn_id})
    (rig.workspace / "go").touch()
    ends = await rig.stub.turn_ends(3)
    assert [end["turn_id"] for end in ends][1:] == [first, second]
    assert [end["outcome"] for end in ends] == ["ok", "ok", "failed"]
    assert f"compacted just now, by turn {first}" in ends[2]["error"]


async def test_a_compaction_says_why_it_cannot_be(rig: Rig) -> None:
    rig.scripted(full(30), engine={"compact": False})
    await rig.start()
    await worked(rig, 1)
    await rig.stub.ring("compact", {"turn_id": new_id()})
    end = (await rig.stub.turn_ends(2))[1]
    assert (end["outcome"], end["error"]) == ("failed", "This engine cannot compact its conversation.")
    await rig.stub.ring("new_session", {"primer": False})
    await rig.stub.ring("compact", {"turn_id": new_id()})
    end = (await rig.stub.turn_ends(3))[2]
    assert "begins a new conversation" in end["error"]


async def test_a_compaction_can_be_cancelled(rig: Rig) -> None:
    rig.scripted(full(30), {"wake": "compact", "steps": [{"say": "squeezing"}, {"wait_seconds": 60}]})
    await rig.start()
    await worked(rig, 1)
    turn_id = new_id()
    await rig.stub.ring("compact", {"turn_id": turn_id})
    await rig.stub.until(lambda: len(rig.stub.payloads("text")) == 2, "the compaction running")
    await rig.stub.ring("cancel", {"turn_id": turn_id})
    assert (await rig.stub.turn_ends(2))[1]["outcome"] == "cancelled"


# A prompt that is too long -------------------------------------------------------------------------------------


async def test_a_prompt_that_is_too_long_is_tried_again_after_a_compaction_and_all_of_it_is_paid_for(rig: Rig) -> None:
    too_long = {"outcome": "prompt_too_long", "error": "too long", "until_compacted": True}
    spent = {"ctx": 9000, "window": 10_000, "tokens": 100, "cost_usd": 0.25}
    rig.scripted({"steps": [{"usage": spent}, {"fail": too_long}, {"say": "done"}]}, SHORTER, engine={"window": 10_000})
    await rig.start()
    message = await rig.stub.send("please")
    (end,) = await rig.stub.turn_ends()
    assert (end["outcome"], end["message_ids"]) == ("ok", [message])
    assert end["cost"] == {"tokens": 1100, "usd": 1.0, "estimated": False}
    assert [change["state"] for change in rig.stub.payloads("turn_state_changed")] == ["compacting", "thinking"]
    assert len(rig.stub.payloads("turn_start")) == 1
    await rig.stub.until(lambda: rig.stub.books.messages[message]["status"] == "acked", "the message being acked")


async def test_a_prompt_that_stays_too_long_is_tried_once_more_and_no_more(rig: Rig) -> None:
    rig.scripted({"repeat": True, "steps": [{"fail": {"outcome": "prompt_too_long", "retryable": False}}]})
    await rig.start()
    await rig.stub.send("please")
    (end,) = await rig.stub.turn_ends()
    assert end["outcome"] == "prompt_too_long"
    assert [change["state"] for change in rig.stub.payloads("turn_state_changed")] == ["compacting", "thinking"]


async def test_a_prompt_that_is_too_long_for_an_engine_that_cannot_compact_is_said(rig: Rig) -> None:
    rig.scripted(
        {"repeat": True, "steps": [{"fail": {"outcome": "prompt_too_long", "retryable": False}}]},
        engine={"compact": "fails"},
    )
    await rig.start()
    await rig.stub.send("please")
    (end,) = await rig.stub.turn_ends()
    assert end["outcome"] == "prompt_too_long"
    assert any("cannot be made shorter" in note["text"] for note in rig.stub.payloads("note"))


# A turn that ends without a cost -------------------------------------------------------------------------------


async def test_a_turn_that_fails_with_tokens_and_no_cost_is_estimated_from_what_was_paid_before(rig: Rig) -> None:
    rig.scripted(
        {"steps": [{"usage": {"tokens": 1000, "cost_usd": 0.5}}]},
        {"steps": [{"usage": {"tokens": 200}}, {"fail": {"outcome": "failed", "retryable": False}}]},
    )
    await rig.start()
    await worked(rig, 1)
    end = (await worked(rig, 2))[1]
    assert end["cost"] == {"tokens": 200, "usd": 0.1, "estimated": True}


async def test_without_a_history_a_turn_that_fails_has_no_cost_and_not_0(rig: Rig) -> None:
    rig.scripted({"steps": [{"usage": {"tokens": 200}}, {"fail": {"outcome": "failed", "retryable": False}}]})
    await rig.start()
    (end,) = await worked(rig, 1)
    assert end["cost"] == {"tokens": 200, "usd": None, "estimated": False}


@pytest.mark.parametrize(
    ("text", "wanted"), [("12.5", 12.5), ("0", 0.0), ("many", None), ("-1", None), ("nan", None), ("inf", None)]
)
def test_thresholds_come_from_the_environment_where_they_make_sense(
    monkeypatch: pytest.MonkeyPatch, text: str, wanted: float | None
) -> None:
    for name in ("HIVE_CHECKPOINT_PERCENT", "HIVE_RENEW_PERCENT", "HIVE_CACHE_SECONDS"):
        monkeypatch.setenv(name, text)
    if wanted is None:
        assert Thresholds.from_environment() == Thresholds(COMPACT_PERCENT, RENEW_PERCENT, COLD_SECONDS)
    else:
        assert Thresholds.from_environment() == Thresholds(wanted, wanted, wanted)
