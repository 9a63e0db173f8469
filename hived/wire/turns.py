"""A turn's outcome and figures. Two badges, never one: `ctx` is the last inference, `cost` the whole turn."""

from typing import Literal

from hived.wire.base import Answer

Outcome = Literal["ok", "failed", "cancelled", "prompt_too_long", "rate_limited", "needs_login", "over_budget"]
OUTCOMES: tuple[Outcome, ...] = (
    "ok", "failed", "cancelled", "prompt_too_long", "rate_limited", "needs_login", "over_budget",
)  # fmt: skip
ACKING: frozenset[str] = frozenset({"ok", "cancelled"})
"""These ack the turn's messages; every other outcome counts a delivery."""


class Ctx(Answer):
    """Tokens in the window at the last inference: input + cache read + cache creation."""

    tokens: int
    window: int

    @property
    def percent(self) -> int:
        return round(100 * self.tokens / self.window) if self.window else 0


class Cost(Answer):
    tokens: int
    usd: float | None = None
    estimated: bool = False


class TurnRow(Answer):
    """One row of turn-stats.sqlite; None where the engine gave no figure."""

    turn_id: str
    model: str | None = None
    wake_from: str | None = None
    result_kind: str | None = None
    note: str | None = None
    started_at: str | None = None
    ended_at: str | None = None
    duration_ms: int | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    last_input_tokens: int | None = None
    last_output_tokens: int | None = None
    last_cache_read_input_tokens: int | None = None
    last_cache_creation_input_tokens: int | None = None
    context_window: int | None = None
    """Tokens, as the engine reported it."""
    cost_usd: float | None = None
    cost_estimated: bool | None = None
    tool_call_count: int | None = None
    tool_call_breakdown_json: str | None = None
    open_threads_count: int | None = None
    open_reminders_count: int | None = None
    session_id: str | None = None


class TurnList(Answer):
    """`GET /v1/agents/{name}/turns`: the newest, oldest first."""

    turns: list[TurnRow]
