"""hived's own log: one line per record in a file that rotates, on stderr too where somebody watches; and reading logs."""

import contextlib
import logging
import os
import re
import sys
import time
from dataclasses import dataclass
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import BinaryIO

MAX_BYTES = 2 * 1024 * 1024
BACKUPS = 5

_FORMAT = "%(asctime)s.%(msecs)03dZ %(levelname)-7s %(name)s: %(message)s"
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f]")


class _OneLine(logging.Formatter):
    """A record is one line, its traceback included, so that what an agent says cannot pose as a record."""

    converter = staticmethod(time.gmtime)

    def __init__(self) -> None:
        super().__init__(_FORMAT, "%Y-%m-%dT%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record).rstrip().replace("\n", " ⏎ ")
        return _CONTROL.sub("", text.encode("utf-8", "replace").decode())


class _PrivateFile(RotatingFileHandler):
    """0600 from its first byte, whatever the umask."""

    def _open(self):  # type: ignore[no-untyped-def]
        os.close(os.open(self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
        return super()._open()


def start_logging(path: Path) -> None:
    """Log to `path` (its folder must be there), 2 MB and five older files; WARNING and up of libraries."""
    file = _PrivateFile(path, maxBytes=MAX_BYTES, backupCount=BACKUPS, encoding="utf-8")
    handlers: list[logging.Handler] = [file]
    if sys.stderr.isatty():
        handlers.append(logging.StreamHandler(sys.stderr))
    root = logging.getLogger()
    for handler in handlers:
        handler.setFormatter(_OneLine())
        root.addHandler(handler)
    root.setLevel(logging.WARNING)
    logging.getLogger("hived").setLevel(logging.INFO)
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)


def stop_logging() -> None:
    """Flush and close what `start_logging` opened."""
    root = logging.getLogger()
    for handler in [handler for handler in root.handlers if isinstance(handler.formatter, _OneLine)]:
        root.removeHandler(handler)
        handler.close()


MOST_LINE_CHARACTERS = 4096
"""Of one line of a log, as it is shown."""
READ_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Position:
    """Behind which line of a log a reader is: it outlives the log's rotation, once."""

    inode: int
    offset: int

    def __str__(self) -> str:
        return f"{self.inode}.{self.offset}"

    @classmethod
    def read(cls, text: str) -> "Position | None":
        inode, dot, offset = text.partition(".")
        known = dot and all(part.isascii() and part.isdecimal() and len(part) < 20 for part in (inode, offset))
        return cls(int(inode), int(offset)) if known else None


def last_lines(path: Path, count: int, *, most_bytes: int = READ_BYTES) -> list[str]:
    """The last non-empty lines of a log, without what a terminal would obey; [] where there is none. Blocking."""
    return tail(path, count, most_bytes=most_bytes)[0]


def tail(
    path: Path, count: int, *, most_bytes: int = READ_BYTES, older: bool = True
) -> tuple[list[str], Position | None]:
    """`last_lines`, with `older` of the one that was rotated away too where this has fewer; and where to go on from. Blocking."""
    lines: list[str] = []
    position: Position | None = None
    for file in (path, rotated(path)) if older else (path,):
        with contextlib.suppress(OSError), open(file, "rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(0, size - most_bytes))
            data = log.read()
            if position is None and file == path:
                whole = data.rfind(b"\n") + 1 if size > len(data) or b"\n" in data else 0
                position = Position(os.fstat(log.fileno()).st_ino, size - len(data) + whole)
            lines = _shown(data) + lines
        if len(lines) >= count:
            break
    return lines[-count:] if count else [], position


def rotated(path: Path) -> Path:
    return path.with_name(path.name + ".1")


class Follower:
    """What is written to a log behind a position, whole lines only, through its rotations. Blocking; `close` it."""

    def __init__(self, path: Path, position: Position | None) -> None:
        """None: from the beginning of the log that is there, or comes."""
        self._path = path
        self._file: BinaryIO | None = None
        self.position = position

    def read(self) -> list[str]:
        """The next lines, at most READ_BYTES of them; [] where there is nothing new."""
        if self._file is None and not self._open():
            return []
        while True:
            assert self._file is not None
            assert self.position is not None
            if os.fstat(self._file.fileno()).st_size < self.position.offset:  # it was emptied
                self.position = Position(self.position.inode, 0)
            self._file.seek(self.position.offset)
            data = self._file.read(READ_BYTES)
            ends = data.rfind(b"\n") + 1
            if not ends and len(data) == READ_BYTES:
                ends = len(data)  # no line is longer than that
            if ends:
                self.position = Position(self.position.inode, self.position.offset + ends)
                lines = _shown(data[:ends])
                if lines:
                    return lines
                continue
            if not self._moved_on():
                return []

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open(self) -> bool:
        """The log that the position is in, else the one that is there now."""
        for file in (self._path, rotated(self._path)):
            with contextlib.suppress(OSError):
                log = open(file, "rb", buffering=0)  # noqa: SIM115 - kept open
                inode = os.fstat(log.fileno()).st_ino
                if self.position is None or self.position.inode == inode:
                    self._file, self.position = log, self.position or Position(inode, 0)
                    return True
                log.close()
        if self.position is None:
            return False
        self.position = None  # it was rotated away twice
        return self._open()

    def _moved_on(self) -> bool:
        """Whether another log is there now; it is read from its beginning."""
        assert self.position is not None
        try:
            inode = os.stat(self._path).st_ino
        except OSError:
            return False
        if inode == self.position.inode:
            return False
        self.close()
        self.position = None
        return self._open()


def _shown(data: bytes) -> list[str]:
    lines = [_CONTROL.sub("", line).rstrip() for line in data.decode("utf-8", "replace").splitlines()]
    return [line[:MOST_LINE_CHARACTERS] for line in lines if line]
