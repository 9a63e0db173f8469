"""Files that an agent can write, read as plain data: no link is followed at any level, and only regular files are read.

Every level is opened below the one before it, so a folder that is swapped for a link under our hands is an error and
not another place. Sizes are bounded. Everything here blocks, and raises OSError: ELOOP or ENOTDIR for a link.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@contextmanager
def opened_folder(top: Path, *levels: str) -> Iterator[int]:
    """A descriptor of that folder below `top`. `top` itself may be no link; what lies above it is ours."""
    here = os.open(top, _FOLDER)
    try:
        for level in levels:
            below = open_below(here, level)
            os.close(here)
            here = below
        yield here
    finally:
        os.close(here)


def open_below(folder: int, name: str) -> int:
    """A descriptor of the folder of that name in it; the caller closes it."""
    _check_level(name)
    return os.open(name, _FOLDER, dir_fd=folder)


def read_below(folder: int, name: str, most_bytes: int) -> bytes | None:
    """That regular file's bytes; None where there is no such thing. OSError EFBIG where it is longer."""
    _check_level(name)
    try:
        file = os.open(name, _FILE, dir_fd=folder)
    except FileNotFoundError:
        return None
    with open(file, "rb", buffering=0) as opened:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise OSError(errno.EINVAL, "it is no regular file", name)
        pieces: list[bytes] = []
        left = most_bytes + 1
        while left and (piece := opened.read(min(left, 1 << 20))):
            pieces.append(piece)
            left -= len(piece)
    if not left:
        raise OSError(errno.EFBIG, f"it has more than {most_bytes} bytes", name)
    return b"".join(pieces)


def kind_below(folder: int, name: str) -> str | None:
    """`file`, `folder` or `other`; None where there is no such thing."""
    _check_level(name)
    try:
        mode = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return None
    return "file" if stat.S_ISREG(mode) else "folder" if stat.S_ISDIR(mode) else "other"


def _check_level(name: str) -> None:
    if name in ("", ".", "..") or "/" in name or "\0" in name:
        raise OSError(errno.EINVAL, "that is no name of one file", name)
