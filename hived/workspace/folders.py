"""Folders that only their owner may enter."""

import os
from pathlib import Path

from hived.wire.errors import FolderNotOurs, FolderUnusable
from hived.workspace.ownership import is_engine_uid

PRIVATE = 0o700


def private_folder(path: Path) -> Path:
    """The folder itself, made if missing: it and every level that had to be made are 0700.

    Raises FolderNotOurs where it, or the folder it lies in, is another user's: they could put their own in its place.
    FolderUnusable where it cannot be made or entered.
    """
    try:
        return _private_folder(path)
    except OSError as error:
        raise FolderUnusable(path=str(path), reason=error.strerror or type(error).__name__) from error


def _private_folder(path: Path) -> Path:
    missing = [path]
    while not missing[-1].parent.exists():
        missing.append(missing[-1].parent)
    for level in reversed(missing):
        level.mkdir(mode=PRIVATE, exist_ok=True)
    for level in (path, path.parent):
        owner = level.stat().st_uid
        if owner not in (0, os.geteuid()) and not is_engine_uid(owner):
            raise FolderNotOurs(path=str(level), uid=owner)
    if path.stat().st_mode & 0o777 != PRIVATE:
        path.chmod(PRIVATE)
    return path
