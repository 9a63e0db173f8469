"""The hive's tools over tools.sock: with the real client library through the bridge, and with clients that misbehave."""

import asyncio
import json
import stat
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from mcp import ClientSession, MCPError, StdioServerParameters, stdio_client
from mcp.types import CallToolResult, TextContent

from agentd.engines.base import ToolAnswer, ToolDefinition, ToolInput
from agentd.tools import tools_bridge, tools_socket
from agentd.tools.mcp_responder import METHOD_NOT_FOUND, PARSE_ERROR, McpResponder
from agentd.tools.tools_socket import ToolsSocket

BRIDGE = [sys.executable, "-I", "-S", str(Path(tools_bridge.__file__).resolve())]
MOMENT_SECONDS = 60


class WaitingTools:
    """`send` answers at once; `ask` once it is told to."""

    def __init__(self) -> None:
        self.told = asyncio.Event()
        self.asking = asyncio.Event()
        self.cancelled = False

    @property
    def definitions(self) -> Sequence[ToolDefinition]:
        nothing = {"type": "object", "properties": {}}
        return (ToolDefinition("send", "Send.", nothing), ToolDefinition("ask", "Ask, and wait.", nothing))

    async def call(self, name: str, arguments: ToolInput) -> ToolAnswer:
        if name == "ask":
            self.asking.set()
            try:
                await self.told.wait()
            except asyncio.CancelledError:
                self.cancelled = True
                raise
        return ToolAnswer(f"{name} done")


class Served:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.tools = WaitingTools()
        self.logged: list[str] = []
        self.socket = ToolsSocket(
            path, lambda: McpResponder(self.tools, "hive", "1", self.logged.append), self.logged.append
        )


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    found = Served(tmp_path / "tools.sock")
    await found.socket.start()
    yield found
    await found.socket.close()


@asynccontextmanager
async def session(path: Path) -> AsyncIterator[ClientSession]:
    server = StdioServerParameters(command=BRIDGE[0], args=[*BRIDGE[1:], str(path)])
    async with stdio_client(server) as (read, write), ClientSession(read, write, read_timeout_seconds=20) as client:
        await client.initialize()
        yield client


