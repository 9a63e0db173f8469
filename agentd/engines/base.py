"""What every engine is: the Protocol, the events it yields, what it is given, and how it says that it failed.

An engine is constructed with an EngineContext, started once, and asked for one turn at a time. A turn is an async stream
of EngineEvent whose last item is exactly one TurnDone. What the engine cannot report stays None: nothing is made up.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from hived.wire.agents import ConditionKind, EngineAbilities, ModelOffered
from hived.wire.launch import Launch
from hived.wire.messages import Message
from hived.wire.turns import Outcome

Level = Literal["info", "warning", "error"]
ToolInput = dict[str, Any]


# What a turn yields ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Text:
    text: str


@dataclass(frozen=True, slots=True)
class TextDelta:
    """Live only; the whole comes later as a Text."""

    text: str


@dataclass(frozen=True, slots=True)
class Thinking:
    text: str
    hidden: bool = False
    """The engine thought, and does not show what."""


@dataclass(frozen=True, slots=True)
class ThinkingDelta:
    text: str


@dataclass(frozen=True, slots=True)
class ToolUse:
    tool_use_id: str
    tool: str
    input: ToolInput


@dataclass(frozen=True, slots=True)
class ToolResult:
    tool_use_id: str
    tool: str
    is_error: bool
    text: str


@dataclass(frozen=True, slots=True)
class Note:
    text: str
    level: Level = "info"


@dataclass(frozen=True, slots=True)
class ConditionChanged:
    condition: ConditionKind
    on: bool
    detail: str = ""
    until: str | None = None
    """rate_limited: when it ends (UTC, as wire.times writes it), where that is known."""


@dataclass(frozen=True, slots=True)
class ModelChanged:
    """The model that the engine says it uses now."""

    model: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Figures in the middle of a turn. `ctx_tokens`: of the last inference, input + cache read + cache creation."""

    ctx_tokens: int | None = None
    window: int | None = None
    """None: what HIVE_CONTEXT_WINDOW says, else 200,000."""
    tokens: int | None = None
    """Of the turn so far, all kinds."""
    cost_usd: float | None = None
    cost_estimated: bool = False


@dataclass(slots=True)
class TurnUsage:
    """A turn's figures; None where the engine gave none. Tool calls are counted by the turn loop, from ToolUse."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    last_input_tokens: int | None = None
    """`last_*`: of the last inference alone."""
    last_output_tokens: int | None = None
    last_cache_read_input_tokens: int | None = None
    last_cache_creation_input_tokens: int | None = None
    window: int | None = None
    cost_usd: float | None = None
    """Of this turn alone: see context.CostBaseline where the engine's own total is cumulative."""
    cost_estimated: bool = False


@dataclass(frozen=True, slots=True)
class TurnDone:
    """Last of every turn. `retryable` False: a repeat cannot help (401, 403, bad config), so its messages are held at once."""

    outcome: Outcome = "ok"
    error: str | None = None
    retryable: bool = True
    usage: TurnUsage = field(default_factory=TurnUsage)
    until: str | None = None
    """rate_limited: when it ends, where that is known."""


EngineEvent = (
    Text | TextDelta | Thinking | ThinkingDelta | ToolUse | ToolResult | Note | ConditionChanged | ModelChanged | Usage
    | TurnDone
)  # fmt: skip


class EngineFailed(Exception):
    """The engine could not start, resume, or go on. `message` is one sentence for the operator."""

    RESUME_REFUSED = "resume_refused"
    """The engine will not resume the stored session: the turn fails, and none begins until the operator has chosen."""
    UNKNOWN_MODEL = "unknown_model"
    """The engine offers models, and not the one that is set."""

    def __init__(
        self, outcome: Outcome, message: str, retryable: bool, code: str | None = None, *, away: bool = False
    ) -> None:
        super().__init__(message)
        self.outcome: Outcome = outcome
        self.message = message
        self.retryable = retryable
        self.code = code
        """A stable code where there is one: `command_missing`, RESUME_REFUSED, …"""
        self.away = away
        """The engine itself works: what it cannot reach, or what does not answer it, is its model's host."""


