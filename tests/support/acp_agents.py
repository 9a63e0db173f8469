"""A real agent of the Agent Client Protocol on a loopback model, and the parts of its day that each agent's test plays."""

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
from tests.support.acp import AcpSetting, checked, of_kind, require_agent
from tests.support.claude import until

ROOT = Path(__file__).resolve().parents[2]
STEP_SECONDS = 90.0
"""An agent starts in 1 to 5 s, and in ten times that on a machine that is busy."""

Step = dict[str, Any]
Api = MessagesApi | OpenAiApi


@dataclass(frozen=True)
class Agent:
    """How the model of one agent asks for things, and what the agent makes of them."""

    name: str
    make_api: Callable[[], Api]
    configure: Callable[[AcpSetting, Api], None]
    """Point it at the loopback model, by the means that its operator would use."""
    shell: Callable[[str], Step]
    served: Callable[[str, str, Step], Step]
    """(server, tool, its input): an MCP server's tool."""
    shell_tool: str
    after_refusal: str
    """How the turn ends in which something was refused."""
    model: str
    """Another than its first."""
    any_model: bool = False
    """It takes a model that it does not offer, and says so no sooner than its next turn."""


@asynccontextmanager
async def living(agent: Agent) -> AsyncIterator[tuple[AcpSetting, Api]]:
    require_agent(agent.name)
    with tempfile.TemporaryDirectory(prefix="hv", dir="/tmp", ignore_cleanup_errors=True) as root:
        async with agent.make_api() as api:
            setting = AcpSetting(Path(root))
            setting.decide = lambda tool, input: Permission("forbidden" not in json.dumps(input))
            setting.options = {"agent": agent.name}
            setting.env = {"PATH": require_agent(agent.name)}
            command = ["-P", "-m", "tests.agentd.tools.mcp_stdio_server"]
            own = {"command": str(ROOT / ".venv/bin/python"), "args": command, "env": {"PYTHONPATH": str(ROOT)}}
            setting.mcp_servers = [{"name": "own", **own}]
            agent.configure(setting, api)
            yield setting, api


def done(events: Sequence[EngineEvent]) -> TurnDone:
    (found,) = of_kind(events, TurnDone)
    return found


async def asked(engine: AcpEngine, text: str) -> list[EngineEvent]:
    """A whole turn; one that does not end says how far it came."""
    return checked(await ended(engine, engine.turn(Prompt(text, "turn")), text))


async def ended(engine: AcpEngine, turn: AsyncIterator[EngineEvent], what: str) -> list[EngineEvent]:
    events: list[EngineEvent] = []
    try:
        async with asyncio.timeout(STEP_SECONDS):
            async for event in turn:
                events.append(event)  # noqa: PERF401 - what came is told where the rest does not
    except TimeoutError:
        pipe = engine._host.pipe
        words = pipe.process.last_words() if pipe is not None else "it does not run"
        pytest.fail(f"{what[:100]!r} did not end within {STEP_SECONDS:g} s: after {events[-3:]!r}; its stderr: {words}")
    return events


async def told(engine: AcpEngine, *steps: Step) -> list[EngineEvent]:
    return await asked(engine, f"@@script {json.dumps(list(steps))}")


def said(events: list[EngineEvent]) -> str:
    return " ".join(text.text for text in of_kind(events, Text))


async def speaks(engine: AcpEngine, api: Api) -> None:
    events = await asked(engine, "@@text")
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
    await asked(engine, "@@text")
    assert api.requests[-1].body["model"] != before
    if not agent.any_model:
        assert not await engine.set_model("no-such-model")


async def can_be_cancelled(engine: AcpEngine, agent: Agent) -> None:
    script = json.dumps([agent.shell("sleep 300"), {"text": "never"}])
    begun = asyncio.Event()

    async def followed() -> AsyncIterator[EngineEvent]:
        async for event in engine.turn(Prompt(f"@@script {script}", "turn")):
            if isinstance(event, ToolUse):
                begun.set()
            yield event

    turn = asyncio.create_task(ended(engine, followed(), "a turn that is cancelled"))
    begins = asyncio.create_task(begun.wait())
    await asyncio.wait({turn, begins}, return_when=asyncio.FIRST_COMPLETED)
    await engine.interrupt()
    assert done(await turn).outcome == "cancelled"
    await begins
    assert done(await asked(engine, "@@text")).outcome == "ok"


async def compacts(engine: AcpEngine) -> None:
    compacted = await ended(engine, engine.compact(), "a compaction")
    assert done(compacted).outcome == "ok", done(compacted).error


async def tells_its_models_refusals_apart(setting: AcpSetting, engine: AcpEngine) -> None:
    found = {name: done(await asked(engine, f"@@{name}")) for name in ("429", "402", "500")}
    assert {name: (one.outcome, one.retryable) for name, one in found.items()} == {
        "429": ("rate_limited", True),
        "402": ("failed", False),
        "500": ("failed", True),
    }
    assert all(one.error for one in found.values())
    out = done(await asked(engine, "@@401"))
    assert (out.outcome, out.retryable) == ("needs_login", False)
    assert str(setting.root / "home") in str(out.error)
    assert done(await asked(engine, "@@text")).outcome == "ok", "it is started again, and reads its login anew"


async def refuses_a_conversation_that_it_does_not_have(agent: Agent) -> None:
    async with living(agent) as (setting, api), setting.engine("00000000-0000-0000-0000-000000000000") as engine:
        with pytest.raises(EngineFailed) as refused:
            await asked(engine, "@@text")
        assert refused.value.code == EngineFailed.RESUME_REFUSED
        assert api.requests == []


async def is_killed_and_goes_on(setting: AcpSetting, engine: AcpEngine, api: Api) -> None:
    assert done(await asked(engine, "@@text before the kill")).outcome == "ok"
    assert engine._host.pipe is not None
    os.killpg(engine._host.pipe.process.pid, signal.SIGKILL)
    await until(lambda: not engine._host.alive)
    events = await asked(engine, "@@text after the kill")
    assert done(events).outcome == "ok", done(events).error
    assert "had ended (killed by signal 9" in " ".join(note.text for note in of_kind(setting.reported, Note))
    sent = json.dumps(api.requests[-1].body)
    assert "@@text after the kill" in sent
    assert "@@text before the kill" in sent
    assert len(of_kind(events, Text)) == 1, "what it had said before is not said again"


def nothing_is_left(setting: AcpSetting) -> bool:
    mark = (setting.root / "harness" / ENGINE_MARK_FILE).read_text(encoding="ascii")
    return marked(mark) == [] and not (setting.root / "tools.sock").exists()