class Raw:
    """A connection without a client library."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def say(self, message: Any) -> None:
        self.writer.write(json.dumps(message).encode() + b"\n")

    def call(self, id: int, tool: str) -> None:
        self.say({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": {"name": tool}})

    async def hear(self) -> dict[str, Any]:
        async with asyncio.timeout(MOMENT_SECONDS):
            found: dict[str, Any] = json.loads(await self.reader.readline())
            return found


@asynccontextmanager
async def connected(path: Path) -> AsyncIterator[Raw]:
    reader, writer = await asyncio.open_unix_connection(str(path), limit=2**24)
    try:
        yield Raw(reader, writer)
    finally:
        writer.close()


async def test_the_real_client_lists_and_calls_through_the_bridge(served: Served) -> None:
    async with session(served.path) as client:
        assert [tool.name for tool in (await client.list_tools()).tools] == ["send", "ask"]
        await client.send_ping()
        answer = await client.call_tool("send", {})
        assert isinstance(answer, CallToolResult)
        assert isinstance(answer.content[0], TextContent)
        assert answer.content[0].text == "send done"
        with pytest.raises(MCPError) as error:
            await client.list_resources()
        assert error.value.code == METHOD_NOT_FOUND


async def test_two_clients_are_served_side_by_side(served: Served) -> None:
    async with session(served.path) as first, session(served.path) as second:
        waiting = asyncio.create_task(first.call_tool("ask", {}))
        await served.tools.asking.wait()
        assert isinstance(await second.call_tool("send", {}), CallToolResult)
        served.tools.told.set()
        assert isinstance(await waiting, CallToolResult)


async def test_only_its_owner_may_connect(served: Served) -> None:
    assert stat.S_IMODE(served.path.stat().st_mode) == 0o600
    assert served.path.is_socket()


async def test_a_socket_that_was_left_behind_is_replaced(served: Served, tmp_path: Path) -> None:
    again = Served(served.path)
    await again.socket.start()
    async with session(served.path) as client:
        await client.send_ping()
    await again.socket.close()
    assert not served.path.exists()


async def test_a_tool_that_waits_holds_up_nothing_else(served: Served) -> None:
    async with connected(served.path) as raw:
        raw.call(1, "ask")
        await served.tools.asking.wait()
        raw.say({"jsonrpc": "2.0", "id": 2, "method": "ping"})
        assert (await raw.hear())["id"] == 2
        served.tools.told.set()
        assert (await raw.hear())["id"] == 1


async def test_a_call_that_is_cancelled_ends(served: Served) -> None:
    async with connected(served.path) as raw:
        raw.call(7, "ask")
        await served.tools.asking.wait()
        raw.say({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 7}})
        raw.call(8, "send")
        assert (await raw.hear())["id"] == 8
    assert served.tools.cancelled


async def test_a_client_that_leaves_takes_its_calls_with_it(served: Served) -> None:
    async with connected(served.path) as raw:
        raw.call(1, "ask")
        await served.tools.asking.wait()
        raw.writer.transport.abort()
    async with connected(served.path) as raw:
        raw.call(2, "send")
        assert (await raw.hear())["id"] == 2


async def test_a_client_that_has_said_all_still_gets_its_answers(served: Served) -> None:
    async with connected(served.path) as raw:
        raw.call(1, "ask")
        raw.writer.write_eof()
        await served.tools.asking.wait()
        served.tools.told.set()
        assert (await raw.hear())["id"] == 1
        assert await raw.reader.read() == b""


@pytest.mark.parametrize(
    "line", [b"\n", b"not json\n", b"\xff\xfe{\n", b'"a text"\n', b"[1, 2]\n", b"[" * 100_000 + b"\n"]
)
async def test_what_is_no_message_is_answered_with_an_error_and_the_next_is_served(served: Served, line: bytes) -> None:
    async with connected(served.path) as raw:
        raw.writer.write(line)
        raw.call(2, "send")
        answers = [await raw.hear()]
        if line.strip():
            answers.append(await raw.hear())
            assert {answer.get("error", {}).get("code") for answer in answers} & {PARSE_ERROR, -32600}
        assert any(answer.get("id") == 2 for answer in answers)


async def test_a_message_that_is_too_long_is_dropped_and_said(served: Served) -> None:
    async with connected(served.path) as raw:
        size = tools_socket.MOST_LINE_BYTES + 1
        raw.writer.write(b"x" * size + b"\n")
        answer = await raw.hear()
        assert answer["error"]["message"].startswith(f"A message of {size} bytes is too long")
        raw.call(2, "send")
        assert (await raw.hear())["id"] == 2


async def test_a_flood_of_long_calls_is_refused_and_does_not_stay_in_memory(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tools_socket, "MOST_HELD_BYTES", 300_000)
    long = {"name": "ask", "arguments": {"text": "x" * 100_000}}
    async with connected(served.path) as raw, connected(served.path) as other:
        for number in range(6):
            raw.say({"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": long})
        refused = [await raw.hear() for _ in range(4)]
        assert [answer["id"] for answer in refused] == [2, 3, 4, 5]
        assert all("are being answered already" in answer["error"]["message"] for answer in refused)
        other.say({"jsonrpc": "2.0", "id": 9, "method": "ping"})
        assert (await other.hear())["id"] == 9
        served.tools.told.set()
        assert {(await raw.hear())["id"] for _ in range(2)} == {0, 1}
        raw.say({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": long})
        assert "result" in await raw.hear()


async def test_an_end_in_the_middle_of_a_call_is_logged_as_no_fault(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    async with connected(served.path) as raw:
        raw.call(1, "ask")
        await served.tools.asking.wait()
        await served.socket.close()
        assert await raw.reader.read() == b""
    assert caplog.records == []


async def test_too_many_clients_are_turned_away(served: Served) -> None:
    raws = [await asyncio.open_unix_connection(str(served.path)) for _ in range(tools_socket.MOST_CLIENTS)]
    for id, (_, writer) in enumerate(raws):
        Raw(raws[id][0], writer).call(id, "send")
        assert (await Raw(*raws[id]).hear())["id"] == id
    async with connected(served.path) as late, asyncio.timeout(MOMENT_SECONDS):
        assert await late.reader.read() == b""
    for _, writer in raws:
        writer.close()
    assert served.logged


async def test_the_bridge_ends_with_the_socket(served: Served) -> None:
    bridge = await asyncio.create_subprocess_exec(
        *BRIDGE, str(served.path), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert bridge.stdin is not None
    assert bridge.stdout is not None
    bridge.stdin.write(b'{"jsonrpc": "2.0", "id": 1, "method": "ping"}\n')
    assert json.loads(await bridge.stdout.readline())["result"] == {}
    await served.socket.close()
    async with asyncio.timeout(MOMENT_SECONDS):
        assert await bridge.wait() == 0
    bridge.stdin.close()


async def test_the_bridge_ends_with_its_stdin_once_all_is_answered(served: Served) -> None:
    bridge = await asyncio.create_subprocess_exec(
        *BRIDGE, str(served.path), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(MOMENT_SECONDS):
        out, _ = await bridge.communicate(b'{"jsonrpc": "2.0", "id": 1, "method": "ping"}\n')
    assert json.loads(out)["id"] == 1
    assert bridge.returncode == 0


async def test_a_bridge_to_nowhere_says_so(tmp_path: Path) -> None:
    bridge = await asyncio.create_subprocess_exec(
        *BRIDGE, str(tmp_path / "none.sock"), stdin=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    _, said = await bridge.communicate()
    assert bridge.returncode == 1
    assert said.decode().startswith("The hive's tools are not there")


async def test_the_bridge_costs_little(served: Served) -> None:
    bridge = await asyncio.create_subprocess_exec(
        *BRIDGE, str(served.path), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert bridge.stdin is not None
    assert bridge.stdout is not None
    bridge.stdin.write(b'{"jsonrpc": "2.0", "id": 1, "method": "ping"}\n')
    await bridge.stdout.readline()
    resident = psutil.Process(bridge.pid).memory_info().rss
    assert resident < 20_000_000, "it loads nothing but the interpreter, os, select and socket"
    bridge.stdin.close()
    await bridge.wait()
