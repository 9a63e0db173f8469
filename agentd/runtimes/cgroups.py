"""What holds an engine to its memory, cpu and processes: control groups, of whichever version is there and writable.

Each controller is looked for alone: on a machine with version 1 they lie apart, and under a service manager perhaps one of
them is ours. A process joins before it becomes the engine, by a shell that does nothing else, so that nothing of the engine
ever runs outside. Everything here blocks, for as long as /sys takes.
"""

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from agentd.runtimes.base import Limits
from hived.wire.limits import LIMITS, memory_words

CONTROLLERS = {"memory": "memory", "cpu": "cpu", "processes": "pids"}
"""By limit."""
FOLDER = "hive"
"""Below what we may write; in it a group for each agent."""
CPU_PERIOD = 100_000
"""Microseconds: the kernel's own default."""
FIRST_TO_GO = 500
"""`oom_score_adj` of an engine: where the machine's memory ends, the kernel ends it before any harness or hived."""
JOIN_FAILED = 125
TRIES = 20
_JOIN = (
    'while [ "$1" != -- ]; do echo $$ >"$1" || { echo "the limits cannot be kept: $1 takes no process" >&2; exit '
    f'{JOIN_FAILED}; }}; shift; done; shift; exec "$@"'
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a controller's groups can be made."""

    folder: Path
    version: int


class Group:
    """One agent's, over the controllers that its limits need."""

    def __init__(self, name: str, limits: Limits) -> None:
        """Makes it. Raises OSError. What cannot be held here is in `unheld`."""
        self._folders: dict[str, tuple[Path, int]] = {}
        self._limits = limits
        found = places()
        self.unheld = tuple(limit for limit in limits.named if limit not in found)
        for limit in limits.named:
            if limit in found:
                place = found[limit]
                folder = place.folder / FOLDER / name
                _make(folder)
                self._folders[limit] = (folder, place.version)
        for folder, version in dict(self._folders.values()).items():
            if version == 2:
                wanted = [CONTROLLERS[limit] for limit, where in self._folders.items() if where[0] == folder]
                for parent in (folder.parent.parent, folder.parent):
                    _enable(parent, wanted)
        for limit, (folder, version) in self._folders.items():
            for file, value in _settings(limit, limits, version):
                _write(folder / file, value)
        self._ended_before = self._ended_by_kernel()

    def join(self, command: Sequence[str]) -> list[str]:
        """That command as one that joins first."""
        files = sorted({str(folder / "cgroup.procs") for folder, _ in self._folders.values()})
        return ["/bin/sh", "-c", _JOIN, "sh", *files, "--", *command] if files else list(command)

    def ended_by_kernel(self) -> int:
        """How many processes have been ended for want of memory since this was last asked."""
        now, before = self._ended_by_kernel(), self._ended_before
        self._ended_before = now
        return max(0, now - before)

    def memory_words(self) -> str:
        return memory_words(self._limits.memory_bytes or 0)

    def remove(self) -> None:
        """Where nothing is in it any more; else whoever ends last does it."""
        for folder, _ in self._folders.values():
            with contextlib.suppress(OSError):
                folder.rmdir()
            with contextlib.suppress(OSError):
                folder.parent.rmdir()

    def _ended_by_kernel(self) -> int:
        folder, version = self._folders.get("memory", (None, 0))
        if folder is None:
            return 0
        text = _read(folder / ("memory.events" if version == 2 else "memory.oom_control"))
        counts = dict(line.split(" ", 1) for line in text.splitlines() if " " in line)
        try:
            return int(counts.get("oom_kill", 0))
        except ValueError:
            return 0


def go_first(pid: int) -> None:
    """That process, and what it starts from now on. Best effort: one that has ended needs it no more."""
    with contextlib.suppress(OSError):
        _write(Path(f"/proc/{pid}/oom_score_adj"), str(FIRST_TO_GO))


def places() -> dict[str, Place]:
    """By limit, where its groups can be made here. A limit that is missing cannot be held."""
    found: dict[str, Place] = {}
    mounts = _mounts()
    own = _own_groups()
    for limit, controller in CONTROLLERS.items():
        if controller in mounts.v1:
            candidates = _upwards(mounts.v1[controller], own.get(controller, "/"))
            place = next((folder for folder in candidates if _can_make(folder)), None)
            if place is not None:
                found[limit] = Place(place, 1)
        elif mounts.v2 is not None:
            candidates = _upwards(mounts.v2, own.get("", "/"))
            place = next((folder for folder in candidates if _can_hold(folder, controller, mounts.v2)), None)
            if place is not None:
                found[limit] = Place(place, 2)
    return found


def held() -> tuple[str, ...]:
    """The limits that can be held here, in the order of an agent.toml."""
    found = places()
    return tuple(limit for limit in LIMITS if limit in found)


@dataclass(frozen=True, slots=True)
class _Mounts:
    v1: Mapping[str, Path]
    v2: Path | None


def _mounts() -> _Mounts:
    v1: dict[str, Path] = {}
    v2 = None
    for line in _read(Path("/proc/self/mounts")).splitlines():
        fields = line.split(" ")
        if len(fields) < 4:
            continue
        folder, kind, options = Path(fields[1].replace("\\040", " ")), fields[2], fields[3].split(",")
        if kind == "cgroup2":
            v2 = v2 or folder
        elif kind == "cgroup":
            for controller in CONTROLLERS.values():
                if controller in options:
                    v1.setdefault(controller, folder)
    return _Mounts(v1, v2)


def _own_groups() -> dict[str, str]:
    """By controller; "" is version 2's."""
    found = {}
    for line in _read(Path("/proc/self/cgroup")).splitlines():
        _, _, rest = line.partition(":")
        names, _, path = rest.partition(":")
        for name in names.split(","):
            found[name] = path
    return found


def _upwards(mount: Path, path: str) -> Iterator[Path]:
    """Our own group, then those above it. One that holds a group of ours already is another agent's brother, not its parent."""
    folder = mount / path.lstrip("/")
    if not folder.is_dir() or ".." in path:
        folder = mount
    while folder.is_relative_to(mount):
        if folder.parent.name != FOLDER:
            yield folder
        if folder == mount:
            return
        folder = folder.parent


def _make(folder: Path) -> None:
    """With the folder of them all, which an agent that ends may take away just then."""
    for _ in range(TRIES):
        with contextlib.suppress(FileNotFoundError):
            folder.mkdir(parents=True, exist_ok=True)
            return
    folder.mkdir(parents=True, exist_ok=True)


def _can_make(folder: Path) -> bool:
    return os.access(folder, os.W_OK) and os.access(folder / "cgroup.procs", os.W_OK)


def _can_hold(folder: Path, controller: str, mount: Path) -> bool:
    """Version 2: below a group with processes in it no controller works, but for the topmost."""
    if not _can_make(folder) or not os.access(folder / "cgroup.subtree_control", os.W_OK):
        return False
    if controller not in _read(folder / "cgroup.controllers").split():
        return False
    if controller in _read(folder / "cgroup.subtree_control").split():
        return True
    return not _read(folder / "cgroup.procs").strip() or (
        folder == mount and not (folder / "cgroup.type").exists()
    )  # the very topmost has no type


def _enable(folder: Path, controllers: Sequence[str]) -> None:
    there = _read(folder / "cgroup.subtree_control").split()
    for controller in controllers:
        if controller not in there:
            _write(folder / "cgroup.subtree_control", f"+{controller}")


def _settings(limit: str, limits: Limits, version: int) -> list[tuple[str, str]]:
    if limit == "memory":
        size = str(limits.memory_bytes)
        return [("memory.max", size)] if version == 2 else [("memory.limit_in_bytes", size)]
    if limit == "processes":
        return [("pids.max", str(limits.processes))]
    quota = max(1000, round((limits.cpus or 1.0) * CPU_PERIOD))
    if version == 2:
        return [("cpu.max", f"{quota} {CPU_PERIOD}")]
    return [("cpu.cfs_period_us", str(CPU_PERIOD)), ("cpu.cfs_quota_us", str(quota))]


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _write(file: Path, value: str) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(descriptor, value.encode())
    finally:
        os.close(descriptor)
