"""Turns of the real CLI that run while a test does something to them."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

import psutil

from agentd.engines.base import EngineEvent, Prompt, TextDelta, ToolUse, TurnDone
from agentd.engines.claude import ClaudeEngine
from tests.support.claude import MOMENT_SECONDS, Setting, done_of, until


class Running:
    """A turn that runs in the background; its events as they come, with `each` seconds of work for every one."""

    def __init__(self, engine: ClaudeEngine, text: str, each: float = 0.0) -> None:
        self.events: list[EngineEvent] = []
        self._each = each
        self._came = asyncio.Event()
        self._task = asyncio.create_task(self._play(engine, text))

    async def _play(self, engine: ClaudeEngine, text: str) -> None:
        try:
            async for event in engine.turn(Prompt(text, "turn")):
                self.events.append(event)
                self._came.set()
                if self._each:
                    await asyncio.sleep(self._each)
        finally:
            self._came.set()

    async def until(self, wanted: Callable[[EngineEvent], bool]) -> EngineEvent:
        async with asyncio.timeout(MOMENT_SECONDS):
            while True:
                for event in self.events:
                    if wanted(event):
                        return event
                assert not self._task.done(), self.events
                self._came.clear()
                await self._came.wait()

    async def done(self) -> TurnDone:
        async with asyncio.timeout(MOMENT_SECONDS):
            await self._task
        assert [type(event) for event in self.events].count(TurnDone) == 1
        return done_of(self.events)

    async def stop(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


@asynccontextmanager
async def running(engine: ClaudeEngine, text: str, each: float = 0.0) -> AsyncIterator[Running]:
    turn = Running(engine, text, each)
    try:
        yield turn
    finally:
        await turn.stop()


def is_delta(event: EngineEvent) -> bool:
    return isinstance(event, TextDelta)


def is_tool(event: EngineEvent) -> bool:
    return isinstance(event, ToolUse)


def script(*steps: Mapping[str, object]) -> str:
    return "@@script " + json.dumps(steps)


def bash(command: str) -> dict[str, object]:
    return {"tool": "Bash", "input": {"command": command}}


def engine_pid(setting: Setting) -> int:
    return int(json.loads((setting.root / "harness/engine.pid").read_text())["pid"])


def ended(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


async def sleeping_child(pid: int) -> int:
    """The pid of the `sleep` below that process, once it is there."""
    found: list[int] = []

    def look() -> bool:
        for child in psutil.Process(pid).children(recursive=True):
            try:
                if child.name() == "sleep" and "60" in child.cmdline():
                    found.append(child.pid)
            except psutil.Error:
                continue
        return bool(found)

    await until(look)
    return found[0]
