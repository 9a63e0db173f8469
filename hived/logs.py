"""hived's own log: one line per record in a file that rotates, on stderr too where somebody watches; and reading logs."""

import contextlib
import logging
import os
import re
import sys
import time
from logging.handlers import RotatingFileHandler
from pathlib import Path

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


def last_lines(path: Path, count: int, *, most_bytes: int = 256 * 1024) -> list[str]:
    """The last non-empty lines of a log, without what a terminal would obey; [] where there is none. Blocking."""
    with contextlib.suppress(OSError), open(path, "rb") as file:
        file.seek(0, os.SEEK_END)
        file.seek(max(0, file.tell() - most_bytes))
        text = file.read().decode("utf-8", "replace")
        lines = [_CONTROL.sub("", line).rstrip() for line in text.splitlines()]
        return [line for line in lines if line][-count:]
    return []
