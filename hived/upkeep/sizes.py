"""What an agent takes on the disk, by kind. No link is followed and nothing is opened but folders. Blocks."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from hived.paths import AgentPaths
from hived.upkeep.removal import FOLDER
from hived.wire.tombstones import SizeKind

BLOCK = 512
MOST_OPEN = 64
"""Levels below each other that are looked into."""
_JOURNAL = ("events.sqlite", "turn-stats.sqlite")


def sizes_of(paths: AgentPaths) -> dict[SizeKind, int]:
    """Bytes on the disk, a file of several names once; kinds of which there is nothing are left out. What cannot be looked at
    counts nothing."""
    seen: set[tuple[int, int]] = set()
    found: dict[SizeKind, int] = {}

    def add(kind: SizeKind, size: int) -> None:
        if size:
            found[kind] = found.get(kind, 0) + size

    own: dict[str, SizeKind] = {"state": "state", "home": "home", "work": "work"}
    for name in _names(paths.root):
        if name == paths.harness.name:
            for file in _names(paths.harness):
                add(_harness_kind(file), disk_bytes(paths.harness, file, seen))
        else:
            kind = own.get(name, "work" if name.startswith("work.") else "other")
            add(kind, disk_bytes(paths.root, name, seen))
    for folder in (paths.proposed, paths.applied, paths.builds):
        add("config", disk_bytes(folder.parent, folder.name, seen))
    add("other", disk_bytes(paths.run.parent, paths.run.name, seen))
    return found


def disk_bytes(parent: Path, name: str, seen: set[tuple[int, int]] | None = None) -> int:
    """Of `parent/name` with all that is in it. `seen`: (device, inode) of files with several names that are counted already."""
    known = set() if seen is None else seen
    try:
        above = os.open(parent, FOLDER)
    except OSError:
        return 0
    try:
        return sum(_sizes(above, name, known, 0))
    finally:
        os.close(above)


def count_files(parent: Path, name: str, most: int) -> int:
    """How many things that are no folders lie in the folder `parent/name`, counted no further than `most`. What cannot be
    looked into counts as one; what is not there as none.
    """
    try:
        above = os.open(parent, FOLDER)
    except FileNotFoundError:
        return 0
    except OSError:
        return 1
    try:
        return _count(above, name, most, 0)
    finally:
        os.close(above)


def _count(above: int, name: str, most: int, depth: int) -> int:
    try:
        if not stat.S_ISDIR(os.stat(name, dir_fd=above, follow_symlinks=False).st_mode) or depth >= MOST_OPEN:
            return 1
        folder = os.open(name, FOLDER, dir_fd=above)
    except FileNotFoundError:
        return 0
    except OSError:
        return 1
    count = 0
    try:
        for below in os.listdir(folder):
            count += _count(folder, below, most - count, depth + 1)
            if count >= most:
                break
    except OSError:
        return count + 1
    finally:
        os.close(folder)
    return count


def _harness_kind(name: str) -> SizeKind:
    if name.startswith(_JOURNAL):
        return "journal"
    return "logs" if ".log" in name else "other"


def _sizes(above: int, name: str, seen: set[tuple[int, int]], depth: int) -> Iterator[int]:
    for found in _walk(above, name, depth):
        if found.st_nlink > 1 and not stat.S_ISDIR(found.st_mode):
            if (found.st_dev, found.st_ino) in seen:
                continue
            seen.add((found.st_dev, found.st_ino))
        yield found.st_blocks * BLOCK


def _walk(above: int, name: str, depth: int) -> Iterator[os.stat_result]:
    try:
        found = os.stat(name, dir_fd=above, follow_symlinks=False)
        yield found
        if not stat.S_ISDIR(found.st_mode) or depth >= MOST_OPEN:
            return
        folder = os.open(name, FOLDER, dir_fd=above)
    except OSError:
        return
    try:
        names = os.listdir(folder)
        for below in names:
            yield from _walk(folder, below, depth + 1)
    except OSError:
        return
    finally:
        os.close(folder)


def _names(folder: Path) -> list[str]:
    try:
        top = os.open(folder, FOLDER)
    except OSError:
        return []
    try:
        return sorted(os.listdir(top))
    except OSError:
        return []
    finally:
        os.close(top)
