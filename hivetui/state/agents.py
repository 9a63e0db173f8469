"""Agents as the screen draws them: one frozen row each, and the shape and word that say its state without colour."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from hived.wire.agents import AgentView, LoginView
from hived.wire.work import WorkState

ShapeKind = Literal[
    "thinking", "waiting", "idle", "compacting", "limited", "login", "refused", "napping", "starting", "stopping",
    "stopped", "paused", "pausing", "resuming", "building", "burying", "crashed", "parked", "buried", "offline",
    "unknown",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shape:
    """A state's glyph (in every common font), word, and the colour token it is drawn in."""

    kind: ShapeKind
    glyph: str
    word: str
    tone: Literal["accent", "wait", "bad", "dim", "soft"]


SHAPES: dict[ShapeKind, Shape] = {
    shape.kind: shape
    for shape in (
        Shape("thinking", "●", "thinking", "accent"),
        Shape("waiting", "▲", "waits on you", "wait"),
        Shape("idle", "○", "idle", "dim"),
        Shape("compacting", "◐", "compacting", "soft"),
        Shape("limited", "⊘", "limited", "bad"),
        Shape("login", "⊘", "needs login", "bad"),
        Shape("refused", "▲", "resume refused", "wait"),
        Shape("napping", "☾", "napping", "dim"),
        Shape("starting", "◌", "starting", "soft"),
        Shape("stopping", "◌", "stopping", "soft"),
        Shape("stopped", "□", "stopped", "dim"),
        Shape("paused", "‖", "paused", "soft"),
        Shape("pausing", "◌", "pausing", "soft"),
        Shape("resuming", "◌", "resuming", "soft"),
        Shape("building", "◌", "being built", "soft"),
        Shape("burying", "◌", "being buried", "soft"),
        Shape("crashed", "✗", "crashed", "bad"),
        Shape("parked", "■", "parked", "bad"),
        Shape("buried", "†", "buried", "dim"),
        Shape("offline", "?", "not connected", "dim"),
        Shape("unknown", "?", "not heard from", "dim"),
    )
}

ORDER: tuple[ShapeKind, ...] = (
    "thinking", "compacting", "login", "refused", "limited", "crashed", "parked", "paused", "pausing", "resuming", "building",
    "starting", "stopping", "burying", "offline", "unknown", "napping", "idle", "stopped",
)  # fmt: skip
"""The order in which the header counts states; what waits has its own place there."""

_OF_LIFECYCLE: dict[str, ShapeKind] = {
    "requested": "starting", "starting": "starting", "stopping": "stopping", "stopped": "stopped", "paused": "paused",
    "crashed": "crashed", "parked": "parked", "buried": "buried",
}  # fmt: skip
_OF_TURN: dict[str, ShapeKind] = {
    "idle": "idle",
    "thinking": "thinking",
    "compacting": "compacting",
    "napping": "napping",
}
_OF_CONDITION: dict[str, ShapeKind] = {"needs_login": "login", "over_budget": "limited", "rate_limited": "limited"}
"""What needs the operator most comes first."""


class Condition(NamedTuple):
    """Something that holds beside its turns."""

    kind: str
    since: str
    detail: str = ""
    until: str | None = None
    """A wire time; None where nobody said."""


@dataclass(frozen=True, slots=True)
class Login:
    """The last attempt to log its engine in."""

    id: str
    state: str
    """starting, open, checking, done, failed or cancelled."""
    since: str
    url: str | None
    detail: str

    @property
    def under_way(self) -> bool:
        return self.state in ("starting", "open", "checking")


@dataclass(frozen=True, slots=True)
class Conversation:
    """What its next turn goes on with: `none`, `kept`, `armed` (it begins a new one) or `refused` (no turn begins)."""

    state: str = "none"
    since: str | None = None
    primer: bool = False
    """armed: the new one is told what the journal remembers."""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Abilities:
    """What its engine can do."""

    steer: bool = False
    compact: bool = False
    login: bool = False
    efforts: tuple[str, ...] = ()
    permission_modes: tuple[str, ...] = ()
    closed_models: bool = False


