"""Plans and remarks on the real CLI: to approve a plan widens nothing, and what the operator says of a yes reaches the model."""

import json
from typing import Any

import pytest

from agentd.engines.base import Permission, ToolInput
from tests.support.claude import Setting, done_of, played
from tests.support.claude_turns import bash, script

pytestmark = [pytest.mark.claude]

PLAN: dict[str, Any] = {"tool": "ExitPlanMode", "input": {"plan": "# The plan\n1. write w.txt"}}


def write(name: str) -> dict[str, Any]:
    return {"tool": "Write", "input": {"file_path": f"$CWD/{name}", "content": "x"}}


def tools_asked(setting: Setting) -> list[str]:
    return [tool for tool, _ in setting.asked]


@pytest.fixture
def yes(setting: Setting) -> Setting:
    setting.decide = lambda tool, input: Permission(True)
    return setting


async def test_after_an_approved_plan_each_write_is_still_asked_about(yes: Setting) -> None:
    yes.permission_mode = "plan"
    async with yes.engine() as engine:
        events = await played(engine, script(PLAN, write("w.txt"), bash("touch b"), {"text": "done"}))
    assert tools_asked(yes) == ["ExitPlanMode", "Write", "Bash"]
    assert done_of(events).outcome == "ok"


async def test_the_plan_itself_is_shown_to_who_decides(yes: Setting) -> None:
    yes.permission_mode = "plan"
    async with yes.engine() as engine:
        await played(engine, script(PLAN, {"text": "done"}))
    assert yes.asked[0][1]["plan"] == PLAN["input"]["plan"]


async def test_a_plan_approved_after_edits_were_accepted_does_not_accept_them_again(yes: Setting) -> None:
    yes.permission_mode = "acceptEdits"
    async with yes.engine() as engine:
        await played(engine, script(write("before.txt"), {"text": "done"}))
        assert tools_asked(yes) == []
        assert await engine.set_permission_mode("plan")
        await played(engine, script(PLAN, write("after.txt"), {"text": "done"}))
    assert tools_asked(yes) == ["ExitPlanMode", "Write"]


async def test_the_next_turn_is_in_the_mode_that_the_operator_set(setting: Setting) -> None:
    setting.permission_mode = "plan"
    setting.decide = lambda tool, input: Permission(tool == "ExitPlanMode", "no")
    async with setting.engine() as engine:
        await played(engine, script(PLAN, {"text": "done"}))
        await played(engine, script(PLAN, {"text": "done"}))
    assert tools_asked(setting) == ["ExitPlanMode", "ExitPlanMode"], (
        "out of plan mode the CLI asks for no approval of a plan"
    )


async def test_a_plan_that_the_model_began_itself_ends_in_the_mode_that_the_operator_set(yes: Setting) -> None:
    async with yes.engine() as engine:
        begun: dict[str, Any] = {"tool": "EnterPlanMode", "input": {}}
        await played(engine, script(begun, PLAN, write("w.txt"), {"text": "done"}))
    assert tools_asked(yes)[-2:] == ["ExitPlanMode", "Write"]


async def test_what_the_cli_suggests_with_an_ask_is_never_applied(yes: Setting) -> None:
    """It offers to accept edits and to add rules: a second ask of the same kind must be asked as the first was."""
    async with yes.engine() as engine:
        await played(
            engine, script(write("one.txt"), write("two.txt"), bash("touch a"), bash("touch b"), {"text": "done"})
        )
        await played(engine, script(write("three.txt"), {"text": "done"}))
    assert tools_asked(yes) == ["Write", "Write", "Bash", "Bash", "Write"]
    assert not list(yes.workspace.glob(".claude/*"))


async def test_what_the_operator_says_of_a_yes_reaches_the_model_in_the_same_turn(setting: Setting) -> None:
    def decide(tool: str, input: ToolInput) -> Permission:
        return Permission(True, "mind the cat")

    setting.decide = decide
    async with setting.engine() as engine:
        events = await played(engine, script(bash("touch a"), {"text": "done"}))
    assert done_of(events).outcome == "ok"
    after_the_tool = json.dumps(setting.api.requests[1].body["messages"][-1])
    assert "The operator allowed Bash and says: mind the cat" in after_the_tool
    assert setting.noticed == []
