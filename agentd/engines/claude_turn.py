"""One turn's book: takes the protocol's events, gives the engine's, and knows when the turn has ended and how.

The CLI may need more than one turn of its own for one of ours: a message that steers is taken up in the running turn, or
begins another once that has ended. The book is closed when a result comes and every message handed in was taken up.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence

from agentd.engines.base import (
    ConditionChanged,
    EngineEvent,
    Facts,
    ModelChanged,
    Note,
    ToolResult,
    ToolUse,
    TurnUsage,
    Usage,
)
from agentd.engines.claude_costs import tokens_of
from agentd.engines.claude_events import (
    ApiFailure,
    Began,
    Compacting,
    Inference,
    ProtocolEvent,
    RateLimit,
    Result,
    TakenUp,
    Unknown,
)
from agentd.engines.claude_outcome import CANCELLED, OK, Verdict, resets_at, verdict_of
from hived.wire.times import utc_now

_LIMIT_FACT = "claude_limit_until"
_WINDOWS_FACT = "claude_windows"
_MOST_WINDOWS = 20
_ENGINE_EVENTS = EngineEvent.__args__
SoFar = Callable[[str, Sequence[Inference]], tuple[int, float | None]]
"""(model, inferences) -> (tokens, estimated dollars)."""


def _tokens_alone(model: str, inferences: Sequence[Inference]) -> tuple[int, float | None]:
    return tokens_of(inferences), None


class Known:
    """What outlasts a turn; what the next harness's first turn needs of it is kept as facts."""

    def __init__(self, facts: Facts | None = None) -> None:
        self._facts = facts
        self.model: str | None = None
        """The model that the CLI last said it uses."""
        self.windows = {} if facts is None else _windows(facts.get(_WINDOWS_FACT))
        """The context window of each model that it has used. It says them with its results only, so after its first turn."""
        self._limit_until = None if facts is None else facts.get(_LIMIT_FACT)

    @property
    def window(self) -> int | None:
        return self.windows.get(self.model or "")

    def take_windows(self, said: Mapping[str, int]) -> None:
        if all(self.windows.get(model) == window for model, window in said.items()):
            return
        newest = {model: window for model, window in self.windows.items() if model not in said} | dict(said)
        self.windows = dict(list(newest.items())[-_MOST_WINDOWS:])
        if self._facts is not None:
            self._facts.set(_WINDOWS_FACT, json.dumps(self.windows))

    @property
    def limit_until(self) -> str | None:
        """When the limit ends that is used up. The CLI says so once, however many turns fail of it."""
        until = self._limit_until
        return until if until is not None and until > utc_now() else None

    def take_limit(self, limit: RateLimit) -> None:
        self._keep_limit(resets_at(limit) if limit.status == "rejected" else None)

    def worked(self) -> None:
        """The model answered, so no limit holds: a CLI that is new does not say so."""
        self._keep_limit(None)

    def _keep_limit(self, until: str | None) -> None:
        if until == self._limit_until:
            return
        self._limit_until = until
        if self._facts is not None:
            self._facts.set(_LIMIT_FACT, until)


