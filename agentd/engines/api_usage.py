"""A turn's figures, added up from its inferences. Pure."""

from collections.abc import Mapping

from agentd.engines.api_words import Figures
from agentd.engines.base import TurnUsage, Usage


class Tally:
    """`price`: USD for a million tokens, by kind; without one only what the server itself says is a cost."""

    def __init__(self, price: Mapping[str, float] | None) -> None:
        self._price = price
        self.turn = TurnUsage()

    def add(self, figures: Figures, window: int | None) -> None:
        """One inference more."""
        turn = self.turn
        turn.window = window
        if figures.cost_usd is not None:
            turn.cost_usd = (turn.cost_usd or 0.0) + figures.cost_usd
        elif (estimate := self._estimate(figures)) is not None:
            turn.cost_usd = (turn.cost_usd or 0.0) + estimate
            turn.cost_estimated = True
        if figures.input is None and figures.output is None:
            return
        turn.input_tokens = _sum(turn.input_tokens, figures.input)
        turn.output_tokens = _sum(turn.output_tokens, figures.output)
        turn.cache_read_input_tokens = _sum(turn.cache_read_input_tokens, figures.cache_read)
        turn.cache_creation_input_tokens = _sum(turn.cache_creation_input_tokens, figures.cache_creation)
        turn.last_input_tokens = figures.input
        turn.last_output_tokens = figures.output
        turn.last_cache_read_input_tokens = figures.cache_read
        turn.last_cache_creation_input_tokens = figures.cache_creation

    def shrunk_to(self, tokens: int | None) -> None:
        """The conversation was made shorter: so many tokens it has now, as far as that can be told."""
        turn = self.turn
        turn.last_input_tokens = tokens
        turn.last_output_tokens = turn.last_cache_read_input_tokens = turn.last_cache_creation_input_tokens = None

    def usage(self) -> Usage:
        """In the middle of the turn."""
        turn = self.turn
        return Usage(
            ctx_tokens=_sum(
                turn.last_input_tokens, turn.last_cache_read_input_tokens, turn.last_cache_creation_input_tokens
            ),
            window=turn.window,
            tokens=_sum(
                turn.input_tokens, turn.output_tokens, turn.cache_read_input_tokens, turn.cache_creation_input_tokens
            ),
            cost_usd=turn.cost_usd,
            cost_estimated=turn.cost_estimated,
        )

    def _estimate(self, figures: Figures) -> float | None:
        price = self._price
        if price is None or figures.input is None or figures.output is None:
            return None
        read = (figures.cache_read or 0) * price.get("cache_read", price["input"])
        made = (figures.cache_creation or 0) * price.get("cache_creation", price["input"])
        return (figures.input * price["input"] + figures.output * price["output"] + read + made) / 1e6


def _sum(*figures: int | None) -> int | None:
    known = [figure for figure in figures if figure is not None]
    return sum(known) if known else None
