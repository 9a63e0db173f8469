"""Drafts of rules: what may be put in force, and the narrowest one that fits an ask."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from hived.core import globs, rule_hosts
from hived.core.rule_matching import PERMISSION_TOOLS, Ask, Pattern, judge, kind_of, never_fits, overlooked
from hived.core.shell_commands import read
from hived.core.text import one_line
from hived.core.tool_inputs import input_hash
from hived.wire import moments
from hived.wire.agents import SpawnRequest
from hived.wire.errors import InvalidMoment, InvalidRule
from hived.wire.rules import ANY_INPUT, EXACT_PREFIX, RuleDraft, RuleProposal, RuleScope, RuleVerdict
from hived.wire.times import from_text, to_text

MOST_OF_A_SPEC = 100
MOST_TOOL, MOST_PATTERN, MOST_REASON = 200, 4096, 400
NO_COLONY = "There are no colonies yet, so a rule is for one agent or for the hive."
MOST_FOLDERS, MOST_ANY_FOLDERS = 100, 8
"""Of a pattern: what is laid beside a path of 2,000 names in a few milliseconds."""
_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Checked:
    """A draft that may be put in force."""

    scope: RuleScope
    tool: str
    pattern: str
    verdict: RuleVerdict
    expires_at: str | None
    reason: str | None

    @property
    def key(self) -> tuple[str, str, str]:
        return self.tool, self.pattern, self.verdict


def parse_draft(given: Any) -> RuleDraft:
    """A draft from what was sent. Raises InvalidRule with the first thing that is wrong."""
    if not isinstance(given, Mapping):
        raise InvalidRule(reason="A rule is a table with a tool, and if you like a pattern, a verdict and a scope.")
    try:
        return RuleDraft.model_validate(dict(given))
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise InvalidRule(reason=one_line(f"{key}: {first['msg']}.", 300)) from None


def check_draft(draft: RuleDraft, now: str) -> Checked:
    """Refuse what could not stand, or could never fit. Raises InvalidRule."""
    refusal = scope_flaw(draft) or refused(draft)
    if refusal is not None:
        raise InvalidRule(reason=refusal)
    if draft.verdict == "allow" and (flaw := never_fits(draft.tool, draft.pattern)) is not None:
        raise InvalidRule(reason=f"This rule could never fit: {flaw}.")
    reason = None if draft.reason is None else one_line(draft.reason, MOST_REASON) or None
    return Checked(draft.scope, draft.tool, draft.pattern, draft.verdict, _end(draft.expires_at, now), reason)


def refused(draft: RuleDraft) -> str | None:
    """Why that tool or that pattern makes no rule at all, in one sentence."""
    for name, text in (("tool", draft.tool), ("pattern", draft.pattern)):
        if not text.isprintable() or text != text.strip():
            return f"{name}: printable characters on one line, without blanks around them."
        if not globs.is_sound(text):
            return f"{name}: a backslash stands before a * or another backslash only."
    if draft.pattern.count("/") > MOST_FOLDERS or draft.pattern.count("**") > MOST_ANY_FOLDERS:
        return f"pattern: at most {MOST_FOLDERS} folders, and {MOST_ANY_FOLDERS} times **."
    if draft.pattern.startswith(EXACT_PREFIX) and not _HASH.fullmatch(draft.pattern.removeprefix(EXACT_PREFIX)):
        return "pattern: exact: is followed by the 64 hexadecimal digits of an input's SHA-256."
    if draft.verdict == "allow" and not draft.tool.strip("*") and draft.pattern == ANY_INPUT:
        return "A rule that allows any tool any input would leave nothing to decide: name the tool, or the pattern."
    return None


def check_spec_rules(request: SpawnRequest, now: str) -> list[Checked]:
    """The `[[rules]]` of an agent.toml: for its own agent, whoever wrote them. Raises InvalidRule."""
    if len(request.rules) > MOST_OF_A_SPEC:
        raise InvalidRule(reason=f"rules: at most {MOST_OF_A_SPEC} are taken from an agent.toml.")
    found = []
    for number, table in enumerate(request.rules, 1):
        if any(key in table for key in ("scope", "agent", "colony")):
            raise InvalidRule(
                reason=f"rules, {number}: a rule of an agent.toml is for its own agent and names no scope."
            )
        try:
            draft = parse_draft(table).model_copy(update={"agent": request.name})
            found.append(check_draft(draft, now))
        except InvalidRule as error:
            raise InvalidRule(reason=f"rules, {number}: {error.message}") from None
    return found


def narrowest(ask: Ask, agent: str, scope: RuleScope) -> RuleProposal:
    """The narrowest rule that allows that ask, in words too. Raises InvalidRule where none can."""
    if scope == "colony":
        raise InvalidRule(reason=NO_COLONY)
    tool = globs.escaped(ask.tool)
    if not ask.tool.isprintable() or not ask.tool.strip() or len(tool) > MOST_TOOL or tool != tool.strip():
        raise InvalidRule(reason="Its tool has a name that no rule can hold.")
    if ask.tool in PERMISSION_TOOLS:
        raise InvalidRule(reason=f"{ask.tool} changes what is asked at all: it is decided each time.")
    pattern, what = _narrowest_pattern(ask)
    whose = f"any agent of the hive, {agent} among them," if scope == "hive" else agent
    draft = RuleDraft(tool=tool, pattern=pattern, scope=scope, agent=agent if scope == "agent" else None)
    return RuleProposal(rule=draft, words=f"From now on {whose} may use {one_line(ask.tool)} {what}")


def _narrowest_pattern(ask: Ask) -> tuple[str, str]:
    kind, given = kind_of(ask.input)
    alone = "with exactly this input, every key of it the same, and no other"
    exact = EXACT_PREFIX + input_hash(ask.tool, ask.input)
    if kind == "other":
        return exact, f"{alone}: it has no command, path or address that a narrower pattern could name."
    if (key := overlooked(ask, kind)) is not None:
        return exact, f"{alone}: a pattern would overlook its {one_line(key, 40)}."
    pattern, words = _pattern_of(kind, given)
    sound = 0 < len(pattern) <= MOST_PATTERN and refused(RuleDraft(tool="a", pattern=pattern)) is None
    fits = sound and judge([Pattern("", "*", pattern, "allow")], ask._replace(tool="a")) is not None
    if not fits or never_fits(globs.escaped(ask.tool), pattern) is not None:
        flaw = read(given).flaw if kind == "command" else None
        such = "an address" if kind == "url" else f"a {kind}"
        why = f"the command holds {flaw}" if flaw else f"no pattern can allow such {such}"
        return exact, f"{alone}: {why}."
    return pattern, words


def _pattern_of(kind: str, given: str) -> tuple[str, str]:
    if kind == "command":
        text = read(given).text
        return globs.escaped(text), f"with the command `{one_line(text, 1000)}`, word for word, and no other."
    if kind == "path":
        return globs.escaped(given), f"on the file {one_line(given, 1000)}, with any content, and on no other."
    found = rule_hosts.host_of(given)
    if found is None:
        return "", ""
    scheme, host, port = found
    named = f"{scheme}://{host}" if port == rule_hosts.DEFAULT_PORTS[scheme] else f"{scheme}://{host}:{port}"
    return named, f"on any address of {named}, and of no other host."


def scope_flaw(draft: RuleDraft) -> str | None:
    """Why it is for nobody, in one sentence."""
    if draft.scope == "colony" or draft.colony is not None:
        return NO_COLONY
    if draft.scope == "agent" and draft.agent is None:
        return "agent: a rule of scope agent names its agent."
    if draft.scope == "hive" and draft.agent is not None:
        return "agent: a rule of scope hive is for every agent and names none."
    return None


def _end(given: str | None, now: str) -> str | None:
    if given is None:
        return None
    try:
        end = to_text(moments.parse(given, from_text(now)))
    except InvalidMoment as error:
        raise InvalidRule(reason=f"expires_at: {error.message}") from None
    if end <= now:
        raise InvalidRule(reason="expires_at: it lies in the past.")
    return end


def rules_said(request: SpawnRequest) -> str:
    """Of a spawn's one line: what it would be allowed and denied unasked. Empty where it has no rules of its own."""
    said = [
        f"{table.get('verdict', 'allow')} {table.get('tool')} {table.get('pattern', ANY_INPUT)}"
        for table in request.rules
    ]
    return f" with rules: {'; '.join(said)[:1000]}" if said else ""
