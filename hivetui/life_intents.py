"""What the operator wants of agents' lives: lifecycle, work, tombstones, deployments, diffs; said in the imperative."""

from dataclasses import dataclass
from typing import Literal

from hived.client.lifecycle_calls import Verb
from hived.wire.deployments import DiffBase


@dataclass(frozen=True, slots=True)
class Act:
    """Start, stop, restart, kill, pause, resume or rebuild these. None means none, never all."""

    verb: Verb
    agents: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Destroy:
    """Stop and bury these; all that is theirs is kept."""

    agents: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Inspect:
    """All that hived knows of one agent, its history included."""

    agent: str


@dataclass(frozen=True, slots=True)
class Revive:
    """Ask for the spawn that brings it back."""

    name: str


@dataclass(frozen=True, slots=True)
class PlanPurge:
    """Find out what a purge would take."""

    name: str


@dataclass(frozen=True, slots=True)
class PurgeTombstone:
    name: str
    discard_work: bool = False


@dataclass(frozen=True, slots=True)
class LookAtWork:
    """What it changed in its clone, as a patch."""

    agent: str


@dataclass(frozen=True, slots=True)
class BringWorkHome:
    """Its commits, as a branch of the repository that its clone came from."""

    agent: str


@dataclass(frozen=True, slots=True)
class LoadDeployments:
    """A page of older ones."""

    before: str | None
    agent: str | None = None


@dataclass(frozen=True, slots=True)
class ShowDeployment:
    """With what its setup printed."""

    id: str


@dataclass(frozen=True, slots=True)
class RollBack:
    """`to`: a deployment's id; None: what was deployed before what runs."""

    agent: str
    to: str | None = None


@dataclass(frozen=True, slots=True)
class LoadDiff:
    """What a config commit changes. Of a deployment: against what ran before it."""

    of: Literal["approval", "deployment"]
    id: str
    base: DiffBase = "running"


@dataclass(frozen=True, slots=True)
class ListTemplates:
    """What new agents can begin as."""


LifeIntent = (
    Act
    | Destroy
    | Inspect
    | Revive
    | PlanPurge
    | PurgeTombstone
    | LookAtWork
    | BringWorkHome
    | LoadDeployments
    | ShowDeployment
    | RollBack
    | LoadDiff
    | ListTemplates
)
