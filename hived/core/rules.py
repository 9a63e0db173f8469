"""Rules: standing answers for what agents' engines ask. Deny wins; what no rule answers goes to the operator."""

from dataclasses import dataclass
from typing import Any

from hived.store.database import Row, Tx
from hived.wire.agents import SpawnRequest
from hived.wire.approvals import Actor
from hived.wire.rules import Rule, RuleScope, RuleVerdict


@dataclass(frozen=True, slots=True)
class Standing:
    """A rule's answer to one ask."""

    rule_id: str
    verdict: RuleVerdict
    words: str
    """Which rule it was, in one sentence: what the agent is told with a denial."""


def standing_answer(tx: Tx, agent: Row, tool: str, input: dict[str, Any]) -> Standing | None:
    """The answer of the rules in force, its hit counted; None where the operator must be asked."""
    return None


def remember(tx: Tx, approval: Row, scope: RuleScope, actor: Actor) -> Rule:
    """Make the narrowest rule that would have answered that tool_use. Raises InvalidRule."""
    raise NotImplementedError


def take_from_spec(tx: Tx, agent_id: str, request: SpawnRequest) -> None:
    """Put the agent.toml's own rules in force for that agent, instead of those that it had from there."""


def check_spec(request: SpawnRequest) -> None:
    """Raises InvalidRule for a `[[rules]]` that could not be put in force."""
