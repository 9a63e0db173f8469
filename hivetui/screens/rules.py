"""Rules: what is allowed or denied without asking the operator; made with a preview, and revoked, from here."""

from datetime import datetime
from typing import ClassVar
from uuid import uuid4

from pydantic import ValidationError
from textual.binding import BindingType

from hived.wire.rules import Rule, RuleDraft, RulePreview
from hivetui.book_intents import AddRule, PreviewRule, RevokeRule
from hivetui.keymap import Where, bindings_of
from hivetui.outcomes import Outcome
from hivetui.screens.form import Field, FormScreen, Values
from hivetui.screens.listing import Go, ListingScreen, facts
from hivetui.state.clock import Clock, age, ahead, day_and_hour
from hivetui.state.hive import HiveState
from hivetui.state.rules import listed, whose
from hivetui.widgets.lines import Line, Piece, justified, one_line, wrapped

MARKS = {"allow": ("✓ allow", "good"), "deny": ("✗ deny ", "bad")}
SHOWN_EXAMPLES = 8
SOURCES = {"operator": "by you", "remembered": "remembered with a decision", "agent.toml": "from its agent.toml"}


class RulesScreen(ListingScreen):
    TITLED = "rules"
    WHERE: ClassVar[Where] = "rules"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("rules"), *bindings_of("listing")]

    def __init__(self, state: HiveState, clock: Clock, go: Go, agent: str | None = None) -> None:
        """`agent`: whose a new rule is, unless something else is typed."""
        super().__init__(state, clock, go)
        self._agent = agent

    def ids(self) -> tuple[str, ...]:
        return tuple(rule.id for rule in listed(self.state.rules))

    def line(self, id: str, width: int, now: datetime) -> Line:
        return rule_row(self.state.rules[id], now, width)

    def detail(self, id: str, width: int, now: datetime) -> list[Line]:
        return rule_lines(self.state.rules[id], now, width)

    def nothing(self) -> list[Line]:
        return [
            ((" no rules: every tool use that needs a word asks you", "dim"),),
            ((" +", "key"), (" makes one", "dim")),
        ]

    def action_revoke(self) -> None:
        rule = self.state.rules.get(self.rows.chosen or "")
        if rule is not None:
            said = f"{rule.tool} {rule.pattern}, for {whose(rule)}"
            follows = "Asks that it would have allowed wait on you again." if rule.verdict == "allow" else (
                "Asks that it would have denied wait on you again."
            )  # fmt: skip
            self.confirm(f"Revoke the rule on {one_line(said, 160)}?", "revoke it", follows, RevokeRule(rule.id))

    def action_new(self) -> None:
        key = uuid4().hex

        def wanted(values: Values) -> AddRule | str:
            draft = draft_of(values)
            return draft if isinstance(draft, str) else AddRule(draft, key)

        def preview(values: Values) -> PreviewRule | None:
            draft = draft_of(values)
            return None if isinstance(draft, str) else PreviewRule(draft)

        agent = self._agent or next(iter(self.state.agents), "")
        fields = (
            Field("tool", "tool", "", "as its engine calls it, or a glob: Bash, Read, mcp__github__*"),
            Field("pattern", "pattern", "", "a glob on the command, path or host; * fits any"),
            Field("verdict", "verdict", "allow", choices=("allow", "deny")),
            Field("scope", "scope", "agent", choices=("agent", "colony", "hive")),
            Field("whose", "whose", agent, "the agent's or the colony's name"),
            Field("expires_at", "expires", "", "never; or 8h, 7d, a time"),
            Field("reason", "reason", "", "for whoever reads it later"),
        )
        self.app.push_screen(
            FormScreen("a new rule", fields, wanted, about=missing_lines, preview=preview, shown=preview_lines)
        )


def draft_of(values: Values) -> RuleDraft | str:
    """The rule, or what is missing."""
    if not values["tool"]:
        return "Which tool? Its engine's name for it, or a glob."
    if not values["pattern"]:
        return "Which input? A glob like git status*, src/** or *.example.com; * for any."
    scope, whose_it_is = values["scope"], values["whose"]
    if scope != "hive" and not whose_it_is:
        return f"Whose is it? The {scope}'s name; or the scope hive."
    try:
        return RuleDraft.model_validate(
            {
                "tool": values["tool"],
                "pattern": values["pattern"],
                "verdict": values["verdict"],
                "scope": scope,
                "agent": whose_it_is if scope == "agent" else None,
                "colony": whose_it_is if scope == "colony" else None,
                "expires_at": values["expires_at"] or None,
                "reason": values["reason"] or None,
            }
        )
    except ValidationError as error:
        first = error.errors()[0]
        return f"{first['loc'][0] if first['loc'] else 'It'}: {first['msg']}."


