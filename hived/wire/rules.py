"""Rules: standing answers for approvals of kind `tool_use`. Deny wins; a shell command is judged part by part."""

from typing import Literal

from pydantic import Field

from hived.wire.base import Answer, WireModel

RuleScope = Literal["agent", "colony", "hive"]
RuleVerdict = Literal["allow", "deny"]
RuleSource = Literal["operator", "remembered", "agent.toml"]

ANY_INPUT = "*"
EXACT_PREFIX = "exact:"
"""A pattern `exact:SHA256` fits one input alone: that whose tool and canonical JSON have this hash."""


class RuleDraft(WireModel):
    """`POST /v1/rules`, the body of a preview, and, without the scope's name, a `[[rules]]` of an agent.toml."""

    tool: str = Field(min_length=1, max_length=200)
    """The engine's name for it, or a glob: `Bash`, `mcp__github__*`."""
    pattern: str = Field(default=ANY_INPUT, min_length=1, max_length=4096)
    """A glob on the command, path or host that the tool is given; `*` fits any input."""
    verdict: RuleVerdict = "allow"
    scope: RuleScope = "agent"
    agent: str | None = None
    """Scope agent: its name."""
    colony: str | None = None
    expires_at: str | None = None
    """ISO 8601, or a span from now: `8h`, `7d`."""
    reason: str | None = Field(default=None, max_length=400)


class Rule(Answer):
    id: str
    scope: RuleScope
    agent: str | None = None
    colony: str | None = None
    tool: str
    pattern: str
    verdict: RuleVerdict
    reason: str | None = None
    source: RuleSource
    made_from: str | None = None
    """remembered: the approval that it was made from."""
    created_at: str
    created_by: str = "operator"
    expires_at: str | None = None
    hits: int = 0
    """How many asks it has decided."""
    last_hit_at: str | None = None
    revoked_at: str | None = None


class RuleList(Answer):
    """`GET /v1/rules`, oldest first."""

    rules: list[Rule]


class RuleProposal(Answer):
    """`GET /v1/approvals/{id}/rule?scope=`: the narrowest rule that would have answered it, and why no wider one."""

    rule: RuleDraft
    words: str
    """One sentence for a person: what it would allow from now on."""


class PreviewedAsk(Answer):
    """One past ask that the rule would have decided."""

    approval_id: str
    agent: str
    subject: str
    created_at: str
    status: str
    """What became of it."""
    would: RuleVerdict
    differs: bool = False
    """Somebody decided otherwise."""


class RulePreview(Answer):
    """`POST /v1/rules/preview`: what it would have decided of the asks of the last `days`."""

    days: int
    asks: int
    """How many tool_use asks there were in its scope."""
    decided: int
    """How many of them it would have decided."""
    differs: int
    """How many of those were decided otherwise."""
    examples: list[PreviewedAsk]
    """Newest first, those that differ before all others; at most 100."""
    warning: str | None = None
    """Where the rule can never fit, or fits everything: why."""
