"""The scripted engine: drives the player of a scenario. What it says is written down, what it does is real."""

import asyncio
import contextlib
import json
import sys
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

from agentd.engines.base import (
    EngineContext,
    EngineEvent,
    EngineFailed,
    EngineProcess,
    ModelChanged,
    Note,
    Prompt,
    Text,
    TextDelta,
    Thinking,
    ThinkingDelta,
    ToolResult,
    ToolUse,
    TurnDone,
    TurnUsage,
)
from agentd.engines.scenario import load_scenario
from agentd.engines.usage_report import WrongUsage, take_usage
from hived.wire.agents import EngineAbilities, EngineFound, ModelOffered, SpawnRequest
from hived.wire.errors import InvalidScenario

MEMORY_FOLDER = ".scripted"
"""In the agent's home: a file for each session, with which turns it has played."""


class ScriptedEngine:
    """`engine_options.scenario`: the path of a scenario, absolute or below the workspace."""

    kind = "scripted"

    def __init__(self, context: EngineContext) -> None:
        """Raises EngineFailed (`invalid_scenario`, not retryable)."""
        self.abilities = EngineAbilities(steer=True, interrupt=True, set_model=True, resume=True)
        self.session_id: str | None = None
        self.models: tuple[ModelOffered, ...] = ()
        self._context = context
        self._model = context.model
        self._scenario = _scenario_path(context)
        self._process: EngineProcess | None = None
        self._playing = False
        self._answering: set[asyncio.Task[None]] = set()

    async def start(self, session_id: str | None) -> None:
        """Raises EngineFailed (RESUME_REFUSED) where the session's memory is gone. The player itself starts with a turn."""
        if session_id is not None and not _memory(self._context.home, session_id).is_file():
            raise EngineFailed(
                "failed",
                f"The session {session_id} cannot be resumed: the agent's home has nothing of it.",
                retryable=False,
                code=EngineFailed.RESUME_REFUSED,
            )
        self.session_id = session_id or str(uuid.uuid4())
        _remember(_memory(self._context.home, self.session_id))

    async def turn(self, prompt: Prompt) -> AsyncGenerator[EngineEvent, None]:
        process = await self._running()
        usage = TurnUsage()
        self._playing = True
        try:
            with contextlib.suppress(BrokenPipeError, ConnectionError):
                await self._tell(
                    type="turn", bodies=prompt.bodies, senders=prompt.senders, message_ids=prompt.message_ids
                )
            async with contextlib.aclosing(process.lines()) as chunks:
                async for lines in chunks:
                    for line in lines:
                        message = json.loads(line)
                        if message["type"] == "done":
                            yield _done(message, usage)
                            return
                        event = self._take(message, usage)
                        if event is not None:
                            yield event
            raise await self._died(process)
        finally:
            self._playing = False
            for task in self._answering:
                task.cancel()

    async def interrupt(self) -> None:
        if self._playing:
            with contextlib.suppress(BrokenPipeError, ConnectionError):
                await self._tell(type="interrupt")

    async def steer(self, text: str) -> bool:
        if not self._playing:
            return False
        try:
            await self._tell(type="steer", text=text)
        except (BrokenPipeError, ConnectionError):
            return False
        return True

    async def set_model(self, model: str) -> bool:
        self._model = model
        if self._process is not None:
            with contextlib.suppress(BrokenPipeError, ConnectionError):
                await self._tell(type="model", model=model)
        return True

    async def set_effort(self, effort: str | None) -> bool:
        return False

    async def set_permission_mode(self, mode: str | None) -> bool:
        return False

    async def compact(self) -> AsyncIterator[EngineEvent]:
        yield TurnDone("failed", "A scenario has no conversation to compact.", retryable=False)

    async def terminate(self) -> None:
        if self._process is not None:
            await self._process.terminate()

    async def close(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            await process.close()

    async def _running(self) -> EngineProcess:
        if self._process is not None and self._process.returncode is None:
            return self._process
        await self.close()
        context = self._context
        if self.session_id is None:
            await self.start(None)
        # -P: a file of the workspace must not pass for a module of ours.
        command = [sys.executable, "-P", "-m", "agentd.engines.scripted_player", "--scenario", str(self._scenario)]
        command += ["--memory", str(_memory(context.home, str(self.session_id)))]
        command += ["--workspace", str(context.workspace), "--state", str(context.state), "--model", self._model]
        environment = context.environment({})
        self._process = await context.runtime.start(command, env=environment, cwd=context.workspace)
        return self._process

    async def _died(self, process: EngineProcess) -> EngineFailed:
        code = await process.wait()
        self._process = None
        await process.close()
        words = process.last_words()
        end = f"signal {-code}" if code < 0 else f"exit code {code}"
        return EngineFailed(
            "failed", f"The player ended in mid-turn with {end}" + (f": {words}" if words else "."), retryable=True
        )

    def _take(self, message: dict[str, Any], usage: TurnUsage) -> EngineEvent | None:
        """The event of one line of the player; None for what it asks of us."""
        match message["type"]:
            case "hive_tool":
                self._answer(self._call(message))
            case "permission":
                self._answer(self._ask(message))
            case "usage":
                try:
                    return take_usage(message["usage"], usage)
                except WrongUsage as error:
                    return Note(f"The scenario's usage is wrong: {error}.", "warning")
            case kind:
                return _EVENTS[kind](message)
        return None

    def _answer(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)

    async def _call(self, message: dict[str, Any]) -> None:
        answer = await self._context.tools.call(message["name"], message["arguments"])
        with contextlib.suppress(BrokenPipeError, ConnectionError):
            await self._tell(type="tool_answer", id=message["id"], text=answer.text, is_error=answer.is_error)

    async def _ask(self, message: dict[str, Any]) -> None:
        answer = await self._context.ask_permission(message["tool"], message["input"], message["id"])
        with contextlib.suppress(BrokenPipeError, ConnectionError):
            await self._tell(type="permission_answer", id=message["id"], allowed=answer.allowed, note=answer.note)

    async def _tell(self, **message: Any) -> None:
        if self._process is None:
            raise BrokenPipeError("the player does not run")
        await self._process.write(json.dumps(message).encode() + b"\n")


_EVENTS: dict[str, Callable[[dict[str, Any]], EngineEvent]] = {
    "text": lambda message: Text(message["text"]),
    "text_delta": lambda message: TextDelta(message["text"]),
    "thinking": lambda message: Thinking(message["text"], message.get("hidden", False)),
    "thinking_delta": lambda message: ThinkingDelta(message["text"]),
    "tool_use": lambda message: ToolUse(message["id"], message["tool"], message["input"]),
    "tool_result": lambda message: ToolResult(message["id"], message["tool"], message["is_error"], message["text"]),
    "note": lambda message: Note(message["text"], message["level"]),
    "model": lambda message: ModelChanged(message["model"]),
}


def _done(message: dict[str, Any], usage: TurnUsage) -> TurnDone:
    return TurnDone(message["outcome"], message.get("error"), message.get("retryable", True), usage)


def find() -> list[EngineFound]:
    return [
        EngineFound(
            kind="scripted", found=True, login="not_needed", detail="plays a scenario; needs no model and no key"
        )
    ]


def check_spec(spec: SpawnRequest) -> None:
    """Raises EngineFailed: no scenario, or one that cannot be played. One below the workspace may still come."""
    option = _scenario_option(spec)
    if option.is_absolute():
        _load(option)


def _scenario_option(spec: SpawnRequest) -> Path:
    option = spec.engine_options.get("scenario")
    if not isinstance(option, str) or not option:
        reason = "scenario: an agent on the scripted engine needs the path of a scenario."
        raise EngineFailed("failed", reason, retryable=False, code="invalid_option")
    return Path(option)


def _scenario_path(context: EngineContext) -> Path:
    path = context.workspace / _scenario_option(context.launch.spec)
    _load(path)
    return path


def _load(path: Path) -> None:
    try:
        load_scenario(path)
    except InvalidScenario as error:
        raise EngineFailed("failed", error.message, retryable=False, code=error.code) from error


def _memory(home: Path, session_id: str) -> Path:
    return home / MEMORY_FOLDER / f"{uuid.UUID(session_id)}.json"


def _remember(memory: Path) -> None:
    memory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not memory.exists():
        memory.write_text(json.dumps({"played": {}}), encoding="utf-8")
