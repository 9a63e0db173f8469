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
    ConditionChanged,
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
    Usage,
)
from agentd.engines.scenario import Scenario, load_scenario
from agentd.engines.scripted_memory import FOLDER, PLACE, REFUSED, make_empty, session_file
from agentd.engines.usage_report import WrongUsage, take_usage
from hived.wire.agents import ENGINES_OWN_MODEL, EngineAbilities, EngineFound, ModelOffered, SpawnRequest
from hived.wire.errors import InvalidScenario
from hived.wire.messages import Message


class ScriptedEngine:
    """`engine_options.scenario`: the path of a scenario, absolute or below the workspace."""

    kind = "scripted"

    def __init__(self, context: EngineContext) -> None:
        """Raises EngineFailed (`invalid_scenario`, not retryable)."""
        self._context = context
        self._path = context.workspace / _scenario_option(context.launch.spec)
        self._scenario = _load(self._path)
        plays = self._scenario.abilities
        self.abilities = EngineAbilities(
            steer=plays.steer,
            interrupt=True,
            set_model=plays.at_once,
            resume=True,
            compact=bool(plays.compact),
            edited_input=True,
            efforts=list(plays.efforts),
            permission_modes=list(plays.permission_modes),
            closed_models=plays.closed_models,
        )
        self.models = tuple(ModelOffered(**model) for model in plays.models)
        self.session_id: str | None = None
        self._settings: dict[str, str | None] = {
            "model": context.model,
            "effort": context.effort,
            "permission_mode": context.permission_mode,
        }
        self._process: EngineProcess | None = None
        self._playing = False
        self._answering: set[asyncio.Task[None]] = set()

    async def start(self, session_id: str | None) -> None:
        """Raises EngineFailed (RESUME_REFUSED) where the session's memory is gone, or the scenario refuses it. The player
        itself starts with a turn, or to be proven."""
        if session_id is not None:
            self._check_session(session_id)
        self.session_id = session_id or str(uuid.uuid4())
        for file in (self._session_file(), self._memory_file()):
            self._make_empty(file.name)

    async def prove(self) -> None:
        """The player comes up and answers."""
        process = await self._running()
        try:
            with contextlib.suppress(BrokenPipeError, ConnectionError):
                await self._tell(type="hello")
            async with contextlib.aclosing(process.lines()) as chunks:
                async for _ in chunks:
                    return
            raise await self._died(process, "before it could play")
        except BaseException:
            await self.terminate()
            await self.close()
            raise

    def _check_session(self, session_id: str) -> None:
        file = session_file(self._context.home, session_id)
        if file is None or not file.is_file():
            raise _refused(f"The session {session_id} cannot be resumed: the agent's home has nothing of it.")
        refused = self._context.home / FOLDER / REFUSED
        resume = self._scenario.abilities.resume
        if resume == "refused" or (resume == "refused once" and not refused.exists()):
            self._make_empty(REFUSED)
            raise _refused(f"The session {session_id} cannot be resumed: the scenario refuses it.")

    def _make_empty(self, name: str) -> None:
        try:
            make_empty(self._context.home, name, self._context.launch.engine_uid)
        except OSError as error:
            message = f"The agent's home takes no memory of its session: {error.strerror}."
            raise EngineFailed("failed", message, retryable=False) from error

    def _session_file(self) -> Path:
        file = session_file(self._context.home, str(self.session_id))
        assert file is not None
        return file

    def _memory_file(self) -> Path:
        """What the player goes by."""
        file = self._session_file()
        return file if self._scenario.abilities.forgets else file.with_stem(PLACE)

    def turn(self, prompt: Prompt) -> AsyncIterator[EngineEvent]:
        # A prompt without messages is the harness's own: notes are to be written before the conversation goes.
        return self._play("message" if prompt.message_ids else "checkpoint", prompt)

    async def compact(self) -> AsyncIterator[EngineEvent]:
        how = self._scenario.abilities.compact
        if how is True:
            async with contextlib.aclosing(self._play("compact", Prompt("", ""))) as events:
                async for event in events:
                    yield event
        elif how == "fails":
            yield TurnDone("failed", "The scenario says that the conversation cannot be made shorter.")
        else:
            yield TurnDone("failed", "This scenario has no conversation to compact.", retryable=False)

    async def _play(self, wake: str, prompt: Prompt) -> AsyncGenerator[EngineEvent, None]:
        wrong = self._wrong_model()
        if wrong is not None:
            yield TurnDone("failed", wrong, retryable=False)
            return
        process = await self._running()
        usage = TurnUsage(window=self._scenario.abilities.window_of(self._settings["model"] or ""))
        self._playing = True
        try:
            with contextlib.suppress(BrokenPipeError, ConnectionError):
                await self._tell(
                    type="turn",
                    wake=wake,
                    settings=self._settings,
                    bodies=prompt.bodies,
                    senders=prompt.senders,
                    message_ids=prompt.message_ids,
                    messages=[_mail(message) for message in prompt.messages],
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
            raise await self._died(process, "in mid-turn")
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
        return await self._set("model", model)

    async def set_effort(self, effort: str | None) -> bool:
        return await self._set("effort", effort)

    async def set_permission_mode(self, mode: str | None) -> bool:
        return await self._set("permission_mode", mode)

    async def _set(self, name: str, value: str | None) -> bool:
        if not self._scenario.abilities.at_once:
            return False
        self._settings[name] = value
        if self._playing:
            with contextlib.suppress(BrokenPipeError, ConnectionError):
                await self._tell(type="setting", name=name, value=value)
        return True

    def _wrong_model(self) -> str | None:
        """Why that model cannot be used, where the scenario says which there are."""
        model, known = self._settings["model"], [model.name for model in self.models]
        if not self.abilities.closed_models or model in (ENGINES_OWN_MODEL, *known):
            return None
        return f"There is no model {model!r}; there are {', '.join(known)}."

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
        command = [sys.executable, "-P", "-m", "agentd.engines.scripted_player", "--scenario", str(self._path)]
        command += ["--memory", str(self._memory_file())]
        command += ["--workspace", str(context.workspace), "--state", str(context.state)]
        environment = context.environment({})
        self._process = await context.runtime.start(command, env=environment, cwd=context.workspace)
        return self._process

    async def _died(self, process: EngineProcess, when: str) -> EngineFailed:
        code = await process.wait()
        self._process = None
        await process.close()
        words = process.last_words()
        end = f"signal {-code}" if code < 0 else f"exit code {code}"
        return EngineFailed(
            "failed", f"The player ended {when} with {end}" + (f": {words}" if words else "."), retryable=True
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
            case "alive":
                pass
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
            await self._tell(
                type="tool_answer",
                id=message["id"],
                text=answer.text,
                is_error=answer.is_error,
                made=answer.made,
                messages=[_mail(message) for message in answer.messages],
            )

    async def _ask(self, message: dict[str, Any]) -> None:
        answer = await self._context.ask_permission(message["tool"], message["input"], message["id"])
        with contextlib.suppress(BrokenPipeError, ConnectionError):
            await self._tell(
                type="permission_answer",
                id=message["id"],
                allowed=answer.allowed,
                note=answer.note,
                updated_input=answer.updated_input,
            )

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
    "condition": lambda message: ConditionChanged(
        message["condition"], message["on"], message["detail"], message["until"]
    ),
    "badges": lambda message: Usage(
        ctx_tokens=message.get("ctx"),
        window=message.get("window"),
        tokens=message.get("tokens"),
        cost_usd=message.get("cost_usd"),
        cost_estimated=message.get("cost_estimated", False),
    ),
}


def _done(message: dict[str, Any], usage: TurnUsage) -> TurnDone:
    if "usage" in message:  # of a replay: the turn's figures as they were, and nothing that came up meanwhile
        usage = TurnUsage()
        take_usage(message["usage"], usage)
    retryable = message.get("retryable", True)
    return TurnDone(message["outcome"], message.get("error"), retryable, usage, message.get("until"))


def _mail(message: Message) -> dict[str, str | None]:
    """What the player goes by."""
    return {"id": message.id, "sender": message.sender, "kind": message.kind, "about": message.about}


def _refused(reason: str) -> EngineFailed:
    return EngineFailed("failed", reason, retryable=False, code=EngineFailed.RESUME_REFUSED)


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


def _load(path: Path) -> Scenario:
    """Raises EngineFailed (`invalid_scenario`)."""
    try:
        return load_scenario(path)
    except InvalidScenario as error:
        raise EngineFailed("failed", error.message, retryable=False, code=error.code) from error
