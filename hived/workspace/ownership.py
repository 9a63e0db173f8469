"""Whose folders are whose where hived is root: an engine behind walls is a uid of its own, and what it may write belongs to it.

Every folder is opened below the one before it and no link is followed: a folder that an agent swaps for a link under our hands
is an error or is left out, and never another place. Everything here blocks, and does nothing where hived is an ordinary user.
"""

import contextlib
import os
import stat
from hashlib import sha256
from pathlib import Path

FIRST_UID = 200_000
UIDS = 60_000
QUEENS_UID = FIRST_UID + UIDS
"""All queens are one uid: they write the same folder of proposed config. What keeps them apart is that each sees its own alone."""
MOST_DEEP = 200
"""Folders within each other; what lies deeper only an agent made, and it is its own already."""

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def engine_uid(agent_id: str, role: str) -> int | None:
    """Who that agent's engine runs as, in a runtime with walls; None where hived is no root, and it is hived's own user."""
    if os.geteuid() != 0:
        return None
    if role == "queen":
        return QUEENS_UID
    return FIRST_UID + int.from_bytes(sha256(agent_id.encode()).digest()[:8], "big") % UIDS


def is_engine_uid(uid: int) -> bool:
    """Whether hived, as root, gives folders to that uid."""
    return os.geteuid() == 0 and FIRST_UID <= uid <= QUEENS_UID


def give(folder: Path, uid: int) -> None:
    """That folder and all in it belong to `uid` from now on. One that does already is not walked: its owner made what is there.

    The folder itself comes last, so that a walk that was broken off is begun anew. Raises OSError where it is a link or missing.
    """
    if os.geteuid() != 0:
        return
    top = os.open(folder, _FOLDER)
    try:
        if os.fstat(top).st_uid != uid:
            _give_below(top, uid, 0)
            os.chown(top, uid, uid)
    finally:
        os.close(top)


def share(folder: Path, uid: int | None = None) -> None:
    """All that is in it can be read by any uid that the folder is shown to; with `uid` it belongs to that, too. Where it is
    missing: nothing. Who cannot enter the folders above it sees nothing of it as before."""
    if os.geteuid() != 0:
        return
    try:
        top = os.open(folder, _FOLDER)
    except FileNotFoundError:
        return
    try:
        _share_below(top, uid, 0)
    finally:
        os.close(top)


def _give_below(folder: int, uid: int, deep: int) -> None:
    for name in os.listdir(folder):
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            if _is_folder(folder, name) and deep < MOST_DEEP:
                below = _opened(folder, name, _FOLDER)
                if below is not None:
                    try:
                        _give_below(below, uid, deep + 1)
                        os.chown(below, uid, uid)
                    finally:
                        os.close(below)
            else:
                os.chown(name, uid, uid, dir_fd=folder, follow_symlinks=False)


def _share_below(folder: int, uid: int | None, deep: int) -> None:
    _open_up(folder, uid)
    for name in os.listdir(folder):
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            if _is_folder(folder, name):
                below = _opened(folder, name, _FOLDER) if deep < MOST_DEEP else None
                if below is not None:
                    try:
                        _share_below(below, uid, deep + 1)
                    finally:
                        os.close(below)
            elif (file := _opened(folder, name, _FILE)) is not None:
                try:
                    if stat.S_ISREG(os.fstat(file).st_mode):
                        _open_up(file, uid)
                finally:
                    os.close(file)


def _open_up(descriptor: int, uid: int | None) -> None:
    found = os.fstat(descriptor)
    if uid is not None and found.st_uid != uid:
        os.fchown(descriptor, uid, uid)
    wanted = found.st_mode | (0o055 if stat.S_ISDIR(found.st_mode) or found.st_mode & 0o100 else 0o044)
    if wanted != found.st_mode:
        os.fchmod(descriptor, stat.S_IMODE(wanted))


def _is_folder(folder: int, name: str) -> bool:
    return stat.S_ISDIR(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)


def _opened(folder: int, name: str, flags: int) -> int | None:
    """None for what it is no more: a link, or nothing."""
    try:
        return os.open(name, flags, dir_fd=folder)
    except OSError:
        return None
