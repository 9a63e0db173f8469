"""The files of a workspace against a commit, and the patch: with an Inspector that has the workspace for a worktree.

A filter or textconv that `.gitattributes` names is not defined anywhere that git looks here, so none is run; submodules
and repositories in the workspace are not looked into. Everything here blocks.
"""

import shutil
from dataclasses import dataclass, field

from hived.wire.work import WorkFile
from hived.workspace.git import GitFailed
from hived.workspace.inspector import Inspector

FILES_SECONDS = 30.0
"""To read and hash what changed since the last look; at the first, every file."""
MOST_LIST_BYTES = 8 * 1024 * 1024
MOST_FILES = 2000
MOST_PATCH_BYTES = 2 * 1024 * 1024

_DIFF = ["diff", "--no-ext-diff", "--no-textconv", "--no-color", "--ignore-submodules=all", "--find-renames", "-l500"]
_STATUS = {"A": "added", "M": "changed", "D": "deleted", "R": "renamed", "T": "changed", "C": "added"}
_GITLINK = "160000"


@dataclass(slots=True)
class Changed:
    names: dict[bytes, None] = field(default_factory=dict)
    """Against HEAD: changed, deleted and new ones."""
    submodules: bool = False
    problem: str = ""


@dataclass(slots=True)
class Against:
    """A diff of the workspace with what is new in it: the commit, the index that names the new files, and which those are."""

    commit: str
    index: str
    cut: bool


def changed_files(look: Inspector) -> Changed:
    """What differs from HEAD, which the index holds. What could not be read is said in `problem`."""
    found = Changed()
    try:
        look.run(["update-index", "-q", "--refresh"], codes=(0, 1), seconds=FILES_SECONDS)
        words = ["diff-files", "--name-only", "-z", "--ignore-submodules=all"]
        differs = look.run(words, seconds=FILES_SECONDS, most_bytes=MOST_LIST_BYTES)
        new = look.run(
            ["ls-files", "--others", "--exclude-standard", "-z"], seconds=FILES_SECONDS, most_bytes=MOST_LIST_BYTES
        )
        found.names = dict.fromkeys(name for out in (differs, new) for name in out.data.split(b"\0") if name)
        found.submodules = _has_gitlinks(look)
    except GitFailed as error:
        found.problem = f"its files could not be compared: {error.reason}"
    return found


def files_and_untracked(look: Inspector, base: str | None) -> tuple[Against, set[str]]:
    """What the diff is against, with an index in which what is new is named; and the names of that. Raises GitFailed."""
    commit = base or look.run(["hash-object", "-t", "tree", "--stdin", "-w"], b"").line
    index = look.folder / "index.all"
    # A copy that kept no time would make git trust what was written in the same second.
    shutil.copy2(look.folder / "index", index)
    listed = look.run(
        ["ls-files", "--others", "--exclude-standard", "-z"], seconds=FILES_SECONDS, most_bytes=MOST_LIST_BYTES
    )
    names = [name for name in listed.data.split(b"\0") if name and not name.endswith(b"/")]
    taken = names[:MOST_FILES]
    if taken:
        words = ["add", "--intent-to-add", "--sparse", "--pathspec-from-file=-", "--pathspec-file-nul"]
        asked = b"".join(name + b"\0" for name in taken)
        look.run(words, asked, env={"GIT_INDEX_FILE": str(index)}, seconds=FILES_SECONDS)
    shown = {name.decode("utf-8", "replace") for name in taken}
    return Against(commit, str(index), cut=listed.cut or len(names) > len(taken)), shown


def file_list(look: Inspector, against: Against, untracked: set[str]) -> tuple[list[WorkFile], bool]:
    """At most 2,000, and whether there are more. Raises GitFailed."""
    words = [*_DIFF, "--raw", "--numstat", "-z", against.commit, "--"]
    env = {"GIT_INDEX_FILE": against.index}
    out = look.run(words, env=env, seconds=FILES_SECONDS, most_bytes=MOST_LIST_BYTES)
    fields = out.text.split("\0")
    files: dict[str, WorkFile] = {}
    at = 0
    while at < len(fields) and fields[at]:
        head, at = fields[at], at + 1
        if head.startswith(":"):
            status = head.rpartition(" ")[2][:1]
            at += status in "RC"
            if at >= len(fields):
                break
            path, at = fields[at], at + 1
            files[path] = WorkFile(
                path=path, status="untracked" if status == "A" and path in untracked else _STATUS.get(status, "changed")
            )
            continue
        added, removed, path = (*head.split("\t", 2), "", "")[:3]
        if not path:
            path, at = (fields[at + 1], at + 2) if at + 1 < len(fields) else ("", len(fields))
        if path in files and added.isdecimal() and removed.isdecimal():
            files[path].added, files[path].removed = int(added), int(removed)
    listed = list(files.values())
    return listed[:MOST_FILES], out.cut or against.cut or len(listed) > MOST_FILES


def patch_text(look: Inspector, against: Against) -> tuple[str, bool]:
    """Unified, at most 2 MiB of it in whole lines; whether there is more. Raises GitFailed."""
    words = [*_DIFF, "--patch", against.commit, "--"]
    out = look.run(words, env={"GIT_INDEX_FILE": against.index}, seconds=FILES_SECONDS, most_bytes=MOST_PATCH_BYTES)
    data = out.data[: out.data.rfind(b"\n") + 1] if out.cut else out.data
    return data.decode("utf-8", "replace"), out.cut or against.cut


def _has_gitlinks(look: Inspector) -> bool:
    listed = look.run(["ls-files", "--stage", "-z"], seconds=FILES_SECONDS, most_bytes=64 * 1024 * 1024)
    return any(line.startswith(f"{_GITLINK} ".encode()) for line in listed.data.split(b"\0"))
