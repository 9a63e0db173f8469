"""The harness's own log, which hived opened as our stderr: kept short while we run, whoever writes to it."""

import contextlib
import os
import threading
import time
from pathlib import Path

MAX_BYTES = 5 * 1024 * 1024
"""Longer, and it is moved to `.1`: so it takes twice that at most, and what comes between two looks."""
LOOK_SECONDS = 2.0
STDOUT, STDERR = 1, 2


def keep_short(log: Path, most_bytes: int = MAX_BYTES, look_seconds: float = LOOK_SECONDS) -> None:
    """Begin to look after it, in a thread of its own: what floods it may hold up the event loop. Nothing where stderr is
    something else."""
    if _is_stderr(log):
        thread = threading.Thread(target=_look_after, args=(log, most_bytes, look_seconds), daemon=True, name="log")
        thread.start()


def rotate(log: Path, most_bytes: int = MAX_BYTES) -> None:
    """Go on in a new one where it has become too long. Best effort: a full disk must not end the harness."""
    with contextlib.suppress(OSError):
        if os.fstat(STDERR).st_size <= most_bytes or not _is_stderr(log):
            return
        os.replace(log, log.with_name(log.name + ".1"))
        new = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        for descriptor in (STDOUT, STDERR):
            os.dup2(new, descriptor)
        os.close(new)


def _look_after(log: Path, most_bytes: int, look_seconds: float) -> None:
    while True:
        time.sleep(look_seconds)
        rotate(log, most_bytes)


def _is_stderr(log: Path) -> bool:
    try:
        return os.path.samestat(os.stat(log), os.fstat(STDERR))
    except OSError:
        return False
