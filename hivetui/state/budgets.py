"""Budgets as the screen lists them: those that stop somebody first, then by whose they are."""

from dataclasses import dataclass

from hived.wire.budgets import Budget

Budgets = dict[str, Budget]
"""By id."""

SCOPES = ("hive", "tree", "agent")
WINDOWS = ("hour", "day", "total")


@dataclass(frozen=True, slots=True)
class Figure:
    """One limit of a budget, and how much of it is spent."""

    name: str
    """usd, tokens or turns."""
    spent: float | None
    """None: nobody has said."""
    limit: float
    """With what it was raised by in this window."""
    raised: float

    @property
    def share(self) -> float:
        """0 to 1 and beyond; a limit of nothing is spent at once."""
        if self.limit <= 0:
            return 1.0
        return (self.spent or 0.0) / self.limit


def with_budget(known: Budgets, budget: Budget) -> Budgets:
    return {**known, budget.id: budget}


def without_budget(known: Budgets, id: str) -> Budgets:
    return {other: budget for other, budget in known.items() if other != id}


def listed(budgets: Budgets) -> tuple[Budget, ...]:
    return tuple(
        sorted(
            budgets.values(),
            key=lambda budget: (
                not budget.over,
                SCOPES.index(budget.scope),
                budget.agent or "",
                WINDOWS.index(budget.window),
                budget.id,
            ),
        )
    )


def whose(budget: Budget) -> str:
    """`alice`, `queen and below`, `the hive`."""
    if budget.scope == "hive":
        return "the hive"
    return f"{budget.agent or '?'}{' and below' if budget.scope == 'tree' else ''}"


def figures(budget: Budget) -> tuple[Figure, ...]:
    """Those that are limited."""
    found = (
        ("usd", 0.0 if not budget.spent.turns else budget.spent.usd, budget.usd, budget.raised.usd or 0.0),
        ("tokens", float(budget.spent.tokens), budget.tokens, float(budget.raised.tokens)),
        ("turns", float(budget.spent.turns), budget.turns, float(budget.raised.turns)),
    )
    return tuple(
        Figure(name, spent, float(limit) + raised, raised) for name, spent, limit, raised in found if limit is not None
    )
