"""One thing that waits, in full: who asks for what, with everything that would be done, then why and since when. Pure."""

from datetime import datetime
from typing import Any

from hivetui.state.cases import Case
from hivetui.state.clock import age, running
from hivetui.state.waiting import KIND_WORDS
from hivetui.widgets.asked_lines import asked_lines
from hivetui.widgets.config_lines import changed_lines, proposal_lines
from hivetui.widgets.facts import fact_lines
from hivetui.widgets.lines import Line, Piece, clean, one_line, wrapped
from hivetui.widgets.talk_lines import budget_lines, held_lines, pair_lines, question_lines, who_asks
from hivetui.widgets.tool_lines import tool_name
from hivetui.widgets.visible import visible
from hivetui.widgets.waiting_agents import choice_lines, limit_lines, login_lines, parked_lines

SPAWN_FACTS = ("engine", "model", "role", "runtime", "repo", "parent", "prompt")
"""Shown first, and always, in this order."""
QUIET_DEFAULTS: dict[str, Any] = {"can_message": ["*"]}
"""Said only where they differ."""


def detail_of(case: Case, now: datetime, width: int, asked: list[Line] | None = None) -> list[Line]:
    """The item's lines. `asked`: those of a tool's input, where they are at hand already."""
    lines = [*_rule(case, width), *_about(case, now, width, asked), ()]
    item = case.item
    since = running(item.since, now) if item.blocks else age(item.since, now)
    facts = [("since", f"{since}, and its turn stands still" if item.blocks and not item.gone else since)]
    if case.agent is not None and item.kind == "tool_use":
        facts.append(("in", case.agent.workspace or ""))
    lines += fact_lines(facts, width)
    if item.gone:
        return [*lines, *_what_became(case, width)]
    if case.note:
        lines += [(), *wrapped([(f"“{clean(case.note)}”", "accent")], width, (("note ", "dim"),))]
    if case.cut:
        lines += [(), (("the rest of it is being fetched…", "bad"),)]
    if case.under_way:
        lines += [(), (("hived has been asked…", "dim"),)]
    return lines


def asked_count(case: Case, now: datetime, width: int, asked: list[Line] | None = None) -> int:
    """How many of `detail_of`, from its beginning, say what is asked."""
    return len(_rule(case, width)) + len(_about(case, now, width, asked))


def tool_lines_of(case: Case, width: int) -> list[Line]:
    """All that a tool is asked to do."""
    payload = case.item.ask.payload if case.item.ask else {}
    tool = str(payload.get("tool") or "")
    given = asked_lines(tool, payload.get("input", {}), whole=case.whole)
    lines = wrapped(given or visible(case.item.subject), width, hang=2)
    return lines


def _about(case: Case, now: datetime, width: int, asked: list[Line] | None) -> list[Line]:
    item, agent = case.item, case.agent
    who: Piece = (item.who, "strong")
    head: list[Piece]
    match item.kind:
        case "spawn" | "apply_commit":
            return _asked(case, width)
        case "tool_use":
            tool = str((item.ask.payload if item.ask else {}).get("tool") or "")
            lines = _headline([who, (" asks to run", "text"), (f" · {tool_name(tool)}", "dim")], width)
            lines += tool_lines_of(case, width) if asked is None else asked
            if item.ask is not None and item.ask.status == "orphaned" and not item.gone:
                said = f"It was asked before {item.who} was interrupted, and nobody waits for the answer any more. "
                then = "Approving leaves a one-time yes for exactly this, and tells it to go on."
                lines += [(), *wrapped([(said + then, "wait")], width)]
            return lines
        case "question":
            return [*_headline(who_asks(case, now), width), *question_lines(case, now, width)]
        case "held_message":
            head = [("a message to ", "text"), who, (" is held", "text")]
            return [*_headline(head, width), *held_lines(case, width)]
        case "pair":
            names = " and ".join(case.pair.agents) if case.pair else item.who
            head = [
                (one_line(names, 80), "strong"),
                (" only answer each other", "text"),
                (" · pair", "dim"),
            ]
            return [*_headline(head, width), *pair_lines(case, width)]
        case "budget":
            head = [who if item.agent else ("the hive", "strong"), (" is over budget", "text"), (" · budget", "dim")]
            return [*_headline(head, width), *budget_lines(case, now, width)]
        case "rate_limited":
            return [*_headline([who, (" is rate limited", "text")], width), *limit_lines(item, agent, now, width)]
        case "needs_login":
            engine = (f" · {agent.engine}" if agent else "", "dim")
            return [*_headline([who, (" is not logged in", "text"), engine], width), *login_lines(item, agent, width)]
        case "resume_choice":
            return [*_headline([who, (" cannot resume its session", "text")], width), *choice_lines(item, agent, width)]
        case "parked":
            return [*_headline([who, (" · parked", "bad")], width), *parked_lines(item, agent, width)]
    lines = _headline([who, (f" · {KIND_WORDS.get(item.kind, one_line(item.kind, 40))}", "bad")], width)
    return [*lines, *wrapped([(clean(item.subject), "text")], width)]


