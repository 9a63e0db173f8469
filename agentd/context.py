"""A turn's two badges, from what the engine reported: `ctx` is the last inference, `cost` the whole turn.

Costs are an engine's own figures where it gives them. A turn that was killed has tokens and no cost: then it is estimated
from what this agent has paid for a token of that model, and reconciled with the engine's next cumulative total.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from agentd.engines.base import Facts, TurnUsage, Usage
from hived.wire.turns import Cost, Ctx, TurnRow

DEFAULT_WINDOW = 200_000
_LAST = ("last_input_tokens", "last_cache_read_input_tokens", "last_cache_creation_input_tokens")
_TURN = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")


def context_window(reported: int | None) -> int:
    """What the engine reports, else HIVE_CONTEXT_WINDOW, else 200,000."""
    if reported:
        return reported
    try:
        configured = int(os.environ.get("HIVE_CONTEXT_WINDOW", ""))
    except ValueError:
        return DEFAULT_WINDOW
    return configured if configured > 0 else DEFAULT_WINDOW


def ctx_of(usage: TurnUsage) -> Ctx | None:
    tokens = _sum([getattr(usage, name) for name in _LAST])
    return None if tokens is None else Ctx(tokens=tokens, window=context_window(usage.window))


def tokens_of(usage: TurnUsage) -> int | None:
    """Of the whole turn, all kinds; None where there is no figure."""
    tokens: int | None = _sum([getattr(usage, name) for name in _TURN])
    return tokens


def cost_of(usage: TurnUsage) -> Cost | None:
    tokens = tokens_of(usage)
    if tokens is None and usage.cost_usd is None:
        return None
    return Cost(tokens=tokens or 0, usd=usage.cost_usd, estimated=usage.cost_estimated)


def badges_of(usage: Usage) -> tuple[Ctx | None, Cost | None]:
    """The badges in the middle of a turn."""
    ctx = None if usage.ctx_tokens is None else Ctx(tokens=usage.ctx_tokens, window=context_window(usage.window))
    if usage.tokens is None and usage.cost_usd is None:
        return ctx, None
    return ctx, Cost(tokens=usage.tokens or 0, usd=usage.cost_usd, estimated=usage.cost_estimated)


def usage_of(row: TurnRow) -> TurnUsage:
    """The figures that a turn's row keeps."""
    usage = TurnUsage(**{name: getattr(row, name) for name in _SHARED}, window=row.context_window)
    usage.cost_estimated = bool(row.cost_estimated)
    return usage


def added(first: TurnUsage, second: TurnUsage) -> TurnUsage:
    """The figures of one turn that took two tries: everything was paid for, and the last inference is the second's."""
    both = replace(second)
    for name in (*_TURN, "cost_usd"):
        setattr(both, name, _sum([getattr(first, name), getattr(second, name)]))
    if ctx_of(second) is None:
        for name in (*_LAST, "last_output_tokens"):
            setattr(both, name, getattr(first, name))
    both.window = second.window or first.window
    both.cost_estimated = first.cost_estimated or second.cost_estimated
    return both


def without_context(usage: TurnUsage) -> TurnUsage:
    """The same without what its last inference held."""
    nothing: dict[str, Any] = dict.fromkeys((*_LAST, "last_output_tokens"))
    return replace(usage, **nothing)


_SHARED = {field.name for field in fields(TurnUsage)} & set(TurnRow.model_fields) - {"cost_estimated"}


def _sum(figures: Sequence[Any]) -> Any:
    """None where there is no figure at all."""
    known = [figure for figure in figures if figure is not None]
    return sum(known) if known else None


# Costs ------------------------------------------------------------------------------------------------------

_PRICES_FACT = "usd_per_token"
MOST_PRICES = 20
"""Models whose price is remembered: the ones that were used last."""
PRICE_TOKENS = 2_000_000
"""What was paid before so many tokens weighs half as much: prices and the share of cached tokens change."""


