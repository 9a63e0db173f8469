"""What Claude Code's stream-json says, as types: what claude_protocol reads out of a line, beside the engine's own events."""

from dataclasses import astuple, dataclass, field
from typing import Any

from agentd.engines.base import EngineEvent

JsonObject = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Began:
    """`system/init`: repeated before every turn."""

    session_id: str
    model: str
    version: str


@dataclass(frozen=True, slots=True)
class ModeChanged:
    """`system/status`: the permission mode is another now, whoever changed it."""

    mode: str


@dataclass(frozen=True, slots=True)
class Inference:
    """Figures of one inference of the main thread. They come when it begins, with each of its blocks, and when it ends:
    only then with what it put out."""

    input_tokens: int
    output_tokens: int
    cache_read_input_tokens: int
    cache_creation_input_tokens: int
    message_id: str | None = None
    """None: of the message that came last."""

    @property
    def ctx_tokens(self) -> int:
        return self.input_tokens + self.cache_read_input_tokens + self.cache_creation_input_tokens


@dataclass(frozen=True, slots=True)
class Spent:
    """What a session's models took, all of them: the main thread's, a subagent's, those of a compaction."""

    usd: float = 0.0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_input_tokens: int = 0
    cache_creation_input_tokens: int = 0

    @property
    def tokens(self) -> int:
        return self.input_tokens + self.output_tokens + self.cache_read_input_tokens + self.cache_creation_input_tokens

    def __add__(self, other: "Spent") -> "Spent":
        return Spent(*(mine + its for mine, its in zip(astuple(self), astuple(other), strict=True)))

    def __sub__(self, other: "Spent") -> "Spent":
        return Spent(*(mine - its for mine, its in zip(astuple(self), astuple(other), strict=True)))


@dataclass(frozen=True, slots=True)
class TakenUp:
    """The CLI has handed that user message to the model (`--replay-user-messages`)."""

    uuid: str


@dataclass(frozen=True, slots=True)
class Result:
    """The end of one of the CLI's own turns. `usage` is of its main thread in this turn alone."""

    session_id: str
    subtype: str
    is_error: bool
    terminal_reason: str | None
    api_error: str | None
    api_error_status: int | None
    cut_off: bool
    """`stop_reason` is there and null: 2.1.197 ends so, as a success, when the model's stream breaks off."""
    text: str
    errors: tuple[str, ...]
    num_turns: int
    usage: Inference | None
    total: Spent | None
    """Cumulative: over the process in 2.1.197, over the session (but for what a kill made it forget) in 2.1.329."""
    since_last: Spent | None
    """Since the result before this one, of this process; 2.1.197 does not say."""
    windows: dict[str, int] = field(default_factory=dict)
    """The context window of each model used in the session."""


@dataclass(frozen=True, slots=True)
class ApiFailure:
    """The CLI wrote an error in the model's place: its result says more, this says of what kind it is."""

    kind: str
    """`authentication_failed`, `billing_error`, `rate_limit`, `invalid_request`, `model_not_found`, `server_error`, …"""


@dataclass(frozen=True, slots=True)
class PermissionAsk:
    request_id: str
    tool: str
    input: JsonObject
    tool_use_id: str


@dataclass(frozen=True, slots=True)
class McpMessage:
    request_id: str
    server: str
    message: Any


@dataclass(frozen=True, slots=True)
class OtherRequest:
    """A control request that this engine does not serve; it must be answered all the same."""

    request_id: str
    subtype: str


@dataclass(frozen=True, slots=True)
class RequestCancelled:
    """A control request of the CLI's that it no longer wants answered."""

    request_id: str


@dataclass(frozen=True, slots=True)
class ControlAnswer:
    """The answer to a control request of ours. `error` None: it was done."""

    request_id: str
    error: str | None
    response: JsonObject


@dataclass(frozen=True, slots=True)
class RateLimit:
    """`rate_limit_event`, with an OAuth token only."""

    status: str
    """`allowed`, `allowed_warning` or `rejected`."""
    resets_at: int | None
    """Unix seconds."""
    kind: str
    utilization: float | None


@dataclass(frozen=True, slots=True)
class Compacting:
    on: bool
    worked: bool = False
    """At its end: the conversation is shorter now."""


@dataclass(frozen=True, slots=True)
class Unknown:
    what: str


ProtocolEvent = (
    EngineEvent | Began | ModeChanged | Inference | TakenUp | Result | ApiFailure | PermissionAsk | McpMessage | OtherRequest | RequestCancelled
    | ControlAnswer | RateLimit | Compacting | Unknown
)  # fmt: skip
