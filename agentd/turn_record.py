"""One turn while it runs: what it is about, what the engine did in it, and the `turn_end` and statistics that follow."""

import asyncio
import json
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Literal

from agentd.context import cost_of, ctx_of
from agentd.engines.base import TurnDone
from agentd.sessions import Armed
from hived.wire.messages import Message
from hived.wire.names import OPERATOR
from hived.wire.times import utc_now
from hived.wire.turns import TurnRow

Kind = Literal["message", "checkpoint", "compact"]
"""What a turn is for: messages, or the care of the context."""


@dataclass(slots=True)
class TurnRecord:
    turn_id: str
    messages: list[Message]
    unread: int
    model: str
    kind: Kind = "message"
    asked_by: str = ""
    """Of a turn without messages: who wanted it; empty: the harness itself."""
    started_at: str = field(default_factory=utc_now)
    begun: float = field(default_factory=time.monotonic)
    message_ids: list[str] = field(default_factory=list)
    """What its turn_end settles: the messages of the claim, and those that steered it."""
    steered: list[str] = field(default_factory=list)
    taken_in: list[Message] = field(default_factory=list)
    """What came into it while it ran."""
    open_threads: int | None = None
    open_reminders: int | None = None
    """As hived counted them at its claim; None of a turn that claims nothing."""
    tools: Counter[str] = field(default_factory=Counter)
    armed: Armed | None = None
    """The new conversation that it is to begin; what is armed while it runs is the next turn's."""
    anew: bool = False
    """It began a new conversation."""
    cancelled: bool = False
    """The operator asked for its end."""
    stopped: bool = False
    """The harness is told to stop: what it was about is delivered again."""
    logged_in: bool = False
    """A login was done while it ran: what it says of a missing one is out of date."""
    ending: bool = False
    """The engine is done: nothing steers it any more."""
    steering: asyncio.Lock = field(default_factory=asyncio.Lock)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    broken: asyncio.Event = field(default_factory=asyncio.Event)
    """It is to end: nothing in it waits any more."""

    def __post_init__(self) -> None:
        self.message_ids = [message.id for message in self.messages]

    @property
    def wake(self) -> dict[str, str]:
        if not self.messages:
            return {"kind": self.kind, "from": self.asked_by}
        first = self.messages[0]
        kind = (
            first.kind
            if first.kind in ("reminder", "report")
            else "operator"
            if first.sender == OPERATOR
            else "message"
        )
        return {"kind": kind, "from": first.sender}

    def start_payload(self) -> dict[str, Any]:
        return {
            "turn_id": self.turn_id,
            "wake": self.wake,
            "unread": self.unread,
            "message_ids": list(self.message_ids),
            "model": self.model,
        }

    def end_payload(self, done: TurnDone, session_id: str | None) -> dict[str, Any]:
        ctx, cost = ctx_of(done.usage), cost_of(done.usage)
        return {
            "turn_id": self.turn_id,
            "outcome": done.outcome,
            "message_ids": list(self.message_ids),
            "duration_ms": self._duration_ms(),
            "ctx": ctx.model_dump() if ctx else None,
            "cost": cost.model_dump() if cost else None,
            "model": self.model,
            "session_id": session_id,
            "tool_calls": self.tools.total(),
            "error": done.error,
            "retryable": done.retryable,
            "steered": list(self.steered),
            "cut_off": self.stopped and done.outcome != "ok",
        }

    def row(self, done: TurnDone, session_id: str | None) -> TurnRow:
        usage = done.usage
        return TurnRow(
            turn_id=self.turn_id,
            model=self.model,
            wake_from=self.wake["from"] if self.messages else self.kind,
            result_kind=done.outcome,
            note=done.error,
            started_at=self.started_at,
            ended_at=utc_now(),
            duration_ms=self._duration_ms(),
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cache_read_input_tokens=usage.cache_read_input_tokens,
            cache_creation_input_tokens=usage.cache_creation_input_tokens,
            last_input_tokens=usage.last_input_tokens,
            last_output_tokens=usage.last_output_tokens,
            last_cache_read_input_tokens=usage.last_cache_read_input_tokens,
            last_cache_creation_input_tokens=usage.last_cache_creation_input_tokens,
            context_window=usage.window,
            cost_usd=usage.cost_usd,
            cost_estimated=usage.cost_estimated if usage.cost_usd is not None else None,
            tool_call_count=self.tools.total(),
            tool_call_breakdown_json=json.dumps(dict(self.tools), ensure_ascii=True),
            open_threads_count=self.open_threads,
            open_reminders_count=self.open_reminders,
            session_id=session_id,
        )

    def _duration_ms(self) -> int:
        return round((time.monotonic() - self.begun) * 1000)
