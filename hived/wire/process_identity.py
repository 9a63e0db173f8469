"""A process is known by boot, pid, start time and generation: a pid alone may be somebody else's by now."""

import json
import os
import sys
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path


@cache
def boot_id() -> str:
    """The kernel's own name for this start of the machine; empty where it gives none."""
    if sys.platform != "linux":
        return ""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip()
    except (OSError, ValueError):
        return ""


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    pid: int
    started: str
    """The kernel's own figure for when it began (clock ticks since boot on Linux): equal or not, nothing else."""
    generation: int
    boot: str = field(default_factory=boot_id, compare=False)
    """Which start of the machine `started` counts from; empty where that is not known, or `started` needs none."""

    @classmethod
    def of(cls, pid: int, generation: int) -> "ProcessIdentity | None":
        started = start_mark(pid)
        return None if started is None else cls(pid, started, generation)

    @property
    def alive(self) -> bool:
        """The same process still runs. A zombie is dead, and so is all of an earlier boot."""
        return self.boot in ("", boot_id()) and start_mark(self.pid) == self.started

    def write(self, path: Path) -> None:
        """Atomically, 0600."""
        scratch = path.with_name(path.name + ".new")
        scratch.touch(mode=0o600)
        scratch.write_text(json.dumps(asdict(self)), encoding="utf-8")
        os.replace(scratch, path)

    @classmethod
    def read(cls, path: Path) -> "ProcessIdentity | None":
        """None where the file is missing or not one of ours."""
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            boot = str(found.get("boot", ""))  # files of older builds have none
            return cls(int(found["pid"]), str(found["started"]), int(found["generation"]), boot)
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None


def start_mark(pid: int) -> str | None:
    """When that process began, or None if it does not run (any more)."""
    if sys.platform == "linux":
        try:
            with open(f"/proc/{pid}/stat", "rb") as stat:
                fields = stat.read().rpartition(b")")[2].split()
        except OSError:
            return None
        return None if fields[0] in (b"Z", b"X") else fields[19].decode()
    return _start_mark_by_psutil(pid)


def _start_mark_by_psutil(pid: int) -> str | None:
    import psutil

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else f"{process.create_time():.2f}"
    except psutil.Error:
        return None
