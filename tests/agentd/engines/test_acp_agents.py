"""Real agents on a loopback model: each plays one whole day, from its first words to a kill that it survives."""

import asyncio
import json
import os
import signal
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from agentd.engines.acp import AcpEngine
from agentd.engines.base import EngineEvent, EngineFailed, Note, Permission, Prompt, Text, ToolResult, ToolUse, TurnDone
from agentd.runtimes.process_tree import marked
from hived.wire.launch import ENGINE_MARK_FILE
from tests.fakes.messages_api import MessagesApi
from tests.fakes.openai_api import OpenAiApi
from tests.support.acp import AcpSetting, CodexApi, of_kind, played, require_agent
from tests.support.claude import until

ROOT = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.timeout(400)
"""An agent starts in 1 to 5 s, and in ten times that on a machine that is busy."""

Step = dict[str, Any]
Api = MessagesApi | OpenAiApi


@dataclass(frozen=True)
class Agent:
    """How the model of one agent asks for things, and what the agent makes of them."""

    name: str
    make_api: Callable[[], Api]
    shell: Callable[[str], Step]
    served: Callable[[str, str, Step], Step]
    """(server, tool, its input): an MCP server's tool."""
    shell_tool: str
    after_refusal: str
    """How the turn ends in which something was refused."""
    model: str
    """Another than its first."""
    any_model: bool
    """It takes a model that it does not offer, and says so no sooner than its next turn."""
    compacts: bool


def _bash(command: str) -> Step:
    return {"tool": "Bash", "input": {"command": command, "description": "run"}}


AGENTS = [
    Agent(
        "claude-agent-acp", MessagesApi, _bash,
        lambda server, tool, given: {"tool": f"mcp__{server}__{tool}", "input": given},
        "Bash", "ok", "haiku", False, True,
    ),
    Agent(
        "codex-acp", CodexApi, lambda command: {"tool": "exec_command", "input": {"cmd": command, "yield_time_ms": 30000}},
        lambda server, tool, given: {"tool": f"mcp__{server}/{tool}", "input": given},
        "shell", "cancelled", "gpt-5.4", True, True,
    ),
    Agent(
        "opencode", OpenAiApi, lambda command: {"tool": "bash", "input": {"command": command, "description": "run"}},
        lambda server, tool, given: {"tool": f"{server}_{tool}", "input": given},
        "bash", "ok", "fake/small", False, False,
    ),
]  # fmt: skip


def configured(setting: AcpSetting, agent: Agent, api: Api) -> None:
    """Point the agent at the loopback model, by the means that its operator would use."""
    setting.options = {"agent": agent.name}
    setting.env = {"PATH": require_agent(agent.name)}
    match agent.name:
        case "claude-agent-acp":
            setting.env |= {"ANTHROPIC_BASE_URL": api.url, "ANTHROPIC_API_KEY": "dummy", "CLAUDE_CODE_MAX_RETRIES": "0"}
        case "codex-acp":
            setting.env |= {"OPENAI_API_KEY": "dummy"}
            folder = setting.root / "home/.codex"
            folder.mkdir()
            (folder / "config.toml").write_text(
                'model = "tiny"\nmodel_provider = "fake"\n[model_providers.fake]\nname = "Fake"\n'
                f'base_url = "{api.url}"\nenv_key = "OPENAI_API_KEY"\nwire_api = "responses"\n'
                "request_max_retries = 0\nstream_max_retries = 0\n"
            )
        case _:
            limit = {"context": 128000, "output": 8000}
            provider = {
                "npm": "@ai-sdk/openai-compatible",
                "name": "Fake",
                "options": {"baseURL": api.url, "apiKey": "dummy"},
                "models": {"tiny": {"name": "Tiny", "limit": limit}, "small": {"name": "Small", "limit": limit}},
            }
            config = {"model": "fake/tiny", "small_model": "fake/small", "provider": {"fake": provider}}
            setting.env |= {
                "OPENCODE_CONFIG_CONTENT": json.dumps({**config, "enabled_providers": ["fake"]}),
                "OPENCODE_DISABLE_MODELS_FETCH": "1",
            }
    command = ["-P", "-m", "tests.agentd.tools.mcp_stdio_server"]
    setting.mcp_servers = [
        {"name": "own", "command": str(ROOT / ".venv/bin/python"), "args": command, "env": {"PYTHONPATH": str(ROOT)}}
    ]


