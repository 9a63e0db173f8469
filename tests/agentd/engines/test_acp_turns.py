"""A conversation with a scripted agent: what it is told, what it may do, what it lets be chosen, and how it ends."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from acp.schema import (
    InitializeRequest,
    LoadSessionRequest,
    NewSessionRequest,
    PromptRequest,
    SetSessionConfigOptionSelectRequest,
    SetSessionModeRequest,
)

from agentd.engines.acp import AcpEngine
from agentd.engines.base import (
    EngineFailed,
    ModelChanged,
    Note,
    Permission,
    Prompt,
    Text,
    TextDelta,
    Thinking,
    ThinkingDelta,
    ToolInput,
    ToolResult,
    ToolUse,
    TurnDone,
    Usage,
)
from tests.fakes.acp_agent import SESSION, chunk
from tests.support.acp import AcpSetting, checked, of_kind, played
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


def thought(text: str) -> Update:
    return {"sessionUpdate": "agent_thought_chunk", "content": {"type": "text", "text": text}}


def tool(**update: Any) -> Update:
    return {"sessionUpdate": "tool_call", **update}


def progress(**update: Any) -> Update:
    return {"sessionUpdate": "tool_call_update", **update}


def select(id: str, category: str, current: str, *values: str) -> Update:
    options = [{"value": value, "name": value.title()} for value in values]
    return {"id": id, "name": id, "category": category, "type": "select", "currentValue": current, "options": options}


def done(events: list[Any]) -> TurnDone:
    (found,) = of_kind(events, TurnDone)
    return found


def asking(options: list[Any] | None = None, call: Update | None = None) -> list[Update]:
    return [{"ask": {"toolCall": call or RUN, "options": ONCE if options is None else options}}, {"stop": "end_turn"}]


def outcomes(setting: AcpSetting) -> list[Any]:
    """How each permission was answered."""
    return [message["result"]["outcome"] for message in setting.received if "outcome" in message.get("result", {})]


# What it is told -------------------------------------------------------------------------------------------


async def test_the_first_prompt_of_a_conversation_begins_with_the_hive_and_the_agents_own_prompt(
    setting: AcpSetting,
) -> None:
    (setting.workspace / "prompt.md").write_text("You mend tests.")
    setting.prompt = "prompt.md"
    async with setting.does().engine() as engine:
        await played(engine, "first")
        await played(engine, "second")
    first, second = [params["prompt"][0]["text"] for params in setting.sent("session/prompt")]
    assert first.startswith("You are bee, a worker in a hive")
    assert "You mend tests." in first
    assert first.endswith("first")
    assert second == "second"


async def test_what_is_sent_is_what_the_librarys_schema_says(setting: AcpSetting) -> None:
    options = [select("model", "model", "small", "small", "large")]
    setting.does(new={"sessionId": SESSION, "configOptions": options, "modes": {"currentModeId": "a", "availableModes": [{"id": "a"}, {"id": "b"}]}},
        set={"session/set_mode": {}, "session/set_config_option": {"configOptions": options}})  # fmt: skip
    setting.mcp_servers = [{"name": "own", "command": "cat", "args": ["-"], "env": {"A": "b"}}]
    setting.model, setting.permission_mode = "large", "b"
    async with setting.engine() as engine:
        await played(engine)
    async with setting.engine(engine.session_id) as engine:
        await played(engine)
    for method, model in (
        ("initialize", InitializeRequest), ("session/new", NewSessionRequest), ("session/load", LoadSessionRequest),
        ("session/prompt", PromptRequest), ("session/set_mode", SetSessionModeRequest),
        ("session/set_config_option", SetSessionConfigOptionSelectRequest),
    ):  # fmt: skip
        sent = setting.sent(method)
        assert sent, method
        for params in sent:
            model.model_validate(params)


async def test_no_file_and_no_terminal_is_offered_and_none_is_served(setting: AcpSetting) -> None:
    secret = setting.root / "secret"
    secret.write_text("key")
    asked = {"method": "fs/read_text_file", "params": {"sessionId": SESSION, "path": str(secret)}}
    run = {"method": "terminal/create", "params": {"sessionId": SESSION, "command": "touch", "args": ["made"]}}
    async with setting.does([{"request": asked}, {"request": run}, {"stop": "end_turn"}]).engine() as engine:
        assert done(await played(engine)).outcome == "ok"
    (params,) = setting.sent("initialize")
    assert params["clientCapabilities"] == {
        "fs": {"readTextFile": False, "writeTextFile": False},
        "terminal": False,
    }
    answers = [message["error"]["code"] for message in setting.received if "error" in message]
    assert answers == [-32601, -32601]
    assert not (setting.workspace / "made").exists()


async def test_the_hives_tools_and_its_own_servers_are_handed_over(setting: AcpSetting) -> None:
    setting.mcp_servers = [
        {"name": "own", "command": "cat", "args": ["x"], "env": {"A": "b"}},
        {"name": "far", "url": "http://127.0.0.1:1/mcp", "headers": {"X": "y"}},
    ]
    capabilities = {"agentCapabilities": {"mcpCapabilities": {"http": True}}, "protocolVersion": 1}
    async with setting.does(initialize=capabilities).engine() as engine:
        await played(engine)
    ((hive, own, far),) = [params["mcpServers"] for params in setting.sent("session/new")]
    assert hive["name"] == "hive"
    assert hive["args"][-1] == str(setting.root / "tools.sock")
    assert own == {"name": "own", "command": own["command"], "args": ["x"], "env": [{"name": "A", "value": "b"}]}
    assert own["command"].endswith("/cat")
    assert far == {
        "type": "http",
        "name": "far",
        "url": "http://127.0.0.1:1/mcp",
        "headers": [{"name": "X", "value": "y"}],
    }


async def test_a_server_that_the_agent_cannot_use_is_said(setting: AcpSetting) -> None:
    setting.mcp_servers = [{"name": "far", "type": "sse", "url": "http://127.0.0.1:1/sse"}]
    async with setting.does().engine() as engine:
        with pytest.raises(EngineFailed, match="mcp_servers, far: The agent takes no server of type sse") as failed:
            await played(engine)
    assert (failed.value.code, failed.value.retryable) == ("invalid_option", False)


async def test_the_tools_socket_is_there_while_the_agent_runs_and_gone_after(setting: AcpSetting) -> None:
    path = setting.root / "tools.sock"
    async with setting.does().engine() as engine:
        assert not path.exists()
        await played(engine)
        assert path.is_socket()
    assert not path.exists()


# What it says ----------------------------------------------------------------------------------------------


async def test_words_stream_and_come_whole_once(setting: AcpSetting) -> None:
    steps = [thought("Let me "), thought("see."), chunk("One "), chunk("two."), {**chunk("Three."), "messageId": "m2"}]
    async with setting.does([*({"update": step} for step in steps), {"stop": "end_turn"}]).engine() as engine:
        events = await played(engine)
    assert of_kind(events, ThinkingDelta) == [ThinkingDelta("Let me "), ThinkingDelta("see.")]
    assert of_kind(events, Thinking) == [Thinking("Let me see.")]
    assert of_kind(events, TextDelta) == [TextDelta("One "), TextDelta("two."), TextDelta("Three.")]
    assert of_kind(events, Text) == [Text("One two."), Text("Three.")]


async def test_what_is_no_text_is_named(setting: AcpSetting) -> None:
    blocks = [
        {"type": "image", "mimeType": "image/png", "data": "AAAA"},
        {"type": "resource_link", "uri": "file:///x", "name": "x"},
        {"type": "resource", "resource": {"uri": "file:///y", "text": "inside"}},
        {"type": "hologram"},
    ]
    updates = [{"update": {"sessionUpdate": "agent_message_chunk", "content": block}} for block in blocks]
    async with setting.does([*updates, {"stop": "end_turn"}]).engine() as engine:
        assert of_kind(await played(engine), Text) == [Text("[image: image/png][file:///x]inside")]


async def test_a_tool_is_told_once_with_its_whole_input(setting: AcpSetting) -> None:
    steps = [
        tool(toolCallId="t", title="Preparing", kind="edit", status="pending", rawInput={}, name="Write"),
        progress(toolCallId="t", rawInput={"file_path": "a"}),
        progress(toolCallId="t", rawInput={"file_path": "a", "content": "b"}),
        progress(toolCallId="t", status="in_progress"),
        progress(toolCallId="t", status="in_progress", rawInput={"file_path": "other"}),
        progress(toolCallId="t", status="completed", content=[{"type": "content", "content": {"type": "text", "text": "wrote"}}]),
        progress(toolCallId="t", status="failed", rawOutput="again"),
    ]  # fmt: skip
    async with setting.does([*({"update": step} for step in steps), {"stop": "end_turn"}]).engine() as engine:
        events = await played(engine)
    assert of_kind(events, ToolUse) == [ToolUse("t", "Write", {"file_path": "a", "content": "b"})]
    assert of_kind(events, ToolResult) == [ToolResult("t", "Write", False, "wrote")]


async def test_a_tool_that_lies_still_is_told_before_it_ends(setting: AcpSetting) -> None:
    begun = tool(toolCallId="t", title="ls", kind="execute", status="pending", rawInput={"command": "ls"})
    async with setting.does([{"update": begun}, {"cancelled": True}, {"stop": "cancelled"}]).engine() as engine:
        uses: list[ToolUse] = []
        async for event in engine.turn(Prompt("go", "turn")):
            if isinstance(event, ToolUse):
                uses.append(event)
                await engine.interrupt()
    assert uses == [ToolUse("t", "shell", {"command": "ls"})]


async def test_a_turn_whose_tools_failed_is_ok_and_they_are_told_as_errors(setting: AcpSetting) -> None:
    steps = [
        tool(toolCallId="t", title="t", kind="fetch", status="in_progress", rawInput={"url": "x"}),
        progress(toolCallId="t", status="failed", rawOutput={"error": "404"}),
        tool(toolCallId="u", title="u", kind="fetch", status="in_progress", rawInput={"url": "y"}),
    ]
    async with setting.does([*({"update": step} for step in steps), {"stop": "end_turn"}]).engine() as engine:
        events = await played(engine)
    assert done(events).outcome == "ok"
    failed, unended = of_kind(events, ToolResult)
    assert (failed.is_error, failed.text) == (True, "404")
    assert unended == ToolResult("u", "fetch", True, "The turn ended, and the agent had not said how this went.")


async def test_a_diff_reads_as_a_diff(setting: AcpSetting) -> None:
    change = {"type": "diff", "path": "/w/a.py", "oldText": "one\ntwo\n", "newText": "one\nthree\n"}
    steps = [tool(toolCallId="t", title="Edit a.py", kind="edit", status="completed", content=[change])]
    async with setting.does([{"update": steps[0]}, {"stop": "end_turn"}]).engine() as engine:
        (result,) = of_kind(await played(engine), ToolResult)
    assert result.text.splitlines()[-3:] == [" one", "-two", "+three"]


async def test_a_plan_is_a_note_once_for_each_change(setting: AcpSetting) -> None:
    def plan(status: str) -> Update:
        entries = [{"content": "look", "status": "completed"}, {"content": "mend", "status": status}]
        return {"sessionUpdate": "plan", "entries": entries}

    steps = [plan("pending"), plan("pending"), plan("in_progress")]
    async with setting.does([*({"update": step} for step in steps), {"stop": "end_turn"}]).engine() as engine:
        notes = of_kind(await played(engine), Note)
    assert [note.text for note in notes] == ["Plan:\n[x] look\n[ ] mend", "Plan:\n[x] look\n[>] mend"]


async def test_the_context_and_the_windows_size_are_told(setting: AcpSetting) -> None:
    usage = {"sessionUpdate": "usage_update", "used": 500, "size": 1000, "cost": {"amount": 0.5, "currency": "USD"}}
    euros = {**usage, "used": 600, "cost": {"amount": 9, "currency": "EUR"}}
    async with setting.does([{"update": usage}, {"update": euros}, {"stop": "end_turn"}]).engine() as engine:
        events = await played(engine)
    assert of_kind(events, Usage) == [Usage(ctx_tokens=500, window=1000), Usage(ctx_tokens=600, window=1000)]
    assert done(events).usage.cost_usd == 0.5


@pytest.mark.parametrize(
    ("reason", "outcome", "retryable"),
    [
        ("max_tokens", "failed", True),
        ("max_turn_requests", "failed", True),
        ("refusal", "failed", False),
        ("cancelled", "failed", True),
        ("bored", "failed", True),
        (None, "failed", True),
        ({"stopReason": 7}, "failed", True),
    ],
)
async def test_a_turn_that_did_not_end_well_says_why(
    setting: AcpSetting, reason: Any, outcome: str, retryable: bool
) -> None:
    async with setting.does([{"stop": reason}], [{"update": chunk("on")}, {"stop": "end_turn"}]).engine() as engine:
        found = done(await played(engine))
        assert done(await played(engine)).outcome == "ok"
    assert (found.outcome, found.retryable) == (outcome, retryable)
    assert found.error is not None
    assert found.error.endswith(".")


@pytest.mark.parametrize(
    ("error", "outcome", "retryable"),
    [
        ({"code": -32000, "message": "Authentication required"}, "needs_login", False),
        ({"code": -32603, "message": "Internal error: API Error: 401 no"}, "needs_login", False),
        ({"code": -32603, "message": "Internal error: invalid x-api-key"}, "needs_login", False),
        ({"code": -32603, "message": "x", "data": {"errorKind": "rate_limit"}}, "rate_limited", True),
        ({"code": 429, "message": '{"error":{"message":"Quota"}}'}, "rate_limited", True),
        ({"code": -32603, "message": "x", "data": {"codex_error_info": "usage_limit_exceeded"}}, "rate_limited", True),
        ({"code": -32603, "message": "Prompt is too long"}, "prompt_too_long", True),
        ({"code": -32603, "message": "x", "data": {"codex_error_info": "context_window_exceeded"}}, "prompt_too_long", True),
        ({"code": -32603, "message": "unexpected status 403 Forbidden"}, "failed", False),
        ({"code": -32603, "message": "unexpected status 402"}, "failed", False),
        ({"code": -32603, "message": "unexpected status 500"}, "failed", True),
        ({"code": -32603, "message": "x", "data": {"codex_error_info": {"http_connection_failed": {}}}}, "failed", True),
        ({"code": "x", "message": 7, "data": [1]}, "failed", True),
        ({}, "failed", True),
    ],
)  # fmt: skip
async def test_an_error_of_the_agent_is_a_typed_outcome(
    setting: AcpSetting, error: Update, outcome: str, retryable: bool
) -> None:
    async with setting.does([{"error": error}], [{"update": chunk("on")}, {"stop": "end_turn"}]).engine() as engine:
        found = done(await played(engine))
        assert done(await played(engine)).outcome == ("needs_login" if outcome == "needs_login" else "ok")
    assert (found.outcome, found.retryable) == (outcome, retryable)
    assert found.error


# What it may do --------------------------------------------------------------------------------------------


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


# What it lets be chosen ------------------------------------------------------------------------------------

CHOICES = [
    select("model", "model", "small", "small", "large"),
    select("thinking", "thought_level", "low", "low", "high"),
    select("mode", "mode", "ask", "ask", "plan"),
]


async def test_models_efforts_and_modes_are_known_once_it_runs(setting: AcpSetting) -> None:
    async with setting.does(new={"sessionId": SESSION, "configOptions": CHOICES}).engine() as engine:
        assert not engine.models
        await played(engine)
        assert [model.name for model in engine.models] == ["small", "large"]
        assert engine.abilities.efforts == ["low", "high"]
        assert engine.abilities.permission_modes == ["ask", "plan"]
        assert engine.abilities.closed_models
    assert of_kind(setting.reported, ModelChanged) == [ModelChanged("small")]
    async with setting.engine() as again:
        assert [model.name for model in again.models] == ["small", "large"], "the next harness knows them at once"


async def test_what_was_chosen_before_is_in_force_at_the_first_prompt(setting: AcpSetting) -> None:
    setting.model, setting.effort, setting.permission_mode = "large", "high", "plan"
    setting.does(new={"sessionId": SESSION, "configOptions": CHOICES}, set={"session/set_config_option": {}})
    async with setting.engine() as engine:
        await played(engine)
    sent = [(params["configId"], params["value"]) for params in setting.sent("session/set_config_option")]
    assert sent == [("model", "large"), ("thinking", "high"), ("mode", "plan")]
    methods = [message.get("method") for message in setting.received]
    assert methods.index("session/prompt") > methods.index("session/set_config_option")


async def test_a_running_agent_changes_at_once_and_back_to_its_own(setting: AcpSetting) -> None:
    setting.does(new={"sessionId": SESSION, "configOptions": CHOICES}, set={"session/set_config_option": {}})
    async with setting.engine() as engine:
        assert await engine.set_model("large"), "before it runs: its start will say so"
        assert await engine.set_model("default")
        await played(engine)
        assert setting.sent("session/set_config_option") == []
        assert await engine.set_model("large")
        assert await engine.set_effort("high")
        assert await engine.set_permission_mode("plan")
        assert await engine.set_effort(None)
        assert await engine.set_permission_mode(None)
        assert await engine.set_model("default")
    sent = [params["value"] for params in setting.sent("session/set_config_option")]
    assert sent == ["large", "high", "plan", "low", "ask", "small"]
    assert [change.model for change in of_kind(setting.reported, ModelChanged)] == ["small", "large", "small"]


async def test_an_older_agent_is_switched_by_its_own_calls(setting: AcpSetting) -> None:
    new = {
        "sessionId": SESSION,
        "models": {"currentModelId": "small", "availableModels": [{"modelId": "small"}, {"modelId": "large"}]},
        "modes": {"currentModeId": "ask", "availableModes": [{"id": "ask"}, {"id": "plan"}]},
    }
    setting.does(new=new, set={"session/set_model": {}, "session/set_mode": {}})
    async with setting.engine() as engine:
        await played(engine)
        assert await engine.set_model("large")
        assert await engine.set_permission_mode("plan")
    assert setting.sent("session/set_model") == [{"sessionId": SESSION, "modelId": "large"}]
    assert setting.sent("session/set_mode") == [{"sessionId": SESSION, "modeId": "plan"}]


async def test_a_model_that_there_is_not_is_refused_with_what_there_is(setting: AcpSetting) -> None:
    setting.does(new={"sessionId": SESSION, "configOptions": CHOICES})
    async with setting.engine() as engine:
        await played(engine)
        assert not await engine.set_model("huge")
    assert of_kind(setting.reported, Note)[0].text == "The agent has no model 'huge'; it offers small, large."
    setting.model = "huge"
    async with setting.engine() as engine:
        with pytest.raises(EngineFailed, match="no model 'huge'") as failed:
            await played(engine)
    assert (failed.value.code, failed.value.retryable) == ("unknown_model", False)


async def test_where_neither_way_to_a_model_works_it_says_so_and_goes_on(setting: AcpSetting) -> None:
    setting.model = "huge"
    async with setting.does().engine() as engine:
        assert done(await played(engine)).outcome == "ok"
        assert not await engine.set_model("other")
    first, second = of_kind(setting.reported, Note)
    assert "session/set_config_option: Method not found; session/set_model: Method not found" in first.text
    assert "'other'" in second.text


async def test_a_change_of_the_agents_own_is_told(setting: AcpSetting) -> None:
    changed = {"sessionUpdate": "config_option_update", "configOptions": [select("model", "model", "large", "large")]}
    new = {"sessionId": SESSION, "configOptions": CHOICES}
    async with setting.does([{"update": changed}, {"stop": "end_turn"}], new=new).engine() as engine:
        await played(engine)
    assert [change.model for change in of_kind(setting.reported, ModelChanged)] == ["small", "large"]


async def test_a_mode_of_the_agent_toml_that_there_is_not_is_said(setting: AcpSetting) -> None:
    setting.does(new={"sessionId": SESSION, "configOptions": CHOICES})
    setting.options["permission_mode"] = "yolo"
    async with setting.engine() as engine:
        assert done(await played(engine)).outcome == "ok"
    assert "no permission mode 'yolo'; it offers ask, plan" in of_kind(setting.reported, Note)[0].text


# How it goes on --------------------------------------------------------------------------------------------


async def test_a_conversation_is_gone_on_with_by_its_id_and_not_introduced_again(setting: AcpSetting) -> None:
    async with setting.does().engine() as engine:
        assert engine.session_id is None
        await played(engine)
        assert engine.session_id == SESSION
    history = [chunk("old words"), tool(toolCallId="t", title="old", status="completed")]
    setting.does(load={"before": history, "after": history})
    async with setting.engine(SESSION) as engine:
        events = await played(engine, "and now")
    assert of_kind(events, Text) == [Text("echo")]
    assert of_kind(events, ToolUse) == []
    assert of_kind(setting.reported, Text) == []
    assert setting.sent("session/prompt")[-1]["prompt"][0]["text"] == "and now"
    assert setting.sent("session/load")[0]["sessionId"] == SESSION


async def test_an_agent_that_only_resumes_is_asked_to_resume(setting: AcpSetting) -> None:
    able = {"protocolVersion": 1, "agentCapabilities": {"sessionCapabilities": {"resume": {}}}}
    async with setting.does(initialize=able, set={"session/resume": {}}).engine(SESSION) as engine:
        assert done(await played(engine)).outcome == "ok"
    assert setting.sent("session/resume")[0]["sessionId"] == SESSION


@pytest.mark.parametrize(
    "script",
    [
        {"load": {"error": {"code": -32002, "message": "Resource not found"}}},
        {"load": {"error": {"code": -32603, "message": "Internal error", "data": {"details": "No such session."}}}},
        {"initialize": {"protocolVersion": 1, "agentCapabilities": {}}},
    ],
)
async def test_a_conversation_that_it_refuses_is_never_replaced_in_silence(
    setting: AcpSetting, script: dict[str, Any]
) -> None:
    async with setting.does(**script).engine("gone") as engine:
        with pytest.raises(EngineFailed, match="will not go on with the conversation gone: ") as failed:
            await played(engine)
        assert failed.value.code == EngineFailed.RESUME_REFUSED
        assert setting.sent("session/new") == []
        assert setting.sent("session/prompt") == []


async def test_a_conversation_without_a_word_in_it_is_not_kept(setting: AcpSetting) -> None:
    async with setting.does([{"error": {"code": -32603, "message": "unexpected status 500"}}]).engine() as engine:
        await played(engine)
        assert engine.session_id is None


async def test_a_key_is_handed_over_where_the_agent_asks_for_it(setting: AcpSetting) -> None:
    setting.env = {"SOME_KEY": "x"}
    setting.does(
        initialize={
            "protocolVersion": 1,
            "authMethods": [{"id": "web"}, {"id": "by-key", "type": "env_var", "vars": [{"name": "SOME_KEY"}]}],
        },
        new=[{"error": {"code": -32000, "message": "Authentication required"}}, {"sessionId": SESSION}],
    )
    async with setting.engine() as engine:
        assert done(await played(engine)).outcome == "ok"
    assert setting.sent("authenticate") == [{"methodId": "by-key"}]


async def test_without_a_key_it_says_what_to_do(setting: AcpSetting) -> None:
    setting.options["agent"] = "codex-acp"
    async with setting.does(new={"error": {"code": -32000, "message": "Authentication required"}}).engine() as engine:
        with pytest.raises(EngineFailed, match="Codex is not logged in: give it OPENAI_API_KEY") as failed:
            await played(engine)
    assert (failed.value.outcome, failed.value.retryable) == ("needs_login", False)
    assert str(setting.root / "home/.codex") in failed.value.message


async def test_a_login_that_is_lost_in_a_turn_ends_the_process_so_that_the_next_reads_it_anew(
    setting: AcpSetting,
) -> None:
    steps = [{"update": chunk("well")}, {"error": {"code": -32000, "message": "Authentication required"}}]
    async with setting.does(steps).engine() as engine:
        assert done(await played(engine)).outcome == "needs_login"
        await played(engine)
    assert len(setting.sent("initialize")) == 2


async def test_a_compaction_is_the_agents_own_command(setting: AcpSetting) -> None:
    commands = {"sessionUpdate": "available_commands_update", "availableCommands": [{"name": "compress"}]}
    full = {"sessionUpdate": "usage_update", "used": 900, "size": 1000}
    setting.does(
        [{"update": commands}, {"update": full}, {"stop": "end_turn"}],
        [{"update": {**full, "used": 100}}, {"stop": "end_turn"}],
        [{"update": full}, {"stop": "end_turn"}],
    )
    async with setting.engine() as engine:
        assert not engine.abilities.compact
        await played(engine)
        assert engine.abilities.compact
        assert done(checked([event async for event in engine.compact()])).outcome == "ok"
        assert setting.sent("session/prompt")[-1]["prompt"][0]["text"] == "/compress"
        await played(engine, "next")
        assert setting.sent("session/prompt")[-1]["prompt"][0]["text"].startswith("You are bee"), "it is told again"
        assert done(checked([event async for event in engine.compact()])).error == "There was nothing to compact."


async def test_an_agent_that_cannot_compact_says_so(setting: AcpSetting) -> None:
    async with setting.does().engine() as engine:
        found = done([event async for event in engine.compact()])
    assert (found.outcome, found.error) == ("failed", "The agent cannot compact a conversation.")


def test_the_library_is_not_loaded_before_an_agent_is_started() -> None:
    code = "import sys, agentd.engines.acp, agentd.engines.acp_launch, agentd.engines.acp_found; print('acp' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"


async def test_what_it_offered_is_forgotten_with_another_agent(setting: AcpSetting) -> None:
    async with setting.does(new={"sessionId": SESSION, "configOptions": CHOICES}).engine() as engine:
        await played(engine)
    setting.options["command"] = ["another"]
    assert AcpEngine(setting.context()).models == ()
    setting.facts.set("acp_offers", json.dumps([["another"], "", '{"models": [7], "modes": 3}']))
    assert AcpEngine(setting.context()).models == ()
