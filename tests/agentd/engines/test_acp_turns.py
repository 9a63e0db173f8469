"""A conversation with a scripted agent: what it is told, and what it says."""

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

from agentd.engines.base import (
    EngineFailed,
    Note,
    Prompt,
    Text,
    TextDelta,
    Thinking,
    ThinkingDelta,
    ToolResult,
    ToolUse,
    TurnDone,
    Usage,
)
from tests.fakes.acp_agent import SESSION, chunk
from tests.support.acp import AcpSetting, of_kind, played

Update = dict[str, Any]


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
