"""An api agent's own MCP servers: they run within the worker, and their tools are tools like any other."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from agentd.engines.api_worker_mcp import _tool
from agentd.engines.base import Note, Permission, ToolResult
from tests.fakes.openai_api import OpenAiApi
from tests.support.api import KEY, ApiSetting, played
from tests.support.claude import done_of, until

ROOT = Path(__file__).resolve().parents[3]
STDIO = {
    "name": "sums",
    "command": sys.executable,
    "args": ["-m", "tests.agentd.engines.mcp_server", "stdio"],
    "env": {"PYTHONPATH": str(ROOT), "GIVEN": "to the server alone"},
}


@pytest.fixture
async def api() -> AsyncIterator[OpenAiApi]:
    async with OpenAiApi() as found:
        yield found


@pytest.fixture
def setting(api: OpenAiApi, tmp_path: Path) -> ApiSetting:
    options = {"provider": "openai", "base_url": api.url, "api_key_env": "MINE"}
    return ApiSetting(tmp_path, options=options, env={"MINE": KEY}, mcp_servers=[STDIO])


def script(*calls: tuple[str, dict[str, Any]]) -> str:
    steps: list[dict[str, Any]] = [{"tool": tool, "input": given} for tool, given in calls]
    return f"@@script {json.dumps([*steps, {'text': 'Done.'}])}"


def results(events: list[Any]) -> list[tuple[str, bool]]:
    return [(event.text, event.is_error) for event in events if isinstance(event, ToolResult)]


async def test_its_tools_are_offered_and_called(setting: ApiSetting, api: OpenAiApi) -> None:
    async with setting.engine() as engine:
        events = await played(
            engine,
            script(
                ("mcp__sums__add", {"a": 2, "b": 3}),
                ("mcp__sums__fail", {}),
                ("mcp__sums__add", {"a": "words"}),
                ("mcp__sums__environment", {"name": "GIVEN"}),
                ("mcp__sums__environment", {"name": "MINE"}),
            ),
        )
    found = results(events)
    assert found[0] == ("5", False)
    assert found[1][1]
    assert "fail" in found[1][0]
    assert found[2][1]
    assert found[3:] == [("to the server alone", False), ("(not set)", False)]
    offered = {tool["function"]["name"]: tool["function"] for tool in api.requests[0].body["tools"]}
    assert offered["mcp__sums__add"]["description"] == "Add two numbers."
    assert set(offered["mcp__sums__add"]["parameters"]["properties"]) == {"a", "b"}


async def test_they_ask_unless_allowed(setting: ApiSetting) -> None:
    setting.permission_mode = "default"
    setting.options["allowed_tools"] = ["mcp__sums__env*"]
    setting.decide = lambda tool, given: Permission(False, "no sums today")
    async with setting.engine() as engine:
        calls = (("mcp__sums__add", {"a": 1, "b": 1}), ("mcp__sums__environment", {"name": "GIVEN"}))
        found = results(await played(engine, script(*calls)))
    assert setting.asked == [("mcp__sums__add", {"a": 1, "b": 1})]
    assert found[0] == ("It was denied: no sums today.", True)
    assert found[1] == ("to the server alone", False)


async def test_twenty_megabytes_of_an_answer_are_bounded(setting: ApiSetting) -> None:
    async with setting.engine() as engine:
        text, is_error = results(await played(engine, script(("mcp__sums__flood", {}))))[0]
    assert not is_error
    assert len(text) < 100_000
    assert "left out" in text


async def test_a_server_that_crashes_leaves_the_agent_at_work(setting: ApiSetting) -> None:
    async with setting.engine() as engine:
        events = await played(engine, script(("mcp__sums__crash", {}), ("bash", {"command": "echo on"})))
    found = results(events)
    assert found[0][1]
    assert found[1] == ("on", False)
    assert done_of(events).outcome == "ok"


@pytest.mark.parametrize(
    "server",
    [
        {"name": "gone", "command": "/nonexistent/server"},
        {"name": "quits", "command": sys.executable, "args": ["-c", "print('no json')"]},
        {"name": "away", "url": "http://127.0.0.1:9/mcp"},
    ],
)
async def test_a_server_that_does_not_start_is_said_and_the_others_work(
    server: dict[str, Any], setting: ApiSetting
) -> None:
    setting.mcp_servers = [server, STDIO]
    async with setting.engine() as engine:
        notes = [event.text for event in setting.reported if isinstance(event, Note)]
        assert len(notes) == 1
        assert server["name"] in notes[0]
        assert results(await played(engine, script(("mcp__sums__add", {"a": 1, "b": 1})))) == [("2", False)]


async def test_a_server_over_http_works_too(setting: ApiSetting, tmp_path: Path) -> None:
    port_file = tmp_path / "port"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.agentd.engines.mcp_server", "http", str(port_file), cwd=ROOT
    )
    try:
        await until(lambda: port_file.exists() and port_file.read_text() != "")
        setting.mcp_servers = [{"name": "far", "url": f"http://127.0.0.1:{port_file.read_text()}/mcp"}]
        async with setting.engine() as engine:
            assert results(await played(engine, script(("mcp__far__add", {"a": 20, "b": 22})))) == [("42", False)]
    finally:
        process.terminate()
        await process.wait()


def test_a_tool_that_describes_itself_without_end_is_cut() -> None:
    endless: dict[str, Any] = {"type": "object", "properties": {"x" * 60_000: {"type": "string"}}}
    deep: dict[str, Any] = {}
    for _ in range(2000):
        deep = {"properties": deep}
    for schema in (endless, deep):
        told = _tool(SimpleNamespace(name="n" * 9000, description="d" * 90_000, input_schema=schema))
        assert told["input_schema"] == {"type": "object"}
        assert len(json.dumps(told)) < 11_000
    kept = {"type": "object", "properties": {"x": {"type": "string"}}}
    assert _tool(SimpleNamespace(name="n", description=None, input_schema=kept))["input_schema"] == kept
