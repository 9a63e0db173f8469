"""What an engine asks the operator: answered by him, by a rule or a grant, taken back, or left for the next harness."""

from typing import Any

from tests.agentd.rig import Rig

ASK = {"ask_permission": {"tool": "Bash", "input": {"command": "make"}}}


async def asked(rig: Rig, *steps: dict[str, Any], count: int = 1) -> str:
    """The id of the ask that the turn stands still for."""
    rig.scripted({"steps": list(steps or (ASK,))})
    await rig.start()
    await rig.stub.send("please")
    await rig.stub.until(lambda: len(rig.stub.books.approvals) == count, "the ask")
    return list(rig.stub.books.approvals)[-1]


async def test_a_decision_and_its_note_reach_the_engine(rig: Rig) -> None:
    id = await asked(rig)
    await rig.stub.ring("decision", {"approval_id": id, "status": "denied", "note": "not now"})
    await rig.stub.turn_ends()
    assert rig.stub.payloads("tool_result")[0]["text"] == "denied: not now"
    (decided,) = rig.stub.payloads("permission_decided")
    assert (decided["approval_id"], decided["status"], decided["note"]) == (id, "denied", "not now")


async def test_a_command_that_is_allowed_runs_as_the_operator_changed_it(rig: Rig) -> None:
    step = {"ask_permission": {"tool": "Bash", "input": {"command": "echo wild"}, "run": True, "expect": "allowed"}}
    id = await asked(rig, step)
    decision = {"approval_id": id, "status": "approved", "updated_input": {"command": "echo tame"}}
    await rig.stub.ring("decision", decision)
    (end,) = await rig.stub.turn_ends()
    assert end["outcome"] == "ok"
    assert rig.stub.payloads("tool_result")[0]["text"] == "tame\n"
    assert rig.stub.payloads("permission_decided")[0]["updated_input"] == {"command": "echo tame"}


async def test_an_answer_that_was_not_expected_fails_the_turn_for_good(rig: Rig) -> None:
    id = await asked(rig, {"ask_permission": {"tool": "Bash", "input": {}, "expect": "allowed"}})
    await rig.stub.ring("decision", {"approval_id": id, "status": "denied"})
    (end,) = await rig.stub.turn_ends()
    assert (end["outcome"], end["retryable"]) == ("failed", False)
    assert end["error"] == "Bash was denied, and the scenario expects that it is allowed"


async def test_an_answer_that_stands_already_is_taken_at_once(rig: Rig) -> None:
    rig.stub.decided = {"status": "approved", "rule": "r1", "note": "rule r1 allows it"}
    await asked(rig)
    await rig.stub.turn_ends()
    assert rig.stub.payloads("tool_result")[0]["text"] == "allowed"
    assert rig.stub.payloads("permission_decided")[0]["by"] == "rule r1"


async def test_a_rule_that_denies_says_so_to_the_engine(rig: Rig) -> None:
    rig.stub.decided = {"status": "denied", "rule": "r1", "note": "Rule r1 denies Bash rm*."}
    await asked(rig)
    await rig.stub.turn_ends()
    assert rig.stub.payloads("tool_result")[0]["text"] == "denied: Rule r1 denies Bash rm*."


async def test_a_grant_lets_a_resumed_agent_go_on_with_the_operators_input(rig: Rig) -> None:
    rig.stub.decided = {"status": "approved", "grant": "a0", "updated_input": {"command": "true"}}
    await asked(rig, {"ask_permission": {"tool": "Bash", "input": {"command": "false"}, "run": True}})
    await rig.stub.turn_ends()
    assert rig.stub.payloads("tool_result")[0]["is_error"] is False
    assert rig.stub.payloads("permission_decided")[0]["by"] == "grant a0"


async def test_an_ask_of_a_cancelled_turn_is_taken_back(rig: Rig) -> None:
    id = await asked(rig)
    await rig.stub.ring("cancel", {"turn_id": None})
    await rig.stub.turn_ends()
    await rig.stub.until(lambda: rig.stub.payloads("permission_decided"), "the ask being taken back")
    (decided,) = rig.stub.payloads("permission_decided")
    assert (decided["approval_id"], decided["status"]) == (id, "cancelled")


async def test_an_ask_of_a_harness_that_is_stopped_stays_asked(rig: Rig) -> None:
    await asked(rig)
    assert await rig.terminate() == 0
    assert rig.journalled("permission_asked")
    assert rig.journalled("permission_decided") == []


async def test_an_ask_of_a_harness_that_was_killed_stays_asked_and_is_asked_again(rig: Rig) -> None:
    first = await asked(rig)
    await rig.kill()
    await rig.start()
    await rig.stub.until(lambda: len(rig.stub.books.approvals) == 2, "the ask being made again")
    second = list(rig.stub.books.approvals)[-1]
    assert second != first
    assert rig.stub.books.approvals[second]["input"] == rig.stub.books.approvals[first]["input"]
    assert rig.stub.payloads("permission_decided") == []
