"""An agent's own clone of a repository, made once, before the agent could write there; git never runs in it again.

`git clone --shared` reads the origin's objects in place. The origin's and the operator's git settings stay out of it: no
hook, no fsmonitor, no global or system config. What it went out from is written down beside it, where the agent cannot
write. Everything here blocks: call it on a thread.
"""

import json
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

from hived.wire.errors import InvalidRepo
from hived.wire.names import checked_name
from hived.workspace.folders import private_folder
from hived.workspace.git import GitFailed, run_git
from hived.workspace.inspector import is_sha
from hived.workspace.origins import CHECK_SECONDS, check_repo, in_origin, origin_objects
from hived.workspace.refs import is_ref_name

__all__ = ["ORIGIN_FILE", "CloneOrigin", "check_repo", "make_workspace", "origin_objects", "read_clone_origin"]

CLONE_SECONDS = 600.0
"""Objects are shared, so the time is that of checking out the files."""
ORIGIN_FILE = "origin.json"
"""In the harness's folder, beside the workspace."""


@dataclass(frozen=True, slots=True)
class CloneOrigin:
    """What a clone went out from."""

    repo: str
    branch: str | None
    """Of the origin, without `refs/heads/`; None: its HEAD was detached."""
    commit: str


def make_workspace(name: str, repo: str | None, workspace: Path, *, data: Path | None = None) -> bool:
    """Make the folder that an agent works in: a clone on branch `hive/<name>`, or an empty folder without `repo`.

    A folder that is there is left as it is. True if it was made. Raises InvalidRepo.
    """
    checked_name(name)
    if workspace.exists():
        return False
    if repo is None:
        private_folder(workspace)
        return True
    check_repo(repo, data=data)
    private_folder(workspace.parent)
    for broken_off in workspace.parent.glob(f"{workspace.name}.*.part"):
        shutil.rmtree(broken_off, ignore_errors=True)
    # The pid keeps apart a git that a killed hived has left running.
    scratch = workspace.with_name(f"{workspace.name}.{os.getpid()}.part")
    branch = in_origin(repo, ["symbolic-ref", "--quiet", "--short", "HEAD"], codes=(0, 1)).line or None
    identity = ("-c", f"user.name={name}", "-c", f"user.email={name}@hive")
    try:
        run_git(
            ["clone", "--quiet", "--shared", "--template=", *identity, "--", repo, str(scratch)], seconds=CLONE_SECONDS
        )
        commit = run_git(["-C", str(scratch), "rev-parse", "HEAD"], seconds=CHECK_SECONDS).line
        run_git(["-C", str(scratch), "switch", "--quiet", "--create", f"hive/{name}"], seconds=CHECK_SECONDS)
        # As walls show it: a path over links or `..` leads nowhere behind them.
        (scratch / ".git/objects/info/alternates").write_bytes(os.fsencode(origin_objects(repo)[0]) + b"\n")
    except GitFailed as error:
        shutil.rmtree(scratch, ignore_errors=True)
        raise InvalidRepo(repo=repo, reason=error.reason) from None
    _write_down(CloneOrigin(repo, branch, commit), private_folder(workspace.parent / "harness") / ORIGIN_FILE)
    scratch.chmod(0o700)
    scratch.rename(workspace)
    return True


def read_clone_origin(harness: Path) -> CloneOrigin | None:
    """What the clone beside that folder went out from; None where it is older than such notes, or the note is not sound."""
    try:
        found = CloneOrigin(**json.loads((harness / ORIGIN_FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    sound = is_sha(found.commit) and (found.branch is None or is_ref_name(f"refs/heads/{found.branch}"))
    return found if sound else None


def _write_down(origin: CloneOrigin, file: Path) -> None:
    scratch = file.with_name(f"{file.name}.new")
    with open(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
        json.dump(asdict(origin), out)
    os.replace(scratch, file)
