"""Agents: what one is asked to be (`AgentSpec`, an agent.toml), and how one is seen (`AgentView`)."""

from typing import Literal

from pydantic import Field

from hived.wire.base import Answer, JsonObject, WireModel
from hived.wire.turns import Cost, Ctx
from hived.wire.work import WorkState

Role = Literal["worker", "queen"]
LifecycleState = Literal[
    "requested", "starting", "running", "stopping", "stopped", "paused", "crashed", "parked", "buried"
]
TurnStateName = Literal["idle", "thinking", "compacting", "napping", "unknown"]
ConditionKind = Literal["online", "needs_login", "rate_limited", "over_budget", "unsandboxed", "no_journal"]

ENGINES_OWN_MODEL = "default"
"""The engine's own choice, which it names once it runs."""
DEFAULT_MODELS = {"claude": "haiku"}
"""Of an agent that was asked for without a model, by engine; ENGINES_OWN_MODEL for every other."""


def default_model(engine: str) -> str:
    return DEFAULT_MODELS.get(engine, ENGINES_OWN_MODEL)


class AgentSpec(WireModel):
    """The keys of an agent.toml."""

    engine: str
    """claude, acp, api, command or scripted."""
    model: str | None = None
    """None: `default_model` of the engine."""
    role: Role = "worker"
    prompt: str | None = None
    """A Markdown file appended to the engine's system prompt."""
    runtime: str | None = None
    """None: the strongest that works here."""
    network: bool | None = None
    """None: none where the runtime can keep it away, which bwrap does. Model traffic needs none."""
    allow_hosts: list[str] = Field(default_factory=list)
    """Without a network: hosts that its tools reach all the same, through agentd's proxy: `pypi.org`, `*.debian.org`,
    `localhost:8080`."""
    read_paths: list[str] = Field(default_factory=list)
    """Absolute: what more of this machine it may read (a toolchain in a home)."""
    env: dict[str, str] = Field(default_factory=dict)
    """Beside the allow-list; never a secret."""
    env_from: list[str] = Field(default_factory=list)
    """Names looked up in secrets.toml, else in hived's environment."""
    setup: list[str] = Field(default_factory=list)
    can_message: list[str] = Field(default_factory=lambda: ["*"])
    limits: JsonObject = Field(default_factory=dict)
    engine_options: JsonObject = Field(default_factory=dict)
    """`command` (a list of words, or a string split as a shell splits), `scenario` (a path), `permission_mode`, …"""
    mcp_servers: list[JsonObject] = Field(default_factory=list)
    rules: list[JsonObject] = Field(default_factory=list)


class SpawnRequest(AgentSpec):
    """`POST /v1/agents`, and the payload of an approval of kind `spawn`."""

    name: str
    parent: str | None = None
    """The name of the agent that answers for it; None: the operator."""
    repo: str | None = None
    """An absolute path to a git repository; the agent gets a clone of its own."""
    reason: str | None = None
    """Why, in the words of who asks. At most 4 KiB."""
    template: str | None = None
    """The folder `config/_templates/<template>` that its config begins as; what is said here stands above its agent.toml."""
    revive: str | None = None
    """hived's alone: the tombstone that comes back with it."""
    changed: list[str] = Field(default_factory=list)
    """hived's alone, of a revive: what is different from when it was buried, one line each."""
    files: dict[str, str] = Field(default_factory=dict)
    """hived's alone: the template's files beside its agent.toml, text by path, as they were when it was asked; the first
    commit of its config holds them."""


class SpawnDraft(SpawnRequest):
    """The body of `POST /v1/agents`: a SpawnRequest whose engine may be its template's to say."""

    engine: str | None = None  # type: ignore[assignment]


class Lifecycle(Answer):
    state: LifecycleState
    since: str
    cause: str
    """One sentence: why it is in this state."""


class LifecycleChange(Answer):
    """One step of an agent's life, for `hive show` and the screen's why."""

    at: str
    state: LifecycleState
    cause: str
    generation: int
    pid: int | None = None


class TurnState(Answer):
    state: TurnStateName
    since: str
    turn_id: str | None = None
    wake: str | None = None
    """What woke it: `message from queen`, `compact`, `checkpoint`, …"""
    until: str | None = None
    """It naps until then (from the end of its turn on, if it is in one); None: no nap."""


class Condition(Answer):
    kind: ConditionKind
    since: str
    detail: str = ""
    until: str | None = None
    """rate_limited: when the limit ends, where that is known."""


class AgentSession(Answer):
    """The engine's conversation: what the next turn goes on with."""

    state: Literal["none", "kept", "armed", "refused"] = "none"
    """`none` yet; `kept`: the next turn goes on with it; `armed`: the next turn begins a new one; `refused`: the engine
    will not resume it, and no turn begins until the operator has chosen (POST new-session, with a primer or without)."""
    id: str | None = None
    primer: bool | None = None
    """armed: whether the new one is told what the journal remembers."""
    since: str | None = None
    detail: str = ""
    """Why, in one sentence."""


LoginState = Literal["starting", "open", "checking", "done", "failed", "cancelled"]


