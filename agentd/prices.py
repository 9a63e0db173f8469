"""The operator's price table: what a turn may have cost whose engine gives no cost. Always an estimate."""

from collections.abc import Mapping
from fnmatch import fnmatchcase

from agentd.engines.base import TurnUsage
from hived.wire.budgets import Price

MILLION = 1_000_000


class Prices:
    """By model, or by a glob on its name: the exact name first, then the longest glob that fits."""

    def __init__(self, table: Mapping[str, Price]) -> None:
        self._table = dict(table)
        self._globs = sorted(table, key=len, reverse=True)

    def of(self, model: str) -> Price | None:
        exact = self._table.get(model)
        if exact is not None:
            return exact
        fitting = next((glob for glob in self._globs if fnmatchcase(model, glob)), None)
        return None if fitting is None else self._table[fitting]

    def of_turn(self, model: str, usage: TurnUsage) -> float | None:
        """USD; None where the model has no price, or the turn no figures. Tokens whose kind is not known cost as input."""
        price = self.of(model)
        counted = (
            usage.input_tokens,
            usage.output_tokens,
            usage.cache_read_input_tokens,
            usage.cache_creation_input_tokens,
        )
        if price is None or all(tokens is None for tokens in counted):
            return None
        read = price.input if price.cache_read is None else price.cache_read
        made = price.input if price.cache_creation is None else price.cache_creation
        each = zip(counted, (price.input, price.output, read, made), strict=True)
        return sum((tokens or 0) * usd for tokens, usd in each) / MILLION

    def of_tokens(self, model: str, tokens: int | None) -> float | None:
        """The same where only their sum is known."""
        price = self.of(model)
        return None if price is None or tokens is None else tokens * price.input / MILLION
