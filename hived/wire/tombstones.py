"""Tombstones: agents that were destroyed and whose state is kept. Revive brings one back, purge ends it for good."""

from typing import Literal

from pydantic import Field

from hived.wire.approvals import Actor
from hived.wire.base import Answer, WireModel
from hived.wire.work import WorkState

SizeKind = Literal["journal", "state", "home", "work", "logs", "config", "other"]


class OpenItems(Answer):
    """What was still open of it."""

    messages: int = 0
    """Queued for it; they wait."""
    held: int = 0
    questions: int = 0
    """It asked, or was asked."""
    reminders: int = 0
    spawned: list[str] = Field(default_factory=list)
    """Agents that name it as their parent."""


class Tombstone(Answer):
    id: str
    """The agent's."""
    name: str
    role: str
    engine: str
    model: str
    runtime: str
    parent: str | None = None
    created_at: str
    buried_at: str
    buried_by: Actor
    cause: str
    """One sentence."""
    bytes: int = 0
    sizes: dict[SizeKind, int] = Field(default_factory=dict)
    """Bytes on disk by kind."""
    last_words: str = ""
    """The last text it wrote, at most 500 characters."""
    last_words_at: str | None = None
    open: OpenItems = Field(default_factory=OpenItems)
    work: WorkState | None = None
    session_id: str | None = None
    """The conversation that a revive goes on with."""
    turns: int = 0
    usd: float | None = None
    commit: str | None = None
    """Of the config that it ran."""
    reviving: str | None = None
    """The pending approval that would revive it."""
    purging: bool = False
    problem: str = ""
    """purging: why it does not go on; asking for it again tries again."""
    note: str | None = None
    """Of who destroyed it."""
    origin_head: str | None = None
    """The commit that its repository's branch was at when it was buried."""
    engine_version: str | None = None
    """As this machine had it then."""


class TombstoneList(Answer):
    """`GET /v1/tombstones`, newest first."""

    tombstones: list[Tombstone]


class Destroy(WireModel):
    """`DELETE /v1/agents/{name}`, the body may be left out: stops and buries; answered with the Tombstone when that is done."""

    purge: bool = False
    """Then purge it, as `Purge` would."""
    discard_work: bool = False
    note: str | None = Field(default=None, max_length=4096)


class Revive(WireModel):
    """`POST /v1/tombstones/{name}/revive`: answered 202 with the spawn approval that must be decided first."""

    note: str | None = Field(default=None, max_length=4096)


class Changed(Answer):
    """What is different from when it was buried: one line each, in the payload of a revive's approval."""

    what: Literal["config", "repo", "messages", "engine", "questions", "reminders"]
    words: str


class Purge(WireModel):
    """`DELETE /v1/tombstones/{name}`: 409 `work_unmerged` where work is nowhere else, unless `discard_work`."""

    discard_work: bool = False


class PurgePlan(Answer):
    """`GET /v1/tombstones/{name}/purge`: what a purge would take, read now."""

    name: str
    id: str
    bytes: int
    sizes: dict[SizeKind, int] = Field(default_factory=dict)
    goes: list[str] = Field(default_factory=list)
    """One line for each thing: folders, messages, questions, reminders, rules, budgets."""
    stays: list[str] = Field(default_factory=list)
    """Decisions without their payload, deployments, meta's history, a bundle."""
    work: WorkState | None = None
    stopped_by: str = ""
    """Why it would be refused as it is; empty: it would be done."""


class Purged(Answer):
    name: str
    id: str
    bytes: int
    bundle: str | None = None
    """Where its last bundle lies, and until when it is kept."""
    bundle_until: str | None = None
