"""The `setup` of a deployment: `python -m agentd setup`, which runs each command inside the agent's runtime, held to bounds of
time, output and free disk. Its whole tree is ended on every path, and found again by a hived that comes after a killed one.
"""

import asyncio
import contextlib
import os
import shutil
import signal
import sys
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

from hived.core.agents import Supervised
from hived.core.fault_points import reach
from hived.core.hive import Hive
from hived.paths import AgentPaths
from hived.supervision.folders import launch_of, prepare, write_private
from hived.supervision.process import allowed_environment, end_leftovers, send
from hived.supervision.process_tree import marked, tree_below
from hived.wire.launch import ENGINE_MARK_VARIABLE
from hived.wire.process_identity import ProcessIdentity

LAUNCH_FILE = "setup-launch.json"
PID_FILE = "setup.pid"
MARK_FILE = "setup.mark"
TAIL_BYTES = 64 * 1024
"""What is kept of its output in the books."""
MOST_LOG_BYTES = 4 * 1024 * 1024
"""Of setup.log."""
MOST_OUTPUT_BYTES = 64 * 1024 * 1024
LOOK_SECONDS = 0.2
"""How often the disk is looked at while it runs."""
END_SECONDS = 5.0
"""For what is left of its output once it has been ended."""
_CHUNK = 1 << 16
T = TypeVar("T")


class SetupFailed(Exception):
    """`reason` is one sentence; `log` the end of what it printed."""

    def __init__(self, reason: str, log: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.log = log


async def to_its_end(function: Callable[[], T]) -> T:
    """What it gives, done on a thread. A cancellation waits for it: nothing is written of an agent that is gone by then."""
    running = asyncio.ensure_future(asyncio.to_thread(function))
    try:
        return await asyncio.shield(running)
    except asyncio.CancelledError:
        await asyncio.wait({running})
        if not running.cancelled():
            running.exception()
        raise


async def run_setup(hive: Hive, paths: AgentPaths, agent: Supervised) -> str:
    """Run it; the end of what it printed. Raises SetupFailed, InvalidRepo, FolderUnusable, OSError."""
    await end_setup(paths)
    launch_file, mark = paths.harness / LAUNCH_FILE, f"{agent.generation}.{uuid4()}"

    def make() -> None:
        prepare(agent, paths, hive.paths)
        launch = launch_of(agent, agent.generation, paths, hive.paths, hive.config)
        write_private(launch_file, launch.model_dump_json(indent=1) + "\n")
        write_private(paths.harness / MARK_FILE, mark + "\n")

    await to_its_end(make)
    hive.folders_made.set()
    least = hive.config.setup_free_bytes
    if (free := _free(paths)) < least:
        raise SetupFailed(f"there are {_mib(free)} left on the disk, and at least {_mib(least)} must be.", "")
    output = _Output(paths.setup_log)
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "agentd", "setup", "--launch", str(launch_file),
        cwd=paths.harness, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        env={**allowed_environment(os.environ, agent.request.env_from), ENGINE_MARK_VARIABLE: mark},
        start_new_session=True, limit=_CHUNK,
    )  # fmt: skip
    identity = ProcessIdentity.of(child.pid, agent.generation)
    if identity is not None:
        identity.write(paths.harness / PID_FILE)
    reach("hived_setting_up")
    assert child.stdout is not None
    reader = asyncio.ensure_future(output.take(child.stdout))
    why = ""
    try:
        why = await _watch(hive, paths, child, reader, output)
    finally:
        await asyncio.shield(_end(paths, child, reader))
        output.close()
    if why:
        raise SetupFailed(why, output.tail())
    if child.returncode:
        raise SetupFailed(_ended(child.returncode, output.last_line()), output.tail())
    return output.tail()


async def end_setup(paths: AgentPaths) -> None:
    """End what a setup has left, that of an earlier hived too: told by its pid file and its mark."""
    left = await asyncio.to_thread(_tree, paths)
    for identity in left:
        send(identity, signal.SIGKILL)
    await end_leftovers(left)
    for name in (PID_FILE, MARK_FILE):
        (paths.harness / name).unlink(missing_ok=True)


