"""An engine's stderr: always read, so that a full pipe never stops it; kept in a rotated log, its last lines in memory."""

import asyncio
import contextlib
import os
from collections import deque
from pathlib import Path

READ_BYTES = 64 * 1024
LOG_BYTES = 2 * 1024 * 1024
"""The log is rotated once at this size, so it takes twice that at most."""
LINES_KEPT = 20
LINE_CHARACTERS = 500


class StderrDrain:
    """`run` reads to the end of the stream; `last_words` is what came last."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._words: deque[str] = deque(maxlen=LINES_KEPT)

    def last_words(self) -> str:
        return "\n".join(self._words)

    async def run(self, stream: asyncio.StreamReader) -> None:
        partial = b""
        with contextlib.closing(_RotatedLog(self._log)) as log:
            while chunk := await stream.read(READ_BYTES):
                log.write(chunk)
                *lines, partial = (partial + chunk).split(b"\n")
                partial = partial[-LINE_CHARACTERS:]
                for line in lines[-LINES_KEPT:]:
                    self._keep(line)
            self._keep(partial)

    def _keep(self, line: bytes) -> None:
        text = line[:LINE_CHARACTERS].decode("utf-8", "replace").strip()
        if text:
            self._words.append(text)


class _RotatedLog:
    """Best effort: a log that cannot be written does not stop the engine."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None
        self._size = 0

    def write(self, data: bytes) -> None:
        with contextlib.suppress(OSError):
            if self._descriptor is None or self._size > LOG_BYTES:
                self._open()
            if self._descriptor is not None:
                self._size += os.write(self._descriptor, data)

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _open(self) -> None:
        self.close()
        with contextlib.suppress(FileNotFoundError):
            if self._path.stat().st_size > LOG_BYTES:
                os.replace(self._path, self._path.with_name(self._path.name + ".1"))
        self._descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._size = os.fstat(self._descriptor).st_size
