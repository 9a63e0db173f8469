"""Ending a process with everything it started. psutil loads here, when a tree is walked, and not before."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from hived.wire.launch import ENGINE_MARK_VARIABLE

if TYPE_CHECKING:
    import psutil

TERM_SECONDS = 2.0
"""An engine saves its session in milliseconds; a harness told to stop has 5 s for all of it."""
KILL_SECONDS = 2.0
"""After KILL only the kernel is waited for (a process in uninterruptible sleep)."""
LOOK_SECONDS = 0.02
"""How often what is to end is looked at meanwhile."""
FREEZE_SECONDS = 5.0
"""Within this all stands still, or something sits in the kernel or forks faster than it can be stopped."""
MARKED_ROUNDS = 3
"""What was forked while the first round looked is found by the next."""


def signal_group(leader: int, number: int) -> None:
    """Signal the process group of that leader, if there is anything left of it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, number)


def walk(pid: int) -> "list[psutil.Process]":
    """That process and all below it, deepest last. A psutil.Process knows its start time, so a reused pid is never hit."""
    import psutil

    try:
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    except psutil.Error:
        return []


def marked(mark: str) -> "list[psutil.Process]":
    """Every process that was started with that mark in its environment, however far it has gone from its parents; not we."""
    pids = _marked_in_proc(mark) if sys.platform == "linux" else None
    if pids == []:
        return []  # the common case, at the end of every engine: psutil is not even loaded for it
    import psutil

    found = []
    for pid in psutil.pids() if pids is None else pids:
        with contextlib.suppress(psutil.Error, OSError):  # ended meanwhile, or another user's: not ours
            process = psutil.Process(pid)
            if pid != os.getpid() and process.environ().get(ENGINE_MARK_VARIABLE) == mark:
                found.append(process)
    return found


def _marked_in_proc(mark: str) -> list[int]:
    wanted = f"{ENGINE_MARK_VARIABLE}={mark}".encode()
    found = []
    for name in os.listdir("/proc"):
        if name.isdecimal() and name != str(os.getpid()):
            with contextlib.suppress(OSError), open(f"/proc/{name}/environ", "rb") as environment:
                if wanted in environment.read().split(b"\0"):
                    found.append(int(name))
    return found


async def end_marked(mark: str) -> None:
    """End what an engine that has ended left running. A tool's shell has a session of its own, so no group holds it."""
    for _ in range(MARKED_ROUNDS):
        left = await asyncio.to_thread(marked, mark)
        if not left:
            return
        await _end_all(left)


async def end_tree(pid: int, known: "list[psutil.Process] | None" = None, outer: int = 0) -> None:
    """TERM the group of `pid` and all below it, wait, then KILL what is left.

    `known` is an earlier walk: a child whose parent is gone has lost its way home, so the tree is walked while it stands.
    `outer`: so many processes, from `pid` down, stand around the command. They end with it; ended first they would take it
    with them before it could save anything.
    """
    tree = _merged(known or [], walk(pid))
    spared = _chain(tree, pid, outer)
    await _end_all(tree, spared if len(spared) < len(tree) else [])


def _chain(tree: "list[psutil.Process]", pid: int, length: int) -> "list[psutil.Process]":
    import psutil

    found: list[psutil.Process] = []
    while len(found) < length:
        at = next((process for process in tree if process.pid == pid), None)
        if at is None:
            break
        found.append(at)
        below = []
        for process in tree:
            with contextlib.suppress(psutil.Error):
                if process.ppid() == pid:
                    below.append(process.pid)
        if len(below) != 1:
            break
        pid = below[0]
    return found


async def freeze_tree(pid: int, mark: str) -> "tuple[list[psutil.Process], bool]":
    """Stop `pid`, all below it and all that bears the mark, until nothing of it moves.

    Answers what was stopped (not what stood still before), and whether all stands still: False after FREEZE_SECONDS.
    """
    return await asyncio.to_thread(_freeze, pid, mark)


def thaw_all(stopped: "list[psutil.Process]") -> None:
    """Let go on what was stopped, parents first."""
    _send(stopped, signal.SIGCONT)


def _freeze(pid: int, mark: str) -> "tuple[list[psutil.Process], bool]":
    import time

    stopped: list[psutil.Process] = []
    deadline = time.monotonic() + FREEZE_SECONDS
    while True:
        moving = [process for process in _merged(walk(pid), marked(mark)) if _moves(process)]
        if not moving:
            return stopped, True
        if time.monotonic() > deadline:
            return stopped, False
        _send(moving, signal.SIGSTOP)
        stopped = _merged(stopped, moving)
        if all(_moves(process) for process in moving):
            time.sleep(LOOK_SECONDS / 10)


def _moves(process: "psutil.Process") -> bool:
    import psutil

    try:
        return process.status() not in (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP, psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


async def _end_all(tree: "list[psutil.Process]", spared: "Sequence[psutil.Process]" = ()) -> None:
    import psutil

    _send([process for process in tree if process not in spared], signal.SIGTERM)
    _send(tree, signal.SIGCONT)  # one that stands still hears nothing else
    left = await asyncio.to_thread(_wait, tree, TERM_SECONDS)
    if not left:
        return
    tree = left
    for process in left:
        with contextlib.suppress(psutil.Error):
            tree = _merged(tree, process.children(recursive=True))
    _send(tree, signal.SIGKILL)
    await asyncio.to_thread(_wait, tree, KILL_SECONDS)


def _merged(first: "list[psutil.Process]", second: "list[psutil.Process]") -> "list[psutil.Process]":
    return list(dict.fromkeys([*first, *second]))


def _send(tree: "list[psutil.Process]", number: int) -> None:
    import psutil

    for process in tree:
        with contextlib.suppress(psutil.Error):
            process.send_signal(number)


def _wait(tree: "list[psutil.Process]", seconds: float) -> "list[psutil.Process]":
    """Those of the tree that still run after at most that long. A zombie has ended: its parent reaps it.

    psutil's own wait would reap our children, and asyncio would then report 255 in place of their exit codes.
    """
    import time

    deadline = time.monotonic() + seconds
    left = tree
    while left := [process for process in left if _runs(process)]:
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            break
        time.sleep(min(remaining, LOOK_SECONDS))
    return left


def _runs(process: "psutil.Process") -> bool:
    import psutil

    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False
