"""What one commit of an agent's config changes against another, from hived's own repository. Everything here blocks.

The repository is hived's and no agent writes its settings; what is in the commits is hostile all the same: no attribute, driver,
filter or textconv of theirs is looked at, and a name that does not print is quoted as git quotes it.
"""

import time
from dataclasses import dataclass, field
from pathlib import Path

from hived.wire.deployments import DiffFile
from hived.wire.errors import CommitNotFound, Internal
from hived.workspace.git import GitFailed, Output, run_git

EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
"""git knows it without an object."""
MOST_TEXT = 4 * 1024 * 1024
MOST_LIST = 1024 * 1024
MOST_FILES = 2000
MOST_SUBJECT = 4096
DIFF_SECONDS = 30.0
_STATUS = {"A": "added", "D": "deleted", "R": "renamed"}
_FORM = (
    "--no-ext-diff", "--no-textconv", "--no-color", "--find-renames", "--submodule=short",
    "--ignore-submodules=none", "--src-prefix=a/", "--dst-prefix=b/",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Difference:
    """`text` is git's unified form, cut at a line's end where it is longer than MOST_TEXT bytes."""

    files: list[DiffFile] = field(default_factory=list)
    text: str = ""
    cut: bool = False
    summary: str = ""
    """The newer commit's own first line."""

    @property
    def added(self) -> int:
        return sum(file.added or 0 for file in self.files)

    @property
    def removed(self) -> int:
        return sum(file.removed or 0 for file in self.files)


def difference(repo: Path, base: str | None, commit: str, *, text: bool = True) -> Difference:
    """What `commit` changes against `base`; None: everything in it is new. `repo` is a git folder of hived's own; both are SHAs.

    Raises CommitNotFound, Internal where git takes too long.
    """
    deadline = time.monotonic() + DIFF_SECONDS
    for sha in filter(None, (base, commit)):
        if not _is_there(repo, sha, deadline):
            raise CommitNotFound(repo=f"applied/{repo.parent.name}", commit=sha)
    trees = [base or EMPTY_TREE, commit, "--"]
    listed = _git(repo, ["diff", "--raw", "--numstat", "-z", *_FORM, *trees], MOST_LIST, deadline)
    files = _files(listed.data)
    cut = listed.cut or len(files) > MOST_FILES
    shown = Output(b"")
    if text:
        shown = _git(repo, ["diff", *_FORM, *trees], MOST_TEXT, deadline)
        cut = cut or shown.cut
    whole = shown.data[: shown.data.rfind(b"\n") + 1] if shown.cut else shown.data
    subject = _git(repo, ["show", "--no-patch", "--no-color", "--format=%s", commit], MOST_SUBJECT, deadline)
    return Difference(files[:MOST_FILES], whole.decode("utf-8", "replace"), cut, subject.line)


def contains(repo: Path, newer: str, older: str) -> bool:
    """Whether `newer` is `older` or comes after it in its history. False where one is not there. Raises Internal."""
    deadline = time.monotonic() + DIFF_SECONDS
    return _git(repo, ["merge-base", "--is-ancestor", older, newer], 0, deadline, (0, 1, 128)).code == 0


def _is_there(repo: Path, sha: str, deadline: float) -> bool:
    return _git(repo, ["cat-file", "-e", f"{sha}^{{commit}}"], 0, deadline, (0, 1, 128)).code == 0


def _git(repo: Path, words: list[str], most: int, deadline: float, codes: tuple[int, ...] = (0,)) -> Output:
    """Raises Internal."""
    left = max(deadline - time.monotonic(), 1.0)
    env = {"GIT_ATTR_SOURCE": EMPTY_TREE}
    try:
        return run_git(
            [f"--git-dir={repo}", *words], seconds=left, most_bytes=most, cwd=Path("/"), env=env, codes=codes
        )
    except GitFailed as error:
        raise Internal(f"The commits of {repo.parent.name} cannot be compared: {error.reason}") from None


def _files(listed: bytes) -> list[DiffFile]:
    """`git diff --raw --numstat -z`: first a `:modes shas status` with its one or two names for each, then the counts in the
    same order. What is cut off at the end is left out."""
    fields = listed.split(b"\0")
    heads: list[tuple[str, bytes, bytes | None]] = []
    at = 0
    while at < len(fields) and fields[at].startswith(b":"):
        letter = fields[at].rpartition(b" ")[2][:1].decode("ascii", "replace")
        names = fields[at + 1 : at + (3 if letter in "RC" else 2)]
        at += 1 + len(names)
        if names:
            heads.append((letter, names[-1], names[0] if len(names) == 2 else None))
    counts: list[tuple[int | None, int | None]] = []
    while at < len(fields) and fields[at].count(b"\t") >= 2:
        added, removed, name = fields[at].split(b"\t", 2)
        counts.append((_number(added), _number(removed)))
        at += 1 if name else 3
    counts += [(None, None)] * (len(heads) - len(counts))
    return [
        DiffFile(
            path=quoted(name),
            old_path=None if old is None else quoted(old),
            status=_STATUS.get(letter, "changed"),
            added=added,
            removed=removed,
        )
        for (letter, name, old), (added, removed) in zip(heads, counts, strict=False)
    ]


def _number(text: bytes) -> int | None:
    """None for `-`: the file is no text."""
    return int(text) if text.isdigit() else None


def quoted(name: bytes) -> str:
    """The name as it stands where all of it prints; else in quotes, what does not print as octal bytes."""
    try:
        text = name.decode("utf-8")
    except UnicodeDecodeError:
        text = ""
    if text and text.isprintable() and not set(text) & {'"', "\\"}:
        return text
    plain = {ord("\n"): "\\n", ord("\t"): "\\t", ord('"'): '\\"', ord("\\"): "\\\\"}
    return '"' + "".join(plain.get(byte) or (chr(byte) if 32 <= byte < 127 else f"\\{byte:03o}") for byte in name) + '"'