# What an engine is given -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Prompt:
    """One turn's words, ready to hand over."""

    text: str
    turn_id: str
    senders: tuple[str, ...] = ()
    """Who wrote the messages in it, in order, each once."""
    bodies: tuple[str, ...] = ()
    """The messages' own words alone, in order: `text` holds them fenced, with their headers."""
    message_ids: tuple[str, ...] = ()
    messages: tuple[Message, ...] = ()
    """The same messages whole."""


@dataclass(frozen=True, slots=True)
class ToolDefinition:
    name: str
    description: str
    input_schema: dict[str, Any]
    """JSON Schema of the arguments: an object."""


@dataclass(frozen=True, slots=True)
class ToolAnswer:
    text: str
    is_error: bool = False
    made: str | None = None
    """The id of what was sent, asked or set; `text` says it too."""
    messages: tuple[Message, ...] = ()
    """Those that it gave to the turn; `text` holds them."""


class HiveTools(Protocol):
    """The hive's own tools, one definition for every engine."""

    @property
    def definitions(self) -> Sequence[ToolDefinition]: ...

    async def call(self, name: str, arguments: ToolInput) -> ToolAnswer:
        """Never raises for what the engine did wrong: that is an answer with `is_error`."""
        ...


@dataclass(frozen=True, slots=True)
class Permission:
    allowed: bool
    note: str | None = None
    """The operator's remark: it must reach the model, whatever was decided."""
    updated_input: ToolInput | None = None
    """Run it with this instead."""


class AskPermission(Protocol):
    """Asks the operator and waits, for as long as it takes. Cancelling the await takes the ask back: nobody is asked any more."""

    async def __call__(self, tool: str, input: ToolInput, tool_use_id: str) -> Permission: ...


class Login(Protocol):
    """One attempt to log an engine in, in the agent's own credentials folder. Used once, ended by `cancel` in any case."""

    async def begin(self) -> str:
        """The link that somebody must open. Raises EngineFailed."""
        ...

    async def finish(self, code: str) -> None:
        """Hand over the code that the link gave. Raises EngineFailed (one sentence) where it is refused."""
        ...

    async def cancel(self) -> None:
        """End whatever runs for it. Harmless when nothing does."""
        ...


class Facts(Protocol):
    """Small durable facts of this agent, kept in the journal's file and committed with its next events."""

    def get(self, key: str) -> str | None: ...

    def set(self, key: str, value: str | None) -> None:
        """None forgets it."""
        ...


class EngineProcess(Protocol):
    """A started engine, in its own process group, its stderr always drained to harness/engine.log."""

    @property
    def pid(self) -> int: ...

    @property
    def returncode(self) -> int | None: ...

    async def write(self, data: bytes) -> None:
        """Raises BrokenPipeError or ConnectionError where the engine no longer reads."""
        ...

    async def close_stdin(self) -> None: ...

    def lines(self) -> AsyncGenerator[list[bytes], None]:
        """Complete lines of stdout without their end, as many as came at once; a last unfinished one at the end.

        A line over 32 MiB is dropped and reported as a Note of level error. For one reader at a time: it may stop and a
        later call goes on where it stopped.
        """
        ...

    async def wait(self) -> int:
        """The exit code, once it has ended."""
        ...

    def last_words(self) -> str:
        """The last lines of stderr, for an error's text; empty where there were none."""
        ...

    async def close(self) -> int:
        """Close stdin, wait, then TERM, then KILL the whole tree; each wait is bounded. Answers the exit code."""
        ...

    async def terminate(self) -> int:
        """TERM the tree at once, KILL what is left of it. Answers the exit code."""
        ...


