"""Where a path leads on the disk, looked up for a bounded time: an agent may own the file system that it is on.

A look-up that hangs (a FUSE mount of the agent's, a dead NFS server) would otherwise hold up whoever waits for it, and for a
rule that is hived's one writer.
"""

import os
import threading

MOST_SECONDS = 0.25
MOST_HANGING = 4
"""Look-ups that are still waited for by nobody; with so many of them no more is begun."""

_hanging = 0
_lock = threading.Lock()


class _LookUp:
    def __init__(self, path: str) -> None:
        self._path = path
        self._over = threading.Event()
        self._given_up = False
        self.found: str | None = None

    def run(self) -> None:
        global _hanging
        try:
            self.found = os.path.realpath(self._path)
        except (OSError, ValueError):
            self.found = None
        with _lock:
            self._over.set()
            if self._given_up:
                _hanging -= 1

    def wait(self) -> str | None:
        global _hanging
        if self._over.wait(MOST_SECONDS):
            return self.found
        with _lock:
            if self._over.is_set():
                return self.found
            self._given_up = True
            _hanging += 1
            return None


def real_path(path: str) -> str | None:
    """The path behind every link; None where that cannot be said, or not in time."""
    with _lock:
        if _hanging >= MOST_HANGING:
            return None
    look_up = _LookUp(path)
    threading.Thread(target=look_up.run, name="links of a path", daemon=True).start()
    return look_up.wait()
