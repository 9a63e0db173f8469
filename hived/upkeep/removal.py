"""A folder is removed with all that is in it, and nothing else is touched, whatever an agent has put there.

Every level is opened below the one before it and no link is followed: a folder that is swapped for a link under our hands is
an error and not another place. What is mounted in there is left, and so is what cannot be removed: all else goes, and it is
said what is left and why. Everything here blocks.
"""

import errno
import os
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from hived.paths import AgentPaths

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
MOST_OPEN = 64
"""Levels below each other that are open at a time; a deeper folder is brought up to the top first."""
MOST_LEFT = 20
"""Of what could not be removed, named; the rest is counted."""
TRIES = 3
"""Of a folder into which somebody still writes."""


@dataclass(slots=True)
class Removed:
    """What came of it; `left` has `path: why` of what is still there."""

    count: int = 0
    left: list[str] = field(default_factory=list)
    more: int = 0
    """Left too, and not named."""

    @property
    def whole(self) -> bool:
        return not self.left

    def leave(self, path: str, why: str) -> None:
        if len(self.left) < MOST_LEFT:
            self.left.append(f"{path}: {why}")
        else:
            self.more += 1

    def sentence(self) -> str:
        """What is left, in one sentence; empty where nothing is."""
        if self.whole:
            return ""
        count = len(self.left) + self.more
        others = f", and {count - 1} more" if count > 1 else ""
        return f"{self.left[0]}{others}."


def remove_tree(parent: Path, name: str) -> Removed:
    """Remove `parent/name`: a link is removed itself, a folder with all that it holds, and what is not there is removed already.

    `parent` is ours: no agent can put another in its place. Raises ValueError for a name that is none of one thing in it.
    """
    if name in ("", ".", "..") or "/" in name or "\0" in name:
        raise ValueError(f"{name!r} is no name of one thing in {parent}")
    removed = Removed()
    try:
        above = os.open(parent, FOLDER)
    except FileNotFoundError:
        return removed
    except OSError as error:
        removed.leave(str(parent), _why(error))
        return removed
    try:
        _Removal(removed, os.fspath(parent / name)).top(above, name)
    finally:
        os.close(above)
    return removed


def folders_of(paths: AgentPaths) -> list[Path]:
    """All that is an agent's own, the one with its work last."""
    return [paths.run, paths.builds, paths.applied, paths.proposed, paths.root]


def remove_folders(paths: AgentPaths) -> str:
    """Remove them; what is left and why, in one sentence, empty where nothing is."""
    left = [remove_tree(folder.parent, folder.name).sentence() for folder in folders_of(paths)]
    return next((sentence for sentence in left if sentence), "")