class TurnBook:
    """`waiting_for` holds the uuids of messages that were handed in and not yet taken up."""

    def __init__(self, known: Known, waiting_for: Iterable[str] = (), so_far: SoFar = _tokens_alone) -> None:
        """`so_far` says what the inferences of that model may have cost."""
        self.known = known
        self._so_far = so_far
        self.waiting_for: set[str] = set(waiting_for)
        self.interrupted = False
        self.session_id: str | None = None
        """Known once the CLI has something to resume."""
        self.compacted = False
        self.results: list[Result] = []
        self.ended = False
        self.unknown: list[str] = []
        """What came that this protocol does not know: for the log."""
        self._verdicts: list[Verdict] = []
        self._tools: dict[str, str] = {}
        self._inferences: dict[str, Inference] = {}
        """By message, each as it was last said to be."""
        self._ctx_told: int | None = None
        self._api_failure: str | None = None
        self._limit: RateLimit | None = None
        self._began: Began | None = None

    def take(self, event: ProtocolEvent) -> list[EngineEvent]:
        """What that event means to whoever follows the turn, in order."""
        if isinstance(event, _ENGINE_EVENTS):
            return [self._named(event)]
        if isinstance(event, Result):
            self._take_result(event)
        elif isinstance(event, TakenUp):
            self.waiting_for.discard(event.uuid)
            self._resumable()
        elif isinstance(event, Began):
            return self._take_began(event)
        elif isinstance(event, Inference):
            return self._take_inference(event)
        elif isinstance(event, ApiFailure):
            self._api_failure = event.kind
        elif isinstance(event, RateLimit):
            self._limit = event
            self.known.take_limit(event)
            return _limit_events(event)
        elif isinstance(event, Compacting):
            self.compacted = self.compacted or event.worked
        elif isinstance(event, Unknown):
            self.unknown.append(event.what)
        return []

    def give_up(self, why: str) -> None:
        """The turn ends here, though something that was asked in it is not done."""
        self._verdicts.append(Verdict("failed", why))
        self.ended = True

    @property
    def between(self) -> bool:
        """The CLI has ended a turn of its own, and another must follow."""
        return bool(self.results) and not self.ended

    @property
    def verdict(self) -> Verdict:
        """Of the whole: a failure anywhere in it decides, for what was asked there was not done."""
        if self.interrupted and any(found.outcome == "cancelled" for found in self._verdicts):
            return CANCELLED
        failed = [found for found in self._verdicts if found.outcome != "ok"]
        return failed[0] if failed else OK

    @property
    def inferences(self) -> list[Inference]:
        """Of the main thread, in this turn so far."""
        return list(self._inferences.values())

    def usage(self) -> TurnUsage:
        """The turn's figures, its cost left out: see claude_costs."""
        figures = TurnUsage(window=self.known.window)
        counted = [result.usage for result in self.results if result.usage is not None]
        if counted:
            figures.input_tokens = sum(usage.input_tokens for usage in counted)
            figures.output_tokens = sum(usage.output_tokens for usage in counted)
            figures.cache_read_input_tokens = sum(usage.cache_read_input_tokens for usage in counted)
            figures.cache_creation_input_tokens = sum(usage.cache_creation_input_tokens for usage in counted)
        if self._inferences:
            last = self.inferences[-1]
            figures.last_input_tokens = last.input_tokens
            figures.last_output_tokens = last.output_tokens
            figures.last_cache_read_input_tokens = last.cache_read_input_tokens
            figures.last_cache_creation_input_tokens = last.cache_creation_input_tokens
        return figures

    def _named(self, event: EngineEvent) -> EngineEvent:
        if isinstance(event, ToolUse):
            self._tools[event.tool_use_id] = event.tool
        elif isinstance(event, ToolResult):
            tool = self._tools.get(event.tool_use_id, "")
            return ToolResult(event.tool_use_id, tool, event.is_error, event.text)
        return event

    def _take_began(self, event: Began) -> list[EngineEvent]:
        self._began = event
        if event.model == self.known.model or not event.model:
            return []
        self.known.model = event.model
        return [ModelChanged(event.model)]

    def _take_inference(self, event: Inference) -> list[EngineEvent]:
        key = event.message_id or next(reversed(self._inferences), "")
        before = self._inferences.get(key)
        if before is None or event.output_tokens >= before.output_tokens:
            self._inferences[key] = event
        self._resumable()
        if event.ctx_tokens == self._ctx_told or not event.ctx_tokens:
            return []
        self._ctx_told = event.ctx_tokens
        tokens, usd = self._so_far(self.known.model or "", self.inferences)
        return [Usage(event.ctx_tokens, self.known.window, tokens, usd, cost_estimated=usd is not None)]

    def _take_result(self, result: Result) -> None:
        self.results.append(result)
        self.known.take_windows(result.windows)
        until = self.known.limit_until if self._limit is None else resets_at(self._limit)
        verdict = verdict_of(result, self._api_failure, until, self.interrupted)
        self._verdicts.append(verdict)
        if verdict.outcome == "ok" and result.num_turns:
            self.known.worked()
        self._api_failure = None
        self._resumable()
        self.ended = not self.waiting_for

    def _resumable(self) -> None:
        if self._began is not None:
            self.session_id = self._began.session_id


def _windows(kept: str | None) -> dict[str, int]:
    try:
        found = json.loads(kept or "{}")
        return {model: window for model, window in found.items() if isinstance(window, int)}
    except (ValueError, AttributeError):
        return {}


def _limit_events(limit: RateLimit) -> list[EngineEvent]:
    what = limit.kind.replace("_", " ") or "usage"
    until = resets_at(limit)
    if limit.status == "rejected":
        return [ConditionChanged("rate_limited", True, f"the {what} limit is used up", until)]
    if limit.status == "allowed_warning":
        used = f"{limit.utilization:.0%}" if limit.utilization is not None else "Most"
        resets = f"; it begins anew at {until}" if until else ""
        return [Note(f"{used} of the {what} limit is used{resets}.", "warning")]
    return []
