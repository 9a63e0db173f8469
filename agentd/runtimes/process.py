"""The `process` runtime: the engine as an ordinary child in a session and group of its own, and nothing around it."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from agentd.engines.base import EngineEvent, EngineFailed, Note
from agentd.runtimes.line_splitter import MAX_LINE_BYTES, LineSplitter
from agentd.runtimes.process_tree import end_marked, end_tree, freeze_tree, signal_group, thaw_all, walk
from agentd.runtimes.stderr_drain import StderrDrain
from hived.wire.ids import new_id
from hived.wire.launch import ENGINE_MARK_FILE, ENGINE_MARK_VARIABLE
from hived.wire.process_identity import ProcessIdentity

if TYPE_CHECKING:
    import psutil

READ_BYTES = 256 * 1024
CLOSE_SECONDS = 2.0
"""After its stdin is closed an engine may finish what it writes."""
EXIT_SECONDS = 2.0
"""A killed process is gone within this, or the kernel holds it."""
PIPE_SECONDS = 1.0
"""A child of the engine may hold the pipe open when the engine has ended: so long may the pipe be silent."""

ENGINE = "engine"
LOGIN = "login"
"""What is started for an agent: two may run at once, and neither may be taken for the other."""

Report = Callable[[EngineEvent], None]


class Processes:
    """What runs for one agent, its engine and its login, to be stopped and let go on together."""

    def __init__(self) -> None:
        self._running: set[ChildProcess] = set()
        self.frozen = False

    async def freeze(self) -> bool:
        """Stop all of it, and what is started from now on. True where everything stands still."""
        self.frozen = True
        return all([await child.freeze() for child in tuple(self._running)])

    async def thaw(self) -> None:
        """Let all of it go on."""
        self.frozen = False
        for child in tuple(self._running):
            await child.thaw()

    async def add(self, child: "ChildProcess") -> None:
        self._running.add(child)
        if self.frozen:
            await child.freeze()

    def drop(self, child: "ChildProcess") -> None:
        self._running.discard(child)


class ProcessRuntime:
    """Starts engines for one agent. `harness` is where the pid, the mark and the log of each go; `name`: ENGINE, or LOGIN for
    what runs beside it."""

    kind = "process"

    def __init__(
        self,
        harness: Path,
        generation: int,
        report: Report,
        heard: Callable[[], None] = lambda: None,
        name: str = ENGINE,
        processes: Processes | None = None,
    ) -> None:
        self._processes = processes if processes is not None else Processes()
        self._harness = harness
        self._generation = generation
        self._report = report
        self._heard = heard
        self._name = name

    async def start(self, command: Sequence[str], *, env: Mapping[str, str], cwd: Path) -> "ChildProcess":
        """Raises EngineFailed: `command_missing` where the program is not there or cannot be run."""
        _check_folder(cwd)
        mark = f"{self._generation}.{new_id()}"
        try:
            transport, protocol = await asyncio.get_running_loop().subprocess_exec(
                _Streams, *command, cwd=cwd, env={**env, ENGINE_MARK_VARIABLE: mark}, start_new_session=True
            )
        except BlockingIOError as error:
            raise EngineFailed("failed", f"No process can be started now: {error.strerror}.", retryable=True) from error
        except (OSError, ValueError, TypeError) as error:
            program = command[0] if command else ""
            reason = getattr(error, "strerror", None) or error
            raise EngineFailed(
                "failed",
                f"The program {program!r} is not there or cannot be run: {reason}.",
                retryable=False,
                code="command_missing",
            ) from error
        identity = ProcessIdentity.of(transport.get_pid(), self._generation)
        if identity is not None:
            identity.write(_pid_file(self._harness, self._name))
            _mark_file(self._harness, self._name).write_text(mark, encoding="ascii")
        log = self._harness / f"{self._name}.log"
        child = ChildProcess(transport, protocol, mark, log, self._report, self._heard, self._processes.drop)
        await self._processes.add(child)
        return child


def _check_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise EngineFailed("failed", f"The folder {folder} to work in is not there.", retryable=False)


async def end_leftover(harness: Path) -> bool:
    """End the engine that an earlier harness left behind, and its login, trees included. True where there was one."""
    ended = [await _end_leftover(_pid_file(harness, name), _mark_file(harness, name)) for name in (ENGINE, LOGIN)]
    return any(ended)


async def _end_leftover(pid_file: Path, mark: Path) -> bool:
    identity = ProcessIdentity.read(pid_file)
    found = identity is not None and identity.alive
    if identity is not None and found:
        await end_tree(identity.pid)
    left = _read_mark(mark)
    if left is not None:
        await end_marked(left)
    for file in (pid_file, mark):
        file.unlink(missing_ok=True)
    return found


def _read_mark(file: Path) -> str | None:
    try:
        return file.read_text(encoding="ascii", errors="replace")
    except OSError:
        return None


def _pid_file(harness: Path, name: str) -> Path:
    return harness / f"{name}.pid"


def _mark_file(harness: Path, name: str) -> Path:
    return harness / (ENGINE_MARK_FILE if name == ENGINE else f"{name}.mark")


class _Streams(asyncio.subprocess.SubprocessStreamProtocol):
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
        streams: _Streams,
        mark: str,
        stderr_log: Path,
        report: Report,
        heard: Callable[[], None],
        gone: "Callable[[ChildProcess], None]",
    ) -> None:
        assert streams.stdin is not None
        assert streams.stdout is not None
        assert streams.stderr is not None
        self._transport = transport
        self._mark = mark
        self._exited = streams.exited
        self._stdin = streams.stdin
        self._stdout = streams.stdout
        self._report = report
        self._heard = heard
        self._gone = gone
        self._stopped: list[psutil.Process] = []
        self._freezing = asyncio.Lock()
        self._splitter = LineSplitter()
        self._reads = 0
        self._reading = False
        self._stderr = StderrDrain(stderr_log)
        self._drain = asyncio.create_task(self._stderr.run(streams.stderr), name="engine stderr")
        self._pipes = asyncio.create_task(self._end_pipes(), name="engine pipes")

    @property
    def pid(self) -> int:
        return self._transport.get_pid()

    @property
    def returncode(self) -> int | None:
        return self._transport.get_returncode()

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
                await end_tree(self.pid, tree)
            else:
                if len(tree) > 1:
                    await end_tree(self.pid, tree[1:])
        return await self._end()

    async def terminate(self) -> int:
        if self.returncode is None:
            await end_tree(self.pid)
        return await self._end()

    async def _end(self) -> int:
        """The process is ended, or cannot be: sweep its group and let go of the pipes."""
        self._gone(self)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(EXIT_SECONDS):
                await self._exited.wait()
        signal_group(self.pid, signal.SIGKILL)
        await end_marked(self._mark)
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
            self._heard()
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
            self._report(Note(text, "error"))
        self._splitter.dropped.clear()
