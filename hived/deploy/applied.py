"""applied/<name>: hived's own repository of an agent's config. What was proposed, approved, built, deployed and failed is there,
each under a tag, whatever happens to the repository that it came from. Everything blocks.

`refs/hive/first` is the agent's first commit, which every other one comes after; `main` what was deployed last.
"""

import os
import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from hived.deploy import worktree
from hived.deploy.agent_toml import AGENT_TOML, BadAgentToml, parse
from hived.deploy.repository import MAIN, Entry, File, Files, GitFailed, Repository, is_commit
from hived.paths import AgentPaths
from hived.wire.agents import AgentSpec
from hived.wire.errors import CommitNotFound, InvalidProposal, NotACommit
from hived.workspace.folders import private_folder
from hived.workspace.inspector import inspector
from hived.workspace.refs import RefsUnreadable, read_head

FIRST = "refs/hive/first"
MOST_FILES = 1000
MOST_BYTES = 16 * 1024 * 1024
_MIB = "16 MiB"
MOST_PACK_BYTES = 64 * 1024 * 1024
"""Of what one proposal may bring along: its files, and the history that is new."""
MOST_OBJECTS = 10_000
"""Each becomes a file."""
MOST_FOLDERS = 1000
MOST_DEPTH = 32
MOST_NAME = 255
MOST_PATH = 1024
FETCH_SECONDS = 60.0
UNSWEPT = "unswept"
"""In the git folder: objects have come that perhaps nothing leads to."""
SHOWN = 12
"""Digits of a commit where an error names it."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Proposed:
    """A commit that hived has taken in."""

    commit: str
    summary: str
    """Its own first line, as its author wrote it."""
    files: Files
    spec: AgentSpec


def repository(paths: AgentPaths) -> Repository:
    return Repository(paths.applied / ".git")


# Made --------------------------------------------------------------------------------------------------------------------


def make(paths: AgentPaths, files: Files, words: str, at: str) -> str:
    """The repository with its first commit, which is the same for the same files, words and time; its id. Again: as it is.

    Raises OSError, GitFailed, KeyError.
    """
    repo = repository(paths)
    private_folder(paths.applied.parent)
    private_folder(paths.applied)
    repo.make()
    first = repo.ref(FIRST)
    if first is None:
        first = repo.write_commit(files, [], words, at)
        repo.set_ref(FIRST, first)
    return first


def make_proposed(paths: AgentPaths, commit: str) -> None:
    """config/<name>, with that commit on main and checked out. Never again is git run there, or anything of it trusted: one
    that is there is left as it is. It is made where no queen can put a link in its way, and moved. Raises OSError, GitFailed,
    KeyError."""
    if os.path.lexists(paths.proposed):
        return
    private_folder(paths.proposed.parent)
    files = files_of(paths, commit)
    scratch = paths.applied.with_name(f".{paths.name}.proposed.new")
    worktree.remove(scratch)
    scratch.mkdir(mode=0o700)
    repo = Repository(scratch / ".git")
    repo.make()
    source = repository(paths).commit(commit)
    repo.write_tree(files)
    if repo.write("commit", repository(paths).read(commit, "commit")) != commit or repo.commit(commit) != source:
        raise KeyError(commit)
    repo.set_ref(MAIN, commit)
    worktree.show(scratch, repo.folder, files)
    scratch.rename(paths.proposed)


def commit_on(paths: AgentPaths, parent: str, files: Files, words: str, at: str) -> str:
    """A commit of hived's own after `parent`, the same for the same files, words and time. Raises OSError, GitFailed, KeyError."""
    return repository(paths).write_commit(files, [parent], words, at)


# Read --------------------------------------------------------------------------------------------------------------------


def files_of(paths: AgentPaths, commit: str) -> dict[str, File]:
    """What the commit holds. Raises CommitNotFound, InvalidProposal for what no config may hold."""
    repo = repository(paths)
    try:
        found = _Found(commit)
        found.walk(repo, repo.commit(commit).tree, "", 0)
        return found.files
    except KeyError:
        raise CommitNotFound(repo=f"applied/{paths.name}", commit=commit) from None


