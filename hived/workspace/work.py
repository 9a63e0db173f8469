"""What an agent has changed in its clone, read from the outside: its commits, its files, and what the origin has of them.

git runs in a bare repository of hived's own (inspector.py), with an index of hived's own that is kept beside the workspace, so
that files which did not change are not read again. What the agent's `.git` says is data: HEAD, refs, and the objects that
they name, by SHA. Everything here blocks; one look at a time for each workspace.
"""

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from hived.paths import AgentPaths
from hived.wire.errors import InvalidRepo
from hived.wire.times import utc_now
from hived.wire.work import WorkCommit, WorkFile, WorkState
from hived.workspace.clones import read_clone_origin
from hived.workspace.git import GitFailed
from hived.workspace.inspector import PREFIX, Inspector, inspector
from hived.workspace.origins import Origin, read_origin
from hived.workspace.refs import Refs, RefsUnreadable, read_refs
from hived.workspace.work_files import changed_files, file_list, files_and_untracked, patch_text

INDEX_FILE = "work.index"
"""In the harness's folder: hived's own index of the workspace."""
COUNT_SECONDS = 20.0
MOST_COMMITS = 200
MOST_PLAIN_FILES = 2000

_LOG = "--format=%H%x00%s%x00%an%x00%aI"
_locks: dict[Path, threading.Lock] = {}
_locks_lock = threading.Lock()


@dataclass(slots=True)
class Seen:
    """One workspace while it is looked at."""

    look: Inspector
    refs: Refs
    origin: Origin
    tips: list[str]
    """The commits that its own refs name."""
    head: str | None
    base: str | None
    state: WorkState


@dataclass(slots=True)
class WorkRead:
    """A workspace with what is listed of it."""

    state: WorkState
    commits: list[WorkCommit] = field(default_factory=list)
    files: list[WorkFile] = field(default_factory=list)
    patch: str | None = None
    cut: bool = False


def look(paths: AgentPaths, repo: str | None) -> WorkState:
    """What is in that workspace and nowhere else. It never raises: what cannot be known is said in `problem`."""
    if repo is None:
        return _without_repository(paths)
    try:
        with looking(paths, repo) as seen:
            return seen.state
    except Unknown as unknown:
        return unknown.state


def read_work(paths: AgentPaths, repo: str | None, *, patch: bool) -> WorkRead:
    """The state with its commits and files, and the patch against `base` where it is asked for. It never raises."""
    if repo is None:
        return WorkRead(_without_repository(paths))
    try:
        with looking(paths, repo) as seen:
            found = WorkRead(seen.state)
            try:
                _list(seen, found, patch=patch)
            except GitFailed as error:
                found.cut = True
                seen.state.problem = seen.state.problem or error.reason
            return found
    except Unknown as unknown:
        return WorkRead(unknown.state)


class Unknown(Exception):
    """Nobody can tell what is in it; `state` says why."""

    def __init__(self, state: WorkState) -> None:
        super().__init__(state.problem)
        self.state = state


@contextmanager
def looking(paths: AgentPaths, repo: str) -> Iterator[Seen]:
    """Look at a clone of `repo`. Raises Unknown."""
    state = WorkState(looked_at=utc_now(), merged=False, known=False)
    with _one_at_a_time(paths.workspace):
        try:
            for left in paths.harness.glob(f"{PREFIX}*"):
                shutil.rmtree(left, ignore_errors=True)
            refs = read_refs(paths.workspace)
            state.branch, state.head = refs.branch, refs.head
            origin = read_origin(repo)
            with inspector(
                [paths.workspace / ".git" / "objects"],
                within=[paths.workspace],
                trusted=origin.objects,
                worktree=paths.workspace,
                object_format=origin.object_format,
                scratch=paths.harness,
            ) as found:
                yield _see(paths, found, refs, origin, state)
        except (GitFailed, RefsUnreadable) as error:
            state.problem = error.reason
            raise Unknown(state) from None
        except InvalidRepo as error:
            state.problem = error.message
            raise Unknown(state) from None
        except OSError as error:
            state.problem = f"it cannot be looked at: {error.strerror or type(error).__name__}."
            raise Unknown(state) from None


@contextmanager
def _one_at_a_time(workspace: Path) -> Iterator[None]:
    with _locks_lock:
        lock = _locks.setdefault(workspace, threading.Lock())
    with lock:
        yield


