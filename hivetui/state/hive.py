"""The whole hive as the screen draws it, and the one pure reducer: `reduced(state, change)` gives the next state.

Changes are what happened (past tense); they come from `sync` and `controller`. A feed row replaces a thing, never merges.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from hived.wire.agents import AgentView, EngineFound
from hived.wire.approvals import Approval, WaitingItem
from hived.wire.budgets import Budget
from hived.wire.deployments import Deployment
from hived.wire.logs import LogLines
from hived.wire.messages import Message, ReceiptList
from hived.wire.pairs import Pair
from hived.wire.questions import Question
from hived.wire.reminders import Reminder
from hived.wire.rules import Rule
from hived.wire.snapshot import FeedRow, Snapshot
from hived.wire.tombstones import Tombstone
from hivetui.state import logs
from hivetui.state.agents import SHAPES, Agent, ShapeKind, agent_from, in_order
from hivetui.state.budgets import Budgets, with_budget, without_budget
from hivetui.state.deployments import Deployments, with_deployments
from hivetui.state.logs import LogOf, Logs
from hivetui.state.messages import Messages, letter_from, with_messages, with_receipts
from hivetui.state.questions import Questions, with_questions
from hivetui.state.reminders import Reminders, with_reminder
from hivetui.state.rules import Rules, with_rule
from hivetui.state.tombstones import Tombstones, with_tombstone, without_tombstone
from hivetui.state.waiting import (
    WaitingOnYou,
    ask_from,
    attached,
    listed_id,
    waiting_from,
    with_ask,
    with_item,
    without,
)


@dataclass(frozen=True, slots=True)
class Link:
    """How it stands with hived. `live` is the only one in which the rest is known to be true now."""

    kind: Literal["connecting", "live", "away", "refused"] = "connecting"
    since: str = ""
    reason: str = ""
    was_live: bool = False


@dataclass(frozen=True, slots=True)
class Notice:
    """What came of something that was asked for, in one sentence."""

    text: str
    tone: Literal["good", "bad", "plain"] = "plain"
    code: str = ""
    at: str = ""


@dataclass(frozen=True, slots=True)
class Acting:
    """What hived was asked to do with an agent, and since when; it has not answered yet."""

    word: str
    since: str


@dataclass(frozen=True, slots=True)
class HiveState:
    host: str = ""
    home: str = ""
    build: str = ""
    seq: int = 0
    attached: bool = False
    """A snapshot has been taken."""
    link: Link = field(default_factory=Link)
    agents: dict[str, Agent] = field(default_factory=dict)
    """By name."""
    waiting: WaitingOnYou = field(default_factory=WaitingOnYou)
    messages: Messages = field(default_factory=dict)
    questions: Questions = field(default_factory=dict)
    pairs: dict[str, Pair] = field(default_factory=dict)
    """Held ones."""
    rules: Rules = field(default_factory=dict)
    budgets: Budgets = field(default_factory=dict)
    reminders: Reminders = field(default_factory=dict)
    tombstones: Tombstones = field(default_factory=dict)
    deployments: Deployments = field(default_factory=dict)
    logs: Logs = field(default_factory=dict)
    """Those that are to be seen now."""
    acting: dict[str, Acting] = field(default_factory=dict)
    """By the agent's name."""
    engines: tuple[EngineFound, ...] | None = None
    """None until hived was asked."""
    notice: Notice | None = None

    @property
    def ordered(self) -> tuple[Agent, ...]:
        return in_order(self.agents)

    @property
    def usd_today(self) -> float | None:
        """None while no agent has a figure."""
        figures = [agent.usd_today for agent in self.agents.values() if agent.usd_today is not None]
        return sum(figures) if figures else None

    def counts(self) -> dict[ShapeKind, int]:
        """What hived was asked to do with an agent, and has not said to be done, counts as its stopping."""
        counted: dict[ShapeKind, int] = dict.fromkeys(SHAPES, 0)
        for agent in self.agents.values():
            counted["stopping" if agent.acting else agent.shape_kind] += 1
        return {kind: count for kind, count in counted.items() if count}


@dataclass(frozen=True, slots=True)
class SnapshotTaken:
    snapshot: Snapshot


@dataclass(frozen=True, slots=True)
class FeedRowsCame:
    rows: Sequence[FeedRow]