def _asked(case: Case, width: int) -> list[Line]:
    ask, item = case.item.ask, case.item
    payload = ask.payload if ask is not None else {}
    who = "you ask" if ask and ask.requester == "operator" else f"{ask.requester if ask else item.who} asks"
    back = item.kind == "spawn" and bool(payload.get("revive"))
    what = (
        " to bring a destroyed agent back"
        if back
        else " for a new agent"
        if item.kind == "spawn"
        else " for another config"
    )
    lines = _headline([(who, "strong"), (what, "text"), (f" · {KIND_WORDS[item.kind]}", "dim")], width)
    if not payload:
        return [*lines, *wrapped([(clean(item.subject), "text")], width)]
    if item.kind == "apply_commit":
        return [*lines, *proposal_lines(payload, width)]
    spawned = spawn_lines(payload, width)
    return [*lines, *changed_lines(payload, width), (), *spawned] if back else [*lines, *spawned]


def _what_became(case: Case, width: int) -> list[Line]:
    ask = case.item.ask
    if case.item.kind == "question" and case.question is not None and case.question.status != "pending":
        return []
    became = case.became if ask is None and case.became else case.item.verdict
    lines: list[Line] = [(), *wrapped([(became, "strong")], width)]
    if ask is None:
        return lines
    rule = f"{case.rule.verdict} {case.rule.tool} {case.rule.pattern}" if case.rule else ask.rule or ""
    facts = [("rule", rule), ("note", ask.note or ""), ("failed", ask.failure or "")]
    if ask.grant:
        facts.append(("yes", "given when it was asked before"))
    return lines + fact_lines(facts, width)


def _rule(case: Case, width: int) -> list[Line]:
    """The rule that approving would make, in words, before it is made: above all else, so that it is never out of sight."""
    remember = case.remember
    if remember is None or case.item.gone:
        return []
    scope = "the whole hive" if remember.scope == "hive" else f"{case.item.who} alone"
    lines: list[Line] = [(("from now on", "accent-strong"), (f" · for {scope}", "accent"))]
    if remember.proposal is None:
        return [*lines, (("hived looks for the narrowest rule…", "dim"),), ()]
    rule = remember.proposal.rule
    lines += wrapped(visible(remember.proposal.words, "strong"), width)
    lines += wrapped([(f"{rule.verdict} ", "dim"), *visible(f"{rule.tool}  {rule.pattern}", "code")], width, hang=2)
    other = " no rule" if remember.scope == "hive" else " for the hive"
    keys: list[Piece] = [
        ("a", "key"),
        (" yes, with it   ", "text"),
        ("R", "key"),
        (f"{other}   ", "text"),
        ("esc", "key"),
        (" no rule", "text"),
    ]
    return [*lines, *wrapped(keys, width), ()]


def _headline(pieces: list[Piece], width: int) -> list[Line]:
    return [*wrapped(pieces, width), ()]


def spawn_lines(payload: dict[str, Any], width: int) -> list[Line]:
    facts: list[tuple[str, str]] = [("name", str(payload.get("name") or "?"))]
    for key in SPAWN_FACTS:
        value = payload.get(key)
        said = (
            "the operator"
            if key == "parent" and not value
            else str(value or "default" if key in ("model", "runtime") else value or "")
        )
        facts.append((key, said))
    options = payload.get("engine_options")
    for key, value in (options if isinstance(options, dict) else {}).items():
        shown = " ".join(map(str, value)) if isinstance(value, list) else str(value)
        facts.append((str(key), shown))
    env = payload.get("env")
    facts.append(("env", ", ".join(map(str, env)) if isinstance(env, dict) else ""))
    known = {"name", "reason", "env", "engine_options", "revive", "changed", "files", *SPAWN_FACTS}
    for key, value in payload.items():
        if key in known or value in (None, [], {}, "") or QUIET_DEFAULTS.get(key) == value:
            continue
        facts.append((str(key), ", ".join(map(str, value)) if isinstance(value, list) else str(value)))
    lines = fact_lines(facts, width)
    if isinstance(files := payload.get("files"), dict) and files:
        lines += fact_lines([("files", ", ".join(map(str, files)))], width)
    if reason := payload.get("reason"):
        lines = [*wrapped([(f"“{clean(str(reason))}”", "text")], width, (("why ", "dim"),)), (), *lines]
    return lines
