"""agentd's side of the worker: started when first needed, asked in JSON lines, started again where it died."""

import asyncio
import contextlib
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from agentd.engines.base import EngineContext, EngineFailed, EngineProcess, ToolAnswer, ToolDefinition, ToolInput
from agentd.mcp_servers import McpServer
from agentd.patience import patient

COMMAND = (sys.executable, "-I", "-m", "agentd.engines.api_worker")
READY_SECONDS = 90.0
"""A cold Python takes under a second; an MCP server from npm may take a minute."""
FILE_SECONDS = 60.0
"""A search that takes longer than this has an expression that never ends, and only its process can be ended."""
SHELL_SECONDS = 660.0
CANCEL_SECONDS = 5.0
"""A command that is told to end has 2 s to tidy up. Who then has not answered never will."""
DIED = "The process that runs the tools ended in the middle of this. Whether it had an effect is not known."
STUCK = "It did not end within {seconds:g} s, and the process that runs the tools was ended with it."


@dataclass(frozen=True, slots=True)
class ServerTool:
    """One tool of one of the agent's own MCP servers."""

    server: str
    tool: str
    definition: ToolDefinition


class WorkerClient:
    """`call` never raises for what went wrong: that is an answer with `is_error`."""

    def __init__(
        self, context: EngineContext, environment: Callable[[], Mapping[str, str]], servers: Sequence[McpServer]
    ) -> None:
        self._context = context
        self._environment = environment
        self._servers = servers
        self._process: EngineProcess | None = None
        self._reading: asyncio.Task[None] | None = None
        self._starting = asyncio.Lock()
        self._open: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._cancelling: set[asyncio.Task[None]] = set()
        self._ready: asyncio.Future[dict[str, Any]] | None = None
        self._number = 0
        self.started: dict[str, Any] = {}
        """What each MCP server said at the last start: `{tools}` or `{error}`."""

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    async def start(self) -> None:
        """Harmless where it runs. Raises EngineFailed."""
        async with self._starting:
            if self._process is not None and self._process.returncode is None and self._alive():
                return
            await self.close()
            process = await self._context.runtime.start(COMMAND, env=self._environment(), cwd=self._context.workspace)
            self._process = process
            self._ready = asyncio.get_running_loop().create_future()
            self._reading = asyncio.create_task(self._read(process), name="api worker")
            begin = {
                "workspace": str(self._context.workspace),
                "state": str(self._context.state),
                "mcp_servers": [asdict(server) for server in self._servers],
            }
            try:
                await process.write(_line({"begin": begin}))
                async with patient(READY_SECONDS):
                    self.started = (await self._ready)["mcp"]
            except (TimeoutError, OSError, _Gone) as error:
                words = " ".join(process.last_words().split())[-300:]
                await self.close()
                message = f"The process that runs the tools did not start: {words or type(error).__name__}."
                raise EngineFailed("failed", message, retryable=True) from error

    async def call(self, tool: str, given: ToolInput, server: str | None = None) -> ToolAnswer:
        """Cancelled: what it started is ended there too."""
        while self._cancelling:  # it may take its process with it
            await asyncio.wait(tuple(self._cancelling))
        try:
            await self.start()
        except EngineFailed as failure:
            return ToolAnswer(failure.message, is_error=True)
        process = self._process
        assert process is not None
        self._number += 1
        number = self._number
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._open[number] = answer
        asked = {"id": number, "tool": tool, "input": given} | ({"server": server} if server is not None else {})
        seconds = FILE_SECONDS if server is None and tool != "bash" else SHELL_SECONDS
        try:
            await process.write(_line(asked))
            async with patient(seconds):
                found = await answer
            return ToolAnswer(str(found["text"]), bool(found["is_error"]))
        except TimeoutError:
            await self.terminate()
            return ToolAnswer(STUCK.format(seconds=seconds), is_error=True)
        except (OSError, _Gone):
            return ToolAnswer(DIED, is_error=True)
        except asyncio.CancelledError:
            if answer.cancelled() or not answer.done():  # else it was just answered
                self._cancel(process, number)
            raise
        finally:
            if self._open.get(number) is answer:
                del self._open[number]

    async def terminate(self) -> None:
        """At once, with all that it started. The next call starts another."""
        process, self._process = self._process, None
        if process is not None:
            await process.terminate()
        await self._end_reading()

    async def close(self) -> None:
        process, self._process = self._process, None
        for cancelling in self._cancelling:
            cancelling.cancel()
        if process is not None:
            await process.close()
        await self._end_reading()

    def _alive(self) -> bool:
        return self._reading is not None and not self._reading.done()

    def _cancel(self, process: EngineProcess, number: int) -> None:
        """Whoever cancels does not wait for the worker to say so."""
        said = self._open[number] = asyncio.get_running_loop().create_future()
        cancelling = asyncio.create_task(self._cancelled(process, number, said), name="api worker cancels")
        self._cancelling.add(cancelling)
        cancelling.add_done_callback(self._cancelling.discard)

    async def _cancelled(self, process: EngineProcess, number: int, said: asyncio.Future[dict[str, Any]]) -> None:
        """A search may hold its whole process: one that does not even say that it was cancelled is ended."""
        try:
            async with asyncio.timeout(CANCEL_SECONDS):
                await process.write(_line({"cancel": number}))
                await said
        except TimeoutError:
            if self._process is process:
                await self.terminate()
        except (OSError, _Gone):
            return
        finally:
            self._open.pop(number, None)

    async def _end_reading(self) -> None:
        reading, self._reading = self._reading, None
        if reading is not None:
            reading.cancel()
            await asyncio.wait({reading})

    async def _read(self, process: EngineProcess) -> None:
        try:
            async with contextlib.aclosing(process.lines()) as chunks:
                async for lines in chunks:
                    for line in lines:
                        self._take(line)
        finally:
            for waiting in [self._ready, *self._open.values()]:
                if waiting is not None and not waiting.done():
                    waiting.set_exception(_Gone())
                    waiting.exception()  # nobody may be waiting any more

    def _take(self, line: bytes) -> None:
        try:
            found = json.loads(line)
            waiting = self._ready if "ready" in found else self._open.get(found["id"])
            told = found.get("ready", found)
        except (ValueError, KeyError, TypeError, RecursionError):
            self._context.log(f"the api worker said what is no answer: {line[:200]!r}")
            return
        if waiting is not None and not waiting.done():
            waiting.set_result(told)


class _Gone(Exception):
    """The worker's output has ended."""


def _line(message: dict[str, Any]) -> bytes:
    return json.dumps(message).encode() + b"\n"
