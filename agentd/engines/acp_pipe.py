"""One running agent: its process under the library's JSON-RPC connection. Loads that library, so it is imported when one starts.

Notifications wait in order for the turn that follows them; requests of the agent are answered by tasks of their own. What
comes is checked before the library sees it: a line that is no JSON, or no message, is dropped and said.
"""

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

from acp.connection import Connection
from acp.exceptions import RequestError

from agentd.engines.acp_errors import AgentEnded, AgentError, AgentSilent, NotServed
from agentd.engines.acp_permission import ASK, Ask
from agentd.engines.base import EngineEvent, EngineProcess, Note
from agentd.patience import patient
from agentd.tools.mcp_responder import METHOD_NOT_FOUND

MOST_WAITING = 512
"""Updates that wait for a slow follower of the turn before the reading stands still, and with it the agent."""
MOST_OWED = 256
"""Requests of the agent that have no answer yet; beyond it nothing more of it is read."""
UPDATE = "session/update"
PERMISSION = "session/request_permission"
PROMPT = "session/prompt"

JsonObject = dict[str, Any]


Item = JsonObject | Ask
Serve = Callable[[str, JsonObject], Awaitable[JsonObject]]
"""Answers a request of the agent; raises NotServed."""


class AcpPipe:
    """What comes in a turn waits for `take`; `outside` is told in between."""

    def __init__(
        self,
        process: EngineProcess,
        serve: Serve,
        outside: Callable[[JsonObject], None],
        report: Callable[[EngineEvent], None],
        log: Callable[[str], None],
    ) -> None:
        self.process = process
        self._serve = serve
        self._outside = outside
        self._log = log
        self._in_turn = False
        self._waiting: deque[Item] = deque()
        self._changed = asyncio.Event()
        self._room = asyncio.Event()
        self._transport = _Transport(process, self._update, self._ask, self._prompt_answered, report)
        self._connection = Connection(self._handle, self._transport)

    @property
    def alive(self) -> bool:
        return not self._transport.ended and self.process.returncode is None

    def open_turn(self) -> None:
        """From here on what comes waits for `take`."""
        self._in_turn = True

    def close_turn(self) -> None:
        """Whatever comes from here on, or still waits, belongs to no turn."""
        self._in_turn = False
        self._room.set()
        while self._waiting:
            item = self._waiting.popleft()
            if isinstance(item, Ask):
                item.seen.set()
            else:
                self._outside(item)

    def _prompt_answered(self) -> None:
        """What comes behind the answer is no part of the turn, even where both came at once."""
        self._in_turn = False

    def take(self) -> Item | None:
        """The next of the turn, if there is one."""
        if not self._waiting:
            return None
        self._room.set()
        return self._waiting.popleft()

    async def changed(self, seconds: float | None) -> bool:
        """Returns when something waits or `wake` was called; False where nothing did for that long."""
        try:
            async with patient(seconds):
                await self._changed.wait()
        except TimeoutError:
            return False
        self._changed.clear()
        return True

    def wake(self) -> None:
        self._changed.set()

    async def request(self, method: str, params: JsonObject, seconds: float | None = None) -> JsonObject:
        """One call and its answer. Raises AgentError, AgentEnded, AgentSilent."""
        try:
            async with patient(seconds):
                answer = await self._connection.send_request(method, params)
        except RequestError as error:
            raise AgentError(error.code, str(error), error.data) from error
        except ConnectionError as error:
            raise AgentEnded(method) from error
        except TimeoutError as error:
            raise AgentSilent(method) from error
        return answer if isinstance(answer, dict) else {}

    async def notify(self, method: str, params: JsonObject) -> None:
        """Nothing happens where the agent is gone."""
        with contextlib.suppress(ConnectionError):
            await self._connection.send_notification(method, params)

    async def close(self) -> int:
        """End the agent in good order; answers its exit code."""
        return await self._after(self.process.close())

    async def terminate(self) -> int:
        """End the agent and all it started at once; answers its exit code."""
        return await self._after(self.process.terminate())

    async def _after(self, ending: Awaitable[int]) -> int:
        try:
            return await ending
        finally:
            await self._connection.close()

    async def _update(self, params: JsonObject) -> None:
        update = params.get("update")
        if not isinstance(update, dict):
            return
        if not self._in_turn:
            self._outside(update)
            return
        self._waiting.append(update)
        self._changed.set()
        while len(self._waiting) > MOST_WAITING:
            self._room.clear()
            await self._room.wait()

    def _ask(self, params: JsonObject) -> None:
        """A permission takes its place behind the updates that came before it; who serves it finds it in `params`."""
        tool_call = params.get("toolCall")
        if self._in_turn and isinstance(tool_call, dict):
            params[ASK] = Ask(tool_call)
            self._waiting.append(params[ASK])
            self._changed.set()

    async def _handle(self, method: str, params: Any, is_notification: bool) -> JsonObject | None:
        """What the agent asks. It gets an answer whatever happens: else it would wait for ever."""
        if is_notification:
            return None  # an extension of its own: none is needed here
        try:
            return await self._serve(method, params if isinstance(params, dict) else {})
        except NotServed as error:
            raise RequestError(METHOD_NOT_FOUND, str(error)) from error


