"""Pairs: two agents who only answered each other, and whose messages are held until the operator decides."""

from typing import Literal

from hived.wire.approvals import Actor
from hived.wire.base import Answer


class Pair(Answer):
    id: str
    agents: list[str]
    """The two names."""
    status: Literal["held", "released", "dropped"]
    since: str
    exchanged: int
    """How many messages in `window_seconds` held it."""
    window_seconds: float
    held: int = 0
    """How many messages it holds now."""
    decided_at: str | None = None
    decided_by: Actor | None = None


class PairList(Answer):
    """`GET /v1/pairs`, those that are held; with `?all=true` every one, oldest first."""

    pairs: list[Pair]
