"""An agent's own MCP servers on the real CLI: offered, asked about, called, and their secrets in no place for long."""

import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from agentd.engines.base import Permission, ToolResult
from tests.support.claude import Setting, done_of, played
from tests.support.claude_turns import engine_pid, script

pytestmark = [pytest.mark.claude]

SERVER = r"""
import json, os, sys
tool = {"name": "look", "description": "Look something up.", "inputSchema": {"type": "object", "properties": {}}}
for line in sys.stdin:
    asked = json.loads(line)
    answers = {
        "initialize": lambda: {
            "protocolVersion": asked["params"]["protocolVersion"],
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "docs", "version": "1"},
        },
        "tools/list": lambda: {"tools": [tool]},
        "tools/call": lambda: {"content": [{"type": "text", "text": "the token is " + os.environ["TOKEN"]}]},
    }
    if "id" in asked:
        found = answers.get(asked["method"], dict)()
        print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": found}), flush=True)
"""


def docs(setting: Setting) -> dict[str, Any]:
    program = setting.root / "docs.py"
    program.write_text(SERVER)
    return {"name": "docs", "command": sys.executable, "args": [str(program)], "env": {"TOKEN": "not-for-ps"}}


def lying_about(setting: Setting) -> list[Path]:
    return [
        path for path in (setting.root / "home").rglob("*") if path.is_file() and b"not-for-ps" in path.read_bytes()
    ]


async def test_a_tool_of_its_own_server_is_asked_about_and_called_and_its_secret_lies_nowhere(setting: Setting) -> None:
    setting.servers.append(docs(setting))
    setting.decide = lambda tool, input: Permission(True)
    async with setting.engine() as engine:
        await played(engine, "@@text")
        assert "not-for-ps" not in " ".join(psutil.Process(engine_pid(setting)).cmdline())
        assert lying_about(setting) == []
        events = await played(engine, script({"tool": "mcp__docs__look", "input": {}}, {"text": "So that is it."}))
    assert done_of(events).outcome == "ok"
    assert [tool for tool, _ in setting.asked] == ["mcp__docs__look"]
    (result,) = [event for event in events if isinstance(event, ToolResult)]
    assert not result.is_error
    assert result.text.startswith("the token is not-for-ps")


async def test_a_server_that_cannot_start_costs_the_turn_nothing(setting: Setting) -> None:
    setting.servers.append({"name": "broken", "command": "/nonexistent/server"})
    async with setting.engine() as engine:
        assert done_of(await played(engine, "@@send")).outcome == "ok"
    assert [name for name, _ in setting.tools.calls] == ["send"]
