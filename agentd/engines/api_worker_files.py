"""Files for the worker's tools, inside the agent's folders and nowhere else. Standard library only.

A path is resolved first, symlinks and `..` and all, and must lie in one of the folders; then it is opened step by step from
that folder without following any link, so that what is swapped in between is an error, never a way out.
"""

import contextlib
import os
import secrets
import stat
from collections.abc import Iterator

NO_FOLLOW = os.O_NOFOLLOW | os.O_CLOEXEC
MOST_PATH_SHOWN = 300


class Refused(Exception):
    """Why a tool does not do it: one sentence for the model."""


class Folders:
    """The first is where relative paths begin."""

    def __init__(self, *folders: str) -> None:
        self._given = folders[0]
        self._roots = tuple(dict.fromkeys(os.path.realpath(folder) for folder in folders))

    @property
    def workspace(self) -> str:
        return self._roots[0]

    def real(self, path: str) -> str:
        """The path with every link resolved. Raises Refused for one outside, and for what is none."""
        root, relative = self._located(path)
        return root if relative == "." else os.path.join(root, relative)

    def shown(self, real: str) -> str:
        """Below the workspace without its name."""
        root = self.workspace + os.sep
        return real.removeprefix(root) if real != self.workspace else "."

    @contextlib.contextmanager
    def folder_of(self, path: str, make: bool = False) -> Iterator[tuple[int, str]]:
        """(a descriptor of the folder that the file is in, its name there). `make`: the folders on the way."""
        root, relative = self._located(path)
        *parents, name = relative.split(os.sep)
        if name in ("", "."):
            raise Refused(f"{_brief(path)} is a folder.")
        descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for parent in parents:
                if make:
                    with contextlib.suppress(FileExistsError):
                        os.mkdir(parent, dir_fd=descriptor)
                deeper = os.open(parent, os.O_RDONLY | os.O_DIRECTORY | NO_FOLLOW, dir_fd=descriptor)
                os.close(descriptor)
                descriptor = deeper
            yield descriptor, name
        finally:
            os.close(descriptor)

    def open_to_read(self, path: str) -> int:
        """A descriptor of a plain file. Raises Refused for anything else: a pipe would hang, a device may be anything."""
        with self.folder_of(path) as (folder, name):
            return open_plain(name, folder, path)

    def write(self, path: str, data: bytes) -> os.stat_result:
        """Whole or not at all; its folders are made, its mode stays."""
        with self.folder_of(path, make=True) as (folder, name):
            mode = 0o644
            with contextlib.suppress(FileNotFoundError):
                before = os.stat(name, dir_fd=folder, follow_symlinks=False)
                if not stat.S_ISREG(before.st_mode):
                    raise Refused(f"{_brief(path)} is not a plain file.")
                mode = stat.S_IMODE(before.st_mode)
            scratch = f".{name[:100]}.{secrets.token_hex(4)}.new"
            descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL | NO_FOLLOW, 0o600, dir_fd=folder)
            try:
                with open(descriptor, "wb") as file:
                    file.write(data)
                    file.flush()
                    os.fchmod(file.fileno(), mode)
                    written = os.fstat(file.fileno())
                os.replace(scratch, name, src_dir_fd=folder, dst_dir_fd=folder)
            except BaseException:
                with contextlib.suppress(OSError):
                    os.unlink(scratch, dir_fd=folder)
                raise
            return written

    def _located(self, path: str) -> tuple[str, str]:
        """(the folder, the real path below it)."""
        if not path or "\0" in path:
            raise Refused("A path is a text that is not empty.")
        real = os.path.realpath(os.path.join(self._given, path))
        for root in self._roots:
            if real == root:
                return root, "."
            if real.startswith(root.rstrip(os.sep) + os.sep):
                return root, os.path.relpath(real, root)
        raise Refused(f"{_brief(path)} is outside of your workspace {self._given}.")


def open_plain(name: str, folder: int, shown: str) -> int:
    """A descriptor of the plain file of that name in an open folder. Raises Refused."""
    descriptor = os.open(name, os.O_RDONLY | os.O_NONBLOCK | NO_FOLLOW, dir_fd=folder)
    kind = os.fstat(descriptor).st_mode
    if stat.S_ISREG(kind):
        return descriptor
    os.close(descriptor)
    raise Refused(f"{_brief(shown)} is {'a folder' if stat.S_ISDIR(kind) else 'not a plain file'}.")


def _brief(path: str) -> str:
    return repr(path[:MOST_PATH_SHOWN])
