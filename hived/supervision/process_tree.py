"""What runs below a process: looked up while it lives, since afterwards nobody knows whose they were."""

import contextlib
import os
import re
import sys
from collections import defaultdict

from hived.paths import AgentPaths
from hived.wire.launch import ENGINE_MARK_FILE, ENGINE_MARK_VARIABLE
from hived.wire.process_identity import ProcessIdentity, boot_id

_MARK = re.compile(r"[0-9]{1,9}\.[0-9a-f-]{36}")


def tree_below(pid: int, generation: int) -> frozenset[ProcessIdentity]:
    """Descendants of `pid` and the other members of the session it leads, with theirs; not itself. Blocking."""
    if sys.platform == "linux":
        return _by_proc(pid, generation)
    return _by_psutil(pid, generation)


def engine_tree(paths: AgentPaths) -> frozenset[ProcessIdentity]:
    """What an agent's engine started, itself included, told by its pid file and its mark. Blocking."""
    found: set[ProcessIdentity] = set()
    engine = ProcessIdentity.read(paths.engine_pid_file)
    if engine is not None and engine.boot not in ("", boot_id()):
        return frozenset()  # nothing of an earlier boot runs
    if engine is not None and engine.pid > 1 and engine.alive:
        found |= {engine} | tree_below(engine.pid, engine.generation)
    try:
        mark = (paths.harness / ENGINE_MARK_FILE).read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return frozenset(found)
    found |= marked(mark)
    return frozenset(identity for identity in found if identity.pid != os.getpid())


def marked(mark: str) -> set[ProcessIdentity]:
    """All that has this mark (ENGINE_MARK_VARIABLE) in its environment; none where it is none of ours. Blocking."""
    if sys.platform != "linux" or not _MARK.fullmatch(mark):
        return set()
    wanted = f"{ENGINE_MARK_VARIABLE}={mark}".encode()
    found: set[ProcessIdentity] = set()
    for entry in os.listdir("/proc"):
        if not entry.isdecimal():
            continue
        with contextlib.suppress(OSError), open(f"/proc/{entry}/environ", "rb") as environ:  # another user's: not ours
            if wanted in environ.read().split(b"\0"):
                identity = ProcessIdentity.of(int(entry), int(mark.partition(".")[0]))
                if identity is not None:
                    found.add(identity)
    return found


def _by_proc(pid: int, generation: int) -> frozenset[ProcessIdentity]:
    started: dict[int, str] = {}
    children: dict[int, list[int]] = defaultdict(list)
    session: list[int] = []
    for entry in os.listdir("/proc"):
        if not entry.isdecimal():
            continue
        try:
            with open(f"/proc/{entry}/stat", "rb") as file:
                fields = file.read().rpartition(b")")[2].split()
        except OSError:
            continue
        if fields[0] in (b"Z", b"X"):
            continue
        number = int(entry)
        started[number] = fields[19].decode()
        children[int(fields[1])].append(number)
        if int(fields[3]) == pid:
            session.append(number)
    found: set[int] = set()
    ahead = [pid, *session]
    while ahead:
        for child in (number := ahead.pop(), *children[number]):
            if child not in found:
                found.add(child)
                ahead.append(child)
    found.discard(pid)
    return frozenset(ProcessIdentity(number, started[number], generation) for number in found if number in started)


def _by_psutil(pid: int, generation: int) -> frozenset[ProcessIdentity]:
    import psutil

    found: set[ProcessIdentity] = set()
    with contextlib.suppress(psutil.Error):
        for child in psutil.Process(pid).children(recursive=True):
            identity = ProcessIdentity.of(child.pid, generation)
            if identity is not None:
                found.add(identity)
    return frozenset(found)