def _see(paths: AgentPaths, found: Inspector, refs: Refs, origin: Origin, state: WorkState) -> Seen:
    if refs.shallow:
        (found.folder / "shallow").write_text("".join(f"{sha}\n" for sha in refs.shallow))
    cloned = read_clone_origin(paths.harness)
    state.origin_branch = origin.branch if cloned is None or cloned.repo != str(origin.repo) else cloned.branch
    against = origin.refs.get(f"refs/heads/{state.origin_branch}") or (cloned.commit if cloned else None)
    commits = found.commits({*refs.own(), *([against] if against else [])})
    head = commits.get(refs.head or "")
    tips = sorted({commits[sha] for sha in refs.own() if sha in commits})
    state.commits = count_beyond(found, tips, origin)
    state.merged = state.commits == 0
    state.base = _base(found, head, commits.get(against or ""), cloned.commit if cloned else None)
    with _own_index(paths.harness, found, head):
        changed = changed_files(found)
    state.changed, state.known = len(changed.names), not changed.problem
    missing = [sha for sha in refs.own() if sha not in commits and sha not in found.kinds([sha])]
    if missing:
        state.known = False
    state.problem = _problem(refs, missing, changed.problem, submodules=changed.submodules)
    return Seen(found, refs, origin, tips, head, state.base, state)


def count_beyond(found: Inspector, tips: list[str], origin: Origin) -> int:
    """How many commits of these the origin has in no ref. Raises GitFailed."""
    if not tips:
        return 0
    return int(found.run(["rev-list", "--count", "--stdin"], _range(tips, origin), seconds=COUNT_SECONDS).line)


def _range(tips: list[str], origin: Origin) -> bytes:
    return "".join([*(f"{sha}\n" for sha in tips), *(f"^{sha}\n" for sha in origin.tips)]).encode()


def _base(found: Inspector, head: str | None, against: str | None, cloned: str | None) -> str | None:
    """Where its branch leaves the origin's; what it was cloned at, where they have nothing in common."""
    if head is None or against is None:
        return cloned
    common = found.run(["merge-base", head, against], codes=(0, 1), seconds=COUNT_SECONDS)
    return common.line.split("\n")[0] if common.code == 0 else cloned


def _problem(refs: Refs, missing: list[str], files: str, *, submodules: bool) -> str:
    said = [files] if files else []
    if missing:
        said.append(f"an object that its refs name is not there: {missing[0]}.")
    if refs.under_way:
        said.append(f"a {refs.under_way} is not finished.")
    if submodules:
        said.append("it has submodules, which are not looked into.")
    return " ".join(said)


@contextmanager
def _own_index(harness: Path, found: Inspector, head: str | None) -> Iterator[None]:
    """The kept index, moved (its own time is part of what it knows) into the bare repository and brought to HEAD; then back."""
    kept, index = harness / INDEX_FILE, found.folder / "index"
    with suppress(FileNotFoundError):
        os.replace(kept, index)
    tree = ["read-tree", "--empty"] if head is None else ["read-tree", "-m", head]
    try:
        found.run(tree)
    except GitFailed:
        index.unlink(missing_ok=True)
        found.run(["read-tree", "--empty"] if head is None else ["read-tree", head])
    try:
        yield
    finally:
        with suppress(OSError):
            shutil.copy2(index, found.folder / "index.again")
            os.replace(index, kept)
            os.replace(found.folder / "index.again", index)


def _list(seen: Seen, found: WorkRead, *, patch: bool) -> None:
    if seen.tips:
        asked = ["log", _LOG, "-z", f"--max-count={MOST_COMMITS}", "--no-show-signature", "--stdin"]
        data = seen.look.run(asked, _range(seen.tips, seen.origin), seconds=COUNT_SECONDS).text
        rows = [row.split("\0") for row in _rows(data)]
        found.commits = [
            WorkCommit(sha=row[0], subject=row[1], author=row[2], at=row[3]) for row in rows if len(row) == 4
        ]
    against, index = files_and_untracked(seen.look, seen.base)
    found.files, found.cut = file_list(seen.look, against, index)
    if patch:
        found.patch, cut = patch_text(seen.look, against)
        found.cut = found.cut or cut


def _rows(data: str) -> list[str]:
    """`log -z` ends each commit with a NUL too: four fields make a row."""
    fields = data.split("\0")
    return ["\0".join(fields[start : start + 4]) for start in range(0, len(fields) - 3, 4)]


def _without_repository(paths: AgentPaths) -> WorkState:
    """An agent without a repository works in a plain folder; what lies there lies nowhere else."""
    count = 0
    for _, folders, files in os.walk(paths.workspace):
        count += len(files)
        if ".git" in folders:
            folders.remove(".git")
        if count >= MOST_PLAIN_FILES:
            break
    return WorkState(looked_at=utc_now(), changed=count, problem="it has no repository." if count else "")
