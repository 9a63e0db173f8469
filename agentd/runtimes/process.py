"""Starting an engine, whatever surrounds it: a session and group of its own, its limits, its mark; and ending what was left.

A runtime's plug-in turns the command into another one (`base.RuntimePlugin`); all else is here and in `child`.
"""

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from agentd.engines.base import EngineFailed, Note
from agentd.runtimes.base import Room, RuntimePlugin, Wrapped
from agentd.runtimes.cgroups import Group, go_first
from agentd.runtimes.child import ChildProcess, Report, Streams, Surroundings
from agentd.runtimes.installs import find_program
from agentd.runtimes.process_tree import end_marked, end_tree
from agentd.runtimes.unwalled import Process
from hived.wire.ids import new_id
from hived.wire.launch import ENGINE_MARK_FILE, ENGINE_MARK_VARIABLE
from hived.wire.process_identity import ProcessIdentity

__all__ = ["ENGINE", "LOGIN", "SETUP", "ChildProcess", "ProcessRuntime", "Processes", "end_leftover"]

ENGINE = "engine"
LOGIN = "login"
SETUP = "setup"
"""What is started for an agent: they may run at once, and none may be taken for another."""

MakeRoom = Callable[[Sequence[str], Mapping[str, str]], Room]
"""The room for a command with its environment. Blocking; raises EngineFailed."""


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
    """Starts processes for one agent. `harness` is where the pid, the mark and the log of each go; `name`: ENGINE, LOGIN or
    SETUP. Without a plug-in nothing surrounds them; `room` says what they may touch. `mark`: instead of a fresh one each."""

    def __init__(
        self,
        harness: Path,
        generation: int,
        report: Report,
        heard: Callable[[], None] = lambda: None,
        name: str = ENGINE,
        processes: Processes | None = None,
        *,
        plugin: RuntimePlugin | None = None,
        room: MakeRoom | None = None,
        mark: str | None = None,
    ) -> None:
        self._processes = processes if processes is not None else Processes()
        self._harness = harness
        self._generation = generation
        self._report = report
        self._heard = heard
        self._name = name
        self._plugin: RuntimePlugin = plugin if plugin is not None else Process()
        self._room = room
        self._own_mark = mark
        self._said: set[str] = set()

    @property
    def kind(self) -> str:
        return self._plugin.kind

    async def start(self, command: Sequence[str], *, env: Mapping[str, str], cwd: Path) -> ChildProcess:
        """Raises EngineFailed: `command_missing` where the program is not there or cannot be run."""
        _check_folder(cwd)
        mark = self._own_mark or f"{self._generation}.{new_id()}"
        marked = {**env, ENGINE_MARK_VARIABLE: mark}
        wrapped, group, unheld = await asyncio.to_thread(self._wrapped, list(command), marked, cwd)
        if unheld:
            self._say_once(unheld)
        try:
            # The loop's thread is the harness's main one: what dies with its parent dies with the thread that started it.
            transport, protocol = await asyncio.get_running_loop().subprocess_exec(
                Streams,
                *(group.join(wrapped.command) if group is not None else wrapped.command),
                cwd=wrapped.cwd,
                env={**wrapped.environment, ENGINE_MARK_VARIABLE: mark},
                pass_fds=wrapped.descriptors,
                start_new_session=True,
            )
        except BlockingIOError as error:
            raise EngineFailed("failed", f"No process can be started now: {error.strerror}.", retryable=True) from error
        except (OSError, ValueError, TypeError) as error:
            reason = getattr(error, "strerror", None) or error
            raise _command_missing(command[0] if command else "", str(reason)) from error
        finally:
            for descriptor in wrapped.descriptors:
                os.close(descriptor)
        go_first(transport.get_pid())
        identity = ProcessIdentity.of(transport.get_pid(), self._generation)
        if identity is not None:
            identity.write(_pid_file(self._harness, self._name))
            _mark_file(self._harness, self._name).write_text(mark, encoding="ascii")
        around = Surroundings(
            mark=mark,
            stderr_log=self._harness / f"{_stem(self._name)}.log",
            report=self._report,
            heard=self._heard,
            gone=self._processes.drop,
            outer=wrapped.outer,
            group=group,
        )
        child = ChildProcess(transport, protocol, around)
        await self._processes.add(child)
        return child

    def _wrapped(self, command: list[str], env: Mapping[str, str], cwd: Path) -> tuple[Wrapped, Group | None, str]:
        """Blocking. What is started in its place, the group that it joins, and which limits are not held, as a sentence."""
        if self._room is None:
            return Wrapped(command, env, cwd), None, ""
        if not command or "\0" in "".join(command) or find_program(command[0], env, cwd) is None:
            raise _command_missing(command[0] if command else "", "No such file or directory")
        room = self._room(command, env)
        group, unheld = _group(room)
        return self._plugin.wrap(command, env, cwd, room), group, unheld

    def _say_once(self, words: str) -> None:
        if words not in self._said:
            self._said.add(words)
            self._report(Note(words, "warning"))


def _group(room: Room) -> tuple[Group | None, str]:
    if not room.limits.named:
        return None, ""
    try:
        group = Group(room.group, room.limits)
    except OSError as error:
        return None, f"The limits of this agent cannot be kept here: {error.strerror} ({error.filename})."
    if group.unheld:
        return (
            group,
            f"This machine does not hold the limits {', '.join(group.unheld)}: no control group can be written.",
        )
    return group, ""


def _command_missing(program: str, reason: str) -> EngineFailed:
    return EngineFailed(
        "failed",
        f"The program {program!r} is not there or cannot be run: {reason}.",
        retryable=False,
        code="command_missing",
    )


def _check_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise EngineFailed("failed", f"The folder {folder} to work in is not there.", retryable=False)


async def end_leftover(harness: Path) -> bool:
    """End the engine that an earlier harness left behind, its login and its setup, trees included. True where there was one."""
    ended = [
        await _end_leftover(_pid_file(harness, name), _mark_file(harness, name)) for name in (ENGINE, LOGIN, SETUP)
    ]
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
    return harness / f"{_stem(name)}.pid"


def _mark_file(harness: Path, name: str) -> Path:
    return harness / (ENGINE_MARK_FILE if name == ENGINE else f"{_stem(name)}.mark")


def _stem(name: str) -> str:
    """`setup.pid` and the like are hived's, of whoever runs the setup."""
    return "setup-engine" if name == SETUP else name
