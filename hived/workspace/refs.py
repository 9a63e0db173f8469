"""HEAD and refs of a repository that an agent can write, read as plain data. Nothing of it is run, no link is followed.

A `.git` that is a file (a worktree, a submodule), a `commondir` and the reftable format are refused, each in one sentence.
Everything here blocks.
"""

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from hived.workspace.inspector import ObjectFormat, is_sha
from hived.workspace.plain_files import kind_below, open_below, opened_folder, read_below

MOST_REFS = 20_000
MOST_PACKED_BYTES = 8 * 1024 * 1024
MOST_LOG_BYTES = 1024 * 1024
MOST_REF_BYTES = 4096
MOST_LEVELS = 16

_NAME = re.compile(r"refs/[^\x00-\x20\x7f~^:?*\[\\]+")
_SYMBOLIC = "ref: "
_UNDER_WAY = {
    "MERGE_HEAD": "merge", "rebase-merge": "rebase", "rebase-apply": "rebase", "CHERRY_PICK_HEAD": "cherry-pick",
    "REVERT_HEAD": "revert", "BISECT_LOG": "bisect",
}  # fmt: skip


class RefsUnreadable(Exception):
    """`reason` is one sentence, fit for a screen."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Refs:
    """What a repository's refs say. Whether the objects that they name are there is another question."""

    branch: str | None
    """Without `refs/heads/`; None: HEAD is detached."""
    head: str | None
    """None: the branch has no commit yet."""
    refs: dict[str, str] = field(default_factory=dict)
    """By full name, symbolic ones left out."""
    stashed: tuple[str, ...] = ()
    """Every entry of the stash, the newest too."""
    shallow: tuple[str, ...] = ()
    """Commits whose parents are not there."""
    under_way: str = ""
    """`merge`, `rebase`, … that is not finished."""
    object_format: ObjectFormat = "sha1"

    def own(self) -> set[str]:
        """What it has itself: HEAD, branches, tags, stashes and whatever else is not a copy of a remote's."""
        named = {sha for name, sha in self.refs.items() if not name.startswith("refs/remotes/")}
        return named | set(self.stashed) | ({self.head} if self.head else set())


@contextmanager
def git_folder(top: Path, *levels: str) -> Iterator[int]:
    """A descriptor of the repository `top/levels…` (usually `.git`). Raises RefsUnreadable."""
    try:
        with opened_folder(top, *levels[:-1]) as above:
            kind = kind_below(above, levels[-1]) if levels else "folder"
        if kind is None:
            raise RefsUnreadable("there is no repository in it.")
        if kind == "file":
            raise RefsUnreadable("its .git is a file that names another folder, which is not read.")
        with opened_folder(top, *levels) as opened:
            if kind_below(opened, "commondir") is not None:
                raise RefsUnreadable("it is a worktree of another repository, which is not read.")
            if kind_below(opened, "reftable") is not None:
                raise RefsUnreadable("it keeps its refs as a reftable, which is not read.")
            yield opened
    except OSError as error:
        raise RefsUnreadable(f"its repository cannot be read: {_said(error)}.") from None


def read_refs(top: Path, *levels: str) -> Refs:
    """All refs of the repository in the folder `top/levels…`. Only what is below `top` is the agent's to change.

    Raises RefsUnreadable.
    """
    with git_folder(top, *(levels or (".git",))) as folder:
        head = _line(folder, "HEAD")
        if head is None:
            raise RefsUnreadable("its repository has no HEAD.")
        refs = _packed(folder)
        _add_loose(folder, refs)
        branch, sha = _head(head, refs)
        shallow = _shas(read_below(folder, "shallow", MOST_PACKED_BYTES) or b"")
        known = sha or next(iter(refs.values()), "")
        return Refs(
            branch=branch, head=sha, refs=refs, stashed=_stashed(folder, refs), shallow=shallow,
            under_way=next((word for name, word in _UNDER_WAY.items() if kind_below(folder, name)), ""),
            object_format="sha256" if len(known) == 64 else "sha1",
        )  # fmt: skip


