"""Folders that only their owner may enter."""

from pathlib import Path

PRIVATE = 0o700


def private_folder(path: Path) -> Path:
    """The folder itself, made if missing: it and every level that had to be made are 0700."""
    missing = [path]
    while not missing[-1].parent.exists():
        missing.append(missing[-1].parent)
    for level in reversed(missing):
        level.mkdir(mode=PRIVATE, exist_ok=True)
    if path.stat().st_mode & 0o777 != PRIVATE:
        path.chmod(PRIVATE)
    return path