@asynccontextmanager
async def living(agent: Agent) -> AsyncIterator[tuple[AcpSetting, Api]]:
    require_agent(agent.name)
    with tempfile.TemporaryDirectory(prefix="hv", dir="/tmp", ignore_cleanup_errors=True) as root:
        async with agent.make_api() as api:
            setting = AcpSetting(Path(root))
            setting.decide = lambda tool, input: Permission("forbidden" not in json.dumps(input))
            configured(setting, agent, api)
            yield setting, api


def done(events: Sequence[EngineEvent]) -> TurnDone:
    (found,) = of_kind(events, TurnDone)
    return found


async def told(engine: AcpEngine, *steps: Step) -> list[EngineEvent]:
    return await played(engine, f"@@script {json.dumps(list(steps))}")


def said(events: list[EngineEvent]) -> str:
    return " ".join(text.text for text in of_kind(events, Text))


@pytest.mark.parametrize("agent", AGENTS, ids=lambda agent: agent.name)
async def test_a_whole_day(agent: Agent) -> None:
    async with living(agent) as (setting, api):
        async with setting.engine() as engine:
            await speaks(engine, api)
            await works_by_leave(setting, engine, agent)
            await uses_the_hives_tools_and_its_own(setting, engine, agent)
            await takes_another_model(engine, api, agent)
            await can_be_cancelled(engine, agent)
            if agent.compacts:
                compacted = [event async for event in engine.compact()]
                assert done(compacted).outcome == "ok", done(compacted).error
            await is_killed_and_goes_on(setting, engine, api)
        assert nothing_is_left(setting)


async def speaks(engine: AcpEngine, api: Api) -> None:
    events = await played(engine, "@@text")
    assert done(events).outcome == "ok", done(events).error
    assert "Hello from the fake model. This is a plain text turn." in said(events)
    assert done(events).usage.last_input_tokens
    assert done(events).usage.window
    assert "You are bee, a worker in a hive" in json.dumps([asked.body for asked in api.requests])
    assert engine.session_id


async def works_by_leave(setting: AcpSetting, engine: AcpEngine, agent: Agent) -> None:
    events = await told(engine, agent.shell("touch made && echo by-leave"), {"text": "That is done."})
    assert done(events).outcome == "ok"
    assert (setting.workspace / "made").exists()
    (use,) = of_kind(events, ToolUse)
    (result,) = of_kind(events, ToolResult)
    assert (use.tool, use.input["command"]) == (agent.shell_tool, "touch made && echo by-leave")
    assert (result.is_error, result.text.strip()) == (False, "by-leave")
    assert [(tool, given["command"]) for tool, given, _ in setting.asked] == [(use.tool, use.input["command"])]
    setting.asked.clear()
    events = await told(engine, agent.shell("touch forbidden"), {"text": "So be it."})
    assert done(events).outcome == agent.after_refusal
    assert not (setting.workspace / "forbidden").exists()
    assert of_kind(events, ToolResult)[0].is_error
    assert len(setting.asked) == 1
    setting.asked.clear()


async def uses_the_hives_tools_and_its_own(setting: AcpSetting, engine: AcpEngine, agent: Agent) -> None:
    message = {"to": "operator", "body": "all is well"}
    events = await told(engine, agent.served("hive", "send", message), {"text": "Told."})
    assert setting.tools.calls == [("send", message)]
    assert setting.asked == [], "the hive's own tools need nobody's leave"
    assert "sent to operator" in of_kind(events, ToolResult)[0].text
    events = await told(engine, agent.served("own", "send", {"to": "ann", "body": "hi"}), {"text": "Told."})
    assert "sent to ann" in of_kind(events, ToolResult)[0].text
    assert len(setting.tools.calls) == 1
    assert len(setting.asked) == 1, "any other server's do"


async def takes_another_model(engine: AcpEngine, api: Api, agent: Agent) -> None:
    assert agent.model in [model.name for model in engine.models]
    before = api.requests[-1].body["model"]
    assert await engine.set_model(agent.model)
    await played(engine, "@@text")
    assert api.requests[-1].body["model"] != before
    if not agent.any_model:
        assert not await engine.set_model("no-such-model")


