"""What the operator wants done, said in the imperative. Screens post them; `controller` turns each into a call of hived."""

from dataclasses import dataclass

from hived.wire.messages import When


@dataclass(frozen=True, slots=True)
class SendMessage:
    to: str
    """An agent's name, or `*`."""
    body: str
    when: When
    key: str
    """The idempotency key: sending again after a lost answer makes one message."""


@dataclass(frozen=True, slots=True)
class ApproveItem:
    id: str
    subject: str
    note: str | None = None


@dataclass(frozen=True, slots=True)
class DenyItem:
    id: str
    subject: str
    note: str | None = None


@dataclass(frozen=True, slots=True)
class RetryMessage:
    """Send a held message again."""

    id: str


@dataclass(frozen=True, slots=True)
class DropMessage:
    """Give a held message up."""

    id: str


@dataclass(frozen=True, slots=True)
class SetModel:
    agent: str
    model: str


@dataclass(frozen=True, slots=True)
class CancelTurn:
    agent: str


@dataclass(frozen=True, slots=True)
class StartAgent:
    agent: str


@dataclass(frozen=True, slots=True)
class StopAgent:
    agent: str


@dataclass(frozen=True, slots=True)
class RestartAgent:
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


NEEDS = {"command": "command", "scripted": "scenario"}
"""The option without which that engine cannot start."""


@dataclass(frozen=True, slots=True)
class ListEngines:
    """Find out what engines this machine has."""


Intent = (
    SendMessage
    | ApproveItem
    | DenyItem
    | RetryMessage
    | DropMessage
    | SetModel
    | CancelTurn
    | StartAgent
    | StopAgent
    | RestartAgent
    | SpawnAgent
    | ListEngines
)
