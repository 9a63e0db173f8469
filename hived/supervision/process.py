"""One harness as a process: started in a session of its own, watched to its end, ended with its whole tree.

Only what was started here, or adopted by pid, start time and generation, is ever signalled.
"""

import asyncio
import contextlib
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from hived.paths import AgentPaths
from hived.supervision.process_tree import engine_tree, tree_below
from hived.wire.process_identity import ProcessIdentity, start_mark

POLL_SECONDS = 1.0
"""How often a process is looked at where the system gives no notice of its end."""
TERM_SECONDS = 5.0
"""From TERM to KILL: agentd flushes its journal and ends its engine."""
LEFTOVER_SECONDS = 1.0
"""From TERM to KILL, and from KILL to giving up, for what an ended harness has left."""
LOOK_SECONDS = 0.05
"""How often leftovers are looked at meanwhile: they are nobody's children here, and few."""
KILL_SECONDS = 5.0
"""From KILL to giving up: only a process stuck in the kernel takes longer."""
KILL_ROUNDS = 3
MAX_LOG_BYTES = 5 * 1024 * 1024
"""A harness's log longer than this is moved to `.1` when the harness starts."""

ALLOWED = frozenset(
    {
        "PATH", "HOME", "LANG", "LANGUAGE", "TERM", "TZ", "TMPDIR", "USER", "LOGNAME", "SHELL",
        "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "VIRTUAL_ENV",
        "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy", "all_proxy",
    }
)  # fmt: skip
ALLOWED_PREFIXES = ("LC_", "HIVE_")

log = logging.getLogger(__name__)


def allowed_environment(source: Mapping[str, str], names: Iterable[str] = ()) -> dict[str, str]:
    """What of `source` a harness gets: the allow-list, and the names that its spec asks for by `env_from`."""
    wanted = ALLOWED | set(names)
    return {key: value for key, value in source.items() if key in wanted or key.startswith(ALLOWED_PREFIXES)}


def harness_command(launch_file: Path) -> list[str]:
    """`-P`: no module is ever loaded from the folder that it runs in."""
    return [sys.executable, "-P", "-m", "agentd", "run", "--launch", str(launch_file)]


@dataclass(frozen=True, slots=True)
class Exit:
    """How a harness ended: `code` is None for one that was adopted (its code is its new parent's to know)."""

    code: int | None

    @property
    def sentence(self) -> str:
        if self.code is None:
            return "it ended"
        if self.code < 0:
            with contextlib.suppress(ValueError):
                return f"it was ended by {signal.Signals(-self.code).name}"
            return f"it was ended by signal {-self.code}"
        return f"it exited with code {self.code}"


@dataclass(slots=True)
class Harness:
    """A harness that runs, or ran. `ended` is set once it is gone, with `exit` filled in."""

    identity: ProcessIdentity
    child: subprocess.Popen[bytes] | None
    on_exit: Callable[[], None]
    exit: Exit | None = None
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    _pidfd: int | None = None
    _poll: asyncio.TimerHandle | None = None

    @property
    def pid(self) -> int:
        return self.identity.pid

    def watch(self) -> None:
        """Begin to listen for its end."""
        loop = asyncio.get_running_loop()
        try:
            self._pidfd = os.pidfd_open(self.pid) if hasattr(os, "pidfd_open") else None
        except ProcessLookupError:
            loop.call_soon(self._look)
            return
        except OSError as error:
            log.debug("no pidfd for %d, polling instead: %s", self.pid, error)
        if self._pidfd is None:
            self._poll = loop.call_later(POLL_SECONDS, self._look)
        else:
            loop.add_reader(self._pidfd, self._look)

    def unwatch(self) -> None:
        """Stop listening; the process goes on."""
        if self._pidfd is not None:
            asyncio.get_running_loop().remove_reader(self._pidfd)
            os.close(self._pidfd)
            self._pidfd = None
        if self._poll is not None:
            self._poll.cancel()
            self._poll = None

    def _look(self) -> None:
        code = self.child.poll() if self.child is not None else None
        if code is None and self.identity.alive:
            if self._pidfd is None:
                self._poll = asyncio.get_running_loop().call_later(POLL_SECONDS, self._look)
            return
        self.unwatch()
        self.exit = Exit(code)
        self.ended.set()
        self.on_exit()


