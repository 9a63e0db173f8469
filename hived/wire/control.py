"""The control stream (`GET /v1/control` on an agent's socket, SSE) and what the harness reports back.

The stream's `event:` is one of CONTROL_EVENTS and its `data:` that model. It is opened with the generation in its header
and is what makes an agent `online`; hived closes the older stream when the same generation opens another.
"""

from typing import Literal

from pydantic import Field

from hived.wire.agents import AgentSession, Condition, EngineAbilities, ModelOffered, TurnStateName
from hived.wire.base import Answer, WireModel
from hived.wire.messages import RefusedMessage
from hived.wire.turns import Cost, Ctx


class Hello(Answer):
    """First on every stream."""

    protocol: int
    build: str
    agent_id: str
    name: str
    generation: int
    cursor: int
    """Of the journal named in the request's header; 0 if hived does not know it."""
    refused: list[RefusedMessage] = Field(default_factory=list)
    """Of the events that came last, up to that: the answer to them may have been lost."""
    model: str
    unread: int
    stop: bool = False
    """It is wanted stopped: end now."""
    paused: bool = False
    """It is wanted paused: freeze the engine and begin no turn."""


class Wake(Answer):
    """Something waits in the inbox (or came due)."""

    unread: int


class Steer(Answer):
    """A message marked `now` waits: claim it with `only_now` into the turn that runs."""


class Cancel(Answer):
    turn_id: str | None = None


class ModelSet(Answer):
    model: str


class SettingSet(Answer):
    """`effort` or `permission_mode` was set; its file in the harness folder says the same."""

    setting: Literal["effort", "permission_mode"]
    value: str | None = None


class Compact(Answer):
    """Compact the conversation, in a turn of its own with this id, once no other runs."""

    turn_id: str


class NewSessionArmed(Answer):
    """The next turn begins a new session. Answered by a `session_changed` event."""

    primer: bool = False


class NapSet(Answer):
    """Nap until then; None: no more. Answered by a `turn_state_changed` event with that `until`."""

    until: str | None = None


class Resume(Answer):
    """End a nap and the wait for a rate limit, and look at the inbox now."""


class Pause(Answer):
    """Freeze the engine and all it started, and begin no turn; or let it go on. Answered by a status report."""

    paused: bool
    reason: str = ""


class LoginStart(Answer):
    login_id: str


class LoginCodeGiven(Answer):
    login_id: str
    code: str


class LoginCancel(Answer):
    login_id: str


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
    "setting": SettingSet,
    "compact": Compact,
    "new_session": NewSessionArmed,
    "nap": NapSet,
    "resume": Resume,
    "pause": Pause,
    "login_start": LoginStart,
    "login_code": LoginCodeGiven,
    "login_cancel": LoginCancel,
    "stop": Stop,
    "decision": Decision,
}


class StatusReport(WireModel):
    """`POST /v1/status`: all that the harness knows of itself, sent after every hello."""

    turn_state: TurnStateName
    turn_state_since: str
    turn_id: str | None = None
    turn_until: str | None = None
    model: str | None = None
    models: list[ModelOffered] = Field(default_factory=list)
    """Empty: not known yet, and what hived knows stays."""
    session_id: str | None = None
    session: AgentSession = Field(default_factory=AgentSession)
    ctx: Ctx | None = None
    """From turn-stats, for a hived that does not know them; None: no figures."""
    cost: Cost | None = None
    abilities: EngineAbilities = Field(default_factory=EngineAbilities)
    conditions: list[Condition] = Field(default_factory=list)
    paused: bool = False
    """Its engine and all that it started stand still, and no turn begins."""
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
