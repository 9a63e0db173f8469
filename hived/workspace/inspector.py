"""Looking into a repository that an agent can write, without ever running git in it.

A fresh bare repository of hived's own, with no hook, template or setting of anybody's, whose `objects/info/alternates` names
the objects folders that are to be read. Where bwrap works here, git runs behind walls of its own: inside there is the
system, read-only, what is to be read, read-only, and that bare repository, so a link that an agent swaps in under git's hands
leads nowhere. Without bwrap agents have no walls either, and git reads with the guards alone. Everything here blocks.

with inspector([objects], within=[workspace], trusted=origin_objects(repo), scratch=folder) as look:
    look.run(["cat-file", "-p", sha]).text
"""

import functools
import os
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from hived.workspace.git import GitFailed, Output, run_git
from hived.workspace.plain_files import kind_below, opened_folder, read_below

ObjectFormat = Literal["sha1", "sha256"]
SECONDS = 20.0
MOST_BYTES = 8 * 1024 * 1024
MOST_ALTERNATES_BYTES = 64 * 1024
MOST_CHAINED = 5
"""Of objects folders that name each other, as in git."""
MOST_ENTRIES = 4096
"""Of an objects folder itself: it has 258, and what a git that was killed has left."""
PREFIX = "inspect-"
"""Of the bare repositories' folders: one that a killed hived has left may be removed."""
WALLS_SECONDS = 10.0

_CONFIG = """[core]
\trepositoryformatversion = {version}
\tbare = true
\tlogAllRefUpdates = false
[extensions]
{extensions}"""
_HEX = frozenset("0123456789abcdef")


def is_sha(text: str) -> bool:
    """Whether it is a whole object id: 40 hex digits, or 64."""
    return len(text) in (40, 64) and _HEX.issuperset(text)


class Inspector:
    """One bare repository to look from. Made by `inspector`."""

    def __init__(self, folder: Path, readable: Sequence[Path], worktree: Path | None) -> None:
        self.folder = folder
        self._worktree = worktree
        self._around = walls(folder, readable) if walls_work() else []

    def run(
        self,
        words: Sequence[str],
        stdin: bytes | Path | None = None,
        *,
        seconds: float = SECONDS,
        most_bytes: int = MOST_BYTES,
        env: Mapping[str, str] | None = None,
        codes: Collection[int] = (0,),
        sink: Callable[[bytes], object] | None = None,
    ) -> Output:
        """`git WORDS` in the bare repository; with the worktree that the inspector was made for, if any. Raises GitFailed."""
        own = {
            "GIT_DIR": str(self.folder),
            **({} if self._worktree is None else {"GIT_WORK_TREE": str(self._worktree)}),
        }
        return run_git(
            words, seconds=seconds, most_bytes=most_bytes, stdin=stdin, env={**own, **(env or {})}, codes=codes,
            cwd=self._worktree or self.folder, around=self._around, sink=sink,
        )  # fmt: skip

    def kinds(self, shas: Collection[str]) -> dict[str, str]:
        """What each of these objects is (`commit`, `tag`, `tree`, `blob`); those that are nowhere are left out."""
        wanted = sorted({sha for sha in shas if is_sha(sha)})
        if not wanted:
            return {}
        asked = "".join(f"{sha}\n" for sha in wanted).encode()
        lines = self.run(["cat-file", "--batch-check=%(objectname) %(objecttype)"], asked).text.splitlines()
        found = (line.split(" ") for line in lines)
        return {parts[0]: parts[1] for parts in found if len(parts) == 2 and parts[1] != "missing"}

    def commits(self, shas: Collection[str]) -> dict[str, str]:
        """The commit that each of these ids is, or that its tag names; those that lead to none are left out."""
        wanted = sorted({sha for sha in shas if is_sha(sha)})
        if not wanted:
            return {}
        asked = "".join(f"{sha}^{{commit}}\n" for sha in wanted).encode()
        lines = self.run(["cat-file", "--batch-check=%(objectname) %(objecttype)"], asked).text.splitlines()
        peeled = [line.split(" ") for line in lines]
        return {sha: parts[0] for sha, parts in zip(wanted, peeled, strict=True) if parts[-1] == "commit"}

    def commit(self, sha: str) -> str | None:
        """The commit that this id is, or that the tag of this id names; None where there is none."""
        return self.commits([sha]).get(sha)

    def is_ancestor(self, older: str, newer: str) -> bool:
        return self.run(["merge-base", "--is-ancestor", older, newer], codes=(0, 1)).code == 0

    def pack(
        self, wanted: Collection[str], without: Collection[str], file: Path, *, most_bytes: int, seconds: float
    ) -> None:
        """Write a pack of all that `wanted` reach and `without` do not into that file. Raises GitFailed, also where it is larger."""
        revisions = "".join([*(f"{sha}\n" for sha in wanted), *(f"^{sha}\n" for sha in without)]).encode()
        words = ["pack-objects", "--quiet", "--stdout", "--revs", "--no-reuse-object", "--window=5", "--threads=1"]
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb") as pack:
            made = self.run(words, revisions, most_bytes=most_bytes, seconds=seconds, sink=pack.write)
        if made.cut:
            raise GitFailed(f"there is more than {most_bytes // (1024 * 1024)} MiB to take.")


