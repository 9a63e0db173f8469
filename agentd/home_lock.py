"""The lock of an agent's harness: who holds it runs the agent, with hived or without."""

import asyncio
import fcntl
import os
from pathlib import Path

LOCK_SECONDS = 5.0
"""The harness before us may still be ending its engine."""
LOCK_RETRY_SECONDS = 0.1


def is_held(path: Path, descriptor: int) -> bool:
    """Whether that path is still the file that was locked."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except OSError:
        return False


async def take_lock(path: Path) -> int | None:
    """The lock's descriptor, or None where another harness holds it for longer than LOCK_SECONDS."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    for _ in range(round(LOCK_SECONDS / LOCK_RETRY_SECONDS)):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            await asyncio.sleep(LOCK_RETRY_SECONDS)
        else:
            return descriptor
    os.close(descriptor)
    return None