def read_head(top: Path, *levels: str) -> str | None:
    """The commit that HEAD of the repository in `top/levels…` names; None: it has none yet. Raises RefsUnreadable."""
    return read_refs(top, *levels).head


def is_ref_name(name: str) -> bool:
    """Whether git would take it for a ref's full name."""
    parts = name.split("/")
    return (
        len(name) <= 4096
        and bool(_NAME.fullmatch(name))
        and not any(not part or part.startswith(".") or part.endswith(".lock") for part in parts)
        and ".." not in name
        and not name.endswith(".")
        and "@{" not in name
    )


def _head(line: str, refs: dict[str, str]) -> tuple[str | None, str | None]:
    if line.startswith(_SYMBOLIC):
        name = line.removeprefix(_SYMBOLIC).strip()
        if not is_ref_name(name) or not name.startswith("refs/heads/"):
            raise RefsUnreadable("its HEAD names no branch.")
        return name.removeprefix("refs/heads/"), refs.get(name)
    if not is_sha(line):
        raise RefsUnreadable("its HEAD is neither a branch nor a commit.")
    return None, line


def _line(folder: int, name: str) -> str | None:
    data = read_below(folder, name, MOST_REF_BYTES)
    return None if data is None else data.decode("utf-8", "replace").rstrip("\n")


def _packed(folder: int) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in (read_below(folder, "packed-refs", MOST_PACKED_BYTES) or b"").split(b"\n"):
        sha, _, name = line.decode("utf-8", "replace").partition(" ")
        if is_sha(sha) and is_ref_name(name):
            found[name] = sha
            _check_count(len(found))
    return found


def _add_loose(folder: int, refs: dict[str, str], name: str = "refs", level: int = 1, seen: int = 0) -> int:
    """Those below `name`, above the packed ones of the same name; how many entries there were until now."""
    last = name.rpartition("/")[2]
    if kind_below(folder, last) is None:
        return seen
    if level > MOST_LEVELS:
        raise RefsUnreadable("its refs lie too deep.")
    here = open_below(folder, last)
    try:
        with os.scandir(here) as entries:
            for entry in entries:
                seen += 1
                _check_count(seen)
                full = f"{name}/{entry.name}"
                if not is_ref_name(full):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    seen = _add_loose(here, refs, full, level + 1, seen)
                elif entry.is_file(follow_symlinks=False) and is_sha(sha := _line(here, entry.name) or ""):
                    refs[full] = sha
    finally:
        os.close(here)
    _check_count(len(refs))
    return seen


def _stashed(folder: int, refs: dict[str, str]) -> tuple[str, ...]:
    """The entries of the stash: its ref is the newest, its log names them all."""
    newest = refs.get("refs/stash")
    if newest is None:
        return ()
    log = b""
    logs = None
    try:
        logs = open_below(folder, "logs")
        below = open_below(logs, "refs")
        try:
            log = read_below(below, "stash", MOST_LOG_BYTES) or b""
        finally:
            os.close(below)
    except FileNotFoundError:
        pass
    finally:
        if logs is not None:
            os.close(logs)
    entries = (line.split(b" ", 2)[1:2] for line in log.split(b"\n"))
    return tuple({newest: None, **dict.fromkeys(sha for entry in entries for sha in _shas(b"".join(entry)))})


def _shas(data: bytes) -> tuple[str, ...]:
    found = tuple(line for line in data.decode("ascii", "replace").split("\n") if is_sha(line))
    _check_count(len(found))
    return found


def _check_count(count: int) -> None:
    if count > MOST_REFS:
        raise RefsUnreadable(f"it has more than {MOST_REFS} refs.")


def _said(error: OSError) -> str:
    if error.errno in (errno.ELOOP, errno.ENOTDIR):
        return "there is a link or a file where a folder belongs"
    return error.strerror or type(error).__name__
