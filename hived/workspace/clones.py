"""An agent's own clone of a repository, made once, before the agent could write there; git never runs in it again.

`git clone --shared` reads the origin's objects in place. The origin's and the operator's git settings stay out of it: no
hook, no fsmonitor, no global or system config. Everything here blocks: call it on a thread.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

from hived.wire.errors import InvalidRepo
from hived.wire.names import checked_name
from hived.workspace.folders import private_folder

CHECK_SECONDS = 20.0
"""Reading one ref: longer means that the disk or the repository is not well."""
CLONE_SECONDS = 600.0
"""Objects are shared, so the time is that of checking out the files."""

_HARMLESS = ("-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]+")


def check_repo(repo: str, *, agents: Path | None = None) -> None:
    """Raise InvalidRepo unless `repo` is the absolute path of a git repository with at least one commit.

    `agents` is the hive's folder of agents: what lies in there an agent can write, so git is not run on it.
    """
    path = Path(repo)
    if not path.is_absolute():
        raise InvalidRepo(repo=repo, reason="the path is not absolute.")
    if not path.is_dir():
        raise InvalidRepo(repo=repo, reason="there is no such folder.")
    if agents is not None and path.resolve().is_relative_to(agents.resolve()):
        raise InvalidRepo(repo=repo, reason="it lies in an agent's own folder.")
    if not ((path / ".git").exists() or (path / "HEAD").is_file()):
        raise InvalidRepo(repo=repo, reason="it is not the top folder of a git repository.")
    found = _git(repo, ["-C", repo, "rev-parse", "--quiet", "--verify", "HEAD^{commit}"], CHECK_SECONDS)
    if found.returncode:
        raise InvalidRepo(repo=repo, reason=_reason(found) or "it has no commit yet.")


def make_workspace(name: str, repo: str | None, workspace: Path, *, agents: Path | None = None) -> bool:
    """Make the folder that an agent works in: a clone on branch `hive/<name>`, or an empty folder without `repo`.

    A folder that is there is left as it is. True if it was made. Raises InvalidRepo.
    """
    checked_name(name)
    if workspace.exists():
        return False
    if repo is None:
        private_folder(workspace)
        return True
    check_repo(repo, agents=agents)
    private_folder(workspace.parent)
    for broken_off in workspace.parent.glob(f"{workspace.name}.*.part"):
        shutil.rmtree(broken_off, ignore_errors=True)
    # The pid keeps apart a git that a killed hived has left running.
    scratch = workspace.with_name(f"{workspace.name}.{os.getpid()}.part")
    identity = ("-c", f"user.name={name}", "-c", f"user.email={name}@hive")
    cloned = _git(
        repo, ["clone", "--quiet", "--shared", "--template=", *identity, "--", repo, str(scratch)], CLONE_SECONDS
    )
    if not cloned.returncode:
        cloned = _git(repo, ["-C", str(scratch), "switch", "--quiet", "--create", f"hive/{name}"], CHECK_SECONDS)
    if cloned.returncode:
        shutil.rmtree(scratch, ignore_errors=True)
        raise InvalidRepo(repo=repo, reason=_reason(cloned) or f"git ended with {cloned.returncode}.")
    scratch.chmod(0o700)
    scratch.rename(workspace)
    return True


def _git(repo: str, words: list[str], seconds: float) -> subprocess.CompletedProcess[str]:
    env = {
        "PATH": os.environ.get("PATH", os.defpath),
        "LC_ALL": "C",
        "HOME": "/nonexistent",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_TERMINAL_PROMPT": "0",
    }
    try:
        return subprocess.run(
            ["git", *_HARMLESS, *words],
            env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=seconds, check=False,
        )  # fmt: skip
    except FileNotFoundError:
        raise InvalidRepo(repo=repo, reason="git is not installed.") from None
    except subprocess.TimeoutExpired:
        raise InvalidRepo(repo=repo, reason=f"git took longer than {seconds:g} s.") from None


def _reason(done: subprocess.CompletedProcess[str]) -> str:
    """The first line of git's own complaint, without what a terminal would obey."""
    for line in done.stderr.splitlines():
        text = _CONTROL.sub(" ", line.removeprefix("fatal: ")).strip()
        if text:
            return text[:200] + ("" if text.endswith(".") else ".")
    return ""
