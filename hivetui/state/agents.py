"""Agents as the screen draws them: one frozen row each, and the shape and word that say its state without colour."""

from dataclasses import dataclass
from typing import Literal

from hived.wire.agents import AgentView

ShapeKind = Literal[
    "thinking", "waiting", "idle", "compacting", "limited", "login", "napping", "starting", "stopping", "stopped",
    "paused", "crashed", "parked", "buried", "offline", "unknown",
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
        Shape("napping", "☾", "napping", "dim"),
        Shape("starting", "◌", "starting", "soft"),
        Shape("stopping", "◌", "stopping", "soft"),
        Shape("stopped", "□", "stopped", "dim"),
        Shape("paused", "□", "paused", "dim"),
        Shape("crashed", "✗", "crashed", "bad"),
        Shape("parked", "■", "parked", "bad"),
        Shape("buried", "†", "buried", "dim"),
        Shape("offline", "?", "not connected", "dim"),
        Shape("unknown", "?", "not heard from", "dim"),
    )
}

ORDER: tuple[ShapeKind, ...] = (
    "thinking", "compacting", "limited", "login", "crashed", "parked", "starting", "stopping", "offline", "unknown",
    "napping", "idle", "paused", "stopped",
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
_OF_CONDITION: dict[str, ShapeKind] = {"rate_limited": "limited", "over_budget": "limited", "needs_login": "login"}


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
    conditions: tuple[tuple[str, str, str], ...]
    """(kind, since, detail)"""
    online: bool
    steers: bool
    ctx_percent: int | None
    ctx_window: int | None
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
    blocked: bool = False
    """Its turn stands still until the operator decides something; kept by the hive's reducer."""

    @property
    def shape(self) -> Shape:
        return SHAPES[self.shape_kind]

    @property
    def shape_kind(self) -> ShapeKind:
        if self.lifecycle in _OF_LIFECYCLE:
            return _OF_LIFECYCLE[self.lifecycle]
        if self.blocked:
            return "waiting"
        for kind, _, _ in self.conditions:
            if kind in _OF_CONDITION:
                return _OF_CONDITION[kind]
        if not self.online:
            return "offline"
        if self.turn == "idle" and self.waiting:
            return "waiting"
        return _OF_TURN.get(self.turn, "unknown")

    @property
    def since(self) -> str:
        """Since when it is in the state that its shape says."""
        if self.lifecycle in _OF_LIFECYCLE:
            return self.lifecycle_since
        for kind, since, _ in self.conditions:
            if kind in _OF_CONDITION and not self.blocked:
                return since
        return self.turn_since

    @property
    def busy(self) -> bool:
        return self.turn in ("thinking", "compacting") and self.lifecycle == "running"

    @property
    def unsandboxed(self) -> bool:
        return any(kind == "unsandboxed" for kind, _, _ in self.conditions)


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
        conditions=tuple((condition.kind, condition.since, condition.detail) for condition in view.conditions),
        online=view.online,
        steers=view.abilities.steer,
        ctx_percent=view.ctx.percent if view.ctx and view.ctx.window else None,
        ctx_window=view.ctx.window if view.ctx else None,
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
    )


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
