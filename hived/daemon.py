"""hived's composition root: builds the parts, starts them in order, stops them in order.

Order of start: folders, lock, log, database, homes of older hives, what was edited by hand, agents' sockets (harnesses are
waiting to come back), the operator's socket, supervision and all that runs beside it. Stages of the end: streams, listeners,
supervision (agents work on), database, threads; each bounded.
A second signal ends the process at once.
"""

import asyncio
import contextlib
import fcntl
import gc
import logging
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from hived.api.agent import create_agent_app
from hived.api.host import create_host_app
from hived.api.listeners import Listeners
from hived.config import Config, load_config
from hived.core.agents import mark_unheard, supervised
from hived.core.hive import Hive
from hived.deploy.templates import write_examples
from hived.logs import start_logging, stop_logging
from hived.paths import HivePaths, checked_socket_path
from hived.store.database import Database
from hived.supervision.burials import Purges
from hived.supervision.denials import Denials
from hived.supervision.homes import migrate_homes
from hived.supervision.notifier import Notifier
from hived.supervision.pipeline import Pipeline
from hived.supervision.reconciler import Reconciler
from hived.supervision.setting_files import SettingFiles
from hived.supervision.timekeeper import Timekeeper
from hived.supervision.work_watch import WorkWatch
from hived.wire.errors import AlreadyRunning, HiveError, Internal
from hived.wire.protocol import BUILD, PROTOCOL
from hived.wire.snapshot import HiveInfo
from hived.wire.times import utc_now
from hived.workspace.folders import private_folder

SWITCH_SECONDS = 0.0005
"""How long one thread computes while another waits: the writer gives the interpreter up at each statement, and would
otherwise wait 5 ms to get it back from a busy event loop."""
GARBAGE_AFTER = 20_000
"""Objects made between two looks for garbage in cycles: there is next to none, and at 700 every batch of events is a look."""
LISTENERS_SECONDS = 6.0
"""More than what listeners take for their own two bounds."""
SUPERVISION_SECONDS = 3.0
"""Keepers only let go; a step that is under way on a thread is not waited for here."""
DATABASE_SECONDS = 5.0
"""What is still queued is one commit."""
THREADS_SECONDS = 2.0
"""A clone that is being made would hold up the end; it is begun anew at the next start."""

log = logging.getLogger(__name__)


def run_hived(paths: HivePaths) -> int:
    """Run until told to stop; the exit code. Raises AlreadyRunning, PathTooLong, SocketInUse, InvalidConfig, DatabaseNewer, Internal."""
    checked_socket_path(paths.host_socket)
    sys.setswitchinterval(SWITCH_SECONDS)
    for folder in (paths.config, paths.data, paths.run, paths.log.parent, paths.agents):
        private_folder(folder)
    with only_one(paths):
        config = load_config(paths.config_file)
        start_logging(paths.log)
        try:
            write_examples(paths)
            with asyncio.Runner(loop_factory=_loop_factory()) as runner:
                threads_ended = runner.run(_serve(paths, config))
                log.info("hived %d ended", os.getpid())
                if not threads_ended:
                    stop_logging()
                    paths.pid_file.unlink(missing_ok=True)
                    os._exit(0)
            return 0
        except HiveError:
            raise
        except Exception as error:
            log.exception("hived failed")
            raise Internal() from error
        finally:
            stop_logging()