class _Removal:
    """One tree. `top` is the folder that deep ones are brought up to."""

    def __init__(self, removed: Removed, path: str) -> None:
        self.removed = removed
        self._path = path
        self._top = -1
        self._mount: object = None
        self._lifted = 0

    def top(self, above: int, name: str) -> None:
        mode = _mode(above, name)
        if mode is None:
            return
        if not stat.S_ISDIR(mode):
            self._take(os.unlink, above, name, self._path)
            return
        try:
            with _opened(above, name) as folder:
                if _mount_of(folder) != _mount_of(above):
                    self.removed.leave(self._path, "something is mounted there")
                    return
                self._top, self._mount = folder, _mount_of(folder)
                emptied = self._clear(folder, self._path, 1)
        except FileNotFoundError:
            return
        except OSError as error:
            self.removed.leave(self._path, _why(error))
            return
        if emptied:
            self._take(os.rmdir, above, name, self._path)

    def _clear(self, folder: int, path: str, depth: int) -> bool:
        """Empty it, also where somebody still writes there, as a reader of its journal does. False: something was left."""
        before = len(self.removed.left) + self.removed.more
        for _ in range(TRIES):
            self._empty(folder, path, depth)
            if len(self.removed.left) + self.removed.more > before:
                return False
            if not os.listdir(folder):
                break
        return True

    def _empty(self, folder: int, path: str, depth: int) -> None:
        """Remove what is in it, one after the other; new folders that are brought up meanwhile too."""
        seen: set[str] = set()
        while names := [name for name in os.listdir(folder) if name not in seen]:
            for name in names:
                seen.add(name)
                self._one(folder, name, f"{path}/{name}", depth)
            if not (folder == self._top and depth == 1):
                break

    def _one(self, folder: int, name: str, path: str, depth: int) -> None:
        try:
            mode = _mode(folder, name)
            if mode is None:
                return
            if not stat.S_ISDIR(mode):
                self._take(os.unlink, folder, name, path)
            elif depth >= MOST_OPEN:
                self._lift(folder, name, path)
            else:
                self._folder(folder, name, path, depth)
        except OSError as error:
            self.removed.leave(path, _why(error))

    def _folder(self, above: int, name: str, path: str, depth: int) -> None:
        with _opened(above, name) as folder:
            if _mount_of(folder) != self._mount:
                self.removed.leave(path, "something is mounted there")
                return
            emptied = self._clear(folder, path, depth + 1)
        if emptied:
            self._take(os.rmdir, above, name, path)

    def _lift(self, folder: int, name: str, path: str) -> None:
        """Bring a folder that lies too deep up to the top, where it is met again."""
        while True:
            self._lifted += 1
            new = f".lifted-{os.getpid()}-{self._lifted}"
            if _mode(self._top, new) is None:
                break
        _permit(folder, name)
        with suppress(OSError):
            os.fchmod(folder, 0o700)
        os.rename(name, new, src_dir_fd=folder, dst_dir_fd=self._top)

    def _take(self, remove: Callable[..., None], above: int, name: str, path: str) -> None:
        """`remove`: os.unlink, or os.rmdir; also where the folder that it is in keeps its owner out."""
        try:
            try:
                remove(name, dir_fd=above)
            except PermissionError:
                with suppress(OSError):
                    os.fchmod(above, 0o700)
                remove(name, dir_fd=above)
            self.removed.count += 1
        except FileNotFoundError:
            return
        except OSError as error:
            self.removed.leave(path, _why(error))


@contextmanager
def _opened(above: int, name: str) -> Iterator[int]:
    """The folder, also where its own bits keep its owner out."""
    try:
        folder = os.open(name, FOLDER, dir_fd=above)
    except PermissionError:
        _permit(above, name)
        folder = os.open(name, FOLDER, dir_fd=above)
    try:
        yield folder
    finally:
        os.close(folder)


def _permit(above: int, name: str) -> None:
    """Let its owner in. A link is followed by no chmod here: there is none for links on Linux, so the folder is opened first."""
    flags = getattr(os, "O_PATH", 0) | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    if not hasattr(os, "O_PATH"):
        os.chmod(name, 0o700, dir_fd=above, follow_symlinks=False)
        return
    found = os.open(name, flags, dir_fd=above)
    try:
        os.chmod(f"/proc/self/fd/{found}", 0o700)
    finally:
        os.close(found)


def _mode(folder: int, name: str) -> int | None:
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return None


def _mount_of(folder: int) -> object:
    """Which mount it lies on: a folder bound in from the same disk is another one. Elsewhere than on Linux: which disk."""
    if sys.platform == "linux":
        try:
            with open(f"/proc/self/fdinfo/{folder}", "rb") as file:
                return next(line for line in file if line.startswith(b"mnt_id:"))
        except (OSError, StopIteration):
            pass
    return os.fstat(folder).st_dev


def _why(error: OSError) -> str:
    if error.errno in (errno.ELOOP, errno.ENOTDIR):
        return "it was swapped for something else meanwhile"
    if error.errno == errno.EBUSY:
        return "something is mounted there, or uses it"
    return (error.strerror or type(error).__name__).lower()
