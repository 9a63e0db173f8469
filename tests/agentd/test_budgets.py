"""A harness whose budget is spent: it begins nothing, says so once, and goes on when hived rings."""

from tests.agentd.rig import Rig

SPENT = "The day's budget of 5.00 USD of ann is spent."


async def test_over_budget_no_turn_begins_and_it_is_said_once_for_each_reason(rig: Rig) -> None:
    rig.scripted({"repeat": True, "steps": [{"say": "on"}]})
    rig.stub.over_budget = SPENT
    await rig.start()
    await rig.stub.send("one")
    await rig.stub.until(lambda: rig.stub.payloads("note"), "the first reason")
    claims = len(rig.stub.claims)
    await rig.stub.send("two")
    await rig.stub.until(lambda: len(rig.stub.claims) > claims, "another claim")
    rig.stub.over_budget = "The hive's budget is spent."
    await rig.stub.ring("wake", {"unread": 2})
    await rig.stub.until(lambda: len(rig.stub.payloads("note")) == 2, "the second reason")
    assert [note["text"] for note in rig.stub.payloads("note")] == [
        f"No turn begins: {SPENT}", "No turn begins: The hive's budget is spent.",
    ]  # fmt: skip
    assert rig.stub.payloads("turn_start") == []
    assert rig.report()["turn_state"] == "idle"


async def test_it_goes_on_when_there_is_a_way_on(rig: Rig) -> None:
    rig.scripted({"repeat": True, "steps": [{"say": "on"}]})
    rig.stub.over_budget = SPENT
    await rig.start()
    message = await rig.stub.send("one")
    await rig.stub.until(lambda: rig.stub.payloads("note"), "its being said")
    rig.stub.over_budget = None
    await rig.stub.ring("wake", {"unread": 1})
    (end,) = await rig.stub.turn_ends()
    assert end["message_ids"] == [message]
    assert rig.stub.payloads("note")[-1]["text"] == "The budget allows turns again."


async def test_a_compaction_that_the_budget_does_not_allow_ends_over_budget(rig: Rig) -> None:
    rig.scripted({"repeat": True, "steps": [{"say": "on"}]})
    await rig.start()
    await rig.stub.send("one")
    await rig.stub.turn_ends()
    rig.stub.over_budget = SPENT
    await rig.stub.ring("compact", {"turn_id": "t-compact"})
    end = (await rig.stub.turn_ends(2))[1]
    assert (end["turn_id"], end["outcome"], end["error"]) == ("t-compact", "over_budget", SPENT)


async def test_a_checkpoint_that_the_budget_does_not_allow_is_left_out(rig: Rig) -> None:
    full = {"usage": {"ctx": 90, "window": 100}}
    rig.scripted({"repeat": True, "steps": [full, {"say": "on"}]})
    await rig.start()
    await rig.stub.send("one")
    await rig.stub.turn_ends()
    rig.stub.over_budget = SPENT
    await rig.stub.send("two")
    await rig.stub.until(lambda: any("No turn begins" in n["text"] for n in rig.stub.payloads("note")), "the refusal")
    assert [start["wake"]["kind"] for start in rig.stub.payloads("turn_start")] == ["operator"]
    rig.stub.over_budget = None
    await rig.stub.ring("wake", {"unread": 1})
    await rig.stub.turn_ends(4)
    kinds = [start["wake"]["kind"] for start in rig.stub.payloads("turn_start")]
    assert kinds == ["operator", "checkpoint", "compact", "operator"]


async def test_a_turns_wake_says_a_reminder_and_a_report_for_what_they_are(rig: Rig) -> None:
    rig.scripted({"repeat": True, "steps": []})
    await rig.start()
    await rig.stub.send("look", "ann", kind="reminder", about="r1")
    await rig.stub.turn_ends(1)
    await rig.stub.send("approved", "hived", kind="report", about="a1")
    await rig.stub.turn_ends(2)
    await rig.stub.send("hi", "bob")
    await rig.stub.turn_ends(3)
    assert [start["wake"] for start in rig.stub.payloads("turn_start")] == [
        {"kind": "reminder", "from": "ann"}, {"kind": "report", "from": "hived"}, {"kind": "message", "from": "bob"},
    ]  # fmt: skip