@contextlib.contextmanager
def only_one(paths: HivePaths) -> Iterator[None]:
    """Hold the hive's lock and its pid file. Raises AlreadyRunning with the pid of who holds it."""
    with open(os.open(paths.lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600), "r+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyRunning(pid=_pid_in(paths.pid_file)) from None
        with open(os.open(paths.pid_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(f"{os.getpid()}\n")
        try:
            yield
        finally:
            paths.pid_file.unlink(missing_ok=True)


def _pid_in(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None


def _loop_factory() -> "type[asyncio.AbstractEventLoop] | None":
    try:
        import uvloop
    except ImportError:
        return None
    factory: type[asyncio.AbstractEventLoop] = uvloop.Loop
    return factory


class _Runs(Protocol):
    def run(self) -> Coroutine[None, None, None]:
        """Until cancelled."""
        ...


@dataclass(slots=True)
class _Parts:
    hive: Hive
    listeners: Listeners
    reconciler: Reconciler
    setting_files: SettingFiles
    notifier: Notifier
    timekeeper: Timekeeper
    work_watch: WorkWatch
    purges: Purges
    pipeline: Pipeline


async def _serve(paths: HivePaths, config: Config) -> bool:
    """Whether every thread ended in time."""
    database = await Database.open(paths.database)
    try:
        parts = await _assemble(paths, config, database)
        _listen_for_signals(parts.hive)
        await _run(parts)
    finally:
        await _stage("database", database.close(), DATABASE_SECONDS)
    return await _stage("threads", asyncio.get_running_loop().shutdown_default_executor(), THREADS_SECONDS)


async def _assemble(paths: HivePaths, config: Config, database: Database) -> _Parts:
    await database.write(mark_unheard)
    info = HiveInfo(
        host=socket.gethostname(),
        home=str(paths.data),
        pid=os.getpid(),
        protocol=PROTOCOL,
        build=BUILD,
        started_at=utc_now(),
    )
    hive = Hive(paths, config, database, info)
    reconciler = Reconciler(hive)
    listeners = Listeners(create_host_app(hive), create_agent_app(hive), reconciler.agent_pids)
    return _Parts(
        hive, listeners, reconciler, SettingFiles(hive), Notifier(hive), Timekeeper(hive), WorkWatch(hive), Purges(hive),
        Pipeline(hive),
    )  # fmt: skip


async def _run(parts: _Parts) -> None:
    hive, listeners = parts.hive, parts.listeners
    supervision: asyncio.Task[None] | None = None
    try:
        await migrate_homes(hive)
        await parts.setting_files.read_all()
        for agent in await hive.database.read(supervised):
            try:
                await listeners.open_agent(agent.id, agent.name, hive.paths.agent(agent.name).socket)
            except (HiveError, OSError) as error:
                log.error("the socket of %s cannot be opened: %s", agent.name, error)
        await listeners.open_host(hive.paths.host_socket)
        log.info("%s answers on %s, pid %d", BUILD, hive.paths.host_socket, os.getpid())
        hive.runtimes.begin()
        gc.freeze()
        gc.set_threshold(GARBAGE_AFTER)
        async with asyncio.TaskGroup() as group:
            supervision = group.create_task(parts.reconciler.run(listeners), name="supervision")
            supervision.add_done_callback(lambda _: hive.stopping.set())
            beside: dict[str, _Runs] = {
                "setting files": parts.setting_files, "notifier": parts.notifier, "timekeeper": parts.timekeeper,
                "work watch": parts.work_watch, "purges": parts.purges, "denials": Denials(hive),
                "pipeline": parts.pipeline,
            }  # fmt: skip
            tasks = [supervision, *(group.create_task(part.run(), name=name) for name, part in beside.items())]
            await hive.stopping.wait()
            log.info("stopping")
            hive.close_streams()
            await _stage("listeners", listeners.close(), LISTENERS_SECONDS)
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=SUPERVISION_SECONDS)
    finally:
        hive.close_streams()
        await _stage("listeners", listeners.close(), LISTENERS_SECONDS)


async def _stage(name: str, work: Awaitable[None], seconds: float) -> bool:
    """One stage of the end, at most that long; whether it was done in time."""
    try:
        await asyncio.wait_for(work, seconds)
    except TimeoutError:
        log.error("stage %s did not end within %g s and is left", name, seconds)
        return False
    return True


def _listen_for_signals(hive: Hive) -> None:
    def told(number: signal.Signals) -> None:
        if hive.stopping.is_set():
            log.warning("%s again: ending at once", number.name)
            os._exit(128 + number)
        log.info("%s: stopping", number.name)
        hive.stopping.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told, number)
