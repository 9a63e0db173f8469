"""Budgets: how much an agent, a spawn tree or the hive may spend in an hour, a day or at all. hived checks at turn start and spawn."""

from typing import Literal

from pydantic import Field

from hived.wire.base import Answer, WireModel

BudgetScope = Literal["agent", "tree", "hive"]
BudgetWindow = Literal["hour", "day", "total"]
"""Hours and days are UTC's."""


class BudgetDraft(WireModel):
    """`PUT /v1/budgets`: set the one of that scope and window. All three figures None: there is none any more."""

    scope: BudgetScope = "agent"
    agent: str | None = None
    """Whose, or the root of the tree; None with scope hive."""
    window: BudgetWindow = "day"
    usd: float | None = Field(default=None, ge=0, le=1e9)
    tokens: int | None = Field(default=None, ge=0, le=10**15)
    turns: int | None = Field(default=None, ge=0, le=10**9)


class BudgetRaise(WireModel):
    """`POST /v1/budgets/{id}/raise`: more, in this window only. Without figures: as much again as the budget itself."""

    usd: float | None = Field(default=None, ge=0, le=1e9)
    tokens: int | None = Field(default=None, ge=0, le=10**15)
    turns: int | None = Field(default=None, ge=0, le=10**9)


class Spent(Answer):
    usd: float | None = None
    """None: no turn of it has given a figure."""
    estimated: bool = False
    tokens: int = 0
    turns: int = 0


class Budget(Answer):
    id: str
    scope: BudgetScope
    agent: str | None = None
    window: BudgetWindow
    usd: float | None = None
    tokens: int | None = None
    turns: int | None = None
    raised: Spent = Field(default_factory=Spent)
    """On top, in this window."""
    spent: Spent = Field(default_factory=Spent)
    """In this window."""
    over: bool = False
    over_since: str | None = None
    """An agent has been stopped by it, and waits."""
    words: str = ""
    """Where it is over: by what, in one sentence."""
    resets_at: str | None = None
    unpriced: list[str] = Field(default_factory=list)
    """Agents in it whose turns have no cost, so that `usd` cannot hold them: a price in hive.toml would."""
    source: Literal["operator", "agent.toml"] = "operator"


class BudgetList(Answer):
    budgets: list[Budget]


class TurnAsked(WireModel):
    """`POST /v1/turns/start` on an agent's socket, for a turn that claims nothing (checkpoint, compaction)."""

    turn_id: str
    kind: str


class TurnAllowed(Answer):
    allowed: bool
    reason: str = ""


class Price(WireModel):
    """One model's price in hive.toml's `[prices."MODEL"]` (a name or a glob): USD for a million tokens."""

    input: float = Field(ge=0, allow_inf_nan=False)
    output: float = Field(ge=0, allow_inf_nan=False)
    cache_read: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    """None: as input."""
    cache_creation: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    """None: as input."""