async def can_be_cancelled(engine: AcpEngine, agent: Agent) -> None:
    script = json.dumps([agent.shell("sleep 300"), {"text": "never"}])
    events: list[EngineEvent] = []

    async def follow() -> None:
        async for event in engine.turn(Prompt(f"@@script {script}", "turn")):
            events.append(event)  # noqa: PERF401 - each is looked at as it comes

    turn = asyncio.create_task(follow())
    await until(lambda: bool(of_kind(events, ToolUse)))
    await engine.interrupt()
    async with asyncio.timeout(60):
        await turn
    assert done(events).outcome == "cancelled"
    assert done(await played(engine, "@@text")).outcome == "ok"


async def is_killed_and_goes_on(setting: AcpSetting, engine: AcpEngine, api: Api) -> None:
    assert done(await played(engine, "@@text before the kill")).outcome == "ok"
    assert engine._host.pipe is not None
    os.killpg(engine._host.pipe.process.pid, signal.SIGKILL)
    await until(lambda: not engine._host.alive)
    events = await played(engine, "@@text after the kill")
    assert done(events).outcome == "ok", done(events).error
    assert "had ended (killed by signal 9" in " ".join(note.text for note in of_kind(setting.reported, Note))
    asked = json.dumps(api.requests[-1].body)
    assert "@@text after the kill" in asked
    assert "@@text before the kill" in asked
    assert len(of_kind(events, Text)) == 1, "what it had said before is not said again"


def nothing_is_left(setting: AcpSetting) -> bool:
    mark = (setting.root / "harness" / ENGINE_MARK_FILE).read_text(encoding="ascii")
    return marked(mark) == [] and not (setting.root / "tools.sock").exists()


@pytest.mark.parametrize("agent", AGENTS[:2], ids=lambda agent: agent.name)
async def test_what_its_model_refuses_is_a_typed_outcome(agent: Agent) -> None:
    async with living(agent) as (setting, _), setting.engine() as engine:
        found = {name: done(await played(engine, f"@@{name}")) for name in ("429", "402", "500")}
        assert {name: (one.outcome, one.retryable) for name, one in found.items()} == {
            "429": ("rate_limited", True),
            "402": ("failed", False),
            "500": ("failed", True),
        }
        assert all(one.error for one in found.values())
        out = done(await played(engine, "@@401"))
        assert (out.outcome, out.retryable) == ("needs_login", False)
        assert str(setting.root / "home") in str(out.error)
        assert done(await played(engine, "@@text")).outcome == "ok", "it is started again, and reads its login anew"


@pytest.mark.parametrize("agent", AGENTS[:2], ids=lambda agent: agent.name)
async def test_a_conversation_that_it_does_not_have_is_refused(agent: Agent) -> None:
    async with living(agent) as (setting, api), setting.engine("00000000-0000-0000-0000-000000000000") as engine:
        with pytest.raises(EngineFailed) as refused:
            await played(engine, "@@text")
        assert refused.value.code == EngineFailed.RESUME_REFUSED
        assert api.requests == []


async def test_a_repositorys_own_settings_allow_claude_nothing() -> None:
    agent = AGENTS[0]
    async with living(agent) as (setting, _):
        folder = setting.workspace / ".claude"
        folder.mkdir()
        permissions = {"allow": ["Bash(touch:*)", "Bash"], "defaultMode": "bypassPermissions"}
        hook = {"matcher": "*", "hooks": [{"type": "command", "command": f"touch {setting.workspace}/hooked"}]}
        (folder / "settings.json").write_text(
            json.dumps({"permissions": permissions, "hooks": {"PreToolUse": [hook], "SessionStart": [hook]}})
        )
        async with setting.engine() as engine:
            await told(engine, agent.shell("touch forbidden"), {"text": "So be it."})
        assert len(setting.asked) == 1
        assert not (setting.workspace / "forbidden").exists()
        assert not (setting.workspace / "hooked").exists()


async def test_a_repositorys_own_settings_allow_opencode_nothing() -> None:
    agent = AGENTS[2]
    async with living(agent) as (setting, _):
        (setting.workspace / "opencode.json").write_text(json.dumps({"permission": {"*": "allow", "bash": "allow"}}))
        async with setting.engine() as engine:
            await told(engine, agent.shell("touch forbidden"), {"text": "So be it."})
        assert len(setting.asked) == 1
        assert not (setting.workspace / "forbidden").exists()
