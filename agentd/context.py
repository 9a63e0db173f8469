"""A turn's two badges, from what the engine reported: `ctx` is the last inference, `cost` the whole turn. Pure."""

import os
from dataclasses import dataclass

from agentd.engines.base import TurnUsage, Usage
from hived.wire.turns import Cost, Ctx

DEFAULT_WINDOW = 200_000


def context_window(reported: int | None) -> int:
    """What the engine reports, else HIVE_CONTEXT_WINDOW, else 200,000."""
    if reported:
        return reported
    try:
        configured = int(os.environ.get("HIVE_CONTEXT_WINDOW", ""))
    except ValueError:
        return DEFAULT_WINDOW
    return configured if configured > 0 else DEFAULT_WINDOW


def _sum(*figures: int | None) -> int | None:
    """None where there is no figure at all."""
    known = [figure for figure in figures if figure is not None]
    return sum(known) if known else None


def ctx_of(usage: TurnUsage) -> Ctx | None:
    tokens = _sum(usage.last_input_tokens, usage.last_cache_read_input_tokens, usage.last_cache_creation_input_tokens)
    return None if tokens is None else Ctx(tokens=tokens, window=context_window(usage.window))


def cost_of(usage: TurnUsage) -> Cost | None:
    tokens = _sum(
        usage.input_tokens, usage.output_tokens, usage.cache_read_input_tokens, usage.cache_creation_input_tokens
    )
    if tokens is None and usage.cost_usd is None:
        return None
    return Cost(tokens=tokens or 0, usd=usage.cost_usd, estimated=usage.cost_estimated)


def badges_of(usage: Usage) -> tuple[Ctx | None, Cost | None]:
    """The badges in the middle of a turn."""
    ctx = None if usage.ctx_tokens is None else Ctx(tokens=usage.ctx_tokens, window=context_window(usage.window))
    if usage.tokens is None and usage.cost_usd is None:
        return ctx, None
    return ctx, Cost(tokens=usage.tokens or 0, usd=usage.cost_usd, estimated=usage.cost_estimated)


@dataclass(frozen=True, slots=True)
class CostBaseline:
    """An engine session's own totals as of the last turn that was counted. They are cumulative, over a resume or not."""

    session_id: str
    total_usd: float
    total_tokens: int = 0

    def spent(
        self, session_id: str, total_usd: float, total_tokens: int = 0, turn_tokens: int = 0
    ) -> "tuple[float, CostBaseline]":
        """(this turn's cost, the baseline after it). Another session, or a falling total, begins a new baseline.

        So does a process that counts from 0 though it resumed (Claude Code 2.1.197 does, 2.1.329 goes on): its token total
        then fits the turn's own tokens better alone than on top of the old total. Without token figures it goes on.
        """
        after = CostBaseline(session_id, total_usd, total_tokens)
        if session_id != self.session_id or total_usd < self.total_usd:
            return total_usd, after
        anew = abs(total_tokens - turn_tokens) < abs(total_tokens - self.total_tokens - turn_tokens)
        return total_usd if anew else total_usd - self.total_usd, after

    def to_text(self) -> str:
        return f"{self.session_id} {self.total_usd!r} {self.total_tokens}"

    @classmethod
    def from_text(cls, text: str | None) -> "CostBaseline":
        """One that was never written, or cannot be read, starts at nothing."""
        try:
            session_id, usd, tokens = (text or "").rsplit(" ", 2)
            return cls(session_id, float(usd), int(tokens))
        except ValueError:
            return cls("", 0.0)