async def _watch(
    hive: Hive, paths: AgentPaths, child: asyncio.subprocess.Process, reader: "asyncio.Future[None]", output: "_Output"
) -> str:
    """Until it has ended, or is to be ended: why, in one sentence; empty where it ended by itself."""
    loop = asyncio.get_running_loop()
    deadline, ended = loop.time() + hive.config.setup_seconds, asyncio.ensure_future(child.wait())
    try:
        while not ended.done():
            left = deadline - loop.time()
            if left <= 0:
                return f"it took longer than {hive.config.setup_seconds:g} s."
            if output.taken > MOST_OUTPUT_BYTES:
                return f"it printed more than {_mib(MOST_OUTPUT_BYTES)}."
            if await asyncio.to_thread(_free, paths) < hive.config.setup_free_bytes:
                return f"it left less than {_mib(hive.config.setup_free_bytes)} on the disk."
            await asyncio.wait({ended}, timeout=min(left, LOOK_SECONDS))
        return ""
    finally:
        ended.cancel()


async def _end(paths: AgentPaths, child: asyncio.subprocess.Process, reader: "asyncio.Future[None]") -> None:
    """What it started and left, detached or not, goes with it; then its output is at its end."""
    await end_setup(paths)
    with contextlib.suppress(ProcessLookupError):
        if child.returncode is None:
            child.kill()
    await child.wait()
    done, _ = await asyncio.wait({reader}, timeout=END_SECONDS)
    if not done:
        reader.cancel()
        await asyncio.wait({reader})


def _tree(paths: AgentPaths) -> frozenset[ProcessIdentity]:
    found: set[ProcessIdentity] = set()
    main = ProcessIdentity.read(paths.harness / PID_FILE)
    if main is not None and main.pid > 1 and main.alive:
        found |= {main} | tree_below(main.pid, main.generation)
    with contextlib.suppress(OSError):
        found |= marked((paths.harness / MARK_FILE).read_text(encoding="ascii", errors="replace").strip())
    return frozenset(identity for identity in found if identity.pid != os.getpid())


class _Output:
    """What it prints: its beginning and its end in setup.log, its end in memory."""

    def __init__(self, file: Path) -> None:
        with contextlib.suppress(FileNotFoundError):
            os.replace(file, file.with_name(f"{file.name}.1"))
        self._file = open(  # noqa: SIM115
            os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600),
            "wb",
            buffering=0,
        )
        self._end: deque[bytes] = deque()
        self._end_bytes = 0
        self._left_out = False
        self.taken = 0

    async def take(self, stream: asyncio.StreamReader) -> None:
        while piece := await stream.read(_CHUNK):
            self.taken += len(piece)
            self._end.append(piece)
            self._end_bytes += len(piece)
            while self._end_bytes - len(self._end[0]) >= TAIL_BYTES:
                self._end_bytes -= len(self._end.popleft())
            if self.taken <= MOST_LOG_BYTES:
                with contextlib.suppress(OSError):  # a full disk: that is seen by who looks at it
                    self._file.write(piece)
            else:
                self._left_out = True

    def tail(self) -> str:
        return b"".join(self._end)[-TAIL_BYTES:].decode("utf-8", "replace")

    def last_line(self) -> str:
        return next((line.strip() for line in reversed(self.tail().splitlines()) if line.strip()), "")

    def close(self) -> None:
        with self._file, contextlib.suppress(OSError):
            if self._left_out:
                self._file.write(b"\n[...]\n" + self.tail().encode())


def _ended(code: int, last: str) -> str:
    how = f"it was ended by signal {-code}" if code < 0 else f"it ended with code {code}"
    return f"{how}: {last}" if last else f"{how}."


def _free(paths: AgentPaths) -> int:
    """Of the disks that it can write, the one with the least room."""
    return min(
        shutil.disk_usage(folder).free for folder in (paths.root, paths.workspace, paths.home) if folder.exists()
    )


def _mib(count: int) -> str:
    return f"{count / (1024 * 1024):,.0f} MiB"
