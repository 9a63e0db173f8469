"""What a scripted agent may do: permissions are answered by the kind of an option, and never guessed."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from agentd.engines.base import (
    Note,
    Permission,
    Prompt,
    Text,
    ToolInput,
    ToolResult,
    ToolUse,
    TurnDone,
)
from tests.fakes.acp_agent import chunk
from tests.support.acp import AcpSetting, of_kind, played
from tests.support.claude import until

Update = dict[str, Any]
RUN = {"toolCallId": "call-1", "title": "rm -rf build", "kind": "execute", "rawInput": {"command": "rm -rf build"}}
ONCE = [
    {"optionId": "a", "name": "Always", "kind": "allow_always"},
    {"optionId": "b", "name": "Yes", "kind": "allow_once"},
    {"optionId": "c", "name": "No", "kind": "reject_once"},
    {"optionId": "d", "name": "Never", "kind": "reject_always"},
]


@pytest.fixture
def setting(tmp_path: Path) -> AcpSetting:
    return AcpSetting(tmp_path)


def tool(**update: Any) -> Update:
    return {"sessionUpdate": "tool_call", **update}


def done(events: list[Any]) -> TurnDone:
    (found,) = of_kind(events, TurnDone)
    return found


def asking(options: list[Any] | None = None, call: Update | None = None) -> list[Update]:
    return [{"ask": {"toolCall": call or RUN, "options": ONCE if options is None else options}}, {"stop": "end_turn"}]


def outcomes(setting: AcpSetting) -> list[Any]:
    """How each permission was answered."""
    return [message["result"]["outcome"] for message in setting.received if "outcome" in message.get("result", {})]


@pytest.mark.parametrize(("allowed", "chosen"), [(True, "b"), (False, "c")])
async def test_a_permission_is_answered_by_the_kind_of_an_option(
    setting: AcpSetting, allowed: bool, chosen: str
) -> None:
    setting.decide = lambda tool, input: Permission(allowed)
    async with setting.does(asking()).engine() as engine:
        events = await played(engine)
    assert setting.asked == [("shell", {"command": "rm -rf build"}, "call-1")]
    assert outcomes(setting) == [{"outcome": "selected", "optionId": chosen}]
    assert isinstance(events[0], ToolUse)


async def test_the_use_is_told_before_anybody_is_asked(setting: AcpSetting) -> None:
    told: list[Any] = []

    async def ask(tool: str, input: ToolInput, id: str) -> Permission:
        told.append("asked")
        return Permission(True)

    setting.ask = ask
    async with setting.does([{"update": chunk("I will clean up.")}, *asking()]).engine() as engine:
        async for event in engine.turn(Prompt("go", "turn")):
            if isinstance(event, Text | ToolUse):
                told.append(type(event))
    assert told == [Text, ToolUse, "asked"]


@pytest.mark.parametrize(
    ("allowed", "options", "answer"),
    [
        (True, [ONCE[0], ONCE[2]], {"outcome": "selected", "optionId": "a"}),
        (False, [ONCE[1], ONCE[3]], {"outcome": "selected", "optionId": "d"}),
        (True, [ONCE[2]], {"outcome": "cancelled"}),
        (False, [ONCE[1]], {"outcome": "cancelled"}),
        (True, [], {"outcome": "cancelled"}),
        (True, [{"optionId": "x", "kind": "allow_maybe"}, {"kind": "allow_once"}, "b"], {"outcome": "cancelled"}),
    ],
)
async def test_an_option_that_is_missing_is_said_and_never_guessed(
    setting: AcpSetting, allowed: bool, options: list[Any], answer: Update
) -> None:
    setting.decide = lambda tool, input: Permission(allowed)
    async with setting.does(asking(options)).engine() as engine:
        await played(engine)
    assert outcomes(setting) == [answer]
    (note,) = of_kind(setting.reported, Note)
    assert "no way" in note.text or "no other way" in note.text


async def test_an_input_that_was_changed_is_refused_since_it_cannot_be_carried(setting: AcpSetting) -> None:
    setting.decide = lambda tool, input: Permission(True, updated_input={"command": "true"})
    async with setting.does(asking()).engine() as engine:
        await played(engine)
    assert outcomes(setting) == [{"outcome": "selected", "optionId": "c"}]
    assert "cannot carry" in of_kind(setting.reported, Note)[0].text


async def test_a_tool_of_the_hive_needs_no_permission(setting: AcpSetting) -> None:
    call = {"toolCallId": "t", "name": "mcp__hive__send", "title": "send", "rawInput": {"to": "ann", "body": "hi"}}
    async with setting.does(asking(call=call)).engine() as engine:
        await played(engine)
    assert setting.asked == []
    assert outcomes(setting) == [{"outcome": "selected", "optionId": "b"}]


@pytest.mark.parametrize(
    "call",
    [
        {"name": "mcp__hive__sender__x", "title": "x", "rawInput": {}},
        {"name": "mcp__hive__nothing", "title": "x", "rawInput": {}},
        {"title": "mcp__hive__send", "rawInput": {"command": "rm -rf /"}},
        {"title": "Tool: hive/send", "rawInput": {"server": "hive", "tool": "send", "command": "rm -rf /"}},
        {"title": "x", "name": "Bash", "rawInput": {"server_name": "hive", "turn_id": "1", "command": "rm -rf /"}},
    ],
)
async def test_what_only_looks_like_a_tool_of_the_hive_is_asked_for(setting: AcpSetting, call: Update) -> None:
    async with setting.does(asking(call={"toolCallId": "t", **call})).engine() as engine:
        await played(engine)
    assert len(setting.asked) == 1


async def test_an_interrupt_answers_what_is_asked_with_cancelled(setting: AcpSetting) -> None:
    asked = asyncio.Event()

    async def ask(tool: str, input: ToolInput, id: str) -> Permission:
        asked.set()
        await asyncio.Event().wait()
        raise AssertionError

    setting.ask = ask
    steps = [{"ask": {"toolCall": RUN, "options": ONCE}}, {"stop": "cancelled"}]
    async with setting.does(steps).engine() as engine:
        turn = asyncio.create_task(played(engine))
        await asked.wait()
        await engine.interrupt()
        assert done(await turn).outcome == "cancelled"
    assert outcomes(setting) == [{"outcome": "cancelled"}]
    assert len(setting.sent("session/cancel")) == 1


async def test_an_agent_that_ends_its_turn_at_a_refusal_did_what_it_was_told(setting: AcpSetting) -> None:
    steps = [asking()[0], {"stop": "cancelled"}]
    async with setting.does(steps).engine() as engine:
        events = await played(engine)
    assert done(events) == TurnDone(
        "cancelled", "The agent ended the turn because a permission was refused.", usage=done(events).usage
    )
    assert of_kind(events, ToolResult) == [ToolResult("call-1", "shell", True, "It was refused.")]


async def test_a_permission_outside_of_a_turn_is_not_given(setting: AcpSetting) -> None:
    setting.decide = lambda tool, input: Permission(True)
    late = {"ask": {"toolCall": RUN, "options": ONCE}}
    async with setting.does([{"stop": "end_turn"}, late]).engine() as engine:
        await played(engine)
        await until(lambda: bool(outcomes(setting)))
    assert outcomes(setting) == [{"outcome": "cancelled"}]
    assert setting.asked == []
