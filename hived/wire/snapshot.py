"""Attach: a snapshot with its `seq`, then the feed after it. Each feed row is a thing's new state, keyed by id."""

from typing import Any, Literal

from pydantic import Field

from hived.wire.agents import AgentView
from hived.wire.approvals import Approval, WaitingItem
from hived.wire.base import Answer
from hived.wire.budgets import Budget
from hived.wire.deployments import Deployment
from hived.wire.messages import Message
from hived.wire.pairs import Pair
from hived.wire.questions import Question
from hived.wire.reminders import Reminder
from hived.wire.rules import Rule
from hived.wire.tombstones import Tombstone

FeedKind = Literal[
    "agent", "agent_removed", "message", "receipts", "approval", "question", "pair", "rule", "budget", "budget_removed",
    "reminder", "waiting", "waiting_removed", "tombstone", "tombstone_removed", "deployment", "resync",
]  # fmt: skip


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
    """All that a client draws, read in one transaction. Drop feed rows at or below `seq`.

    What is very long is `cut` in it: the payload of an approval, the body of a held message, the text of a question or of a
    reminder that has more than 16,384 characters, or more than its share of the 4 Mi that there are for all of its kind (400
    where 10,000 are open). Who shows such a one fetches it by its id.
    """

    seq: int
    hive: HiveInfo
    agents: list[AgentView]
    approvals: list[Approval]
    """Pending ones."""
    waiting: list[WaitingItem]
    messages: list[Message]
    """The newest 200, oldest first, and every held one."""
    questions: list[Question] = Field(default_factory=list)
    """The newest 50 that are closed, then the pending ones, each oldest first."""
    pairs: list[Pair] = Field(default_factory=list)
    """Held ones."""
    rules: list[Rule] = Field(default_factory=list)
    """Those in force."""
    budgets: list[Budget] = Field(default_factory=list)
    reminders: list[Reminder] = Field(default_factory=list)
    """Neither done nor cancelled."""
    tombstones: list[Tombstone] = Field(default_factory=list)
    """Newest first. A buried agent is in no other list."""
    deployments: list[Deployment] = Field(default_factory=list)
    """Those under way, and the newest 50 of the others; newest first."""


class FeedRow(Answer):
    """One SSE event of the feed: `id:` is seq, `event:` the kind, `data:` this.

    agent: AgentView · agent_removed: {id, name} · message: Message, when it is made or its words change · receipts:
    {receipts: [Receipt]}, whenever its state changes · approval: Approval · question: Question · pair: Pair · rule: Rule ·
    budget: Budget · budget_removed: {id} · reminder: Reminder · waiting: WaitingItem · waiting_removed: {id, kind} ·
    tombstone: Tombstone · tombstone_removed: {id, name} · deployment: Deployment · resync: {} (take a new snapshot).
    """

    seq: int
    ts: str
    kind: FeedKind
    payload: dict[str, Any]
