"""The control stream (`GET /v1/control` on an agent's socket, SSE) and what the harness reports back.

The stream's `event:` is one of CONTROL_EVENTS and its `data:` that model. It is opened with the generation in its header
and is what makes an agent `online`; hived closes the older stream when the same generation opens another.
"""

from typing import Literal

from pydantic import Field

from hived.wire.agents import Condition, EngineAbilities, TurnStateName
from hived.wire.base import Answer, WireModel


class Hello(Answer):
    """First on every stream."""

    protocol: int
    build: str
    agent_id: str
    name: str
    generation: int
    cursor: int
    """Of the journal named in the request's header; 0 if hived does not know it."""
    model: str
    unread: int
    stop: bool = False
    """It is wanted stopped: end now."""


class Wake(Answer):
    """Something waits in the inbox (or came due)."""

    unread: int


class Steer(Answer):
    """A message marked `now` waits: claim it with `only_now` into the turn that runs."""


class Cancel(Answer):
    turn_id: str | None = None


class ModelSet(Answer):
    model: str


class Stop(Answer):
    reason: str


class Decision(Answer):
    """An ask of this agent was decided. Sent again on every new stream until the turn that asked has ended."""

    approval_id: str
    status: Literal["approved", "denied", "cancelled", "expired"]
    note: str | None = None
    updated_input: dict[str, object] | None = None


CONTROL_EVENTS: dict[str, type[Answer]] = {
    "hello": Hello,
    "wake": Wake,
    "steer": Steer,
    "cancel": Cancel,
    "model": ModelSet,
    "stop": Stop,
    "decision": Decision,
}


class StatusReport(WireModel):
    """`POST /v1/status`: all that the harness knows of itself, sent after every hello."""

    turn_state: TurnStateName
    turn_state_since: str
    turn_id: str | None = None
    model: str | None = None
    session_id: str | None = None
    abilities: EngineAbilities = Field(default_factory=EngineAbilities)
    conditions: list[Condition] = Field(default_factory=list)
    pid: int


class Whoami(Answer):
    id: str
    name: str
    role: str
    parent: str | None = None
    model: str
    engine: str


class Peer(Answer):
    name: str
    role: str
    lifecycle: str
    turn: str
    online: bool
    can_message: bool


class PeerList(Answer):
    peers: list[Peer]
