"""Attach: a snapshot with its `seq`, then the feed after it. Each feed row is a thing's new state, keyed by id."""

from typing import Any, Literal

from pydantic import Field

from hived.wire.agents import AgentView
from hived.wire.approvals import Approval, WaitingItem
from hived.wire.base import Answer
from hived.wire.messages import Message

FeedKind = Literal["agent", "agent_removed", "message", "approval", "waiting", "waiting_removed", "resync"]


class HiveInfo(Answer):
    host: str
    home: str
    pid: int
    protocol: int
    build: str
    started_at: str


class Version(Answer):
    """`GET /v1/version`."""

    protocol: int
    build: str
    version: str


class Health(HiveInfo):
    """`GET /v1/health`, and what `hive status --json` prints."""

    status: Literal["ok", "stopping"] = "ok"
    agents: dict[str, int] = Field(default_factory=dict)
    """How many are in each lifecycle state."""
    waiting: int = 0
    host_socket: str = ""


class Snapshot(Answer):
    """All that a client draws, read in one transaction. Drop feed rows at or below `seq`."""

    seq: int
    hive: HiveInfo
    agents: list[AgentView]
    approvals: list[Approval]
    """Pending ones."""
    waiting: list[WaitingItem]
    messages: list[Message]
    """The newest 200, oldest first."""


class FeedRow(Answer):
    """One SSE event of the feed: `id:` is seq, `event:` the kind, `data:` this.

    agent: AgentView · agent_removed: {id, name} · message: Message · approval: Approval · waiting: WaitingItem ·
    waiting_removed: {id, kind} · resync: {} (take a new snapshot).
    """

    seq: int
    ts: str
    kind: FeedKind
    payload: dict[str, Any]