def learn_cost(facts: Facts, model: str, usage: TurnUsage) -> None:
    """Remember what a turn of that model cost, if it says both tokens and cost, and neither is a guess."""
    tokens = tokens_of(usage)
    if not tokens or usage.cost_usd is None or usage.cost_estimated:
        return
    prices = _prices(facts)
    usd_before, tokens_before = prices.pop(model, (0.0, 0))
    if tokens_before > PRICE_TOKENS:
        usd_before, tokens_before = usd_before / 2, tokens_before // 2
    prices[model] = (usd_before + usage.cost_usd, tokens_before + tokens)
    facts.set(_PRICES_FACT, json.dumps(dict(list(prices.items())[-MOST_PRICES:])))


def estimated_cost(facts: Facts, model: str, tokens: int | None) -> float | None:
    """What so many tokens of that model would have cost by this agent's own turns; None where it has had none, never 0.

    `model` is the name that the engine's last ModelChanged gave, else the one it was set to.
    """
    usd, known = _prices(facts).get(model, (0.0, 0))
    return tokens * usd / known if tokens and known and usd else None


def _prices(facts: Facts) -> dict[str, tuple[float, int]]:
    try:
        found = json.loads(facts.get(_PRICES_FACT) or "{}")
        return {str(model): (float(usd), int(tokens)) for model, (usd, tokens) in found.items()}
    except (ValueError, TypeError, AttributeError):
        return {}


@dataclass(frozen=True, slots=True)
class CostBaseline:
    """An engine session's own totals as of the last turn that was counted. They are cumulative, over a resume or not."""

    session_id: str
    total_usd: float
    total_tokens: int = 0
    charged_usd: float = 0.0
    """Estimated since, for turns that were killed: part of the next total, if the engine counted them."""
    charged_tokens: int = 0

    def spent(
        self, session_id: str, total_usd: float, total_tokens: int = 0, turn_tokens: int = 0
    ) -> "tuple[float, CostBaseline]":
        """(this turn's cost, the baseline after it). Another session, or a falling total, begins a new baseline.

        So does a process that counts from 0 though it resumed (Claude Code 2.1.197 does, 2.1.329 goes on): its token total
        then fits the turn's own tokens better alone than on top of the old total. Without token figures it goes on.
        What was charged for a killed turn is taken off the next total, unless the engine did not count that turn.
        """
        after = CostBaseline(session_id, total_usd, total_tokens)
        if session_id != self.session_id or total_usd < self.total_usd:
            return total_usd, after
        anew = abs(total_tokens - turn_tokens) < abs(total_tokens - self.total_tokens - turn_tokens)
        if anew:
            return total_usd, after
        since = total_usd - self.total_usd
        return since - self._charged_in(since, total_tokens - self.total_tokens, turn_tokens), after

    def charge(self, session_id: str, usd: float, tokens: int = 0) -> "CostBaseline":
        """The baseline after a turn that ended without a total, and was estimated at so much."""
        before = self if session_id == self.session_id else CostBaseline(session_id, 0.0)
        return replace(before, charged_usd=before.charged_usd + usd, charged_tokens=before.charged_tokens + tokens)

    def _charged_in(self, since_usd: float, since_tokens: int, turn_tokens: int) -> float:
        """How much of what was spent since the last total was charged before."""
        if turn_tokens and self.charged_tokens:
            counted = abs(since_tokens - self.charged_tokens - turn_tokens) < abs(since_tokens - turn_tokens)
        else:
            counted = since_usd >= self.charged_usd
        return min(self.charged_usd, since_usd) if counted else 0.0

    def to_text(self) -> str:
        charged = f" {self.charged_usd!r} {self.charged_tokens}" if self.charged_usd else ""
        return f"{self.session_id} {self.total_usd!r} {self.total_tokens}{charged}"

    @classmethod
    def from_text(cls, text: str | None) -> "CostBaseline":
        """One that was never written, or cannot be read, starts at nothing."""
        try:
            session_id, usd, tokens, *charged = (text or "").split(" ")
            if not charged:
                return cls(session_id, float(usd), int(tokens))
            charged_usd, charged_tokens = charged
            return cls(session_id, float(usd), int(tokens), float(charged_usd), int(charged_tokens))
        except ValueError:
            return cls("", 0.0)
