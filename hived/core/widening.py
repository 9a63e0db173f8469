"""What a proposed config would let an agent do that it may not now, in words for whoever decides. Pure."""

import shlex
from collections import Counter
from typing import Any

from hived.core.text import one_line
from hived.wire.agents import AgentSpec

MOST_OF_A_KIND = 10
"""Lines; the last one counts what is left out. Many of one kind never hide another."""
MOST_EACH = 160
"""Characters."""
_NAMED_OPTIONS = ("permission_mode", "command", "agent", "base_url", "provider")


def widened(before: AgentSpec, after: AgentSpec, runtime: str) -> list[str]:
    """One line each, what matters most first; what stands before a `:` says the kind. `runtime`: the one that it has now."""
    found = [
        *_changed("role", before.role, after.role),
        *_changed("runtime", runtime, after.runtime or runtime),
        *(["network"] if after.network and not before.network else []),
        *_options(before.engine_options, after.engine_options),
        *_changed("engine", before.engine, after.engine),
        *(f"new setup: {command}" for command in _new(before.setup, after.setup)),
        *(f"new rule that allows: {_rule(rule)}" for rule in _new_rules(before.rules, after.rules)),
        *(f"a denial less: {_rule(rule)}" for rule in _new_rules(after.rules, before.rules, "deny")),
        *(f"reaches hosts: {host}" for host in _new(before.allow_hosts, after.allow_hosts)),
        *(f"reads: {path}" for path in _new(before.read_paths, after.read_paths)),
        *(f"is given secrets: {name}" for name in _new(before.env_from, after.env_from)),
        *(f"another environment: {name}" for name, value in after.env.items() if before.env.get(name) != value),
        *(
            f"an environment less: {name}"
            for name in _new([*after.env, *after.env_from], [*before.env, *before.env_from])
        ),
        *(f"runs a tool server: {_server(server)}" for server in after.mcp_servers if server not in before.mcp_servers),
        *(f"may write to: {name}" for name in _new(before.can_message, after.can_message)),
        *_limits(before.limits, after.limits),
    ]
    return [one_line(flag, MOST_EACH) for flag in _bounded(found)]


def kinds(flags: list[str]) -> list[str]:
    """What stands before their `:`, each once."""
    return list(dict.fromkeys(map(_kind, flags)))


def _bounded(flags: list[str]) -> list[str]:
    """In their order, of each kind at most MOST_OF_A_KIND."""
    counts = Counter(map(_kind, flags))
    seen: Counter[str] = Counter()
    kept = []
    for flag in flags:
        kind = _kind(flag)
        seen[kind] += 1
        if counts[kind] <= MOST_OF_A_KIND or seen[kind] < MOST_OF_A_KIND:
            kept.append(flag)
        elif seen[kind] == MOST_OF_A_KIND:
            kept.append(f"{kind}: and {counts[kind] - MOST_OF_A_KIND + 1} more")
    return kept


def _kind(flag: str) -> str:
    return flag.partition(":")[0]


def _changed(what: str, before: str, after: str) -> list[str]:
    return [] if before == after else [f"{what} {before} → {after}"]


def _new(before: list[str], after: list[str]) -> list[str]:
    return [value for value in dict.fromkeys(after) if value not in before]


def _options(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Of the engine: those that say what it runs and what it may do come with their value."""
    changed = [name for name in after if after[name] != before.get(name)]
    named = [name for name in _NAMED_OPTIONS if name in changed]
    gone = [name for name in before if name not in after]
    return [
        *(f"{name.replace('_', ' ')}: {_shown(after[name])}" for name in named),
        *(f"another option: {name}" for name in changed if name not in named),
        *(f"an option less: {name}" for name in gone),
    ]


def _shown(value: Any) -> str:
    return shlex.join(map(str, value)) if isinstance(value, list) else str(value)


def _new_rules(
    before: list[dict[str, Any]], after: list[dict[str, Any]], verdict: str = "allow"
) -> list[dict[str, Any]]:
    return [rule for rule in after if rule not in before and rule.get("verdict", "allow") == verdict]


def _rule(rule: dict[str, Any]) -> str:
    return f"{rule.get('tool', '?')} {rule.get('pattern') or ''}".strip()


def _server(server: dict[str, Any]) -> str:
    what = server.get("command") or server.get("url") or ""
    return f"{server.get('name', '?')} {_shown(what)}".strip()


def _limits(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    return [
        f"another limit: {name} {before[name]} → {after.get(name, 'none')}"
        for name in before
        if name != "rate_limit_resume" and before[name] != after.get(name)
    ] + (["goes on by itself after a rate limit"] if after.get("rate_limit_resume") and not before.get("rate_limit_resume") else [])  # fmt: skip
