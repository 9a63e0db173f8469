"""Agents: what one is asked to be (`AgentSpec`, an agent.toml), and how one is seen (`AgentView`)."""

from typing import Any, Literal

from pydantic import Field

from hived.wire.base import Answer, WireModel
from hived.wire.turns import Cost, Ctx

Role = Literal["worker", "queen"]
LifecycleState = Literal[
    "requested", "starting", "running", "stopping", "stopped", "paused", "crashed", "parked", "buried"
]
TurnStateName = Literal["idle", "thinking", "compacting", "napping", "unknown"]
ConditionKind = Literal["online", "needs_login", "rate_limited", "over_budget", "unsandboxed", "no_journal"]

DEFAULT_MODEL = "haiku"


class AgentSpec(WireModel):
    """The keys of an agent.toml."""

    engine: str
    """claude, acp, api, command or scripted."""
    model: str | None = None
    """None: the engine's own default (`haiku` where it has none)."""
    role: Role = "worker"
    prompt: str | None = None
    """A Markdown file appended to the engine's system prompt."""
    runtime: str | None = None
    """None: the strongest that works here."""
    network: bool = True
    env: dict[str, str] = Field(default_factory=dict)
    """Beside the allow-list; never a secret."""
    env_from: list[str] = Field(default_factory=list)
    """Names looked up in secrets.toml, else in hived's environment."""
    setup: list[str] = Field(default_factory=list)
    can_message: list[str] = Field(default_factory=lambda: ["*"])
    limits: dict[str, Any] = Field(default_factory=dict)
    engine_options: dict[str, Any] = Field(default_factory=dict)
    """`command` (a list of words, or a string split as a shell splits), `scenario` (a path), `permission_mode`, …"""
    mcp_servers: list[dict[str, Any]] = Field(default_factory=list)
    rules: list[dict[str, Any]] = Field(default_factory=list)


class SpawnRequest(AgentSpec):
    """`POST /v1/agents`, and the payload of an approval of kind `spawn`."""

    name: str
    parent: str | None = None
    """The name of the agent that answers for it; None: the operator."""
    repo: str | None = None
    """An absolute path to a git repository; the agent gets a clone of its own."""
    reason: str | None = None
    """Why, in the words of who asks. At most 4 KiB."""


class Lifecycle(Answer):
    state: LifecycleState
    since: str
    cause: str
    """One sentence: why it is in this state."""


class TurnState(Answer):
    state: TurnStateName
    since: str
    turn_id: str | None = None
    wake: str | None = None
    """What woke it: `message from queen`, …"""


class Condition(Answer):
    kind: ConditionKind
    since: str
    detail: str = ""


class Spend(Answer):
    """Summed over turns from their `turn_end`."""

    today_usd: float | None = None
    total_usd: float | None = None
    turns: int = 0
    estimated: bool = False


class EngineAbilities(Answer):
    """What an engine can do, as the harness reports it."""

    steer: bool = False
    interrupt: bool = False
    set_model: bool = False
    resume: bool = False
    compact: bool = False


class AgentView(Answer):
    """One agent as clients draw it. The feed carries it whole on every change of state."""

    id: str
    name: str
    role: Role
    engine: str
    model: str
    runtime: str
    parent: str | None
    created_at: str
    lifecycle: Lifecycle
    turn: TurnState
    conditions: list[Condition] = Field(default_factory=list)
    online: bool = False
    """Its harness of the current generation is connected."""
    generation: int = 0
    pid: int | None = None
    abilities: EngineAbilities = Field(default_factory=EngineAbilities)
    ctx: Ctx | None = None
    """After the last turn that reported it; None until then, never 0."""
    cost: Cost | None = None
    """Of the last turn."""
    spend: Spend = Field(default_factory=Spend)
    unread: int = 0
    """Messages queued for it, leased ones not counted."""
    held: int = 0
    waiting: int = 0
    """How many things of its wait on the operator."""
    last_outcome: str | None = None
    last_error: str | None = None
    session_id: str | None = None
    journal_uuid: str | None = None
    cursor: int = 0
    """The last event id that hived has taken."""
    last_event_at: str | None = None
    repo: str | None = None
    workspace: str | None = None
    """The folder it works in."""


class AgentDetail(AgentView):
    """`GET /v1/agents/{name}`: the view with what it was asked to be."""

    spec: SpawnRequest
    paths: dict[str, str] = Field(default_factory=dict)


class AgentList(Answer):
    """`GET /v1/agents`, oldest first."""

    agents: list[AgentView]


class ModelChange(WireModel):
    """`PUT /v1/agents/{name}/model`."""

    model: str = Field(min_length=1, max_length=200)


class EngineFound(Answer):
    """One engine on this machine, from `agentd engines --json`."""

    kind: str
    found: bool
    version: str | None = None
    path: str | None = None
    detail: str = ""
    install: str = ""
    """How to get it, where it is missing."""


class RuntimeFound(Answer):
    """One runtime on this machine, from `agentd runtimes --json`."""

    kind: str
    works: bool
    detail: str = ""
