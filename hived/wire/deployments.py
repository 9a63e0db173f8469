"""Config as reviewed code: proposals (approvals of kind `apply_commit`), deployments, diffs and templates."""

from typing import Literal

from pydantic import Field

from hived.wire.approvals import Actor
from hived.wire.base import Answer, JsonObject, WireModel
from hived.wire.ids import ID_PATTERN

DeploymentKind = Literal["spawn", "apply", "rebuild", "rollback", "revive", "migrate"]
DeploymentStatus = Literal["queued", "building", "starting", "checking", "deployed", "failed", "superseded"]
DeploymentStep = Literal["validate", "setup", "start", "health"]
DiffBase = Literal["running", "approved", "queued"]
"""What runs now; what was approved last; the proposal of that agent that was asked for before this one."""

SHA_PATTERN = r"^[0-9a-f]{40}$"


class Proposal(WireModel):
    """`POST /v1/proposals`, on the operator's socket and on a queen's: answered 202 with the approval."""

    agent: str
    commit: str | None = Field(default=None, max_length=64)
    """40 hex digits, never a branch or a tag. None (the operator alone): what HEAD of `repo` names now."""
    repo: str | None = Field(default=None, max_length=4096)
    """An absolute path (the operator alone): a repository of his own that it is taken out of. None: config/<agent>."""
    reason: str | None = Field(default=None, max_length=4096)
    id: str | None = Field(default=None, pattern=ID_PATTERN)
    """Of the approval: an asker that makes it may ask again, and it is the same ask."""


class ProposalPayload(WireModel):
    """The payload of an approval of kind `apply_commit`."""

    agent: str
    agent_id: str
    commit: str
    """Tagged proposal/<approval id> in applied/<agent> before anybody was asked."""
    base: str | None = None
    """What ran when it was asked."""
    summary: str = ""
    """The commit's own words, one line."""
    reason: str | None = None
    files: list[str] = Field(default_factory=list)
    """What it changes against `base`, at most 100."""
    added: int = 0
    removed: int = 0
    setup: list[str] = Field(default_factory=list)
    """The commands that its build would run."""
    flags: list[str] = Field(default_factory=list)
    """What it would let the agent do that it may not now, one line each: `role worker → queen`, `new setup: make`."""


class Deployment(Answer):
    """One build and start of one commit. `building` (validate, setup) → `starting` → `checking` → `deployed` or `failed`; a
    failed one has been taken back by itself: the last good commit runs again."""

    id: str
    agent: str
    agent_id: str
    kind: DeploymentKind
    status: DeploymentStatus
    step: DeploymentStep | None = None
    """failed: at which."""
    commit: str | None = None
    base: str | None = None
    """What ran before."""
    approval: str | None = None
    by: Actor
    note: str | None = None
    reason: str | None = None
    """failed or superseded: why. Of one that is under way: what keeps it from going on, while it is tried again."""
    engine: str
    model: str
    runtime: str
    created_at: str
    started_at: str | None = None
    ended_at: str | None = None


class DeploymentDetail(Deployment):
    """`GET /v1/deployments/{id}`."""

    log: str = ""
    """What its setup printed, the last 64 KiB; the tag holds it too."""


class DeploymentList(Answer):
    """`GET /v1/deployments?agent=&limit=&before=`, newest first."""

    deployments: list[Deployment]
    more: bool = False


class Rollback(WireModel):
    """`POST /v1/agents/{name}/rollback`. Answered with the Deployment when it has ended."""

    to: str | None = Field(default=None, max_length=64)
    """A deployment's id; None: what was deployed before what runs now."""
    note: str | None = Field(default=None, max_length=4096)


class DiffFile(Answer):
    path: str
    old_path: str | None = None
    status: str
    """added, changed, deleted, renamed."""
    added: int | None = None
    """Lines; None for what is no text."""
    removed: int | None = None


class Diff(Answer):
    """`GET /v1/approvals/{id}/diff?base=` (apply_commit) and `GET /v1/deployments/{id}/diff` (against what ran before)."""

    id: str
    agent: str
    base: DiffBase | Literal["before"]
    base_commit: str | None = None
    """None: there is none to compare with; everything is new."""
    base_title: str = ""
    """`deployed 2 h ago by operator`: one line for people."""
    commit: str
    files: list[DiffFile] = Field(default_factory=list)
    text: str = ""
    """Unified, `git diff`'s own form, at most 4 MiB."""
    cut: bool = False


class Template(Answer):
    """`GET /v1/templates`: a folder `config/_templates/<name>` with an agent.toml."""

    name: str
    description: str = ""
    """The first comment line of its agent.toml."""
    problem: str = ""
    said: JsonObject = Field(default_factory=dict)
    """What its agent.toml says."""


class TemplateList(Answer):
    templates: list[Template]
