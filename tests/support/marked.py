"""Processes that a test may look for: whoever bears its mark in the environment, and a neighbour who must be left alone."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from hived.wire.process_identity import ProcessIdentity, start_mark

MARK = "HIVE_TEST_MARK"
"""Begins with HIVE_, so that harnesses hand it on; a spec's `env` gives it to the engine."""


def marked(mark: str) -> dict[int, str]:
    """The pid of every process that bears the mark and is no zombie, with its command line."""
    found: dict[int, str] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        with contextlib.suppress(OSError):
            if f"{MARK}={mark}".encode() in (entry / "environ").read_bytes().split(b"\0"):
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
                if start_mark(int(entry.name)) is not None:
                    found[int(entry.name)] = command
    return found


@contextlib.contextmanager
def neighbour() -> Iterator[ProcessIdentity]:
    """Somebody else's process that looks like a harness: of the same user, with its very words."""
    words = [sys.executable, "-c", "import time; time.sleep(600)", "-m", "agentd", "run", "--launch", "launch.json"]
    process = subprocess.Popen(words, start_new_session=True, env={"PATH": os.defpath})
    identity = ProcessIdentity.of(process.pid, 1)
    assert identity is not None
    try:
        yield identity
    finally:
        process.kill()
        process.wait()
