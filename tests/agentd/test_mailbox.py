"""What comes into a turn that runs: taken once, settled by its end, brought back by a kill."""

import asyncio

from tests.agentd.rig import Rig


async def test_a_message_taken_in_the_turn_is_acked_by_its_end(rig: Rig) -> None:
    rig.scripted({"steps": [{"say": "begun"}, {"inbox": {"wait": 60}}, {"reply_all": "re {message_id}"}]})
    await rig.start()
    first = await rig.stub.send("please")
    await rig.stub.until(lambda: rig.stub.waiting, "the inbox being asked")
    second = await rig.stub.send("more", "bob")
    (end,) = await rig.stub.turn_ends()
    assert end["message_ids"] == [first, second]
    assert end["steered"] == []
    assert [rig.stub.books.messages[id]["status"] for id in (first, second)] == ["acked", "acked"]
    assert [payload["message_id"] for payload in rig.stub.payloads("message_in")] == [first, second]
    taken = rig.stub.payloads("tool_result")[0]["text"]
    assert f"Message {second} from bob" in taken
    assert "<<< " in taken
    assert [out["body"] for out in rig.stub.books.sent.values()] == [f"re {first}", f"re {second}"]


async def test_a_question_taken_in_the_turn_can_be_answered_in_it(rig: Rig) -> None:
    rig.scripted({"steps": [{"say": "begun"}, {"inbox": {"wait": 60}}, {"answer_all": {"options": ["left"]}}]})
    await rig.start()
    await rig.stub.send("please")
    await rig.stub.until(lambda: rig.stub.waiting, "the inbox being asked")
    question = await rig.stub.ask("Which?", options=["left", "right"])
    await rig.stub.turn_ends()
    (answer,) = rig.stub.payloads("answer_out")
    assert (answer["question_id"], answer["options"]) == (question, [0])
    taken = rig.stub.payloads("tool_result")[0]["text"]
    assert f"Question {question} from bob" in taken
    assert 'options (one of them): 1) "left" 2) "right"; answer it with the tool answer:' in taken


async def test_nothing_that_comes_within_the_wait_is_said(rig: Rig) -> None:
    rig.scripted({"steps": [{"inbox": {"wait": 0.2}}]})
    await rig.start()
    await rig.stub.send("please")
    await rig.stub.turn_ends()
    assert rig.stub.payloads("tool_result")[0]["text"] == "Nothing waits."


async def test_a_cancel_ends_the_wait_at_once(rig: Rig) -> None:
    rig.scripted({"steps": [{"inbox": {"wait": 180}}]})
    await rig.start()
    await rig.stub.send("please")
    await rig.stub.until(lambda: rig.stub.waiting, "the inbox being asked")
    await rig.stub.ring("cancel", {"turn_id": None})
    (end,) = await rig.stub.turn_ends()
    assert end["outcome"] == "cancelled"
    assert end["duration_ms"] < 10_000


async def test_what_came_in_is_brought_back_by_a_kill_and_marked(rig: Rig) -> None:
    rig.scripted({"steps": [{"inbox": {"wait": 5}}, {"say": "taken"}, {"wait_for_file": "go"}]}, {"steps": []})
    await rig.start()
    first = await rig.stub.send("please")
    await rig.stub.until(lambda: rig.stub.waiting, "the inbox being asked")
    second = await rig.stub.send("more", "bob")
    await rig.stub.until(lambda: rig.stub.payloads("text"), "the message being taken")
    await rig.kill()
    (rig.workspace / "go").touch()
    await rig.start()
    ends = await rig.stub.turn_ends(2)
    assert (ends[0]["outcome"], set(ends[0]["message_ids"])) == ("failed", {first, second})
    assert set(ends[1]["message_ids"]) == {first, second}
    again = [payload for payload in rig.stub.payloads("message_in") if payload["message_id"] == second]
    assert [payload["redelivered"] for payload in again] == [False, True]


async def test_while_hived_is_away_the_wait_gives_up_at_its_end_and_says_so(rig: Rig) -> None:
    rig.scripted({"steps": [{"say": "begun"}, {"wait_for_file": "go"}, {"inbox": {"wait": 0.5}}]})
    await rig.start()
    await rig.stub.send("please")
    await rig.stub.until(lambda: rig.stub.payloads("text"), "the turn running")
    await rig.stub.stop()
    (rig.workspace / "go").touch()
    async with asyncio.timeout(120):
        while not rig.journalled("turn_end"):  # noqa: ASYNC110 - a file has no Event
            await asyncio.sleep(0)
    assert rig.journalled("tool_result")[-1]["text"].startswith("hived is away, so nothing could be taken")


async def test_what_is_too_long_for_an_answer_comes_with_the_next_turn(rig: Rig) -> None:
    rig.scripted({"steps": [{"inbox": {"wait": 60}}]}, {"steps": [{"say": "next"}]})
    await rig.start()
    first = await rig.stub.send("please")
    await rig.stub.until(lambda: rig.stub.waiting, "the inbox being asked")
    second = await rig.stub.send("x" * 24_000, "bob")
    ends = await rig.stub.turn_ends(2)
    assert [end["message_ids"] for end in ends] == [[first], [second]]
    assert rig.stub.payloads("tool_result")[0]["text"] == (
        "One more is too long for this answer, and will be in your next turn."
    )
