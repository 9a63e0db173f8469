"""The turn loop of a real harness: claim, prompt, events, one turn_end, and what the operator does meanwhile."""

import json
import sqlite3

from tests.agentd.programs import WAITS_FOR_GO
from tests.agentd.rig import Rig


async def test_a_message_is_one_turn_and_its_turn_end_acks_it(rig: Rig) -> None:
    rig.scripted({"steps": [{"say": "hello {from}"}, {"shell": "echo deed"}]})
    await rig.start()
    message = await rig.stub.send("please")
    (end,) = await rig.stub.turn_ends()
    await rig.stub.until(lambda: rig.stub.payloads("session_changed"), "the session being said")
    kinds = rig.stub.kinds()
    assert kinds[kinds.index("message_in") :] == [
        "message_in", "turn_start", "text", "tool_use", "tool_result", "turn_end", "session_changed",
    ]  # fmt: skip
    assert end["outcome"] == "ok"
    assert end["message_ids"] == [message]
    assert end["tool_calls"] == 1
    assert end["error"] is None
    assert rig.stub.payloads("text") == [{"text": "hello operator"}]
    assert rig.stub.books.messages[message]["status"] == "acked"


async def test_an_idle_harness_claims_what_came_while_it_was_away(rig: Rig) -> None:
    rig.scripted({"steps": [{"say": "hello"}]})
    message = await rig.stub.send("early")
    await rig.start()
    (end,) = await rig.stub.turn_ends()
    assert end["message_ids"] == [message]


async def test_a_turn_that_fails_for_good_holds_its_message(rig: Rig) -> None:
    rig.scripted({"steps": [{"fail": {"outcome": "failed", "error": "no such key", "retryable": False}}]})
    await rig.start()
    message = await rig.stub.send("please")
    (end,) = await rig.stub.turn_ends()
    assert (end["outcome"], end["error"], end["retryable"]) == ("failed", "no such key", False)
    await rig.stub.until(lambda: rig.stub.books.messages[message]["status"] == "held", "the message being held")


async def test_needs_login_is_a_condition_until_a_turn_goes_well(rig: Rig) -> None:
    rig.scripted({"steps": [{"fail": {"outcome": "needs_login", "error": "log in"}}]}, {"steps": [{"say": "in"}]})
    await rig.start()
    await rig.stub.send("please")
    await rig.stub.turn_ends(2)
    changes = [p for p in rig.stub.payloads("status_changed") if p["condition"] == "needs_login"]
    assert [change["on"] for change in changes] == [True, False]


async def test_a_cancelled_turn_ends_cancelled_and_acks(rig: Rig) -> None:
    rig.scripted({"steps": [{"say": "begun"}, {"wait_seconds": 60}]})
    await rig.start()
    message = await rig.stub.send("please")
    await rig.stub.until(lambda: rig.stub.payloads("text"), "the turn running")
    await rig.stub.ring("cancel", {"turn_id": None})
    (end,) = await rig.stub.turn_ends()
    assert end["outcome"] == "cancelled"
    assert rig.stub.books.messages[message]["status"] == "acked"


async def test_a_cancel_of_another_turn_is_not_for_this_one(rig: Rig) -> None:
    rig.scripted({"steps": [{"say": "begun"}, {"wait_for_file": "go"}]})
    await rig.start()
    await rig.stub.send("please")
    await rig.stub.until(lambda: rig.stub.payloads("text"), "the turn running")
    await rig.stub.ring("cancel", {"turn_id": "another"})
    (rig.workspace / "go").touch()
    (end,) = await rig.stub.turn_ends()
    assert end["outcome"] == "ok"


async def test_a_message_for_now_steers_the_running_turn(rig: Rig) -> None:
    rig.scripted({"steps": [{"say": "begun"}, {"wait_for_file": "go"}]})
    await rig.start()
    first = await rig.stub.send("please")
    await rig.stub.until(lambda: rig.stub.payloads("text"), "the turn running")
    second = await rig.stub.send("faster", when="now")
    await rig.stub.until(lambda: len(rig.stub.payloads("text")) == 2, "the steering being heard")
    (rig.workspace / "go").touch()
    (end,) = await rig.stub.turn_ends()
    assert end["message_ids"] == [first, second]
    assert end["steered"] == [second]
    assert "faster" in rig.stub.payloads("text")[1]["text"]
    assert [payload["steered"] for payload in rig.stub.payloads("message_in")] == [False, True]


async def test_an_engine_that_cannot_steer_leaves_the_message_for_the_next_turn(rig: Rig) -> None:
    rig.command(WAITS_FOR_GO)
    await rig.start()
    first = await rig.stub.send("please")
    await rig.stub.until(lambda: rig.stub.payloads("text"), "the turn running")
    second = await rig.stub.send("faster", when="now")
    (rig.workspace / "go").touch()
    ends = await rig.stub.turn_ends(2)
    assert [end["message_ids"] for end in ends] == [[first], [second]]