@dataclass(frozen=True, slots=True)
class Agent:
    """What clients draw of an agent. `*_since` and `*_at` are wire times; None where there is no figure, never 0."""

    id: str
    name: str
    role: str
    engine: str
    model: str
    runtime: str
    lifecycle: str
    lifecycle_since: str
    cause: str
    turn: str
    turn_since: str
    turn_id: str | None
    wake: str | None
    turn_until: str | None
    """It naps until then: from the end of its turn on, if it is in one."""
    conditions: tuple[Condition, ...]
    online: bool
    abilities: Abilities
    conversation: Conversation
    effort: str | None
    permission_mode: str | None
    login: Login | None
    ctx_percent: int | None
    ctx_tokens: int | None
    usd: float | None
    usd_today: float | None
    estimated: bool
    unread: int
    held: int
    waiting: int
    last_error: str | None
    last_event_at: str | None
    journal_uuid: str | None
    repo: str | None
    workspace: str | None
    wanted: str = "running"
    """running, paused, stopped, killed or buried: what is to become of it."""
    paused: bool = False
    """Wanted paused; its lifecycle says whether it is."""
    commit: str | None = None
    """The config that its generations run."""
    deploying: str | None = None
    """The deployment that is under way."""
    work: WorkState | None = None
    """What it changed in its clone; None: it has none, or nobody has looked."""
    blocked: bool = False
    """Its turn stands still until the operator decides something; kept by the hive's reducer, as is since when."""
    blocked_since: str = ""
    acting: str = ""
    """What hived was asked to do with it and has not answered yet: `stopping`, `burying`; kept by the reducer too."""
    acting_since: str = ""

    @property
    def shape(self) -> Shape:
        shape = SHAPES[self.shape_kind]
        return Shape(shape.kind, "◌", self.acting, "soft") if self.acting else shape

    @property
    def shape_kind(self) -> ShapeKind:
        if self.wanted == "buried" and self.lifecycle != "buried":
            return "burying"
        if self.lifecycle == "requested" and self.deploying:
            return "building"
        if self.paused != (self.lifecycle == "paused") and self.lifecycle in ("running", "paused"):
            return "pausing" if self.paused else "resuming"
        if self.lifecycle in _OF_LIFECYCLE:
            return _OF_LIFECYCLE[self.lifecycle]
        if self.blocked:
            return "waiting"
        if self.conversation.state == "refused":
            return "refused"
        if (condition := self.hindrance) is not None:
            return _OF_CONDITION[condition.kind]
        if not self.online:
            return "offline"
        if self.turn == "idle" and self.waiting:
            return "waiting"
        return _OF_TURN.get(self.turn, "unknown")

    @property
    def since(self) -> str:
        """Since when it is in the state that its shape says."""
        if self.acting:
            return self.acting_since
        if self.shape_kind in ("pausing", "resuming"):
            return ""
        if self.lifecycle in _OF_LIFECYCLE:
            return self.lifecycle_since
        if self.blocked:
            return self.blocked_since or self.turn_since
        if self.conversation.state == "refused":
            return self.conversation.since or self.turn_since
        return self.turn_since if self.hindrance is None else self.hindrance.since

    @property
    def hindrance(self) -> Condition | None:
        """The condition that keeps it from working."""
        held = {condition.kind: condition for condition in self.conditions}
        return next((held[kind] for kind in _OF_CONDITION if kind in held), None)

    def condition(self, kind: str) -> Condition | None:
        return next((condition for condition in self.conditions if condition.kind == kind), None)

    @property
    def busy(self) -> bool:
        return self.turn in ("thinking", "compacting") and self.lifecycle == "running"

    @property
    def in_turn(self) -> bool:
        """It is in a turn, at work or frozen: what ends its processes breaks that off."""
        return self.turn in ("thinking", "compacting") and self.lifecycle in ("running", "paused", "stopping")

    @property
    def unsandboxed(self) -> bool:
        return self.condition("unsandboxed") is not None


def agent_from(view: AgentView) -> Agent:
    return Agent(
        id=view.id,
        name=view.name,
        role=view.role,
        engine=view.engine,
        model=view.model,
        runtime=view.runtime,
        lifecycle=view.lifecycle.state,
        lifecycle_since=view.lifecycle.since,
        cause=view.lifecycle.cause,
        turn=view.turn.state,
        turn_since=view.turn.since,
        turn_id=view.turn.turn_id,
        wake=view.turn.wake,
        turn_until=view.turn.until,
        conditions=tuple(Condition(held.kind, held.since, held.detail, held.until) for held in view.conditions),
        online=view.online,
        abilities=Abilities(
            steer=view.abilities.steer,
            compact=view.abilities.compact,
            login=view.abilities.login,
            efforts=tuple(view.abilities.efforts),
            permission_modes=tuple(view.abilities.permission_modes),
            closed_models=view.abilities.closed_models,
        ),
        conversation=Conversation(
            view.session.state, view.session.since, bool(view.session.primer), view.session.detail
        ),
        effort=view.effort,
        permission_mode=view.permission_mode,
        login=_login_from(view.login) if view.login else None,
        ctx_percent=view.ctx.percent if view.ctx and view.ctx.window else None,
        ctx_tokens=view.ctx.tokens if view.ctx else None,
        usd=view.spend.total_usd,
        usd_today=view.spend.today_usd,
        estimated=view.spend.estimated,
        unread=view.unread,
        held=view.held,
        waiting=view.waiting,
        last_error=view.last_error,
        last_event_at=view.last_event_at,
        journal_uuid=view.journal_uuid,
        repo=view.repo,
        workspace=view.workspace,
        wanted=view.wanted,
        paused=view.paused,
        commit=view.commit,
        deploying=view.deploying,
        work=view.work,
    )


def _login_from(view: LoginView) -> Login:
    return Login(view.login_id, view.state, view.since, view.url, view.detail)


LOOSE = frozenset({"bypasspermissions", "bypass", "yolo", "fullaccess", "dangerfullaccess", "never"})


def is_loose(mode: str) -> bool:
    """In that permission mode it asks you about nothing."""
    return "".join(filter(str.isalnum, mode.lower())) in LOOSE


def in_order(agents: dict[str, Agent]) -> tuple[Agent, ...]:
    """Queens first, then in the order they were made (ids sort by time)."""
    return tuple(sorted(agents.values(), key=lambda agent: (agent.role != "queen", agent.id)))


def matching(agents: tuple[Agent, ...], words: str) -> tuple[Agent, ...]:
    """Those whose name, model, engine or state holds every word of the filter."""
    wanted = words.lower().split()
    if not wanted:
        return agents
    return tuple(
        agent
        for agent in agents
        if all(word in f"{agent.name} {agent.model} {agent.engine} {agent.shape.word}".lower() for word in wanted)
    )