class Runtime(Protocol):
    """What surrounds the engine's process."""

    @property
    def kind(self) -> str: ...

    async def start(self, command: Sequence[str], *, env: Mapping[str, str], cwd: Path) -> EngineProcess:
        """Raises EngineFailed (`command_missing`, not retryable) where the program is not there or cannot be run."""
        ...


@dataclass(frozen=True, slots=True)
class EngineContext:
    """Everything an engine may use. It reaches nothing else of the harness."""

    launch: Launch
    """`launch.spec.engine_options` holds the engine's own options."""
    workspace: Path
    """The engine's current folder."""
    home: Path
    """Its HOME: the engine's own files and credentials."""
    state: Path
    harness: Path
    """Not for the engine's process; for the engine's own small files beside the journal."""
    model: str
    """At construction; later changes come by set_model. ENGINES_OWN_MODEL: do not name one to the engine."""
    effort: str | None
    """At construction; None: the engine's own."""
    permission_mode: str | None
    """At construction; None: what `engine_options.permission_mode` says, else the engine's own."""
    environment: Callable[[Mapping[str, str]], dict[str, str]]
    """The engine process's whole environment: allow-list, then the given defaults, then spec.env and env_from's values."""
    runtime: Runtime
    tools: HiveTools
    ask_permission: AskPermission
    notice: Callable[[str], None]
    """Words that the engine must be told, and that it could not be told where they arose (the operator's remark on a
    permission): it gets them as soon as this turn's prompt is done, or with the next one. They outlast the harness."""
    facts: Facts
    heard: Callable[[], None]
    """Call it for every piece of bytes that comes from the engine or its model, cheap as it is: slow is not stuck. A
    runtime does so for its process's output."""
    report: Callable[[EngineEvent], None]
    """For what happens outside a turn's stream (a condition, a note): journalled at once. Never TurnDone."""
    log: Callable[[str], None]
    """One line for the harness's own log."""


class Engine(Protocol):
    """What does the thinking. Constructed with an EngineContext alone."""

    kind: str
    abilities: EngineAbilities
    session_id: str | None
    """The engine's own, once known; stored by the turn loop and given to `start` of the next harness."""
    models: Sequence[ModelOffered]
    """What it offers, once known; empty until then, and where it does not say."""

    async def start(self, session_id: str | None) -> None:
        """Start, resuming that session if one is given. Raises EngineFailed."""
        ...

    async def prove(self) -> None:
        """After `start`, where no turn has been: bring up what a turn needs, without a word to the model. It stays up.

        Raises EngineFailed where it does not come up; then, and where this is cancelled, nothing of it runs.
        """
        ...

    def turn(self, prompt: Prompt) -> AsyncIterator[EngineEvent]:
        """One turn. Where the engine dies or breaks its protocol: raises EngineFailed, or yields a failed TurnDone."""
        ...

    async def interrupt(self) -> None:
        """Ask the running turn to end; its stream still gives what comes, and its TurnDone (`cancelled`)."""
        ...

    async def steer(self, text: str) -> bool:
        """Hand words into the running turn. False: it did not take them, and they wait for the next turn."""
        ...

    async def set_model(self, model: str) -> bool:
        """True: in force from the next inference on, without a restart."""
        ...

    async def set_effort(self, effort: str | None) -> bool:
        """True: in force from the next inference on, without a restart. Only where `abilities.efforts` has it."""
        ...

    async def set_permission_mode(self, mode: str | None) -> bool:
        """True: in force from the next tool on, without a restart. Only where `abilities.permission_modes` has it."""
        ...

    def compact(self) -> AsyncIterator[EngineEvent]:
        """Make the conversation shorter: a turn like any other, whose TurnDone is `ok` only where it is shorter now."""
        ...

    async def terminate(self) -> None:
        """TERM the engine's process tree (KILL what is left): the running turn's stream then ends."""
        ...

    async def close(self) -> None:
        """End the engine in good order. Harmless when it is not running."""
        ...