class _Transport:
    """acp's Transport over the engine's process: whole JSON-RPC messages, the notifications of a session taken out."""

    def __init__(
        self,
        process: EngineProcess,
        update: Callable[[JsonObject], Awaitable[None]],
        ask: Callable[[JsonObject], None],
        prompt_answered: Callable[[], None],
        report: Callable[[EngineEvent], None],
    ) -> None:
        self._process = process
        self._update = update
        self._ask = ask
        self._prompt_answered = prompt_answered
        self._report = report
        self._lines = process.lines()
        self._batch: deque[bytes] = deque()
        self._writing = asyncio.Lock()
        self._prompt: Any = None
        self._owed = 0
        self._answered = asyncio.Event()
        self._told = False
        self.ended = False

    async def send(self, message: JsonObject) -> None:
        line = json.dumps(message, separators=(",", ":")).encode() + b"\n"
        if message.get("method") == PROMPT:
            self._prompt = message["id"]
        async with self._writing:
            with contextlib.suppress(OSError):  # an agent that no longer reads has ended: its stdout says so
                await self._process.write(line)
        if "method" not in message:
            self._owed -= 1
            self._answered.set()

    async def receive(self) -> JsonObject | None:
        while True:
            while self._batch:
                message = self._message(self._batch.popleft())
                if message is None:
                    continue
                method, params = message.get("method"), message.get("params")
                if method == PERMISSION and isinstance(params, dict):
                    self._ask(params)
                if method is None and message["id"] == self._prompt:
                    self._prompt_answered()
                if method != UPDATE:
                    if method is not None and "id" in message:
                        await self._owe()
                    return message
                if isinstance(params, dict):
                    await self._update(params)
            lines = await anext(self._lines, None)
            if lines is None:
                self.ended = True
                return None
            self._batch.extend(lines)

    async def _owe(self) -> None:
        """An agent that asks on and on, and reads no answer, waits itself."""
        while self._owed >= MOST_OWED:
            self._answered.clear()
            await self._answered.wait()
        self._owed += 1

    async def close(self) -> None:
        with contextlib.suppress(RuntimeError):  # the reader still stands in it, and is cancelled next
            await self._lines.aclose()

    def _message(self, line: bytes) -> JsonObject | None:
        if not line.strip():
            return None
        try:
            message = json.loads(line.decode("utf-8", "replace"))
        except (ValueError, RecursionError):
            message = None
        if not isinstance(message, dict):
            self._tell_once("The agent printed a line that is no message of its protocol; such lines are left out.")
            return None
        if isinstance(message.get("method"), str):
            return message
        # An answer. The library looks its id up and reads its error without a doubt.
        id = message.get("id")
        if not isinstance(id, str | int) or isinstance(id, bool) or "method" in message:
            self._tell_once("The agent sent a message that nobody can read; such messages are left out.")
            return None
        if "result" in message:
            return message
        error = message.get("error")
        if not isinstance(error, dict):
            return {"id": id, "error": {"code": 0, "message": "it answered with neither a result nor an error"}}
        return {"id": id, "error": {**error, "message": str(error.get("message") or "")}}

    def _tell_once(self, text: str) -> None:
        if not self._told:
            self._told = True
            self._report(Note(text, "warning"))