def spec_of(commit: str, files: Files) -> AgentSpec:
    """What its agent.toml says. Raises InvalidProposal."""
    file = files.get(AGENT_TOML)
    if file is None:
        raise InvalidProposal(commit=commit[:SHOWN], reason=f"it has no {AGENT_TOML}.")
    try:
        return parse(file.content)
    except BadAgentToml as error:
        raise InvalidProposal(commit=commit[:SHOWN], reason=error.reason) from None


def head_of_proposed(paths: AgentPaths, source: Path | None = None) -> str:
    """The commit that HEAD of config/<name>, or of the repository in `source`, names. Raises CommitNotFound."""
    named = _named(paths, source)
    try:
        top, *levels = _git_folder(paths, source)
        head = read_head(top, *levels)
    except RefsUnreadable as error:
        raise CommitNotFound(f"{named}: {error.reason}", repo=named, commit="HEAD") from None
    if head is None:
        raise CommitNotFound(f"{named} has no commit yet: commit there first.", repo=named, commit="HEAD")
    return head


# Proposals ---------------------------------------------------------------------------------------------------------------


def fetch_proposal(paths: AgentPaths, commit: str, proposal_id: str, source: Path | None = None) -> Proposed:
    """Take the commit out of config/<name>, by its id alone, and tag it `proposal/<proposal_id>`: from then on nothing that is
    done to that repository changes what was proposed. One that hived has already is tagged anew. `source`: a repository of the
    operator's own that it is taken out of instead; git is run in neither.

    Raises NotACommit, CommitNotFound, InvalidProposal, OSError.
    """
    if not is_commit(commit):
        raise NotACommit(given=commit[:64])
    repo = repository(paths)
    try:
        first = repo.ref(FIRST)
        if first is None:
            raise CommitNotFound(repo=f"applied/{paths.name}", commit=commit)
        if not _is_whole(repo, commit):
            _take(paths, repo, commit, source)
        if repo.git(["merge-base", "--is-ancestor", first, commit], codes=(0, 1, 128)).code:
            reason = f"its history has nothing to do with {paths.name}'s config, which begins at {first[:SHOWN]}."
            raise InvalidProposal(commit=commit[:SHOWN], reason=reason)
        files = files_of(paths, commit)
        spec = spec_of(commit, files)
        repo.tag(f"proposal/{proposal_id}", commit)
        summary = repo.commit(commit).message.strip().partition("\n")[0]
    except GitFailed as error:
        raise InvalidProposal(commit=commit[:SHOWN], reason=f"it cannot be taken in: {error.reason}") from None
    return Proposed(commit, summary, files, spec)


def _take(paths: AgentPaths, repo: Repository, commit: str, source: Path | None) -> None:
    """Copy what is new of it, checked as git checks what it is pushed. Raises CommitNotFound, InvalidProposal, GitFailed, OSError."""
    top, *levels = _git_folder(paths, source)
    objects = Path(top, *levels, "objects")
    pack = repo.folder / f"incoming-{commit}.pack"
    pack.unlink(missing_ok=True)
    known = [sha for sha in (repo.ref(FIRST), repo.ref(MAIN)) if sha is not None]
    try:
        with inspector([objects], within=[top], trusted=[repo.folder / "objects"], scratch=repo.folder) as look:
            if look.kinds([commit]).get(commit) != "commit":
                raise CommitNotFound(repo=_named(paths, source), commit=commit)
            look.pack([commit], known, pack, most_bytes=MOST_PACK_BYTES, seconds=FETCH_SECONDS)
        if (count := _objects_in(pack)) > MOST_OBJECTS:
            reason = (
                f"it brings {count} objects along that hived does not have; at most {MOST_OBJECTS} are taken at once."
            )
            raise InvalidProposal(commit=commit[:SHOWN], reason=reason)
        (repo.folder / UNSWEPT).touch(mode=0o600)
        repo.git(["unpack-objects", "-q", "--strict"], stdin=pack, seconds=FETCH_SECONDS)
    finally:
        pack.unlink(missing_ok=True)
    if not repo.has(commit):
        raise CommitNotFound(repo=_named(paths, source), commit=commit)


