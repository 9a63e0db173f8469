"""What the operator wants done, said in the imperative. Screens post them; `controller` turns each into a call of hived."""

from dataclasses import dataclass, field
from typing import Any, Literal

from hived.wire.messages import When
from hived.wire.rules import RuleScope
from hivetui.book_intents import BookIntent
from hivetui.life_intents import LifeIntent


@dataclass(frozen=True, slots=True)
class SendMessage:
    to: str
    """An agent's name, or `*`."""
    body: str
    when: When
    key: str
    """The idempotency key: sending again after a lost answer makes one message."""
    reply_to: str | None = None
    """The message that it answers: it joins that one's thread."""


@dataclass(frozen=True, slots=True)
class ApproveItem:
    id: str
    subject: str
    note: str | None = None
    updated_input: dict[str, Any] | None = None
    """tool_use: run it with this instead."""
    remember: RuleScope | None = None
    """tool_use: with the rule that was shown before."""


@dataclass(frozen=True, slots=True)
class DenyItem:
    id: str
    subject: str
    note: str | None = None


@dataclass(frozen=True, slots=True)
class RetryMessage:
    """Send a held message again."""

    id: str
    body: str | None = None
    """In these words instead."""


@dataclass(frozen=True, slots=True)
class DropMessage:
    """Give a held message up."""

    id: str


@dataclass(frozen=True, slots=True)
class AnswerQuestion:
    id: str
    asker: str
    text: str | None = None
    options: tuple[int, ...] = ()
    """Numbers from 0."""


@dataclass(frozen=True, slots=True)
class ReleasePair:
    """Let two agents go on: what is held between them is queued anew."""

    id: str


@dataclass(frozen=True, slots=True)
class DropPair:
    """Give up what is held between two agents."""

    id: str


@dataclass(frozen=True, slots=True)
class RaiseBudget:
    """More, in this window only. Without figures: as much again as the budget itself."""

    id: str
    usd: float | None = None
    tokens: int | None = None
    turns: int | None = None


@dataclass(frozen=True, slots=True)
class ProposeRule:
    """Find out what rule would have answered that approval."""

    id: str
    scope: RuleScope


WholeKind = Literal["approval", "question", "held_message"]


@dataclass(frozen=True, slots=True)
class FetchAsk:
    """All of an approval, a question or a held message, of which the snapshot held only the beginning."""

    id: str
    kind: WholeKind = "approval"


@dataclass(frozen=True, slots=True)
class SetModel:
    agent: str
    model: str


@dataclass(frozen=True, slots=True)
class ListModels:
    """Find out what models its engine offers."""

    agent: str


@dataclass(frozen=True, slots=True)
class SetEffort:
    agent: str
    effort: str | None
    """None: back to the engine's own."""


@dataclass(frozen=True, slots=True)
class SetPermissionMode:
    agent: str
    mode: str | None
    """None: back to its agent.toml's."""


@dataclass(frozen=True, slots=True)
class CancelTurn:
    agent: str


@dataclass(frozen=True, slots=True)
class Compact:
    """Make its conversation shorter, in a turn of its own."""

    agent: str


@dataclass(frozen=True, slots=True)
class NewSession:
    """Its next turn begins a new conversation, with a primer from the journal or clean."""

    agent: str
    primer: bool


@dataclass(frozen=True, slots=True)
class Nap:
    agent: str
    seconds: int
    """0 ends the nap."""


@dataclass(frozen=True, slots=True)
class Resume:
    """End its nap and its rate limit now."""

    agent: str


@dataclass(frozen=True, slots=True)
class Rebuild:
    """Put it on another engine or model."""

    agent: str
    engine: str
    model: str | None = None
    options: tuple[tuple[str, str], ...] = ()
    env_from: tuple[str, ...] = ()
    """Names of secrets; none: those it had stay."""


@dataclass(frozen=True, slots=True)
class Record:
    """Write what it did into a file here, as a scenario."""

    agent: str
    file: str


@dataclass(frozen=True, slots=True)
class StartLogin:
    """Log its engine in: hived answers once there is a link."""

    agent: str


@dataclass(frozen=True, slots=True)
class GiveLoginCode:
    agent: str
    code: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class CancelLogin:
    agent: str


@dataclass(frozen=True, slots=True)
class Examine:
    """Let hived look at its machine."""


@dataclass(frozen=True, slots=True)
class StartAgent:
    agent: str


@dataclass(frozen=True, slots=True)
class SpawnAgent:
    """Ask for an agent and approve it: the operator does both in one go."""

    name: str
    engine: str
    role: str = "worker"
    model: str | None = None
    parent: str | None = None
    options: tuple[tuple[str, str], ...] = ()
    """What its engine needs: `command`, `scenario`, …"""
    env_from: tuple[str, ...] = ()
    """Names of secrets that it is given."""
    template: str | None = None
    """What it begins as; what is said here stands above it, and `engine` may be empty then."""
    seen: str = ""
    """What that template said when it was looked at, as JSON: another one is not approved."""
    runtime: str | None = None
    prompt: str | None = None
    """The path of a file that is appended to its system prompt."""


HAVE_FORMS = frozenset({"command", "scripted", "acp", "api"})
"""Engines that are told more than a model before they can start."""


@dataclass(frozen=True, slots=True)
class ListEngines:
    """Find out what engines this machine has."""


Decision = (
    ApproveItem
    | DenyItem
    | RetryMessage
    | DropMessage
    | AnswerQuestion
    | ReleasePair
    | DropPair
    | RaiseBudget
    | Resume
    | NewSession
    | StartAgent
)


@dataclass(frozen=True, slots=True)
class DecideAll:
    """All of these at once; what came of them is said in one sentence."""

    decisions: tuple[Decision, ...]


Intent = (
    SendMessage
    | Decision
    | DecideAll
    | ProposeRule
    | FetchAsk
    | SetModel
    | ListModels
    | SetEffort
    | SetPermissionMode
    | CancelTurn
    | Compact
    | Nap
    | Rebuild
    | Record
    | StartLogin
    | GiveLoginCode
    | CancelLogin
    | Examine
    | SpawnAgent
    | ListEngines
    | BookIntent
    | LifeIntent
)
