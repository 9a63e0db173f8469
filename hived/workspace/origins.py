"""The repository that an agent's clone goes out from. It is the operator's: no agent writes it, so git may be run in it,
with no hook, no fsmonitor and nobody's settings but its own. Everything here blocks.
"""

import os
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from hived.wire.errors import InvalidRepo
from hived.workspace.git import GitFailed, Output, run_git
from hived.workspace.inspector import MOST_CHAINED, ObjectFormat

CHECK_SECONDS = 20.0
"""Reading one ref: longer means that the disk or the repository is not well."""
MOST_REFS_BYTES = 64 * 1024 * 1024
_PARTIAL = r"^(extensions\.partialclone|remote\..*\.promisor)$"


@dataclass(frozen=True, slots=True)
class Origin:
    """One repository as it is now."""

    repo: Path
    objects: tuple[Path, ...]
    """Its objects folder, and those that it reads beside."""
    object_format: ObjectFormat
    refs: dict[str, str] = field(default_factory=dict)
    """By full name."""
    heads: tuple[str, ...] = ()
    """What HEAD is in it and in its worktrees."""
    checked_out: tuple[str, ...] = ()
    """Full names of the branches that somebody works on."""
    branch: str | None = None
    """Its own HEAD's, without `refs/heads/`."""

    @property
    def tips(self) -> list[str]:
        return sorted({*self.refs.values(), *self.heads})


def check_repo(repo: str, *, data: Path | None = None) -> None:
    """Raise InvalidRepo unless `repo` is the absolute path of a git repository that can be cloned: with a commit, and whole.

    `data` is the hive's own folder: agents write in there, and queens (proposed configs), so git is not run on what lies there.
    """
    path = Path(repo)
    if not path.is_absolute():
        raise InvalidRepo(repo=repo, reason="the path is not absolute.")
    if not path.is_dir():
        raise InvalidRepo(repo=repo, reason="there is no such folder: it was moved, or is gone.")
    own = () if data is None else (data.resolve(),)
    if any(path.resolve().is_relative_to(folder) or _real(path).is_relative_to(folder) for folder in own):
        raise InvalidRepo(repo=repo, reason="it lies in the hive's own folders, where agents write.")
    if not ((path / ".git").exists() or (path / "HEAD").is_file()):
        raise InvalidRepo(repo=repo, reason="it is not the top folder of a git repository.")
    in_origin(repo, ["rev-parse", "--git-dir"])
    if in_origin(repo, ["rev-parse", "--is-shallow-repository"]).line == "true":
        raise InvalidRepo(repo=repo, reason="it is a shallow clone: run git fetch --unshallow in it first.")
    if in_origin(repo, ["config", "--local", "--get-regexp", _PARTIAL], codes=(0, 1)).data:
        raise InvalidRepo(repo=repo, reason="it is a partial clone, so some of its objects may be missing.")
    if in_origin(repo, ["rev-parse", "--quiet", "--verify", "HEAD^{commit}"], codes=(0, 1)).code:
        raise InvalidRepo(repo=repo, reason="it has no commit yet.")


def _real(repo: Path) -> Path:
    """Where its repository lies: a `.git` that is a file (a worktree's, a submodule's) names another place."""
    try:
        named = (repo / ".git").read_bytes()[:4096].decode("utf-8", "surrogateescape")
    except OSError:
        found = repo / ".git"
        return (found if found.is_dir() else repo).resolve()
    return (repo / named.partition("gitdir:")[2].strip()).resolve()


def read_origin(repo: str) -> Origin:
    """Its refs and where its objects lie. Raises InvalidRepo where it was moved, or cannot be read."""
    if not os.path.isdir(repo):
        raise InvalidRepo(f"The repository {repo} is not there: it was moved, or is gone.", repo=repo, reason="gone")
    said, place = in_origin(repo, ["rev-parse", "--show-object-format", "--git-path", "objects"]).line.split("\n", 1)
    listed = in_origin(repo, ["for-each-ref", "--format=%(objectname) %(refname)"], most_bytes=MOST_REFS_BYTES).text
    pairs = (line.split(" ", 1) for line in listed.splitlines())
    heads, checked_out = _worktrees(
        in_origin(repo, ["worktree", "list", "--porcelain"], most_bytes=MOST_REFS_BYTES).text
    )
    head = in_origin(repo, ["symbolic-ref", "--quiet", "HEAD"], codes=(0, 1)).line
    return Origin(
        repo=Path(repo),
        objects=_chain(Path(repo, place).resolve()),
        object_format="sha256" if said == "sha256" else "sha1",
        refs={name: sha for sha, name in pairs},
        heads=tuple(heads),
        checked_out=tuple(checked_out),
        branch=head.removeprefix("refs/heads/") or None,
    )


def origin_objects(repo: str) -> tuple[Path, ...]:
    """The objects folders that a shared clone of `repo` reads: its own, then those that that one names. Raises InvalidRepo."""
    if not os.path.isdir(repo):
        raise InvalidRepo(f"The repository {repo} is not there: it was moved, or is gone.", repo=repo, reason="gone")
    return _chain(Path(repo, in_origin(repo, ["rev-parse", "--git-path", "objects"]).line).resolve())


def _chain(first: Path) -> tuple[Path, ...]:
    found = {first: None}
    newest = [first]
    for _ in range(MOST_CHAINED):
        newest = [other for folder in newest for other in _named(folder) if other not in found and other.is_dir()]
        found.update(dict.fromkeys(newest))
    return tuple(found)


def in_origin(
    repo: str,
    words: list[str],
    *,
    codes: Collection[int] = (0,),
    seconds: float = CHECK_SECONDS,
    most_bytes: int = 1 << 20,
    stdin: bytes | Path | None = None,
) -> Output:
    """Run `git -C repo WORDS`. Raises InvalidRepo."""
    try:
        return run_git(["-C", repo, *words], seconds=seconds, codes=codes, most_bytes=most_bytes, stdin=stdin)
    except GitFailed as error:
        raise InvalidRepo(repo=repo, reason=error.reason) from None


def _worktrees(porcelain: str) -> tuple[list[str], list[str]]:
    heads, branches = [], []
    for line in porcelain.splitlines():
        word, _, value = line.partition(" ")
        if word == "HEAD" and value.strip("0"):
            heads.append(value)
        elif word == "branch":
            branches.append(value)
    return heads, branches


def _named(objects: Path) -> list[Path]:
    try:
        lines = (objects / "info" / "alternates").read_text(errors="surrogateescape").splitlines()
    except OSError:
        return []
    return [(objects / line).resolve() for line in lines if line and not line.startswith("#")]