def _is_whole(repo: Repository, commit: str) -> bool:
    """All that it leads to is there: a kill may have come between one object and the next, taken in or removed."""
    if not repo.has(commit):
        return False
    known = [sha for sha in (repo.ref(FIRST), repo.ref(MAIN)) if sha is not None]
    return repo.git(["rev-list", "--objects", "--quiet", commit, "--not", *known], codes=(0, 1, 128)).code == 0


def _objects_in(pack: Path) -> int:
    """As its head says."""
    with open(pack, "rb") as file:
        return int.from_bytes(file.read(12)[8:], "big")


def _git_folder(paths: AgentPaths, source: Path | None) -> "tuple[Path, *tuple[str, ...]]":
    """A folder that others may write, and the levels below it that lead to the git folder. Raises CommitNotFound."""
    if source is None:
        return paths.proposed.parent, paths.name, ".git"
    try:
        if (source / ".git").is_dir():
            return source, ".git"
        if (source / "HEAD").is_file() and (source / "objects").is_dir():
            return source.parent, source.name
        what = (
            "is a worktree of another repository; name that" if (source / ".git").is_file() else "is no git repository"
        )
        problem = f"{source} {what}. Clone what runs, commit there, and propose it --from the clone."
    except OSError as error:
        problem = f"{source} cannot be read: {error.strerror}."
    raise CommitNotFound(problem, repo=str(source), commit="HEAD")


def _named(paths: AgentPaths, source: Path | None) -> str:
    return f"config/{paths.name}" if source is None else str(source)


class _Found:
    """The files of one commit, gathered within bounds."""

    def __init__(self, commit: str) -> None:
        self.commit = commit
        self.files: dict[str, File] = {}
        self._bytes = 0
        self._folders = 0

    def walk(self, repo: Repository, tree: str, prefix: str, depth: int) -> None:
        """Raises InvalidProposal."""
        self._folders += 1
        if self._folders > MOST_FOLDERS or depth > MOST_DEPTH:
            raise self._refused(f"it has more than {MOST_FOLDERS} folders, or some more than {MOST_DEPTH} deep.")
        try:
            entries = repo.entries(tree)
        except KeyError:
            raise self._refused(f"the folder {prefix or '.'} cannot be read, or has too many files.") from None
        for entry in entries:
            path = prefix + self._name(entry)
            if entry.mode in ("40000", "040000"):
                self.walk(repo, entry.sha, f"{path}/", depth + 1)
                continue
            self._check(entry, path)
            try:
                content = repo.read(entry.sha, "blob")
            except KeyError:
                raise self._refused(f"{path} cannot be read, or has more than {_MIB}.") from None
            self._bytes += len(content)
            if self._bytes > MOST_BYTES:
                raise self._refused(f"its files have more than {_MIB} together.")
            self.files[path] = File(content, entry.mode == "100755")

    def _check(self, entry: Entry, path: str) -> None:
        if entry.mode == "120000":
            raise self._refused(f"{path} is a link, which no config may hold.")
        if entry.mode == "160000":
            raise self._refused(f"{path} is a submodule, which no config may hold.")
        if not entry.mode.startswith("100"):
            raise self._refused(f"{path} is no file.")
        if len(path.encode()) > MOST_PATH:
            raise self._refused(f"a path in it has more than {MOST_PATH} bytes.")
        if len(self.files) >= MOST_FILES or path in self.files:
            raise self._refused(f"it has more than {MOST_FILES} files.")

    def _name(self, entry: Entry) -> str:
        try:
            name = entry.name.decode("utf-8")
        except UnicodeDecodeError:
            raise self._refused("the name of a file in it is no UTF-8.") from None
        plain = name.isprintable() and "/" not in name and "\\" not in name and len(entry.name) <= MOST_NAME
        if not plain or name in (".", "..") or _is_git(name):
            raise self._refused(f"a file in it has the name {name[:80]!r}.")
        return name

    def _refused(self, reason: str) -> InvalidProposal:
        return InvalidProposal(commit=self.commit[:SHOWN], reason=reason)


