"""The real Claude Code CLI for tests: where it is, and an engine on it with the loopback model and nothing else."""

import asyncio
import os
import shutil
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from agentd.engines.base import (
    EngineContext,
    EngineEvent,
    Permission,
    Prompt,
    ToolAnswer,
    ToolDefinition,
    ToolInput,
    TurnDone,
)
from agentd.engines.claude import ClaudeEngine
from agentd.environment import engine_environment
from agentd.runtimes.process import ProcessRuntime
from hived.wire.agents import SpawnRequest
from hived.wire.launch import Launch
from hived.wire.protocol import PROTOCOL
from tests.fakes.messages_api import MessagesApi

MOMENT_SECONDS = 60
"""Far more than anything here takes; nothing waits this long unless it is broken."""
HIVE_TOOLS_CLAUDE = Path("/opt/hive-tools/claude/node_modules/.bin/claude")
HIVE_TOOLS_NEWEST = Path("/opt/hive-tools/claude-new/node_modules/.bin/claude")
GENERATIONS = ("pinned", "newest")
"""The two Claude Codes that every test of the real CLI runs on: 2.1.197, and the newest."""


def find_claude() -> str | None:
    """HIVE_TEST_CLAUDE, else `claude` on PATH, else where the project's own machines have it."""
    named = os.environ.get("HIVE_TEST_CLAUDE") or shutil.which("claude")
    if named:
        return named
    return str(HIVE_TOOLS_CLAUDE) if os.access(HIVE_TOOLS_CLAUDE, os.X_OK) else None


def find_newest_claude() -> str | None:
    """HIVE_TEST_CLAUDE_NEWEST, else where the project's own machines have it."""
    named = os.environ.get("HIVE_TEST_CLAUDE_NEWEST")
    if named:
        return named
    return str(HIVE_TOOLS_NEWEST) if os.access(HIVE_TOOLS_NEWEST, os.X_OK) else None


def require_claude(generation: str = "pinned") -> str:
    """The CLI's path; the test is skipped with the reason where there is none, and fails if HIVE_REQUIRE_TOOLS=1."""
    found = find_claude() if generation == "pinned" else find_newest_claude()
    if found is None:
        variable = "HIVE_TEST_CLAUDE" if generation == "pinned" else "HIVE_TEST_CLAUDE_NEWEST"
        reason = (
            f"Claude Code is not on this machine (npm install -g @anthropic-ai/claude-code, and name it in {variable})"
        )
        if os.environ.get("HIVE_REQUIRE_TOOLS") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return found


class MemoryFacts:
    def __init__(self) -> None:
        self.held: dict[str, str] = {}

    def get(self, key: str) -> str | None:
        return self.held.get(key)

    def set(self, key: str, value: str | None) -> None:
        if value is None:
            self.held.pop(key, None)
        else:
            self.held[key] = value


@dataclass
class RecordedTools:
    """Tools of the hive that note how they were called."""

    calls: list[tuple[str, ToolInput]] = field(default_factory=list)

    @property
    def definitions(self) -> Sequence[ToolDefinition]:
        words = {"type": "string"}
        schema = {"type": "object", "properties": {"to": words, "body": words}, "required": ["to", "body"]}
        return (
            ToolDefinition("send", "Send a message to an agent or to the operator.", schema),
            ToolDefinition("whoami", "Who you are in the hive.", {"type": "object", "properties": {}}),
        )

    async def call(self, name: str, arguments: ToolInput) -> ToolAnswer:
        self.calls.append((name, arguments))
        if name == "whoami":
            return ToolAnswer("You are nobody.", is_error=True)
        return ToolAnswer(f"sent to {arguments['to']}")


Answerer = Callable[[str, ToolInput], Permission]


@dataclass
class Setting:
    """All that a test can look at. `runs` makes an engine; another run on the same setting is the next harness."""

    root: Path
    api: MessagesApi
    program: str
    options: dict[str, Any] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)
    model: str = "claude-haiku-4-5"
    effort: str | None = None
    permission_mode: str | None = None
    servers: list[dict[str, Any]] = field(default_factory=list)
    heard: list[float] = field(default_factory=list)
    """When bytes came from the engine."""
    facts: MemoryFacts = field(default_factory=MemoryFacts)
    tools: RecordedTools = field(default_factory=RecordedTools)
    asked: list[tuple[str, ToolInput]] = field(default_factory=list)
    reported: list[EngineEvent] = field(default_factory=list)
    noticed: list[str] = field(default_factory=list)
    """What the engine could not be told where it arose."""
    logged: list[str] = field(default_factory=list)
    decide: Answerer = field(default=lambda tool, input: Permission(False, "nobody decides in this test"))
    prompt: str | None = None
    runtime: ProcessRuntime = field(init=False)

    def __post_init__(self) -> None:
        for name in ("workspace", "home", "state", "harness"):
            (self.root / name).mkdir(exist_ok=True)
        self.runtime = ProcessRuntime(self.root / "harness", 1, self.reported.append, self._hear)

    def _hear(self) -> None:
        self.heard.append(time.monotonic())

    @property
    def workspace(self) -> Path:
        return self.root / "workspace"

    def context(self) -> EngineContext:
        spec = SpawnRequest(
            name="bee",
            engine="claude",
            prompt=self.prompt,
            env={"ANTHROPIC_BASE_URL": self.api.url, "ANTHROPIC_API_KEY": "dummy", "CLAUDE_CODE_MAX_RETRIES": "1"}
            | self.env,
            engine_options={"command": [self.program], **self.options},
            mcp_servers=self.servers,
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

        return EngineContext(
            launch=launch, workspace=self.workspace, home=self.root / "home", state=self.root / "state",
            harness=self.root / "harness", model=self.model, effort=self.effort, permission_mode=self.permission_mode,
            heard=self._hear, environment=environment, runtime=self.runtime,
            tools=self.tools, ask_permission=ask, notice=self.noticed.append, facts=self.facts, report=self.reported.append,
            log=self.logged.append,
        )  # fmt: skip

    @asynccontextmanager
    async def engine(self, session_id: str | None = None) -> AsyncIterator[ClaudeEngine]:
        """A started engine, ended with all it started whatever the test does."""
        engine = ClaudeEngine(self.context())
        await engine.start(session_id)
        try:
            yield engine
        finally:
            await engine.close()


async def until(condition: Callable[[], bool]) -> None:
    """Returns once it holds; TimeoutError after MOMENT_SECONDS."""
    async with asyncio.timeout(MOMENT_SECONDS):
        while not condition():  # noqa: ASYNC110 - what another process does sets no event here
            await asyncio.sleep(0.01)


async def played(engine: ClaudeEngine, text: str) -> list[EngineEvent]:
    """All events of one turn; its last is the only TurnDone."""
    events = [event async for event in engine.turn(Prompt(text, "turn"))]
    assert [type(event) for event in events].count(TurnDone) == 1
    assert isinstance(events[-1], TurnDone)
    return events


def done_of(events: Sequence[EngineEvent]) -> TurnDone:
    last = events[-1]
    assert isinstance(last, TurnDone)
    return last
