"""What a folder holds while others still write there."""

from pathlib import Path


def kept(folder: Path, *, without: str | None = None) -> dict[Path, bytes]:
    """The bytes of every file below it, but for those in folders of the name `without`. A file that goes meanwhile (a journal's
    -shm goes with its last reader) is not among them."""
    found = {}
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink() and without not in path.relative_to(folder).parts:
            try:
                found[path] = path.read_bytes()
            except FileNotFoundError:
                continue
    return found