@dataclass(frozen=True, slots=True)
class LinkLost:
    at: str
    reason: str


@dataclass(frozen=True, slots=True)
class LinkMade:
    at: str


@dataclass(frozen=True, slots=True)
class LinkRefused:
    """hived answers and this client must not go on: another protocol."""

    at: str
    reason: str


@dataclass(frozen=True, slots=True)
class EnginesListed:
    engines: tuple[EngineFound, ...]


@dataclass(frozen=True, slots=True)
class Noticed:
    notice: Notice | None


@dataclass(frozen=True, slots=True)
class ActBegan:
    """hived was asked to do that with these agents."""

    agents: tuple[str, ...]
    word: str
    """`stopping`, `burying`."""
    at: str


@dataclass(frozen=True, slots=True)
class ActEnded:
    """hived has answered."""

    agents: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WaitingArranged:
    """The operator moved in the list of what waits, marked something, or narrowed it."""

    arrange: Callable[[WaitingOnYou], WaitingOnYou]


@dataclass(frozen=True, slots=True)
class AskFetched:
    """All of something, of which the snapshot held only the beginning."""

    whole: Approval | Question | Message


@dataclass(frozen=True, slots=True)
class LogsFollowed:
    """These logs are to be seen, and no others."""

    logs: frozenset[LogOf]


@dataclass(frozen=True, slots=True)
class LogBegun:
    """hived sends its newest lines next, if there are any."""

    of: LogOf


@dataclass(frozen=True, slots=True)
class LogWritten:
    of: LogOf
    parts: Sequence[LogLines]


@dataclass(frozen=True, slots=True)
class LogFailed:
    """No lines of it come, for now."""

    of: LogOf
    reason: str


Change = (
    SnapshotTaken
    | FeedRowsCame
    | LinkLost
    | LinkMade
    | LinkRefused
    | EnginesListed
    | Noticed
    | ActBegan
    | ActEnded
    | WaitingArranged
    | AskFetched
    | LogsFollowed
    | LogBegun
    | LogWritten
    | LogFailed
)


def reduced(state: HiveState, change: Change) -> HiveState:
    match change:
        case SnapshotTaken(snapshot):
            return _after_snapshot(state, snapshot)
        case FeedRowsCame(rows):
            for row in rows:
                if row.seq > state.seq:
                    state = _after_row(replace(state, seq=row.seq), row)
            return _with_beside(state)
        case LinkLost(at, reason):
            since = state.link.since if state.link.kind == "away" else at
            return replace(state, link=Link("away", since, reason, state.link.was_live or state.link.kind == "live"))
        case LinkMade(at):
            return replace(state, link=Link("live", at, "", state.link.kind == "away" and state.link.was_live))
        case LinkRefused(at, reason):
            return replace(state, link=Link("refused", at, reason))
        case EnginesListed(engines):
            return replace(state, engines=engines)
        case Noticed(notice):
            return replace(state, notice=notice)
        case ActBegan(agents, word, at):
            began = {name: Acting(word, at) for name in agents}
            return _with_beside(replace(state, acting={**state.acting, **began}))
        case ActEnded(agents):
            left = {name: acting for name, acting in state.acting.items() if name not in agents}
            return _with_beside(replace(state, acting=left))
        case WaitingArranged(arrange):
            return replace(state, waiting=arrange(state.waiting))
        case AskFetched(whole):
            return _with_whole(state, whole)
        case LogsFollowed(wanted):
            return replace(state, logs=logs.followed(state.logs, wanted))
        case LogBegun(of):
            return replace(state, logs=logs.begun(state.logs, of))
        case LogWritten(of, parts):
            return replace(state, logs=logs.written(state.logs, of, parts))
        case LogFailed(of, reason):
            return replace(state, logs=logs.failed(state.logs, of, reason))


def _with_whole(state: HiveState, whole: Approval | Question | Message) -> HiveState:
    if isinstance(whole, Approval):
        return replace(state, waiting=with_ask(state.waiting, whole.id, ask_from(whole)))
    if isinstance(whole, Question):
        return replace(state, questions=with_questions(state.questions, [whole]))
    return replace(state, messages=with_messages(state.messages, [letter_from(whole)]))


