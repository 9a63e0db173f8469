"""Figures as a program or a scenario states them: a flat object of numbers, the columns' own names and a few short ones."""

from dataclasses import fields
from typing import Any

from agentd.engines.base import TurnUsage, Usage

_COUNTS = {field.name for field in fields(TurnUsage)} - {"cost_usd", "cost_estimated"}
NAMES = (*sorted(_COUNTS), "ctx", "tokens", "cost_usd", "cost_estimated")
"""`ctx`: tokens in the window at the last inference; `tokens`: of the whole turn."""


class WrongUsage(ValueError):
    """Which figure is wrong."""


def take_usage(report: dict[str, Any], usage: TurnUsage) -> Usage:
    """Put the figures into the turn's and answer with what they say now. Raises WrongUsage, having changed nothing."""
    figures = {_column(name): _checked(name, value) for name, value in report.items()}
    for column, value in figures.items():
        setattr(usage, column, value)
    ctx = [usage.last_input_tokens, usage.last_cache_read_input_tokens, usage.last_cache_creation_input_tokens]
    turn = [
        usage.input_tokens, usage.output_tokens, usage.cache_read_input_tokens, usage.cache_creation_input_tokens
    ]  # fmt: skip
    return Usage(
        ctx_tokens=_sum(ctx),
        window=usage.window,
        tokens=_sum(turn),
        cost_usd=usage.cost_usd,
        cost_estimated=usage.cost_estimated,
    )


def _column(name: str) -> str:
    return {"ctx": "last_input_tokens", "tokens": "input_tokens"}.get(name, name)


def _checked(name: str, value: Any) -> Any:
    if name == "cost_estimated":
        if isinstance(value, bool):
            return value
        raise WrongUsage("cost_estimated is true or false")
    if name not in NAMES:
        raise WrongUsage(f"there is no figure {name!r}; there are {', '.join(NAMES)}")
    number = isinstance(value, int | float) if name == "cost_usd" else isinstance(value, int)
    if not number or isinstance(value, bool) or not 0 <= value < 2**53:
        raise WrongUsage(f"{name} is a number from 0 up")
    return value


def _sum(figures: list[int | None]) -> int | None:
    known = [figure for figure in figures if figure is not None]
    return sum(known) if known else None
