"""The commits of an agent's clone brought home into the origin, as a branch, by SHA.

A pack is written by the inspector, checked whole by the origin's git (`index-pack --strict`) and then named by one ref.
The operator's files, index and hooks are not touched, and no branch that somebody has checked out. Doing it again does
nothing more. Everything here blocks.
"""

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

from hived.paths import AgentPaths
from hived.wire.errors import FetchRefused, InvalidRepo
from hived.wire.work import WorkState
from hived.workspace.git import GitFailed
from hived.workspace.inspector import is_sha
from hived.workspace.origins import Origin, in_origin
from hived.workspace.refs import is_ref_name
from hived.workspace.work import Seen, Unknown, count_beyond, look, looking

MOST_PACK_BYTES = 2 * 1024 * 1024 * 1024
PACK_SECONDS = 300.0
PACK_FILE = "home.pack"


@dataclass(frozen=True, slots=True)
class Fetched:
    branch: str
    commit: str
    before: str | None
    commits: int
    state: WorkState


def fetch_home(paths: AgentPaths, repo: str | None, branch: str | None = None, of: str | None = None) -> Fetched:
    """Make `branch` of the origin (`hive/<name>`) name the agent's commit: its HEAD, or what `of` says. Raises FetchRefused."""
    if repo is None:
        raise FetchRefused(name=paths.name, reason="it has no repository.")
    wanted = branch or f"hive/{paths.name}"
    if (
        not is_ref_name(f"refs/heads/{wanted}")
        or wanted.startswith("-")
        or not wanted.isprintable()
        or wanted == "HEAD"
    ):
        raise FetchRefused(name=paths.name, reason=f"{wanted[:100]!r} is no name of a branch.")
    try:
        with looking(paths, repo) as seen:
            commit, before, commits = _bring(paths, seen, f"refs/heads/{wanted}", of)
    except Unknown as unknown:
        raise FetchRefused(name=paths.name, reason=unknown.state.problem) from None
    return Fetched(wanted, commit, before, commits, look(paths, repo))


def _bring(paths: AgentPaths, seen: Seen, ref: str, of: str | None) -> tuple[str, str | None, int]:
    origin, short = seen.origin, ref.removeprefix("refs/heads/")
    try:
        commit = _commit(paths, seen, of)
        before = origin.refs.get(ref)
        if before == commit:
            return commit, before, 0
        if ref in origin.checked_out:
            raise FetchRefused(
                name=paths.name, reason=f"{short} is checked out in {origin.repo}; name another with --branch."
            )
        if before is not None and not seen.look.is_ancestor(before, commit):
            raise FetchRefused(
                name=paths.name,
                reason=f"{short} of {origin.repo} has commits that this would lose; name another with --branch.",
            )
        commits = count_beyond(seen.look, [commit], origin)
        if commits:
            _send(paths, seen, commit)
        _name(origin, ref, commit, before, paths.name)
    except GitFailed as error:
        raise FetchRefused(name=paths.name, reason=error.reason) from None
    except InvalidRepo as error:
        raise FetchRefused(name=paths.name, reason=str(error.detail.get("reason") or error.message)) from None
    return commit, before, commits


def _commit(paths: AgentPaths, seen: Seen, of: str | None) -> str:
    if of is None:
        named: str | None = seen.head
        missing = "it has no commit yet."
    else:
        named = of if is_sha(of) else seen.refs.refs.get(f"refs/heads/{of}")
        missing = f"it has no branch or commit {of[:100]!r}."
    commit = None if named is None else seen.look.commit(named)
    if commit is None:
        raise FetchRefused(name=paths.name, reason=missing)
    return commit


def _send(paths: AgentPaths, seen: Seen, commit: str) -> None:
    """All that the origin lacks of it, into the origin's objects; nothing is left there where it is not sound."""
    pack = Path(paths.harness, PACK_FILE)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(pack)
    try:
        seen.look.pack([commit], seen.origin.tips, pack, most_bytes=MOST_PACK_BYTES, seconds=PACK_SECONDS)
        in_origin(str(seen.origin.repo), ["index-pack", "--stdin", "--strict"], stdin=pack, seconds=PACK_SECONDS)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(pack)


def _name(origin: Origin, ref: str, commit: str, before: str | None, name: str) -> None:
    """In one step, and only from where it was when we looked."""
    old = before or "0" * len(commit)
    in_origin(str(origin.repo), ["update-ref", "--no-deref", "-m", f"hive: the work of {name}", ref, commit, old])
