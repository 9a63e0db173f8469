"""Whether this machine has what a hive needs: Python, git, file watching, a terminal that can show it."""

import ctypes
import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from hived.wire.doctor import Check

OLDEST_PYTHON = (3, 11)
GIT_SECONDS = 10.0
INOTIFY = Path("/proc/sys/fs/inotify")
FEW_WATCHES = 8192
FEW_INSTANCES = 64
SMALLEST_SCREEN = (80, 24)


def python(version: tuple[int, ...] = sys.version_info[:3], program: str = sys.executable) -> Check:
    shown = ".".join(map(str, version))
    if version[:2] < OLDEST_PYTHON:
        oldest = ".".join(map(str, OLDEST_PYTHON))
        return Check(
            name="python",
            state="failed",
            detail=f"{shown} at {program}; {oldest} or newer is needed",
            remedy=f"Install Python {oldest} or newer, and hive in it.",
        )
    return Check(name="python", state="ok", detail=f"{shown} at {program}")


def git() -> Check:
    """Whether git runs: an agent's repository is a clone."""
    remedy = "Install git (Debian: apt install git); until then agents work without a repository."
    program = shutil.which("git")
    if program is None:
        return Check(name="git", state="warning", detail="git is not on PATH", remedy=remedy)
    try:
        answer = subprocess.run(
            [program, "--version"],
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=GIT_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Check(name="git", state="failed", detail=f"{program} does not run: {error}", remedy=remedy)
    if answer.returncode:
        detail = f"{program} --version exits {answer.returncode}: {' '.join(answer.stderr.split())[:200]}"
        return Check(name="git", state="failed", detail=detail, remedy=remedy)
    return Check(name="git", state="ok", detail=f"{' '.join(answer.stdout.split())} at {program}")


def file_watching(watched: Path, limits: Path = INOTIFY) -> Check | None:
    """Whether the kernel gives one more watcher (hived has one for all agents' model files); None where it has no inotify."""
    if not limits.is_dir():
        return None
    watches, instances = _number(limits / "max_user_watches"), _number(limits / "max_user_instances")
    shown = f"{watches} watches, {instances} instances for each user"
    remedy = "sysctl fs.inotify.max_user_watches=65536 fs.inotify.max_user_instances=512"
    problem = _watch(watched)
    if problem is not None:
        return Check(name="file watching", state="failed", detail=f"{problem} ({shown})", remedy=remedy)
    if watches < FEW_WATCHES or instances < FEW_INSTANCES:
        return Check(name="file watching", state="warning", detail=f"{shown}: few for many agents", remedy=remedy)
    return Check(name="file watching", state="ok", detail=shown)


def _watch(folder: Path) -> str | None:
    """Watch that folder for a moment; what went wrong."""
    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = libc.inotify_init1(os.O_CLOEXEC)
    if descriptor < 0:
        return f"no watcher can be made: {os.strerror(ctypes.get_errno())}"
    try:
        modified = 0x2
        if libc.inotify_add_watch(descriptor, os.fsencode(folder), modified) < 0:
            code = ctypes.get_errno()
            said = "no watch is left" if code == errno.ENOSPC else os.strerror(code)
            return f"{folder} cannot be watched: {said}"
    finally:
        os.close(descriptor)
    return None


def _number(path: Path) -> int:
    """0 where it cannot be read."""
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return 0


def terminal(environment: Mapping[str, str] = os.environ) -> Check | None:
    """What the screen will look like here; None where stdout is no terminal."""
    if not sys.stdout.isatty():
        return None
    size = shutil.get_terminal_size()
    kind = environment.get("TERM", "")
    encoding = (sys.stdout.encoding or "").lower().replace("-", "")
    problems = []
    if kind in ("", "dumb"):
        problems.append(("it says it can do nothing (TERM)", "Set TERM, for instance to xterm-256color."))
    if encoding != "utf8":
        problems.append(
            (f"it takes {encoding or 'no'} text, not UTF-8", "Set LANG to a UTF-8 locale, such as C.UTF-8.")
        )
    if size.columns < SMALLEST_SCREEN[0] or size.lines < SMALLEST_SCREEN[1]:
        problems.append(("the screen wants 80x24 or more", "Make the window larger."))
    shown = f"{size.columns}x{size.lines}, {_colours(environment)}, TERM={kind or 'not set'}"
    if not problems:
        return Check(name="terminal", state="ok", detail=shown)
    what, ways = zip(*problems, strict=True)
    return Check(name="terminal", state="warning", detail=f"{shown}: {'; '.join(what)}", remedy=" ".join(ways))


def _colours(environment: Mapping[str, str]) -> str:
    if environment.get("NO_COLOR"):
        return "no colours (NO_COLOR)"
    if environment.get("COLORTERM") in ("truecolor", "24bit"):
        return "16 million colours"
    return "256 colours" if "256" in environment.get("TERM", "") else "16 colours"
