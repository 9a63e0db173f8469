"""`tools.sock`: the hive's tools over a Unix socket, newline-delimited JSON-RPC, for an engine that starts its MCP servers itself.

Each connection has a responder of its own and is served apart from the others; one tool that waits holds up nothing else.
"""

import asyncio
import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agentd.network.listening import Client, Listening
from agentd.runtimes.line_splitter import LineSplitter
from agentd.tools.mcp_responder import INTERNAL_ERROR, INVALID_REQUEST, PARSE_ERROR, McpResponder, error_answer, id_of

MOST_LINE_BYTES = 4 * 1024 * 1024
"""A message's body is at most 256 KiB; escaped twice over it still fits."""
MOST_AT_ONCE = 32
"""Calls of one connection that run side by side; the next are read when one of them is answered."""
MOST_HELD_BYTES = 32 * 1024 * 1024
"""Of all connections' messages that are being answered; what comes on top is refused, or a flood of them would end the harness."""
MOST_CLIENTS = 16
READ_BYTES = 64 * 1024
CANCELLED = "notifications/cancelled"


class ToolsSocket:
    """`make_responder` makes one for each connection. `log` takes one line. `uid`: whose it is, where agentd is root."""

    def __init__(
        self,
        path: Path,
        make_responder: Callable[[], McpResponder],
        log: Callable[[str], None],
        uid: int | None = None,
    ) -> None:
        self._make_responder = make_responder
        self._log = log
        self._held = Held()
        self._listening = Listening(path, uid, self._serve, log, MOST_CLIENTS)

    async def start(self) -> None:
        """Listen. A socket that an earlier harness left there is replaced. Raises OSError."""
        await self._listening.start()

    async def close(self) -> None:
        """End every connection and take the socket away. Harmless when it does not listen."""
        await self._listening.close()

    async def _serve(self, client: Client) -> None:
        await _Connection(client.reader, client.writer, self._make_responder(), self._log, self._held).serve()


@dataclass(slots=True)
class Held:
    """Bytes of messages that are being answered."""

    size: int = 0

    def take(self, size: int) -> bool:
        if self.size and self.size + size > MOST_HELD_BYTES:
            return False
        self.size += size
        return True


class _Connection:
    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        responder: McpResponder,
        log: Callable[[str], None],
        held: Held,
    ) -> None:
        self._held = held
        self._reader = reader
        self._writer = writer
        self._responder = responder
        self._log = log
        self._splitter = LineSplitter(MOST_LINE_BYTES)
        self._room = asyncio.Semaphore(MOST_AT_ONCE)
        self._calls: dict[asyncio.Task[None], Any] = {}
        """What is being answered, and under which id."""

    async def serve(self) -> None:
        """Until the client has said all, and has all its answers."""
        try:
            while chunk := await self._reader.read(READ_BYTES):
                for line in self._splitter.feed(chunk):
                    await self._take(line)
                for size in self._splitter.dropped:
                    said = f"A message of {size} bytes is too long; at most {MOST_LINE_BYTES} are taken."
                    await self._send(error_answer(None, INVALID_REQUEST, said))
                self._splitter.dropped.clear()
            if self._calls:
                await asyncio.wait(self._calls)
        except ConnectionError:
            return  # the client is gone
        finally:
            for task in tuple(self._calls):
                task.cancel()

    async def _take(self, line: bytes) -> None:
        if not line.strip():
            return
        try:
            message = json.loads(line.decode("utf-8", "replace"))
        except (ValueError, RecursionError):
            await self._send(error_answer(None, PARSE_ERROR, "This is no JSON."))
            return
        if isinstance(message, dict) and message.get("method") == CANCELLED:
            self._cancel(message.get("params"))
            return
        await self._room.acquire()
        if not self._held.take(len(line)):
            self._room.release()
            said = f"Calls of {self._held.size} bytes are being answered already; try again when one of them is."
            await self._send(error_answer(id_of(message), INTERNAL_ERROR, said))
            return
        task = asyncio.create_task(self._answer(message), name="hive tool call")
        self._calls[task] = message.get("id") if isinstance(message, dict) else None
        task.add_done_callback(lambda task: self._answered(task, len(line)))

    def _cancel(self, params: Any) -> None:
        wanted = params.get("requestId") if isinstance(params, dict) else None
        for task, request_id in self._calls.items():
            if wanted is not None and request_id == wanted:
                task.cancel()

    async def _answer(self, message: Any) -> None:
        answer = await self._responder.respond(message)
        if answer is not None:
            await self._send(answer)

    def _answered(self, task: asyncio.Task[None], size: int) -> None:
        self._held.size -= size
        self._calls.pop(task, None)
        self._room.release()
        if not task.cancelled() and isinstance(error := task.exception(), Exception):
            self._log(f"answering a tool call failed: {type(error).__name__}: {error}")

    async def _send(self, answer: dict[str, Any]) -> None:
        """A whole line at a time: the writer takes it in one piece, and only the wait for room is shared."""
        self._writer.write(json.dumps(answer).encode() + b"\n")
        with contextlib.suppress(ConnectionError):
            await self._writer.drain()
