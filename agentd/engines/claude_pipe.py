"""One running Claude Code: reads its lines without pause, answers what it asks, and hands on the rest.

What it asks (a permission, a tool of the hive's) is answered by tasks of their own, so that one question that waits for
the operator holds up neither the reading nor another question.
"""

import asyncio
import contextlib
import itertools
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from agentd.engines import claude_protocol as protocol
from agentd.engines.base import AskPermission, EngineFailed, EngineProcess, ToolInput, ToolUse
from agentd.engines.claude_events import (
    ControlAnswer,
    McpMessage,
    ModeChanged,
    OtherRequest,
    PermissionAsk,
    ProtocolEvent,
    RequestCancelled,
)
from agentd.engines.claude_launch import TOOL_PREFIX
from agentd.mcp_servers import HIVE_SERVER
from agentd.patience import patient
from agentd.tools.mcp_responder import McpResponder

ANSWER_SECONDS = 60.0
"""The CLI answers a control request within milliseconds once it runs; a cold start under load takes seconds."""
MOST_USES = 32
MOST_WAITING = 256
"""Batches that wait for a slow follower of the turn before the reading stands still, and with it the CLI."""


class ClaudePipe:
    """What is not between the CLI and this pipe goes to whoever awaits `next_events`; `outside` is told in between turns.

    `remark` gets what the operator says of a tool that he allows (tool, remark): the protocol has no place for it.
    """

    def __init__(
        self,
        process: EngineProcess,
        responder: McpResponder,
        ask: AskPermission,
        remark: Callable[[str, str], Awaitable[None]],
        outside: Callable[[list[ProtocolEvent]], None],
        log: Callable[[str], None],
    ) -> None:
        self.process = process
        self._responder = responder
        self._ask = ask
        self._remark = remark
        self._outside = outside
        self._log = log
        self._in_turn = False
        self._waiting: deque[list[ProtocolEvent]] = deque()
        self._changed = asyncio.Event()
        self._room = asyncio.Event()
        self._numbers = itertools.count(1)
        self._asked: dict[str, asyncio.Future[ControlAnswer]] = {}
        self._serving: dict[str, asyncio.Task[None]] = {}
        self._writing = asyncio.Lock()
        self._used: dict[str, ToolInput] = {}
        """By tool use, the input of those that came last."""
        self.mode: str | None = None
        """The permission mode that the CLI last moved to, by itself or because it was told to."""
        self.ended = asyncio.Event()
        """Its stdout is at its end: nothing more comes."""
        self._reader = asyncio.create_task(self._read(), name="claude stdout")

    @property
    def alive(self) -> bool:
        return not self.ended.is_set() and self.process.returncode is None

    def open_turn(self) -> None:
        """From here on events wait for `next_events`."""
        self._in_turn = True

    def close_turn(self) -> None:
        """Whatever comes from here on, or still waits, belongs to no turn."""
        self._in_turn = False
        self._room.set()
        while self._waiting:
            self._outside(self._waiting.popleft())

    async def next_events(self) -> list[ProtocolEvent] | None:
        """The next events of the open turn, as many as came at once; None at the end of the CLI's stdout."""
        while not self._waiting:
            if self.ended.is_set():
                return None
            self._changed.clear()
            await self._changed.wait()
        self._room.set()
        return self._waiting.popleft()

    async def write(self, line: bytes) -> None:
        """Raises BrokenPipeError or ConnectionError where the CLI no longer reads."""
        async with self._writing:
            await self.process.write(line)

    async def request(self, subtype: str, *, then: bytes = b"", **details: Any) -> ControlAnswer:
        """One control request and its answer; `then` is written right behind it.

        Raises EngineFailed where the CLI ends or is silent instead.
        """
        request_id = f"hive-{next(self._numbers)}"
        future: asyncio.Future[ControlAnswer] = asyncio.get_running_loop().create_future()
        self._asked[request_id] = future
        try:
            if self.ended.is_set():
                raise _ended_before(subtype)
            await self.write(protocol.control_request(request_id, subtype, **details) + then)
            async with patient(ANSWER_SECONDS):
                return await future
        except TimeoutError as error:
            silent = f"Claude Code did not answer {subtype} within {ANSWER_SECONDS:.0f} s."
            raise EngineFailed("failed", silent, retryable=True) from error
        except OSError as error:
            raise _ended_before(subtype) from error
        finally:
            self._asked.pop(request_id, None)

    async def close(self) -> int:
        """End the CLI in good order; answers its exit code."""
        return await self._after(self.process.close())

    async def terminate(self) -> int:
        """End the CLI and all it started at once; answers its exit code."""
        return await self._after(self.process.terminate())

    def ending(self, code: int) -> str:
        """How it ended, for a sentence."""
        how = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
        words = " ".join(self.process.last_words().split())[-500:]
        return f"{how}: {words}" if words else how

    async def _after(self, ending: Awaitable[int]) -> int:
        try:
            return await ending
        finally:
            for task in (*self._serving.values(), self._reader):
                task.cancel()
            await asyncio.gather(*self._serving.values(), self._reader, return_exceptions=True)

    async def _read(self) -> None:
        try:
            async for lines in self.process.lines():
                left: list[ProtocolEvent] = []
                for line in lines:
                    for event in protocol.parse_line(line):
                        if not self._serve(event):
                            left.append(event)
                if left:
                    await self._hand_on(left)
        except Exception as error:
            self._log(f"Reading Claude Code's stdout failed: {type(error).__name__}: {error}")
            raise
        finally:
            self.ended.set()
            self._changed.set()
            for future in self._asked.values():
                if not future.done():
                    future.set_exception(_ended_before("a request"))
            for task in self._serving.values():
                task.cancel()

    async def _hand_on(self, events: list[ProtocolEvent]) -> None:
        if not self._in_turn:
            self._outside(events)
            return
        self._waiting.append(events)
        self._changed.set()
        while len(self._waiting) > MOST_WAITING:
            self._room.clear()
            await self._room.wait()

    def _serve(self, event: ProtocolEvent) -> bool:
        """Whether that event was between the CLI and this pipe."""
        match event:
            case PermissionAsk():
                self._spawn(event.request_id, self._permit(event))
            case McpMessage():
                self._spawn(event.request_id, self._call(event))
            case OtherRequest():
                refused = protocol.refusal(event.request_id, f"This harness does not serve {event.subtype}.")
                self._spawn(event.request_id, self._put(refused))
                self._log(f"Claude Code asked for {event.subtype}, which is not served.")
            case RequestCancelled():
                task = self._serving.get(event.request_id)
                if task is not None:
                    task.cancel()
            case ModeChanged():
                self.mode = event.mode
            case ToolUse():
                self._remember(event)
                return False
            case ControlAnswer():
                future = self._asked.get(event.request_id)
                if future is not None and not future.done():
                    future.set_result(event)
            case _:
                return False
        return True

    def _remember(self, use: ToolUse) -> None:
        self._used[use.tool_use_id] = use.input
        if len(self._used) > MOST_USES:
            del self._used[next(iter(self._used))]

    def _spawn(self, request_id: str, work: Coroutine[Any, Any, None]) -> None:
        task: asyncio.Task[None] = asyncio.create_task(work, name=f"claude request {request_id}")
        self._serving[request_id] = task
        task.add_done_callback(lambda done: self._served(request_id, done))

    def _served(self, request_id: str, task: asyncio.Task[None]) -> None:
        self._serving.pop(request_id, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._log(f"Answering Claude Code failed: {type(error).__name__}: {error}")

    async def _permit(self, ask: PermissionAsk) -> None:
        if ask.tool.startswith(TOOL_PREFIX):
            await self._put(protocol.answer(ask.request_id, protocol.allowed(ask.input)))
            return
        # 2.1.330 asks about a plan without the plan: what the model wrote is what is to be decided.
        shown = ask.input or self._used.get(ask.tool_use_id, ask.input)
        permission = await self._ask(ask.tool, shown, ask.tool_use_id)
        if permission.allowed:
            given = ask.input if permission.updated_input is None else permission.updated_input
            await self._put(protocol.answer(ask.request_id, protocol.allowed(given)))
            if permission.note:
                await self._remark(ask.tool, permission.note)
        else:
            note = permission.note or "The operator refused this."
            await self._put(protocol.answer(ask.request_id, protocol.denied(note)))

    async def _call(self, asked: McpMessage) -> None:
        if asked.server != HIVE_SERVER:
            await self._put(protocol.refusal(asked.request_id, f"There is no server {asked.server!r} here."))
            return
        answer = await self._responder.respond(asked.message)
        # A notification wants no answer, but the control request that carries it does.
        empty: dict[str, Any] = {"jsonrpc": "2.0", "id": None, "result": {}}
        await self._put(protocol.answer(asked.request_id, {"mcp_response": answer or empty}))

    async def _put(self, line: bytes) -> None:
        with contextlib.suppress(OSError):  # a CLI that has ended wants no answer; the reader says that it has
            await self.write(line)


def _ended_before(what: str) -> EngineFailed:
    return EngineFailed("failed", f"Claude Code ended before it answered {what}.", retryable=True)
