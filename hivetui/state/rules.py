"""Rules as the screen lists them: those in force, denials first, then the newest."""

from hived.wire.rules import Rule

Rules = dict[str, Rule]
"""By id."""


def with_rule(known: Rules, rule: Rule) -> Rules:
    """Its new state; one that is revoked is no longer listed."""
    others = {id: other for id, other in known.items() if id != rule.id}
    return others if rule.revoked_at else {**others, rule.id: rule}


def listed(rules: Rules) -> tuple[Rule, ...]:
    newest = sorted(rules.values(), key=lambda rule: rule.id, reverse=True)
    return tuple(sorted(newest, key=lambda rule: rule.verdict != "deny"))


def whose(rule: Rule) -> str:
    """`alice`, `colony docs`, `hive`."""
    if rule.scope == "agent":
        return rule.agent or "?"
    return f"colony {rule.colony or '?'}" if rule.scope == "colony" else "hive"
