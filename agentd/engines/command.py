"""The command engine: any program. The prompt on its stdin, then its end; each line of its stdout is one event.

A line that is a JSON object with a known `kind` is that event (text, thinking, note, tool_use, tool_result, usage); any
other line is a `text`. Exit code 0 is a turn that went well.
"""

import asyncio
import contextlib
import json
import shlex
import shutil
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any, get_args

from agentd.engines.base import (
    EngineContext,
    EngineEvent,
    EngineFailed,
    EngineProcess,
    Level,
    Note,
    Prompt,
    Text,
    Thinking,
    ToolResult,
    ToolUse,
    TurnDone,
    TurnUsage,
)
from agentd.engines.usage_report import take_usage
from hived.wire.agents import EngineAbilities, EngineFound, ModelOffered, SpawnRequest
from hived.wire.errors import CommandMissing


class CommandEngine:
    """`engine_options.command`: a list of words, or a string split as a shell splits; no shell runs it."""

    kind = "command"

    def __init__(self, context: EngineContext) -> None:
        """Raises EngineFailed (not retryable) for a command that is none."""
        self.abilities = EngineAbilities(interrupt=True)
        self.session_id: str | None = None
        self.models: tuple[ModelOffered, ...] = ()
        self._context = context
        self._command = command_words(context.launch.spec.engine_options.get("command"))
        self._process: EngineProcess | None = None
        self._interrupted = False

    async def start(self, session_id: str | None) -> None:
        """Nothing runs between turns."""

    async def prove(self) -> None:
        """Nothing can be proven: the program is only run with a prompt, and each run may do something."""

    async def turn(self, prompt: Prompt) -> AsyncGenerator[EngineEvent, None]:
        self._interrupted = False
        usage = TurnUsage()
        environment = self._context.environment({"HIVE_TURN": prompt.turn_id})
        process = await self._context.runtime.start(self._command, env=environment, cwd=self._context.workspace)
        self._process = process
        feeding = asyncio.create_task(_feed(process, prompt.text))
        try:
            async with contextlib.aclosing(process.lines()) as chunks:
                async for lines in chunks:
                    for line in lines:
                        yield event_of_line(line, usage)
            code = await process.wait()
        finally:
            self._process = None
            feeding.cancel()
            await asyncio.wait({feeding})
            await process.close()
        yield self._done(code, process.last_words(), usage)

    def _done(self, code: int, last_words: str, usage: TurnUsage) -> TurnDone:
        if self._interrupted:
            return TurnDone("cancelled", usage=usage)
        if code == 0:
            return TurnDone("ok", usage=usage)
        end = f"signal {-code}" if code < 0 else f"exit code {code}"
        said = f": {last_words}" if last_words else ""
        return TurnDone("failed", f"{self._command[0]} ended with {end}{said}", retryable=True, usage=usage)

    async def interrupt(self) -> None:
        self._interrupted = True
        await self.terminate()

    async def steer(self, text: str) -> bool:
        return False

    async def set_model(self, model: str) -> bool:
        """A program has no model to change."""
        return True

    async def set_effort(self, effort: str | None) -> bool:
        return False

    async def set_permission_mode(self, mode: str | None) -> bool:
        return False

    async def compact(self) -> AsyncIterator[EngineEvent]:
        yield TurnDone("failed", "A command has no conversation to compact.", retryable=False)

    async def terminate(self) -> None:
        if self._process is not None:
            await self._process.terminate()

    async def close(self) -> None:
        await self.terminate()


def command_words(command: object) -> list[str]:
    """The program and its arguments. Raises EngineFailed (not retryable) where there is none."""
    try:
        words = shlex.split(command) if isinstance(command, str) else command
    except ValueError as error:
        raise EngineFailed("failed", f"command: {error}.", retryable=False, code="invalid_option") from error
    if not isinstance(words, list) or not words or not all(isinstance(word, str) for word in words):
        raise EngineFailed(
            "failed",
            "command: an agent on the command engine needs a program, as a list of words or one line.",
            retryable=False,
            code="invalid_option",
        )
    return words


def find() -> list[EngineFound]:
    return [
        EngineFound(
            kind="command",
            found=True,
            login="not_needed",
            detail="any program: its prompt on stdin, its words on stdout",
        )
    ]


def check_spec(spec: SpawnRequest) -> None:
    """Raises EngineFailed: no command, or a program that is not there. One below the workspace may still come."""
    program = command_words(spec.engine_options.get("command"))[0]
    relative = "/" in program and not program.startswith("/")
    if not relative and shutil.which(program, path=spec.env.get("PATH")) is None:
        missing = CommandMissing(command=program)
        raise EngineFailed("failed", missing.message, retryable=False, code=missing.code)


def event_of_line(line: bytes, usage: TurnUsage) -> EngineEvent:
    """The event that this line is; figures are put into `usage` too."""
    if line.startswith(b"{"):
        try:
            found = json.loads(line)
            return _EVENTS[found["kind"]](found, usage)
        except (ValueError, KeyError, TypeError, RecursionError):
            pass  # not one of ours: a text like any other
    return Text(line.removesuffix(b"\r").decode("utf-8", "replace"))


async def _feed(process: EngineProcess, text: str) -> None:
    """The prompt, then its end. A program need not read it."""
    try:
        await process.write(text.encode("utf-8", "replace"))
    except (BrokenPipeError, ConnectionError):
        return
    await process.close_stdin()


def _text(found: dict[str, Any], name: str = "text") -> str:
    value = found[name]
    if not isinstance(value, str):
        raise TypeError(name)
    return value


def _level(found: dict[str, Any]) -> Level:
    level: Level = found.get("level", "info")
    if level not in get_args(Level):
        raise ValueError(level)
    return level


def _input(found: dict[str, Any]) -> dict[str, Any]:
    value = found.get("input", {})
    if not isinstance(value, dict):
        raise TypeError("input")
    return value


_EVENTS: dict[str, Callable[[dict[str, Any], TurnUsage], EngineEvent]] = {
    "text": lambda found, _: Text(_text(found)),
    "thinking": lambda found, _: Thinking(_text(found), bool(found.get("hidden", False))),
    "note": lambda found, _: Note(_text(found), _level(found)),
    "tool_use": lambda found, _: ToolUse(str(found.get("tool_use_id", "")), _text(found, "tool"), _input(found)),
    "tool_result": lambda found, _: ToolResult(
        str(found.get("tool_use_id", "")), str(found.get("tool", "")), bool(found.get("is_error", False)), _text(found)
    ),
    "usage": lambda found, usage: take_usage({name: found[name] for name in found if name != "kind"}, usage),
}
