"""An MCP server of the real library, for tests: `python -m … stdio` or `python -m … http PORT_FILE`.

Its tools: `add` two numbers, `environment` (a variable's value), `fail`, `crash` (the server ends), `flood` (20 MB of text).
"""

import asyncio
import os
import socket
import sys
from pathlib import Path

import uvicorn
from mcp.server import MCPServer

server = MCPServer("tests", log_level="ERROR")


@server.tool(structured_output=False)
def add(a: int, b: int) -> str:
    """Add two numbers."""
    return str(a + b)


@server.tool(structured_output=False)
def environment(name: str) -> str:
    """The value of an environment variable of the server."""
    return os.environ.get(name, "(not set)")


@server.tool(structured_output=False)
def fail() -> str:
    """Fail."""
    raise ValueError("it failed on purpose")


@server.tool(structured_output=False)
def crash() -> str:
    """End the server."""
    os._exit(3)


@server.tool(structured_output=False)
def flood() -> str:
    """Answer with 20 MB."""
    return "x" * 20_000_000


async def serve_http(listening: socket.socket) -> None:
    config = uvicorn.Config(server.streamable_http_app(), log_level="error", ws="none")
    await uvicorn.Server(config).serve(sockets=[listening])


if __name__ == "__main__":
    if sys.argv[1] == "stdio":
        server.run("stdio")
    else:
        bound = socket.create_server(("127.0.0.1", 0))
        Path(sys.argv[2]).write_text(str(bound.getsockname()[1]))
        asyncio.run(serve_http(bound))
