"""Real agents of the Agent Client Protocol behind real walls: which of them need no network is a fact that is tried here."""

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from agentd.engines.acp import AcpEngine
from agentd.engines.base import Permission, ToolResult
from tests.fakes.messages_api import MessagesApi
from tests.fakes.messages_scenarios import Step
from tests.fakes.model_server import ModelServer
from tests.fakes.openai_api import OpenAiApi
from tests.support.acp import AcpSetting, CodexApi, of_kind, played, require_agent
from tests.support.acp_agents import done
from tests.support.boxes import Box, served

pytestmark = pytest.mark.timeout(400)

SECRET = "sk-a-real-secret"


@dataclass(frozen=True)
class Case:
    name: str
    make_api: type[ModelServer]
    key: str
    env: Callable[[str], dict[str, str]]
    shell: Callable[[str], Step]
    send: str
    """The name under which its model calls the hive's `send`."""
    header: str


def opencode_config(url: str) -> dict[str, str]:
    models = {"tiny": {"name": "Tiny", "limit": {"context": 128000, "output": 8000}}}
    options = {"baseURL": url, "apiKey": "{env:OPENAI_API_KEY}"}
    provider = {"npm": "@ai-sdk/openai-compatible", "name": "Fake", "options": options, "models": models}
    config = {"model": "fake/tiny", "small_model": "fake/tiny", "enabled_providers": ["fake"]}
    return {"OPENCODE_CONFIG_CONTENT": json.dumps({**config, "provider": {"fake": provider}})}


CASES = [
    Case(
        "claude-agent-acp",
        MessagesApi,
        "ANTHROPIC_API_KEY",
        lambda url: {"ANTHROPIC_BASE_URL": url, "CLAUDE_CODE_MAX_RETRIES": "0"},
        lambda command: {"tool": "Bash", "input": {"command": command, "description": "run"}},
        "mcp__hive__send",
        "x-api-key",
    ),
    Case(
        "codex-acp",
        CodexApi,
        "OPENAI_API_KEY",
        lambda url: {"OPENAI_BASE_URL": url},
        lambda command: {"tool": "exec_command", "input": {"cmd": command, "yield_time_ms": 30000}},
        "mcp__hive/send",
        "authorization",
    ),
    Case(
        "opencode",
        OpenAiApi,
        "OPENAI_API_KEY",
        opencode_config,
        lambda command: {"tool": "bash", "input": {"command": command, "description": "run"}},
        "hive_send",
        "authorization",
    ),
]


@asynccontextmanager
async def living(case: Case) -> AsyncIterator[tuple[AcpSetting, Box, ModelServer, AcpEngine]]:
    path = require_agent(case.name)
    with tempfile.TemporaryDirectory(prefix="hv", dir="/tmp", ignore_cleanup_errors=True) as root:
        async with case.make_api() as api:
            setting = AcpSetting(Path(root), options={"agent": case.name})
            setting.decide = lambda tool, given: Permission(True)
            url = getattr(api, "url")  # noqa: B009 - each fake has one, of its own
            setting.env = {"PATH": path, **case.env(url)}
            context = setting.context()
            spec = context.launch.spec.model_copy(update={"env_from": [case.key]})
            async with served(Path(root), spec) as box:
                (Path(root) / "harness/secrets.toml").write_text(f'{case.key} = "{SECRET}"\n')  # noqa: ASYNC240
                engine = AcpEngine(box.context(context))
                await engine.start(None)
                try:
                    yield setting, box, api, engine
                finally:
                    await engine.close()


def script(*steps: Step) -> str:
    return f"@@script {json.dumps(list(steps))}"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_it_works_without_a_network_and_without_its_key(case: Case) -> None:
    async with living(case) as (setting, box, api, engine):
        async with asyncio.timeout(300):
            assert done(await played(engine, "@@text")).outcome == "ok"
            assert {asked.headers[case.header].removeprefix("Bearer ") for asked in api.requests} == {SECRET}

            looks = "cat /proc/*/environ 2>/dev/null | tr '\\0' '\\n' > seen.txt; tail -n +3 /proc/net/dev | cut -d: -f1 > nets.txt; true"
            looked = await played(engine, script(case.shell(looks), {"text": "Looked."}))
            assert done(looked).outcome == "ok", done(looked).error
            seen = (setting.workspace / "seen.txt").read_text(errors="replace")
            assert f"{case.key}=held-by-the-hive" in seen
            assert SECRET not in seen
            assert (setting.workspace / "nets.txt").read_text().split() == ["lo"]

            given = {"to": "queen", "body": "hello"}
            sent = await played(engine, script({"tool": case.send, "input": given}, {"text": "Sent."}))
            assert setting.tools.calls == [("send", given)], sent
            assert any("sent to queen" in result.text for result in of_kind(sent, ToolResult))
        assert all("api." not in note for note in box.notes), "no model's host was looked for elsewhere"
