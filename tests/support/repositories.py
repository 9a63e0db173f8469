"""Repositories for tests: an operator's, agents' clones of it, and a clone in which everything that git would run is a trap."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from hived.paths import AgentPaths
from hived.workspace.clones import make_workspace

HOOKS = (
    "applypatch-msg", "commit-msg", "fsmonitor-watchman", "post-applypatch", "post-checkout", "post-commit", "post-index-change",
    "post-merge", "post-receive", "post-rewrite", "post-update", "pre-applypatch", "pre-auto-gc", "pre-commit",
    "pre-merge-commit", "pre-push", "pre-rebase", "pre-receive", "prepare-commit-msg", "proc-receive", "push-to-checkout",
    "reference-transaction", "sendemail-validate", "update",
)  # fmt: skip
COMMANDS = (
    "core.fsmonitor", "core.sshCommand", "core.askPass", "core.editor", "core.pager", "core.gitProxy",
    "core.alternateRefsCommand", "diff.external", "diff.trap.command", "diff.trap.textconv", "filter.trap.clean",
    "filter.trap.smudge", "filter.trap.process", "merge.trap.driver", "uploadpack.packObjectsHook", "gpg.program",
    "sequence.editor", "interactive.diffFilter", "web.browser", "difftool.trap.cmd", "pager.status", "pager.diff", "pager.log",
)  # fmt: skip
SHELL_COMMANDS = (
    "credential.helper",
    "alias.status",
    "alias.diff-files",
    "alias.update-index",
    "alias.x",
    "submodule.sub.update",
)
"""Those that git runs with a shell where they begin with `!`."""


def git(folder: Path, *words: str, stdin: str | None = None) -> str:
    """What it says on stdout; nobody's settings but the repository's own."""
    env = {
        "PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "t", "GIT_AUTHOR_EMAIL": "t@t", "GIT_COMMITTER_NAME": "t", "GIT_COMMITTER_EMAIL": "t@t",
    }  # fmt: skip
    done = subprocess.run(
        ["git", "-c", "safe.directory=*", *words],
        cwd=folder,
        env=env,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, f"git {words}: {done.stderr}"
    return done.stdout.strip()


def commit(folder: Path, name: str = "a.txt", text: str = "one\n", message: str = "one") -> str:
    """Commit that file; the commit."""
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    git(folder, "add", "--force", name)
    git(folder, "commit", "-q", "-m", message)
    return git(folder, "rev-parse", "HEAD")


def make_origin(folder: Path, *options: str) -> Path:
    """A repository with one commit on `main`: a.txt, sub/b.txt."""
    folder.mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main", *options)
    (folder / "sub").mkdir()
    (folder / "sub/b.txt").write_text("b\n")
    git(folder, "add", ".")
    commit(folder)
    return folder


@dataclass(frozen=True)
class Desk:
    """An agent's folders with its clone of `origin`."""

    origin: Path
    paths: AgentPaths

    @property
    def repo(self) -> str:
        return str(self.origin)

    @property
    def work(self) -> Path:
        return self.paths.workspace

    @property
    def dot_git(self) -> Path:
        return self.work / ".git"

    def git(self, *words: str) -> str:
        return git(self.work, *words)

    def commit(self, name: str = "a.txt", text: str = "two\n", message: str = "two") -> str:
        return commit(self.work, name, text, message)


def give_to_its_owner(folder: Path) -> None:
    """All in it to whom the folder belongs: the test wrote as root what an agent writes as its engine's user."""
    owner = folder.stat()
    for level, folders, files in os.walk(folder):
        for name in (*folders, *files):
            os.chown(os.path.join(level, name), owner.st_uid, owner.st_gid, follow_symlinks=False)


def make_desk(folder: Path, origin: Path | None = None, name: str = "ada") -> Desk:
    found = origin or make_origin(folder / "origin")
    root = folder / "data" / "agents" / name
    root.mkdir(parents=True)
    paths = AgentPaths(name, root, folder / "run" / "agents" / name)
    make_workspace(name, str(found), paths.workspace)
    return Desk(found, paths)


def plant(work: Path, marks: Path) -> None:
    """Make of everything that git runs for a repository a script that leaves a mark in that folder, named after it."""
    marks.mkdir()
    traps = marks.with_name(f"{marks.name}-traps")
    traps.mkdir()
    dot_git = work / ".git"
    _plant_in(dot_git, marks, traps, "")
    (dot_git / "more.config").write_text(f'[filter "other"]\n\tclean = {_trap(traps, marks, "include.path")}\n')
    git(work, "config", "include.path", "more.config")
    attributes = "* filter=trap diff=trap merge=trap\n*.other filter=other\n"
    (work / ".gitattributes").write_text(attributes)
    (dot_git / "info").mkdir(exist_ok=True)
    (dot_git / "info/attributes").write_text(attributes)
    for nested in ("nested", "module"):
        make_origin(work / nested)
        _plant_in(work / nested / ".git", marks, traps, f"{nested}-")
        (work / nested / "a.txt").write_text("changed\n")
        (work / nested / ".gitattributes").write_text(attributes)


def _plant_in(dot_git: Path, marks: Path, traps: Path, prefix: str) -> None:
    (dot_git / "hooks").mkdir(exist_ok=True)
    for hook in HOOKS:
        (dot_git / "hooks" / hook).symlink_to(_trap(traps, marks, f"{prefix}{hook}"))
    config = dot_git / "config"
    for setting in COMMANDS:
        git(dot_git.parent, "config", "--file", str(config), setting, str(_trap(traps, marks, f"{prefix}{setting}")))
    for setting in SHELL_COMMANDS:
        git(dot_git.parent, "config", "--file", str(config), setting, f"!{_trap(traps, marks, f'{prefix}{setting}')}")


def _trap(traps: Path, marks: Path, name: str) -> Path:
    script = traps / name
    script.write_text(f"#!/bin/sh\ntouch {marks}/{name}\ncat\n")
    script.chmod(0o755)
    return script