class LoginView(Answer):
    """The last attempt to log the agent's engine in. `open`: somebody must go to `url` and bring the code back."""

    login_id: str
    state: LoginState
    since: str
    url: str | None = None
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
    login: bool = False
    """Its login can be carried through the hive."""
    edited_input: bool = False
    """It runs a tool with an input that the operator has changed."""
    efforts: list[str] = Field(default_factory=list)
    """The levels of thinking effort that it takes; empty: it has none to set."""
    permission_modes: list[str] = Field(default_factory=list)
    closed_models: bool = False
    """The models that it offers are all there are: any other is refused."""


class ModelOffered(Answer):
    """One model that an engine offers."""

    name: str
    """What `model` is set to."""
    title: str = ""
    description: str = ""
    window: int | None = None
    """Tokens."""


class ModelList(Answer):
    """`GET /v1/agents/{name}/models`. Empty until the engine has run once, or where it does not say."""

    current: str
    models: list[ModelOffered] = Field(default_factory=list)
    closed: bool = False
    """There are no others."""


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
    session: AgentSession = Field(default_factory=AgentSession)
    effort: str | None = None
    """None: the engine's own."""
    permission_mode: str | None = None
    """None: what its agent.toml says, else the engine's own."""
    login: LoginView | None = None
    journal_uuid: str | None = None
    cursor: int = 0
    """The last event id that hived has taken."""
    last_event_at: str | None = None
    repo: str | None = None
    workspace: str | None = None
    """The folder it works in."""
    wanted: str = "running"
    """running, paused, stopped, killed or buried."""
    paused: bool = False
    """Wanted paused; `lifecycle.state` is `paused` once its harness has said that everything stands still."""
    commit: str | None = None
    """Of applied/<name>: the config that its generations run; None: not built yet."""
    deploying: str | None = None
    """The deployment that is under way."""
    work: WorkState | None = None
    """None: it has no repository, or nobody has looked yet."""


class AgentDetail(AgentView):
    """`GET /v1/agents/{name}`: the view with what it was asked to be."""

    spec: SpawnRequest
    paths: dict[str, str] = Field(default_factory=dict)
    last_byte_at: str | None = None
    """When hived last heard of anything that its engine did or said."""
    history: list[LifecycleChange] = Field(default_factory=list)
    """The newest 50 steps of its lifecycle, oldest first."""


class AgentList(Answer):
    """`GET /v1/agents`, oldest first."""

    agents: list[AgentView]


class ModelChange(WireModel):
    """`PUT /v1/agents/{name}/model`."""

    model: str = Field(min_length=1, max_length=200)


class EffortChange(WireModel):
    """`PUT /v1/agents/{name}/effort`. None: back to the engine's own."""

    effort: str | None = Field(default=None, max_length=64)


class PermissionModeChange(WireModel):
    """`PUT /v1/agents/{name}/permission-mode`. None: back to its agent.toml's."""

    permission_mode: str | None = Field(default=None, max_length=64)


class NewSession(WireModel):
    """`POST /v1/agents/{name}/new-session`: one-shot, used by the next turn."""

    primer: bool = False
    """Begin it with what the journal remembers (bounded, tool results left out)."""


class Nap(WireModel):
    """`POST /v1/agents/{name}/nap`. No turn begins in a nap, unless for a message marked `now`."""

    seconds: float = Field(ge=0, le=7 * 24 * 3600)
    """0 ends the nap."""


class Rebuild(WireModel):
    """`POST /v1/agents/{name}/rebuild`: what is left out stays. Another engine begins a new conversation, with a primer."""

    engine: str | None = None
    model: str | None = Field(default=None, min_length=1, max_length=200)
    engine_options: JsonObject | None = None
    """Instead of the old ones; another engine without them begins with none."""
    env: dict[str, str] | None = None
    env_from: list[str] | None = None


class LoginCode(WireModel):
    """`POST /v1/agents/{name}/login/code`. Never stored, logged or fed."""

    code: str = Field(min_length=1, max_length=4096)


EngineLogin = Literal["in", "out", "key", "not_needed", "unknown"]


class EngineFound(Answer):
    """One engine on this machine, from `agentd engines --json`. acp has one entry for each preset."""

    kind: str
    preset: str | None = None
    """acp: the name to give as `engine_options.agent`."""
    found: bool
    login: EngineLogin = "unknown"
    """Of the operator's own account on this machine. `key`: an API key in hived's environment or secrets.toml."""
    login_detail: str = ""
    abilities: EngineAbilities = Field(default_factory=EngineAbilities)
    models: list[str] = Field(default_factory=list)
    """Where that can be said without running it: a local server's."""
    version: str | None = None
    path: str | None = None
    detail: str = ""
    install: str = ""
    """How to get it, where it is missing."""


class RuntimeFound(Answer):
    """One runtime on this machine, from `agentd runtimes --json`."""

    kind: str
    works: bool
    """The exact flags that agents are started with have been run here."""
    detail: str = ""
    walls: bool = False
    """It keeps the engine to what is its own; without, agents are `unsandboxed`."""
    networkless: bool = False
    """It can keep the network away."""
    limits: list[str] = Field(default_factory=list)
    """Which of memory, cpu and processes it can hold an engine to here."""
    strength: int = 0
    """The strongest that works is what agents get who name none."""