def _after_snapshot(state: HiveState, snapshot: Snapshot) -> HiveState:
    asks = {approval.id: ask_from(approval) for approval in snapshot.approvals}
    items = [waiting_from(item) for item in snapshot.waiting]
    return _with_beside(
        replace(
            state,
            host=snapshot.hive.host,
            home=snapshot.hive.home,
            build=snapshot.hive.build,
            seq=snapshot.seq,
            attached=True,
            agents={view.name: agent_from(view) for view in snapshot.agents},
            waiting=attached(state.waiting, items, asks),
            messages=with_messages({}, [letter_from(message) for message in snapshot.messages]),
            questions=with_questions({}, snapshot.questions),
            pairs={pair.id: pair for pair in snapshot.pairs},
            rules={rule.id: rule for rule in snapshot.rules},
            budgets={budget.id: budget for budget in snapshot.budgets},
            reminders={reminder.id: reminder for reminder in snapshot.reminders},
            tombstones={tombstone.id: tombstone for tombstone in snapshot.tombstones},
            deployments=with_deployments({}, snapshot.deployments),
        )
    )


def _after_row(state: HiveState, row: FeedRow) -> HiveState:
    payload = row.payload
    match row.kind:
        case "agent":
            agent = agent_from(AgentView.model_validate(payload))
            kept = {name: known for name, known in state.agents.items() if known.id != agent.id}
            return replace(state, agents={**kept, agent.name: agent})
        case "agent_removed":
            return replace(state, agents={name: a for name, a in state.agents.items() if a.id != payload["id"]})
        case "message":
            letter = letter_from(Message.model_validate(payload))
            return replace(state, messages=with_messages(state.messages, [letter]))
        case "receipts":
            return replace(state, messages=with_receipts(state.messages, ReceiptList.model_validate(payload).receipts))
        case "question":
            return replace(state, questions=with_questions(state.questions, [Question.model_validate(payload)]))
        case "pair":
            pair = Pair.model_validate(payload)
            others = {id: other for id, other in state.pairs.items() if id != pair.id}
            return replace(state, pairs={**others, pair.id: pair} if pair.status == "held" else others)
        case "rule":
            return replace(state, rules=with_rule(state.rules, Rule.model_validate(payload)))
        case "budget":
            return replace(state, budgets=with_budget(state.budgets, Budget.model_validate(payload)))
        case "budget_removed":
            return replace(state, budgets=without_budget(state.budgets, payload["id"]))
        case "reminder":
            return replace(state, reminders=with_reminder(state.reminders, Reminder.model_validate(payload)))
        case "tombstone":
            return replace(state, tombstones=with_tombstone(state.tombstones, Tombstone.model_validate(payload)))
        case "tombstone_removed":
            return replace(state, tombstones=without_tombstone(state.tombstones, payload["id"]))
        case "deployment":
            return replace(state, deployments=with_deployments(state.deployments, [Deployment.model_validate(payload)]))
        case "approval":
            approval = Approval.model_validate(payload)
            return replace(state, waiting=with_ask(state.waiting, approval.id, ask_from(approval)))
        case "waiting":
            item = waiting_from(WaitingItem.model_validate(payload))
            return replace(state, waiting=with_item(state.waiting, item))
        case "waiting_removed":
            return replace(state, waiting=without(state.waiting, listed_id(payload.get("kind", ""), payload["id"])))
        case _:
            return state


def _with_beside(state: HiveState) -> HiveState:
    """Agents with what is known of them beside their own rows: that they wait on the operator, and what was asked."""
    since: dict[str | None, str] = {}
    for item in state.waiting.pending:
        if item.blocks:
            since[item.agent] = min(item.since, since.get(item.agent, item.since))
    none = Acting("", "")
    agents = {
        name: _beside(agent, since.get(name), state.acting.get(name, none)) for name, agent in state.agents.items()
    }
    return replace(state, agents=agents)


def _beside(agent: Agent, blocked_since: str | None, acting: Acting) -> Agent:
    found = (blocked_since is not None, blocked_since or "", acting.word, acting.since)
    if (agent.blocked, agent.blocked_since, agent.acting, agent.acting_since) == found:
        return agent
    return replace(agent, blocked=found[0], blocked_since=found[1], acting=found[2], acting_since=found[3])
