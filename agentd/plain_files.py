"""Small files in the harness folder, read and written so that whoever plants a link or a pipe there gains and stops nothing."""

import os
import stat
from pathlib import Path


def read_plain(path: Path, most_bytes: int) -> str | None:
    """Its first bytes as text; None where it is missing, no plain file, or no UTF-8. Waits for nobody."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        return os.read(descriptor, most_bytes).decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    finally:
        os.close(descriptor)


def write_plain(path: Path, text: str) -> None:
    """Atomically, 0600. Raises OSError."""
    scratch = path.with_name(f"{path.name}.new")
    scratch.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with open(os.open(scratch, flags, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(scratch, path)