def missing_lines(values: Values, width: int) -> list[Line]:
    draft = draft_of(values)
    return wrapped([(draft, "dim")], width) if isinstance(draft, str) else []


def preview_lines(outcome: Outcome, width: int) -> list[Line]:
    """What it would have decided, those that were decided otherwise first."""
    found = outcome.loaded
    if not isinstance(found, RulePreview):
        said = outcome.notice.text if outcome.notice is not None else "There is no preview."
        return wrapped([(one_line(said), "bad")], width)
    head: list[Piece] = [
        (f"In the last {found.days} days it would have decided ", "text"),
        (f"{found.decided} of {found.asks}", "strong"),
        (" asks", "text"),
    ]
    if found.differs:
        head.append((f"; {found.differs} of them were decided otherwise", "bad-strong"))
    lines = wrapped([*head, (".", "text")], width)
    if found.warning:
        lines += wrapped([(one_line(found.warning), "wait")], width, (("! ", "wait-strong"),))
    for example in found.examples[:SHOWN_EXAMPLES]:
        mark = ("✓ " if example.would == "allow" else "✗ ", "good" if example.would == "allow" else "bad")
        was: list[Piece] = [(f" was {example.status} ", "bad-strong" if example.differs else "dim")]
        left: list[Piece] = [mark, (f"{one_line(example.agent, 12):<9}", "strong"), (one_line(example.subject), "text")]
        lines.append(justified(left, was, width))
    more = found.decided - min(SHOWN_EXAMPLES, len(found.examples))
    return [*lines, ((f"… and {more} more", "dim"),)] if more > 0 and found.examples else lines


def rule_row(rule: Rule, now: datetime, width: int) -> Line:
    left: list[Piece] = [
        (" ", ""),
        MARKS[rule.verdict],
        ("  ", ""),
        (f"{one_line(whose(rule), 16):<12}", "strong"),
        (" ", ""),
        (f"{one_line(rule.tool, 24):<8}", "text"),
        (" ", ""),
        (one_line(rule.pattern, 200), "code"),
    ]
    hits = f"{rule.hits} hit{'' if rule.hits == 1 else 's'}" if rule.hits else "no hit"
    last = f", {age(rule.last_hit_at, now)}" if rule.last_hit_at else ""
    ends: list[Piece] = [(f" · {ahead(rule.expires_at, now) or 'expired'}", "wait")] if rule.expires_at else []
    return justified(left, [(f" {hits}{last}", "soft" if rule.hits else "dim"), *ends, (" ", "")], width)


def rule_lines(rule: Rule, now: datetime, width: int) -> list[Line]:
    expires = ""
    if rule.expires_at:
        expires = f"{day_and_hour(rule.expires_at, now)} ({ahead(rule.expires_at, now) or 'it has expired'})"
    last = f", last {day_and_hour(rule.last_hit_at, now)}" if rule.last_hit_at else ""
    exact = "this very input alone" if rule.pattern.startswith("exact:") else ""
    verdict, tone = MARKS[rule.verdict]
    where = "in the whole hive" if rule.scope == "hive" else f"for {whose(rule)}"
    by = "" if rule.source == "operator" else f" by {rule.created_by}"
    return [
        ((verdict.strip(), tone), (f" {one_line(where, 60)}, without asking you", "text")),
        (),
        *facts(
            [
                ("tool", rule.tool),
                ("pattern", rule.pattern + (" (any input)" if rule.pattern == "*" else "")),
                ("fits", exact),
                ("hits", f"{rule.hits}{last}"),
                ("expires", expires or "never"),
                ("reason", rule.reason or ""),
                ("made", f"{day_and_hour(rule.created_at, now)}{by}, {SOURCES[rule.source]}"),
                ("from", rule.made_from or ""),
                ("id", rule.id),
            ],
            width,
        ),
    ]
