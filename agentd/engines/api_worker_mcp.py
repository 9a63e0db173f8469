"""The agent's own MCP servers, as the worker runs them: so what surrounds the worker surrounds them too. The `mcp` library
loads here, where a server is configured, and nowhere else."""

import asyncio
import contextlib
import json
import os
import sys
from contextlib import AsyncExitStack
from typing import Any

START_SECONDS = 60.0
"""A server from npm may have to be fetched first."""
CALL_SECONDS = 600.0
CLOSE_SECONDS = 3.0
MOST_TOOLS = 200
MOST_NAME_CHARACTERS = 200
MOST_SCHEMA_CHARACTERS = 50_000
MOST_CHARACTERS = 60_000


class McpServers:
    """`start` answers with the tools of each, or why there are none."""

    def __init__(self) -> None:
        self._sessions: dict[str, Any] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._closing = asyncio.Event()

    async def start(self, servers: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
        """{name: {tools: [{name, description, input_schema}]}} or {name: {error}}; all at once, each for a bounded time."""
        begun = {server["name"]: asyncio.get_running_loop().create_future() for server in servers}
        self._tasks = [asyncio.create_task(self._keep(server, begun[server["name"]])) for server in servers]
        return {name: await future for name, future in begun.items()}

    async def call(self, server: str, tool: str, given: dict[str, Any]) -> tuple[str, bool]:
        session = self._sessions.get(server)
        if session is None:
            return f"The MCP server {server} is not running.", True
        try:
            result = await session.call_tool(tool, given, read_timeout_seconds=CALL_SECONDS)
        except Exception as error:
            return f"The MCP server {server}: {_one_line(error)}", True
        return _text(result), bool(getattr(result, "is_error", False))

    async def close(self) -> None:
        self._closing.set()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=CLOSE_SECONDS)
            for task in late:
                task.cancel()

    async def _keep(self, server: dict[str, Any], begun: "asyncio.Future[dict[str, Any]]") -> None:
        """One server from its start to the end, in one task: what the library opens it must close in the same."""
        name = server["name"]
        try:
            async with AsyncExitStack() as stack:
                async with asyncio.timeout(START_SECONDS):
                    session = await _connected(server, stack)
                    tools = (await session.list_tools()).tools[:MOST_TOOLS]
                self._sessions[name] = session
                begun.set_result({"tools": [_tool(tool) for tool in tools]})
                await self._closing.wait()
        except TimeoutError:
            _tell(begun, f"it did not answer within {START_SECONDS:g} s")
        except Exception as error:
            _tell(begun, _one_line(error))
        finally:
            self._sessions.pop(name, None)


async def _connected(server: dict[str, Any], stack: AsyncExitStack) -> Any:
    from mcp import ClientSession, StdioServerParameters, stdio_client

    if server["type"] == "stdio":
        parameters = StdioServerParameters(
            command=server["command"], args=server["args"], env={**os.environ, **server["env"]}
        )
        streams = await stack.enter_async_context(stdio_client(parameters, errlog=sys.stderr))
    elif server["type"] == "sse":
        from mcp.client.sse import sse_client

        streams = await stack.enter_async_context(sse_client(server["url"], headers=server["headers"]))
    else:
        from mcp.client.streamable_http import streamable_http_client
        from mcp.shared._httpx_utils import create_mcp_http_client

        client = await stack.enter_async_context(create_mcp_http_client(headers=server["headers"]))
        streams = await stack.enter_async_context(streamable_http_client(server["url"], http_client=client))
    session = await stack.enter_async_context(ClientSession(streams[0], streams[1]))
    await session.initialize()
    return session


def _tool(tool: Any) -> dict[str, Any]:
    """A schema that would fill the model's window is left out: the server itself says what it does not take."""
    schema = tool.input_schema
    try:
        fits = len(json.dumps(schema)) <= MOST_SCHEMA_CHARACTERS
    except RecursionError:
        fits = False
    return {
        "name": tool.name[:MOST_NAME_CHARACTERS],
        "description": (tool.description or "")[:10_000],
        "input_schema": schema if fits else {"type": "object"},
    }


def _text(result: Any) -> str:
    """All that it answered, as text; what is none is named."""
    parts = []
    for item in getattr(result, "content", None) or []:
        words = getattr(item, "text", None)
        parts.append(words if isinstance(words, str) else f"({getattr(item, 'type', 'something')}, not shown)")
    structured = getattr(result, "structured_content", None)
    text = "\n".join(parts) if parts or structured is None else json.dumps(structured)
    if len(text) > MOST_CHARACTERS:
        half = MOST_CHARACTERS // 2
        text = f"{text[:half]}\n… ({len(text) - 2 * half} characters left out) …\n{text[-half:]}"
    return text


def _tell(begun: "asyncio.Future[dict[str, Any]]", reason: str) -> None:
    if not begun.done():
        begun.set_result({"error": reason})


def _one_line(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup) and error.exceptions:
        error = error.exceptions[0]
    with contextlib.suppress(Exception):
        return " ".join(f"{type(error).__name__}: {error}".split())[:300]
    return type(error).__name__
