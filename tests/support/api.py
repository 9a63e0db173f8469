"""The api engine for tests: on a loopback server, in folders of its own, with all that a test can look at."""

import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agentd.engines.api import ApiEngine
from agentd.engines.base import EngineContext, EngineEvent, Permission, Prompt, ToolInput, TurnDone
from agentd.environment import engine_environment
from agentd.runtimes.process import ProcessRuntime
from hived.wire.agents import SpawnRequest
from hived.wire.launch import Launch
from hived.wire.protocol import PROTOCOL
from tests.support.claude import MemoryFacts, RecordedTools

KEY = "sk-secret-0123456789"


@dataclass
class ApiSetting:
    """`runs` make an engine; another one on the same setting is the next harness."""

    root: Path
    options: dict[str, Any] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)
    model: str = "tiny"
    effort: str | None = None
    permission_mode: str | None = "bypassPermissions"
    mcp_servers: list[dict[str, Any]] = field(default_factory=list)
    facts: MemoryFacts = field(default_factory=MemoryFacts)
    tools: RecordedTools = field(default_factory=RecordedTools)
    asked: list[tuple[str, ToolInput]] = field(default_factory=list)
    reported: list[EngineEvent] = field(default_factory=list)
    noticed: list[str] = field(default_factory=list)
    """What the engine could not be told where it arose."""
    logged: list[str] = field(default_factory=list)
    heard: int = 0
    decide: Callable[[str, ToolInput], Permission] = field(default=lambda tool, input: Permission(False, "not now"))
    runtime: ProcessRuntime = field(init=False)

    def __post_init__(self) -> None:
        for name in ("workspace", "home", "state", "harness"):
            (self.root / name).mkdir(exist_ok=True)
        self.runtime = ProcessRuntime(self.root / "harness", 1, self.reported.append)

    @property
    def workspace(self) -> Path:
        return self.root / "workspace"

    def conversation(self, session_id: str | None) -> Path:
        return self.root / "harness" / "api" / f"{session_id}.jsonl"

    def context(self) -> EngineContext:
        spec = SpawnRequest(
            name="bee", engine="api", env=self.env, engine_options=self.options, mcp_servers=self.mcp_servers
        )
        launch = Launch(
            protocol=PROTOCOL, agent_id="id", name="bee", generation=1, spec=spec, runtime="process",
            harness=str(self.root / "harness"), state=str(self.root / "state"), home=str(self.root / "home"),
            workspace=str(self.workspace), agent_socket="", tools_socket="", model_file="", events_db="",
            secrets_file=str(self.root / "secrets.toml"),
        )  # fmt: skip

        async def ask(tool: str, input: ToolInput, tool_use_id: str) -> Permission:
            self.asked.append((tool, input))
            return self.decide(tool, input)

        def environment(defaults: Mapping[str, str]) -> dict[str, str]:
            return engine_environment(launch, defaults)

        def heard() -> None:
            self.heard += 1

        return EngineContext(
            launch=launch, workspace=self.workspace, home=self.root / "home", state=self.root / "state",
            harness=self.root / "harness", model=self.model, effort=self.effort, permission_mode=self.permission_mode,
            environment=environment, runtime=self.runtime, tools=self.tools, ask_permission=ask, notice=self.noticed.append, facts=self.facts,
            heard=heard, report=self.reported.append, log=self.logged.append,
        )  # fmt: skip

    @asynccontextmanager
    async def engine(self, session_id: str | None = None) -> AsyncIterator[ApiEngine]:
        """A started engine, ended with all it started whatever the test does."""
        engine = ApiEngine(self.context())
        try:
            await engine.start(session_id)
            yield engine
        finally:
            await engine.close()


async def played(engine: ApiEngine, text: str) -> list[EngineEvent]:
    """All events of one turn; its last is the only TurnDone."""
    return ended([event async for event in engine.turn(Prompt(text, "turn"))])


async def compacted(engine: ApiEngine) -> list[EngineEvent]:
    return ended([event async for event in engine.compact()])


def ended(events: list[EngineEvent]) -> list[EngineEvent]:
    assert [type(event) for event in events].count(TurnDone) == 1
    assert isinstance(events[-1], TurnDone)
    return events


def runs(pid: int) -> bool:
    """Whether that process is there, and no zombie."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        if os.path.isdir("/proc/self"):
            return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
