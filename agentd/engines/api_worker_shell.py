"""The worker's `bash`: each command in a session of its own, its output bounded, its group ended with it where that must be.
Standard library only."""

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import uuid
from collections import deque
from functools import partial
from typing import Any

from agentd.engines.api_worker_files import Refused
from agentd.engines.api_worker_tools import text, whole

SECONDS = 120
MOST_SECONDS = 600
HEAD_BYTES = TAIL_BYTES = 20_000
READ_BYTES = 65_536
TERM_SECONDS = 2.0
"""A command told to end may tidy up."""
START_SECONDS = 2.0
"""A fork takes milliseconds."""
MARK = "HIVE_COMMAND_RUN"
"""In the environment of each command, and so of all that it starts."""
MARKED_ROUNDS = 3
"""What was forked while the first round looked is found by the next."""
PIPE_SECONDS = 0.3
"""After the shell has ended, what it left in the background may hold the pipe: its words are no longer waited for."""


class Shell:
    """`end_all` before the worker ends: nothing that it started stays."""

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._groups: set[int] = set()
        """Those that still have somebody in them: the number of one that is empty may become another's."""
        self._starting: set[asyncio.Task[_Process]] = set()
        self._drains: set[asyncio.Task[None]] = set()
        self._ending = False
        self._program = shutil.which("bash") or "/bin/sh"

    async def run(self, given: dict[str, Any]) -> tuple[str, bool]:
        """(its output, whether it failed). Cancelled: the command is ended with all that it has started, detached or not."""
        command = text(given, "command")
        seconds = min(whole(given, "timeout", SECONDS), MOST_SECONDS)
        if "\0" in command:
            raise Refused("A command holds no NUL.")
        for group in tuple(self._groups):
            self._forget_empty(group)  # whoever has ended is counted until init has seen it, and that may take a while
        process = await self._started(command)
        output = _Output()
        drain = asyncio.create_task(output.drain(process.output))
        self._drains.add(drain)
        drain.add_done_callback(partial(self._silent, process.pid))
        late = False
        try:
            if not await _ended_within(process, seconds):
                late = True
                await self._end(process)
        except asyncio.CancelledError:
            await self._end(process)
            raise
        await asyncio.wait({drain}, timeout=PIPE_SECONDS)
        self._forget_empty(process.pid)
        said = output.text()
        if late:
            return f"It was ended after {seconds} s.\n{said}", True
        left = "" if drain.done() else "\n(something of it still runs in the background)"
        if process.returncode:
            end = f"signal {-process.returncode}" if process.returncode < 0 else f"exit code {process.returncode}"
            return f"{end}\n{said}{left}", True
        return (said or "(no output)") + left, False

    async def end_all(self) -> None:
        """Whatever runs, and what is just starting."""
        self._ending = True
        if self._starting:
            await asyncio.wait(self._starting, timeout=START_SECONDS)
        for group in self._groups:
            _signal(group, signal.SIGKILL)

    async def _started(self, command: str) -> "_Process":
        """Known from the moment it runs, even where nobody waits for it any more."""
        if self._ending:
            raise Refused("The worker is ending.")
        starting = asyncio.create_task(_start([self._program, "-c", command], self._folder, uuid.uuid4().hex))
        self._starting.add(starting)
        starting.add_done_callback(self._began)
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            await self._end(await starting)
            raise

    def _began(self, starting: "asyncio.Task[_Process]") -> None:
        self._starting.discard(starting)
        if not starting.cancelled() and starting.exception() is None:
            self._groups.add(starting.result().pid)

    def _silent(self, group: int, drain: "asyncio.Task[None]") -> None:
        """Nobody holds the command's pipe any more."""
        self._drains.discard(drain)
        self._forget_empty(group)

    def _forget_empty(self, group: int) -> None:
        try:
            os.killpg(group, 0)
        except (ProcessLookupError, PermissionError):  # nobody's, or somebody else's by now
            self._groups.discard(group)

    async def _end(self, process: "_Process") -> None:
        _signal(process.pid, signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(TERM_SECONDS):
                await process.exited.wait()
        _signal(process.pid, signal.SIGKILL)
        await process.exited.wait()
        for _ in range(MARKED_ROUNDS):
            if not await asyncio.to_thread(_kill_marked, process.mark):
                break


async def _ended_within(process: "_Process", seconds: int) -> bool:
    """Counted a second at a time, so that one in which all of this was stopped counts as one, however long it took."""
    for _ in range(seconds):
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1.0):
                await process.exited.wait()
                return True
    return process.exited.is_set()


class _Process(asyncio.subprocess.SubprocessStreamProtocol):
    """A command that runs. asyncio's own wait would also wait for whoever holds the pipe."""

    def __init__(self) -> None:
        super().__init__(limit=READ_BYTES, loop=asyncio.get_running_loop())
        self.exited = asyncio.Event()
        self.pid = 0
        self.mark = ""
        self.returncode: int | None = None

    @property
    def output(self) -> asyncio.StreamReader:
        assert self.stdout is not None
        return self.stdout

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        assert isinstance(transport, asyncio.SubprocessTransport)
        self._of = transport
        self.pid = transport.get_pid()

    def process_exited(self) -> None:
        self.returncode = self._of.get_returncode()
        self.exited.set()
        super().process_exited()


async def _start(command: list[str], folder: str, mark: str) -> _Process:
    _, process = await asyncio.get_running_loop().subprocess_exec(
        _Process,
        *command,
        cwd=folder,
        env={**os.environ, MARK: mark},
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.STDOUT,
    )
    process.mark = mark
    return process


def _kill_marked(mark: str) -> int:
    """End what a command has started in sessions of their own; how many there were. Only where there is a /proc."""
    wanted, found = f"{MARK}={mark}".encode(), 0
    for name in os.listdir("/proc") if os.path.isdir("/proc/self") else ():
        with contextlib.suppress(OSError):
            if name.isdecimal():
                with open(f"/proc/{name}/environ", "rb") as environment:
                    if wanted in environment.read().split(b"\0"):
                        os.kill(int(name), signal.SIGKILL)
                        found += 1
    return found


def _signal(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


class _Output:
    """The beginning and the end of what came, and how much is left out between them."""

    def __init__(self) -> None:
        self._head = bytearray()
        self._tail: deque[bytes] = deque()
        self._tail_bytes = 0
        self._left_out = 0

    async def drain(self, stream: asyncio.StreamReader) -> None:
        while chunk := await stream.read(READ_BYTES):
            room = HEAD_BYTES - len(self._head)
            self._head += chunk[:room]
            rest = chunk[room:]
            if rest:
                self._tail.append(rest)
                self._tail_bytes += len(rest)
            while self._tail and self._tail_bytes - len(self._tail[0]) >= TAIL_BYTES:
                gone = len(self._tail.popleft())
                self._tail_bytes -= gone
                self._left_out += gone

    def text(self) -> str:
        tail = b"".join(self._tail)
        over = max(0, len(tail) - TAIL_BYTES)
        left_out = self._left_out + over
        head = bytes(self._head).decode("utf-8", "replace")
        if not left_out:
            return (bytes(self._head) + tail).decode("utf-8", "replace").rstrip("\n")
        end = tail[over:].decode("utf-8", "replace")
        return f"{head}\n… ({left_out} bytes left out) …\n{end}".rstrip("\n")