@contextmanager
def inspector(
    objects: Sequence[Path],
    *,
    within: Sequence[Path],
    trusted: Sequence[Path] = (),
    worktree: Path | None = None,
    object_format: ObjectFormat = "sha1",
    scratch: Path | None = None,
) -> Iterator[Inspector]:
    """An Inspector that reads these objects folders; it is gone afterwards.

    `within`: the folders that agents can write, whose own place (all that is above them) they cannot; each of `objects` lies
    in one of them. `trusted`: objects folders that no agent can write (an origin's, hived's own), read too. An objects folder
    of an agent's may name no other but those. `worktree`: one of `within`, or below one; `run` then compares with its files.
    `scratch`: a folder of hived's own for the bare repository. Raises GitFailed.
    """
    checked = dict.fromkeys(trusted)
    for folder in objects:
        for found in _checked_objects(folder, within, trusted):
            checked[found] = None
    readable = [*within, *trusted]
    if worktree is not None and not any(worktree.is_relative_to(top) for top in within):
        raise GitFailed(f"{worktree} does not lie in what may be read.")
    made = Path(tempfile.mkdtemp(prefix=PREFIX, dir=scratch))
    try:
        _lay_out(made, list(checked), object_format)
        yield Inspector(made, readable, worktree)
    finally:
        shutil.rmtree(made, ignore_errors=True)


def _lay_out(folder: Path, objects: Sequence[Path], object_format: ObjectFormat) -> None:
    for part in ("objects/info", "objects/pack", "refs", "info"):
        (folder / part).mkdir(parents=True)
    (folder / "HEAD").write_text("ref: refs/heads/none\n")
    sha256 = object_format == "sha256"
    extensions = "\tobjectFormat = sha256\n" if sha256 else ""
    (folder / "config").write_text(_CONFIG.format(version=int(sha256), extensions=extensions))
    (folder / "objects/info/alternates").write_text("".join(f"{path}\n" for path in objects))


def _checked_objects(folder: Path, within: Sequence[Path], trusted: Sequence[Path], depth: int = 1) -> list[Path]:
    """The folder, and those that it names and that may be read. Raises GitFailed for any other."""
    top = next((top for top in within if folder != top and folder.is_relative_to(top)), None)
    if top is None or "\n" in str(folder) or ".." in folder.parts:
        raise GitFailed(f"the objects folder {str(folder)!r} does not lie in what may be read.")
    try:
        with opened_folder(top, *folder.relative_to(top).parts) as opened:
            _check_entries(opened)
            named = _alternates(opened)
    except OSError as error:
        raise GitFailed(f"its objects folder cannot be read: {error.strerror}.") from None
    known = {os.path.normpath(path) for path in trusted}
    found = [folder]
    for line in named:
        other = os.path.normpath(folder / line)
        if other in known or (not Path(other).is_relative_to(top) and os.path.realpath(other) in known):
            continue
        if depth >= MOST_CHAINED or not any(Path(other).is_relative_to(place) for place in within):
            raise GitFailed(f"its objects folder names another one, {line[:200]!r}, which is not read.")
        found += _checked_objects(Path(other), within, trusted, depth + 1)
    return found


def _check_entries(objects: int) -> None:
    with os.scandir(objects) as entries:
        for number, entry in enumerate(entries):
            if number >= MOST_ENTRIES:
                raise GitFailed(f"its objects folder has more than {MOST_ENTRIES} entries.")
            if (len(entry.name) == 2 or entry.name in ("pack", "info")) and not entry.is_dir(follow_symlinks=False):
                raise GitFailed("there is a link or a file among its objects folders.")


def _alternates(objects: int) -> list[str]:
    if kind_below(objects, "info") is None:
        return []
    info = os.open("info", os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=objects)
    try:
        data = read_below(info, "alternates", MOST_ALTERNATES_BYTES)
    finally:
        os.close(info)
    lines = (data or b"").decode("utf-8", "surrogateescape").split("\n")
    return [line for line in lines if line and not line.startswith("#")]


# Walls ---------------------------------------------------------------------------------------------------------------


def walls(folder: Path, readable: Sequence[Path]) -> list[str]:
    """The words that stand before git's: only the system and `readable` are there, read-only, and `folder`, writable."""
    words = [shutil.which("bwrap") or "bwrap", "--die-with-parent", "--new-session", "--cap-drop", "ALL"]
    words += ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"]
    # In a user namespace root could not read what belongs to an engine's uid.
    words += ["--cap-add", "CAP_DAC_READ_SEARCH"] if os.geteuid() == 0 else ["--unshare-user"]
    for system in ("/usr", "/bin", "/lib", "/lib64", "/nix/store"):
        words += ["--ro-bind-try", system, system]
    words += ["--dev", "/dev"]
    for place in readable:
        words += ["--ro-bind-try", str(place), str(place)]
    return [*words, "--bind", str(folder), str(folder), "--remount-ro", "/"]


@functools.cache
def walls_work() -> bool:
    """bwrap is here and git runs in it, by the very flags."""
    if shutil.which("bwrap") is None:
        return False
    with tempfile.TemporaryDirectory(prefix="inspect-") as folder:
        try:
            run_git(["--version"], seconds=WALLS_SECONDS, cwd=Path(folder), around=walls(Path(folder), []))
        except GitFailed:
            return False
    return True
