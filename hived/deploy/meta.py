"""meta/: hived's own repository of hive.lock, which names for each agent what runs of it. One commit for each change, whose words
say who and why: `git log` there is the audit trail. Everything blocks.
"""

import tomllib
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from hived.deploy import worktree
from hived.deploy.agent_toml import toml_table
from hived.deploy.repository import MAIN, File, Repository
from hived.workspace.folders import private_folder

LOCK = "hive.lock"
LOOKED_AT = 8
"""Of the newest commits: whether one of them is that change already."""
_HEAD = "# What runs in this hive. hived writes it, one commit for each change: git log\n"


@dataclass(frozen=True, slots=True)
class Locked:
    """What runs of one agent, or ran when it was destroyed."""

    id: str
    commit: str
    engine: str
    model: str
    runtime: str
    deployment: str = ""


@dataclass(frozen=True, slots=True)
class Lock:
    hived: str
    """The build that runs them."""
    agents: dict[str, Locked] = field(default_factory=dict)
    buried: dict[str, Locked] = field(default_factory=dict)
    """Destroyed and not purged."""

    def render(self) -> str:
        lines = [_HEAD, *toml_table({"hived": self.hived})]
        for kind, named in (("agents", self.agents), ("buried", self.buried)):
            for name in sorted(named):
                lines += ["", f"[{kind}.{name}]", *toml_table(asdict(named[name]))]
        return "\n".join(lines) + "\n"


def read(meta: Path) -> Lock | None:
    """What the newest commit says; None where there is none, or it is no hive.lock of hived's."""
    repo = Repository(meta / ".git")
    try:
        head = repo.ref(MAIN)
        entries = repo.entries(repo.commit(head).tree) if head else []
        blob = next(entry.sha for entry in entries if entry.name == LOCK.encode())
        said = tomllib.loads(repo.read(blob, "blob").decode())
        return Lock(str(said["hived"]), _named(said.get("agents", {})), _named(said.get("buried", {})))
    except (KeyError, ValueError, TypeError, StopIteration, AttributeError):
        return None


def record(meta: Path, lock: Lock, words: str, at: str, trailer: str = "") -> str | None:
    """Commit it. `trailer` (`Deployment: <id>`) makes the change known: one of the newest commits that has it is not made again.
    None where nothing was to be done. Raises OSError, GitFailed."""
    repo = Repository(meta / ".git")
    private_folder(meta)
    repo.make()
    head = repo.ref(MAIN)
    if trailer and any(trailer in message.splitlines() for message in _newest(repo, head)):
        return None
    files = {LOCK: File(lock.render().encode())}
    if head is not None and not trailer and repo.commit(head).tree == repo.write_tree(files):
        return None
    message = f"{words.strip()}\n\n{trailer}\n" if trailer else words
    commit = repo.write_commit(files, [head] if head else [], message, at)
    repo.set_ref(MAIN, commit)
    worktree.show(meta, repo.folder, files)
    repo.flush(commit, MAIN)
    return commit


def _newest(repo: Repository, head: str | None) -> list[str]:
    found: list[str] = []
    while head is not None and len(found) < LOOKED_AT:
        try:
            commit = repo.commit(head)
        except KeyError:
            break
        found.append(commit.message)
        head = commit.parents[0] if commit.parents else None
    return found


def _named(said: Any) -> dict[str, Locked]:
    known = {part.name for part in fields(Locked)}
    return {
        str(name): Locked(**{key: str(value) for key, value in locked.items() if key in known})
        for name, locked in said.items()
    }
