"""A process that was started for an agent: its streams, its end with all that it started, and standing still meanwhile."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from agentd.engines.base import EngineEvent, Note
from agentd.runtimes.cgroups import Group
from agentd.runtimes.line_splitter import MAX_LINE_BYTES, LineSplitter
from agentd.runtimes.process_tree import end_marked, end_tree, freeze_tree, signal_group, thaw_all, walk
from agentd.runtimes.stderr_drain import StderrDrain

if TYPE_CHECKING:
    import psutil

READ_BYTES = 256 * 1024
CLOSE_SECONDS = 2.0
"""After its stdin is closed an engine may finish what it writes."""
EXIT_SECONDS = 2.0
"""A killed process is gone within this, or the kernel holds it."""
PIPE_SECONDS = 1.0
"""A child of the engine may hold the pipe open when the engine has ended: so long may the pipe be silent."""
MEMORY_LOOK_SECONDS = 1.0
"""How often, while it writes, it is looked whether the kernel has ended something for want of memory."""
SIGNALLED = 128
"""What a shell, and bwrap, add to a signal's number for an exit code."""

Report = Callable[[EngineEvent], None]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a child is given by its runtime."""

    mark: str
    stderr_log: Path
    report: Report
    heard: Callable[[], None]
    gone: "Callable[[ChildProcess], None]"
    """Told once, when it has been ended."""
    outer: int = 0
    group: Group | None = None


class Streams(asyncio.subprocess.SubprocessStreamProtocol):
    """asyncio's own, which also tells at once that the process has ended: its wait() waits for the pipes as well."""

    def __init__(self) -> None:
        super().__init__(limit=READ_BYTES, loop=asyncio.get_running_loop())
        self.exited = asyncio.Event()

    def process_exited(self) -> None:
        self.exited.set()
        super().process_exited()


class ChildProcess:
    """One running engine: see engines.base.EngineProcess."""

    def __init__(
        self,
        transport: asyncio.SubprocessTransport,
        streams: Streams,
        surroundings: Surroundings,
    ) -> None:
        assert streams.stdin is not None
        assert streams.stdout is not None
        assert streams.stderr is not None
        self._transport = transport
        self._around = surroundings
        self._mark = surroundings.mark
        self._exited = streams.exited
        self._stdin = streams.stdin
        self._stdout = streams.stdout
        self._stopped: list[psutil.Process] = []
        self._freezing = asyncio.Lock()
        self._splitter = LineSplitter()
        self._reads = 0
        self._memory_looked = 0.0
        self._reading = False
        self._stderr = StderrDrain(surroundings.stderr_log)
        self._drain = asyncio.create_task(self._stderr.run(streams.stderr), name="engine stderr")
        self._pipes = asyncio.create_task(self._end_pipes(), name="engine pipes")

    @property
    def pid(self) -> int:
        return self._transport.get_pid()

    @property
    def returncode(self) -> int | None:
        code = self._transport.get_returncode()
        if code is not None and self._around.outer and SIGNALLED < code < SIGNALLED + signal.NSIG:
            return SIGNALLED - code
        return code

    async def write(self, data: bytes) -> None:
        if self._stdin.is_closing():
            raise BrokenPipeError("the engine's stdin is closed")
        self._stdin.write(data)
        await self._stdin.drain()

    async def close_stdin(self) -> None:
        self._stdin.close()
        with contextlib.suppress(BrokenPipeError, ConnectionError):
            await self._stdin.wait_closed()

    async def lines(self) -> AsyncGenerator[list[bytes], None]:
        while chunk := await self._read():
            found = self._splitter.feed(chunk)
            self._report_dropped()
            if found:
                yield found
        last = self._splitter.rest()
        self._report_dropped()
        if last is not None:
            yield [last]

    async def wait(self) -> int:
        await self._exited.wait()
        await asyncio.wait({self._drain}, timeout=PIPE_SECONDS)
        return self._code()

    def last_words(self) -> str:
        return self._stderr.last_words()

    async def freeze(self) -> bool:
        """Stop it and all that it started, detached children too. True once nothing of it moves; False where something
        still does after process_tree.FREEZE_SECONDS. Harmless where it has ended or stands still."""
        async with self._freezing:
            if self.returncode is not None:
                return True
            stopped, still = await freeze_tree(self.pid, self._mark)
            self._stopped = [*self._stopped, *stopped]
            return still

    async def thaw(self) -> None:
        """Let go on what `freeze` stopped. Harmless where nothing is."""
        async with self._freezing:
            stopped, self._stopped = self._stopped, []
            thaw_all(stopped)

    async def close(self) -> int:
        await self.thaw()
        if self.returncode is None:
            tree = walk(self.pid)
            try:
                async with asyncio.timeout(CLOSE_SECONDS):
                    await self.close_stdin()
                    await self._exited.wait()
            except TimeoutError:
                await end_tree(self.pid, tree, self._around.outer)
            else:
                if len(tree) > 1:
                    await end_tree(self.pid, tree[1:])
        return await self._end()

    async def terminate(self) -> int:
        if self.returncode is None:
            await end_tree(self.pid, outer=self._around.outer)
        return await self._end()

    async def _end(self) -> int:
        """The process is ended, or cannot be: sweep its group and let go of the pipes."""
        self._around.gone(self)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(EXIT_SECONDS):
                await self._exited.wait()
        signal_group(self.pid, signal.SIGKILL)
        await end_marked(self._mark)
        self._look_at_memory()
        if self._around.group is not None:
            self._around.group.remove()
        await asyncio.wait({self._drain}, timeout=PIPE_SECONDS)
        self._pipes.cancel()
        self._drain.cancel()
        await asyncio.wait({self._pipes, self._drain})
        self._transport.close()
        return self._code()

    def _code(self) -> int:
        code = self.returncode
        return code if code is not None else -signal.SIGKILL

    async def _read(self) -> bytes:
        self._reading = True
        try:
            chunk = await self._stdout.read(READ_BYTES)
            self._around.heard()
            now = asyncio.get_running_loop().time()
            if self._around.group is not None and now - self._memory_looked > MEMORY_LOOK_SECONDS:
                self._memory_looked = now
                self._look_at_memory()
            return chunk
        finally:
            self._reading = False
            self._reads += 1

    async def _end_pipes(self) -> None:
        """Once the engine has ended, end a read that waits for whoever else holds the pipe."""
        await self._exited.wait()
        before = -1
        while not self._stdout.at_eof():
            if self._reading and self._reads == before:
                signal_group(self.pid, signal.SIGKILL)
                pipe = self._transport.get_pipe_transport(1)
                if pipe is not None:
                    pipe.close()
                return
            before = self._reads
            await asyncio.sleep(PIPE_SECONDS)

    def _report_dropped(self) -> None:
        for size in self._splitter.dropped:
            text = f"A line of {size} bytes from the engine was dropped; at most {MAX_LINE_BYTES} are read."
            self._around.report(Note(text, "error"))
        self._splitter.dropped.clear()

    def _look_at_memory(self) -> None:
        group = self._around.group
        count = group.ended_by_kernel() if group is not None else 0
        if group is not None and count:
            what = "A process" if count == 1 else f"{count} processes"
            text = f"{what} of this agent went over its limit of {group.memory_words()} of memory, and the system ended it."
            self._around.report(Note(text, "error"))
