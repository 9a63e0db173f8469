"""What an agent has changed in its clone: read by hived from the outside, with a git folder of hived's own (workspace/work.py)."""

from pydantic import Field

from hived.wire.base import Answer, WireModel


class WorkState(Answer):
    """Of one workspace, as it was at `looked_at`. Looked at when a turn ends, when it stops, and when somebody asks."""

    looked_at: str
    branch: str | None = None
    """None: it has no repository, or HEAD is detached."""
    head: str | None = None
    base: str | None = None
    """The commit of the origin that it goes out from."""
    origin_branch: str | None = None
    """What it is compared with: the origin's branch at the time of the clone."""
    commits: int = 0
    """Of any of its branches, that the origin has nowhere: lost with the workspace."""
    changed: int = 0
    """Files that differ from HEAD or are new, ignored ones not counted."""
    merged: bool = True
    """The origin has every commit of it, in some branch or tag."""
    known: bool = True
    """False: it could not be looked at, or not all of it; `problem` says why."""
    problem: str = ""
    """What keeps it from being looked at, or is in the middle of something: no repository, a merge that is not finished."""

    @property
    def lost_with_it(self) -> bool:
        """There is work that is nowhere else, or nobody can tell."""
        return bool(self.commits or self.changed or not self.known)

    @property
    def words(self) -> str:
        """What would be lost, for a sentence; empty where nothing would be."""
        parts = [f"{self.commits} commit{'' if self.commits == 1 else 's'}"] if self.commits else []
        parts += [f"{self.changed} changed file{'' if self.changed == 1 else 's'}"] if self.changed else []
        return " and ".join(parts) or ("" if self.known else f"nobody can tell ({self.problem})")


class WorkCommit(Answer):
    sha: str
    subject: str
    author: str
    at: str


class WorkFile(Answer):
    path: str
    status: str
    """added, changed, deleted, renamed, untracked."""
    added: int | None = None
    """Lines; None for what is no text."""
    removed: int | None = None


class Work(Answer):
    """`GET /v1/agents/{name}/work?patch=true`."""

    agent: str
    repo: str | None
    workspace: str
    state: WorkState
    commits: list[WorkCommit] = Field(default_factory=list)
    """The newest 200, newest first."""
    files: list[WorkFile] = Field(default_factory=list)
    """Against `base`: committed and not. At most 2,000."""
    patch: str | None = None
    """Unified, at most 2 MiB."""
    cut: bool = False


class WorkFetch(WireModel):
    """`POST /v1/agents/{name}/work/fetch`."""

    branch: str | None = Field(default=None, max_length=200)
    """In the origin; None: the agent's own, `hive/<name>`. One that is there and would lose commits is refused."""
    of: str | None = Field(default=None, max_length=200)
    """A branch of the agent's, or a commit of 40 hex digits; None: what it has checked out."""


class WorkFetched(Answer):
    agent: str
    repo: str
    branch: str
    commit: str
    before: str | None = None
    """Where the branch was; None: it is new."""
    commits: int = 0
    """That the origin did not have."""
    state: WorkState
    """Afterwards: what stays behind is in its `commits` and `changed`."""