async def test_the_model_file_is_read_each_turn_and_said_when_it_changed(rig: Rig) -> None:
    rig.scripted({"repeat": True, "steps": [{"say": "on {model}"}]})
    (rig.harness / "model").write_text("haiku\n")
    await rig.start()
    await rig.stub.send("one")
    await rig.stub.turn_ends(1)
    (rig.harness / "model").write_text("opus\n")
    await rig.stub.send("two")
    ends = await rig.stub.turn_ends(2)
    assert [payload["text"] for payload in rig.stub.payloads("text")] == ["on haiku", "on opus"]
    assert [end["model"] for end in ends] == ["haiku", "opus"]
    assert rig.stub.payloads("model_changed") == [{"model": "opus", "previous": "haiku"}]


async def test_a_blank_model_file_means_the_engines_own_model(rig: Rig) -> None:
    (rig.harness / "model").write_text(" \n")
    rig.scripted({"steps": [{"say": "on {model}"}]})
    await rig.start()
    await rig.stub.send("one")
    (end,) = await rig.stub.turn_ends()
    assert end["model"] == "default"


async def test_a_model_set_in_mid_turn_is_in_force_at_once(rig: Rig) -> None:
    rig.scripted({"steps": [{"say": "begun"}, {"wait_for_file": "go"}]})
    await rig.start()
    await rig.stub.send("one")
    await rig.stub.until(lambda: rig.stub.payloads("text"), "the turn running")
    (rig.harness / "model").write_text("opus\n")
    await rig.stub.ring("model", {"model": "opus"})
    await rig.stub.until(lambda: rig.stub.payloads("model_changed"), "the change being said")
    assert not rig.stub.payloads("turn_end")
    (rig.workspace / "go").touch()
    await rig.stub.turn_ends()


async def test_a_turns_statistics_have_every_column(rig: Rig) -> None:
    rig.scripted({"steps": [{"shell": "true"}, {"usage": {"ctx": 5, "window": 100, "tokens": 7, "cost_usd": 0.5}}]})
    await rig.start()
    await rig.stub.send("one")
    (end,) = await rig.stub.turn_ends()
    assert end["ctx"] == {"tokens": 5, "window": 100}
    assert end["cost"] == {"tokens": 7, "usd": 0.5, "estimated": False}
    await rig.terminate()
    connection = sqlite3.connect(rig.harness / "turn-stats.sqlite")
    connection.row_factory = sqlite3.Row
    (row,) = connection.execute("SELECT * FROM turns").fetchall()
    connection.close()
    assert row["turn_id"] == end["turn_id"]
    assert row["result_kind"] == "ok"
    assert row["wake_from"] == "operator"
    assert row["last_input_tokens"] == 5
    assert row["input_tokens"] == 7
    assert row["cache_read_input_tokens"] is None
    assert json.loads(row["tool_call_breakdown_json"]) == {"Bash": 1}
    assert (row["open_threads_count"], row["open_reminders_count"]) == (0, 0)


async def test_sigterm_in_mid_turn_flushes_and_exits_0_and_the_message_goes_back(rig: Rig) -> None:
    rig.scripted({"steps": [{"say": "begun"}, {"wait_seconds": 60}]})
    await rig.start()
    message = await rig.stub.send("please")
    await rig.stub.until(lambda: rig.stub.payloads("text"), "the turn running")
    assert await rig.terminate() == 0
    (end,) = rig.stub.payloads("turn_end")
    assert (end["outcome"], end["retryable"]) == ("failed", True)
    assert rig.stub.books.messages[message]["status"] == "queued"


async def test_a_harness_that_is_told_to_stop_ends(rig: Rig) -> None:
    rig.scripted({"steps": []})
    await rig.start()
    await rig.stub.ring("stop", {"reason": "hive stop"})
    assert await rig.ended() == 0


async def test_a_stale_generation_ends_itself_with_75(rig: Rig) -> None:
    rig.scripted({"steps": [{"say": "begun"}]})
    await rig.start()
    rig.stub.generation += 1
    await rig.stub.send("please")
    assert await rig.ended() == 75
    assert not rig.stub.payloads("turn_end")


async def test_a_harness_ends_when_its_home_vanishes(rig: Rig) -> None:
    rig.scripted({"steps": []})
    await rig.start()
    rig.harness.rename(rig.home / "gone")
    assert await rig.ended() == 0
    (rig.home / "gone").rename(rig.harness)


async def test_a_second_harness_of_one_agent_does_not_start(rig: Rig) -> None:
    rig.scripted({"steps": []})
    await rig.start()
    first = rig.process
    await rig.start(connected=False)
    assert await rig.ended() == 1
    assert "another harness of ann holds" in rig.log()
    rig.process = first
