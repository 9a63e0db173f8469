"""A recording: what an agent's journal holds of some turns, as a scenario that the scripted engine plays again."""

from pydantic import Field

from hived.wire.base import Answer


class Recording(Answer):
    """`GET /v1/agents/{name}/recording`."""

    scenario: str
    """TOML, to be given to an agent on the scripted engine."""
    turns: int
    events: int
    """Of the journal, that a replay gives again; each turn's start and end are among them."""
    left_out: dict[str, int] = Field(default_factory=dict)
    """By kind, what no engine says and so no replay gives: what others sent, what the operator decided, …"""
    cut: int = 0
    """Texts that the journal had cut, and whose whole is no longer there."""
