"""Who is asked before a tool of the api engine runs, and what becomes of the answer."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from agentd.engines.base import (
    Permission,
    ToolResult,
)
from tests.fakes.openai_api import OpenAiApi
from tests.support.api import ApiSetting, played
from tests.support.claude import done_of


@pytest.fixture
async def api() -> AsyncIterator[OpenAiApi]:
    async with OpenAiApi() as found:
        yield found


@pytest.fixture
def setting(api: OpenAiApi, tmp_path: Path) -> ApiSetting:
    return ApiSetting(tmp_path, options={"base_url": api.url})


def script(*steps: dict[str, Any]) -> str:
    return f"@@script {json.dumps(list(steps))}"


def call(tool: str, **given: Any) -> dict[str, Any]:
    return {"tool": tool, "input": given}


def results(events: list[Any]) -> list[ToolResult]:
    return [event for event in events if isinstance(event, ToolResult)]


async def run_one(setting: ApiSetting, tool: str, **given: Any) -> ToolResult:
    async with setting.engine() as engine:
        events = await played(engine, script(call(tool, **given), {"text": "Well."}))
    assert done_of(events).outcome == "ok"
    return results(events)[0]


WRITE: dict[str, Any] = {"path": "w.txt", "content": "x"}


async def test_a_change_asks_and_a_denials_words_reach_the_model(setting: ApiSetting, api: OpenAiApi) -> None:
    setting.permission_mode = None
    setting.decide = lambda tool, given: Permission(False, "use the other file")
    result = await run_one(setting, "write", **WRITE)
    assert setting.asked == [("write", WRITE)]
    assert result.is_error
    assert "use the other file" in api.requests[-1].body["messages"][-1]["content"]
    assert not (setting.workspace / "w.txt").exists()


async def test_an_allowed_change_is_made(setting: ApiSetting) -> None:
    setting.permission_mode = "default"
    setting.decide = lambda tool, given: Permission(True)
    assert not (await run_one(setting, "write", **WRITE)).is_error
    assert (setting.workspace / "w.txt").read_text() == "x"


async def test_an_input_that_the_operator_changed_is_the_one_that_runs(setting: ApiSetting, api: OpenAiApi) -> None:
    setting.permission_mode = "default"
    setting.decide = lambda tool, given: Permission(True, updated_input={"command": "echo safe"})
    result = await run_one(setting, "bash", command="rm -rf everything")
    assert result.text.startswith("safe\n")
    assert "echo safe" in api.requests[-1].body["messages"][-1]["content"]


@pytest.mark.parametrize(
    ("mode", "tool", "given", "asks"),
    [
        ("default", "bash", {"command": "true"}, True),
        ("default", "read", {"path": "x"}, False),
        ("default", "glob", {"pattern": "*"}, False),
        ("default", "grep", {"pattern": "x"}, False),
        ("acceptEdits", "write", WRITE, False),
        ("acceptEdits", "bash", {"command": "true"}, True),
        ("bypassPermissions", "bash", {"command": "true"}, False),
        ("plan", "read", {"path": "x"}, False),
    ],
)
async def test_each_mode_asks_for_what_it_says(
    mode: str, tool: str, given: dict[str, Any], asks: bool, setting: ApiSetting
) -> None:
    setting.permission_mode = mode
    setting.decide = lambda tool, given: Permission(True)
    await run_one(setting, tool, **given)
    assert bool(setting.asked) == asks


@pytest.mark.parametrize("tool", ["bash", "write", "edit"])
async def test_plan_mode_changes_nothing_and_asks_nobody(tool: str, setting: ApiSetting) -> None:
    setting.permission_mode = "plan"
    result = await run_one(setting, tool, command="touch made", **WRITE)
    assert result.is_error
    assert "Plan mode" in result.text
    assert setting.asked == []
    assert list(setting.workspace.iterdir()) == []


async def test_allowed_tools_ask_nobody_and_disallowed_ones_are_not_offered(
    setting: ApiSetting, api: OpenAiApi
) -> None:
    setting.permission_mode = "default"
    setting.options |= {"allowed_tools": ["wri*"], "disallowed_tools": ["bash"]}
    assert not (await run_one(setting, "write", **WRITE)).is_error
    assert setting.asked == []
    offered = [tool["function"]["name"] for tool in api.requests[0].body["tools"]]
    assert offered == ["read", "write", "edit", "glob", "grep", "send", "whoami"]
    assert (await run_one(setting, "bash", command="touch made")).is_error
    assert not (setting.workspace / "made").exists()


async def test_the_mode_changes_from_one_tool_to_the_next(setting: ApiSetting) -> None:
    setting.permission_mode = "plan"
    async with setting.engine() as engine:
        assert results(await played(engine, script(call("write", **WRITE), {"text": "."})))[0].is_error
        assert await engine.set_permission_mode("bypassPermissions")
        assert not results(await played(engine, script(call("write", **WRITE), {"text": "."})))[0].is_error
        assert not await engine.set_permission_mode("yolo")


async def test_what_the_operator_says_of_a_yes_reaches_the_model(setting: ApiSetting, api: OpenAiApi) -> None:
    setting.permission_mode = None
    setting.decide = lambda tool, given: Permission(True, "mind the cat")
    result = await run_one(setting, "write", **WRITE)
    assert not result.is_error
    assert "(The operator allowed write and says: mind the cat)" in api.requests[-1].body["messages"][-1]["content"]