def start_harness(
    command: list[str], *, cwd: Path, log_file: Path, env: dict[str, str], generation: int, on_exit: Callable[[], None]
) -> Harness:
    """Start a harness in a session of its own, its output appended to its log. Raises OSError."""
    with _opened_log(log_file) as out:
        child = subprocess.Popen(
            command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
        )
    identity = ProcessIdentity.of(child.pid, generation) or ProcessIdentity(child.pid, "", generation)
    harness = Harness(identity, child, on_exit)
    harness.watch()
    return harness


def adopted_harness(identity: ProcessIdentity, on_exit: Callable[[], None]) -> Harness:
    """A harness that an earlier hived started and that still runs."""
    harness = Harness(identity, None, on_exit)
    harness.watch()
    return harness


async def end_tree(harness: Harness, paths: AgentPaths, *, term_seconds: float = TERM_SECONDS) -> None:
    """End a harness and all that it started: TERM, then KILL. Returns when they are gone, or after KILL_SECONDS more.

    Of a harness that is gone already, what it left is ended: its session, and what its engine started.
    """
    left = set(await asyncio.to_thread(tree_of, harness, paths))
    if not harness.ended.is_set():
        send(harness.identity, signal.SIGTERM)
        await until_ended(harness, term_seconds)
        if not harness.ended.is_set():
            left |= await asyncio.to_thread(tree_of, harness, paths)
            send(harness.identity, signal.SIGKILL)
            if not await until_ended(harness, KILL_SECONDS):
                log.error("harness %d is still there %g s after KILL", harness.pid, KILL_SECONDS)
    await end_leftovers(left)


async def kill_tree(harness: Harness, paths: AgentPaths) -> None:
    """KILL a harness and all that it started, at once. Returns when they are gone, or after KILL_SECONDS."""
    send(harness.identity, signal.SIGKILL)
    for _ in range(KILL_ROUNDS):  # what was forked while the tree was looked up is found by the next
        left = await asyncio.to_thread(tree_of, harness, paths)
        if not left:
            break
        for identity in left:
            send(identity, signal.SIGKILL)
        await _until_gone(left, LEFTOVER_SECONDS)
    if not await until_ended(harness, KILL_SECONDS):
        log.error("harness %d is still there %g s after KILL", harness.pid, KILL_SECONDS)


async def end_leftovers(left: Iterable[ProcessIdentity]) -> None:
    """End processes that lost the harness above them: TERM, and KILL after LEFTOVER_SECONDS."""
    alive = [identity for identity in left if identity.alive]
    for number in (signal.SIGTERM, signal.SIGKILL):
        for identity in alive:
            send(identity, number)
            if number == signal.SIGTERM:
                send(identity, signal.SIGCONT)  # what was paused hears of it only so
        alive = await _until_gone(alive, LEFTOVER_SECONDS)
        if not alive:
            return
    log.error("%d processes are still there after KILL: %s", len(alive), [identity.pid for identity in alive])


async def _until_gone(identities: Iterable[ProcessIdentity], seconds: float) -> list[ProcessIdentity]:
    """Those that are still there after at most that long."""
    alive = list(identities)
    for _ in range(round(seconds / LOOK_SECONDS)):
        alive = [identity for identity in alive if identity.alive]
        if not alive:
            break
        await asyncio.sleep(LOOK_SECONDS)
    return alive


def send(identity: ProcessIdentity, number: signal.Signals) -> None:
    """Signal that very process; nothing if it is gone, even where its pid is somebody else's by now."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if not hasattr(os, "pidfd_open"):
            if identity.alive:
                os.kill(identity.pid, number)
            return
        pidfd = os.pidfd_open(identity.pid)
        try:
            if identity.alive:
                signal.pidfd_send_signal(pidfd, number)
        finally:
            os.close(pidfd)


def tree_of(harness: Harness, paths: AgentPaths) -> frozenset[ProcessIdentity]:
    """All that runs below a harness, and what its engine started wherever it went. Blocking."""
    found = engine_tree(paths)
    # The session of a harness that is gone is its own only while nobody else has been given its pid.
    if harness.identity.alive or start_mark(harness.pid) is None:
        found |= tree_below(harness.pid, harness.identity.generation)
    return frozenset(identity for identity in found if identity.pid != harness.pid)


async def until_ended(harness: Harness, seconds: float) -> bool:
    """Whether it ended within that time."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await harness.ended.wait()
    return harness.ended.is_set()


def _opened_log(log_file: Path) -> BinaryIO:
    with contextlib.suppress(FileNotFoundError):
        if log_file.stat().st_size > MAX_LOG_BYTES:
            os.replace(log_file, log_file.with_name(log_file.name + ".1"))
    return open(os.open(log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600), "ab", buffering=0)