def _is_git(name: str) -> bool:
    """As any file system may read it."""
    folded = "".join(char for char in name.casefold() if char.isprintable() and not char.isspace()).rstrip(". ")
    return folded in (".git", "git~1") or folded.startswith(".git:")


# Deployed ----------------------------------------------------------------------------------------------------------------


def begin(paths: AgentPaths, deployment: str, commit: str, approval: str | None = None) -> None:
    """Tags `building/<deployment>`, and `approved/<approval>` where there is one. Raises OSError."""
    repo = repository(paths)
    if approval is not None:
        repo.tag(f"approved/{approval}", commit)
    repo.tag(f"building/{deployment}", commit)


def deny(paths: AgentPaths, approval: str, note: str, at: str) -> None:
    """Tag `denied/<approval>`, with the note. Raises OSError."""
    repo = repository(paths)
    commit = repo.tagged(f"proposal/{approval}")
    if commit is not None:
        repo.tag(f"denied/{approval}", commit, note or "Denied.", at)


def end_well(paths: AgentPaths, deployment: str, commit: str, words: str, at: str) -> None:
    """Tag `deployed/<deployment>`, `main` moved to it, and the folder shows it. Raises CommitNotFound, GitFailed, OSError."""
    repo = repository(paths)
    files = files_of(paths, commit)
    repo.tag(f"deployed/{deployment}", commit, words, at)
    if repo.ref(MAIN) != commit:
        repo.set_ref(MAIN, commit)
    worktree.show(paths.applied, repo.folder, files)
    repo.delete_ref(f"refs/tags/building/{deployment}")
    repo.flush(commit, MAIN, f"refs/tags/deployed/{deployment}")
    if worktree.is_built(paths.builds, commit):
        worktree.sync_build(paths.builds, commit)


def end_badly(paths: AgentPaths, deployment: str, commit: str, words: str, at: str) -> None:
    """Tag `failed/<deployment>`, with why. Raises OSError, GitFailed."""
    repo = repository(paths)
    repo.tag(f"failed/{deployment}", commit, words, at)
    repo.delete_ref(f"refs/tags/building/{deployment}")


def sweep(paths: AgentPaths, proposals: Collection[str], commits: Collection[str]) -> None:
    """Remove the tags of all proposals but these (approvals' ids), then every object that no ref and none of these commits leads to.

    The caller sees to it that nobody writes there meanwhile. Killed anywhere, the next one goes on. Raises OSError, GitFailed.
    """
    repo = repository(paths)
    if not repo.exists:
        return
    own = [name for name in repo.tags() if name.startswith(("proposal/", "denied/"))]
    gone = [name for name in own if name.partition("/")[2] not in proposals]
    unswept = repo.folder / UNSWEPT
    if not gone and not unswept.exists():
        return
    unswept.touch(mode=0o600)
    for name in gone:
        repo.delete_ref(f"refs/tags/{name}")
    for left in repo.folder.glob("incoming-*.pack"):
        left.unlink()
    repo.git(["prune", "--expire=now", "--", *(sha for sha in commits if repo.has(sha))])
    unswept.unlink()


def tags(paths: AgentPaths) -> dict[str, str]:
    """The commit behind each tag of applied/<name>."""
    repo = repository(paths)
    found = {name: repo.tagged(name) for name in repo.tags()}
    return {name: commit for name, commit in found.items() if commit is not None}
