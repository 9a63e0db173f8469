"""The MCP responder: against the real client library over stdio, against the recording, and on bad input."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from mcp import ClientSession, MCPError, StdioServerParameters, stdio_client
from mcp.types import CallToolResult, TextContent

from agentd.engines.base import ToolAnswer, ToolInput
from agentd.tools import mcp_responder
from agentd.tools.mcp_responder import McpResponder
from tests.support.claude import RecordedTools

ROOT = Path(__file__).resolve().parents[3]
RECORDING = ROOT / "tests/fixtures/recordings/claude-sdk_mcp.io.jsonl"


def responder(tools: RecordedTools | None = None) -> McpResponder:
    return McpResponder(tools or RecordedTools(), "hive", "1", log=lambda line: None)


def call(method: str, params: Any = None, request_id: Any = 1) -> dict[str, Any]:
    message = {"jsonrpc": "2.0", "id": request_id, "method": method}
    return message if params is None else {**message, "params": params}


async def error_code(message: Any) -> int:
    answer = await responder().respond(message)
    assert answer is not None
    return int(answer["error"]["code"])


async def test_the_real_client_initializes_lists_and_calls_over_stdio() -> None:
    server = StdioServerParameters(
        command=sys.executable, args=["-m", "tests.agentd.tools.mcp_stdio_server"], cwd=str(ROOT)
    )
    async with stdio_client(server) as (read, write), ClientSession(read, write, read_timeout_seconds=20) as session:
        started = await session.initialize()
        assert started.server_info.name == "hive"
        await session.send_ping()
        listed = await session.list_tools()
        assert [tool.name for tool in listed.tools] == ["send", "whoami"]
        assert listed.tools[0].input_schema["required"] == ["to", "body"]
        sent = await session.call_tool("send", {"to": "operator", "body": "hi"})
        assert isinstance(sent, CallToolResult)
        assert not sent.is_error
        assert isinstance(sent.content[0], TextContent)
        assert sent.content[0].text == "sent to operator"
        refused = await session.call_tool("whoami", {})
        assert isinstance(refused, CallToolResult)
        assert refused.is_error
        with pytest.raises(MCPError) as unknown:
            await session.call_tool("no-such-tool", {})
        assert unknown.value.code == mcp_responder.INVALID_PARAMS


async def test_each_request_of_the_recording_is_answered_and_no_notification_is() -> None:
    lines = [json.loads(line) for line in RECORDING.read_text().splitlines()]
    asked = [
        line["m"]["request"]["message"]
        for line in lines
        if line["dir"] == "out" and line["m"].get("request", {}).get("subtype") == "mcp_message"
    ]
    answers = [await responder().respond(message) for message in asked]
    assert [message["method"] for message in asked] == [
        "initialize", "notifications/initialized", "tools/list", "tools/call",
    ]  # fmt: skip
    assert [None if answer is None else answer["id"] for answer in answers] == [0, None, 1, 2]
    assert answers[0] is not None
    assert answers[0]["result"]["protocolVersion"] == "2025-11-25"


@pytest.mark.parametrize(
    ("wanted", "given"), [("2024-11-05", "2024-11-05"), ("2025-06-18", "2025-06-18"), ("1999-01-01", "2025-11-25")]
)
async def test_the_clients_version_is_taken_if_it_is_known_and_else_the_newest(wanted: str, given: str) -> None:
    answer = await responder().respond(call("initialize", {"protocolVersion": wanted}))
    assert answer is not None
    assert answer["result"]["protocolVersion"] == given


async def test_a_tool_gets_its_arguments_and_none_are_an_empty_object() -> None:
    tools = RecordedTools()
    answer = await responder(tools).respond(call("tools/call", {"name": "whoami"}, "an-id"))
    assert answer is not None
    assert answer["id"] == "an-id"
    assert answer["result"]["isError"] is True
    assert tools.calls == [("whoami", {})]


@pytest.mark.parametrize("method", ["resources/list", "", "tools/delete"])
async def test_a_method_that_is_not_there_is_method_not_found(method: str) -> None:
    assert await error_code(call(method)) == mcp_responder.METHOD_NOT_FOUND


@pytest.mark.parametrize(
    "params", [{"name": "nobody"}, {"name": 5}, {}, {"name": "send", "arguments": [1]}, ["send"], "send"]
)
async def test_parameters_in_a_wrong_form_are_invalid_params(params: Any) -> None:
    assert await error_code(call("tools/call", params)) == mcp_responder.INVALID_PARAMS


@pytest.mark.parametrize(
    "message",
    [None, 5, "ping", [], {}, {"jsonrpc": "1.0", "id": 1, "method": "ping"}, {"jsonrpc": "2.0", "id": 1},
     {"jsonrpc": "2.0", "id": None, "method": "ping"}, {"jsonrpc": "2.0", "id": True, "method": "ping"}],
)  # fmt: skip
async def test_what_is_no_request_is_invalid(message: Any) -> None:
    assert await error_code(message) == mcp_responder.INVALID_REQUEST


@pytest.mark.parametrize(
    "message",
    [
        {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}},
        {"jsonrpc": "2.0", "id": 3, "result": {}},
        {"jsonrpc": "2.0", "id": 3, "error": {"code": -1, "message": "x"}},
    ],
)
async def test_notifications_and_answers_get_none(message: Any) -> None:
    assert await responder().respond(message) is None


async def test_a_tool_that_breaks_is_an_internal_error_and_a_line_in_the_log() -> None:
    class Broken(RecordedTools):
        async def call(self, name: str, arguments: ToolInput) -> ToolAnswer:
            raise RuntimeError("out of honey")

    logged: list[str] = []
    answer = await McpResponder(Broken(), "hive", "1", logged.append).respond(call("tools/call", {"name": "whoami"}))
    assert answer is not None
    assert answer["error"]["code"] == mcp_responder.INTERNAL_ERROR
    assert "out of honey" not in answer["error"]["message"]
    assert any("out of honey" in line for line in logged)
