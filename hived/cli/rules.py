"""`hive rules` and `hive rule add|rm|preview`: standing answers for what agents' engines ask."""

import argparse
from typing import Any

from hived.cli.command import Arguments, Command, Parser, checked_id, listed, positive
from hived.cli.each import each
from hived.cli.output import line, note, print_json, print_rows, short_id
from hived.cli.times import age, left
from hived.client import oneshot
from hived.wire import routes
from hived.wire.errors import ApprovalNotFound, RuleNotFound, UsageError
from hived.wire.names import checked_name

Rule = dict[str, Any]
SHOWN_EXAMPLES = 20


def print_proposal(proposal: dict[str, Any]) -> None:
    """The rule that remembering an approval would make, as `GET …/rule` answers it, in two lines on stderr."""
    note(line(proposal["words"]))
    note(f"Rule: {said(proposal['rule'])}")


def said(rule: Rule) -> str:
    """A rule, or a draft of one, on one line: `allow Bash git status* (scout, for 7d more)`."""
    whose = rule.get("agent") or rule.get("colony") or rule["scope"]
    ends = rule.get("expires_at")
    end = "" if not ends else f", until {ends}" if not left(ends) else f", for {left(ends)} more"
    pattern = "any input" if rule["pattern"] == "*" else rule["pattern"]
    return line(f"{rule['verdict']} {rule['tool']} {pattern} ({whose}{end})")


def _declare_rules(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--all", action="store_true", help="revoked and expired ones too")


def _rules(arguments: Arguments) -> int:
    document = oneshot.call("GET", routes.RULES, query={"all": arguments.all})
    if arguments.json:
        print_json(document)
        return 0
    rules = listed(document, "rules")
    if not rules:
        print(
            "There are no rules: every ask comes to you. Make one with: hive rule add --tool T --pattern P --agent NAME"
        )
    print_rows(("ID", "WHOSE", "VERDICT", "TOOL", "HITS", "LAST", "STATE", "FROM", "PATTERN"), map(_row, rules))
    return 0


def _row(rule: Rule) -> tuple[str, ...]:
    ends = rule["expires_at"]
    state = "revoked" if rule["revoked_at"] else "" if not ends else f"{left(ends)} left" if left(ends) else "expired"
    return (
        short_id(rule["id"]),
        rule["agent"] or rule["colony"] or rule["scope"],
        rule["verdict"],
        rule["tool"],
        str(rule["hits"]),
        age(rule["last_hit_at"]) if rule["last_hit_at"] else "never",
        state,
        rule["source"],
        rule["pattern"],
    )


def _declare_rule(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="add|rm|preview", parser_class=Parser)
    adding = actions.add_parser("add", help="put one in force", allow_abbrev=False)
    adding.add_argument(
        "--tool", metavar="T", required=True, help="the engine's name for it, or a glob: Bash, 'mcp__github__*'"
    )
    _declare_draft(adding)
    removing = actions.add_parser("rm", help="revoke rules; their rows stay", allow_abbrev=False)
    removing.add_argument("ids", nargs="+", metavar="ID", help="a rule's id, or a unique beginning of it")
    looking = actions.add_parser("preview", help="what one would have decided of past asks", allow_abbrev=False)
    looking.add_argument("approval", nargs="?", metavar="APPROVAL_ID", help="the rule that remembering it would make")
    looking.add_argument("--tool", metavar="T", help="or any rule, said as for add")
    _declare_draft(looking)
    looking.add_argument("--days", type=positive, metavar="N", default=30, help="how far to look back; 30 if not said")
    for action in (adding, removing, looking):
        action.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print what hived answered")


def _declare_draft(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--pattern", metavar="P", help="on its command ('git status*'), path ('src/**') or host; any input if not said")
    add("--deny", action="store_true", help="say no instead of yes; a no wins")
    scope = parser.add_mutually_exclusive_group()
    scope.add_argument("--agent", metavar="NAME", help="for that agent")
    scope.add_argument("--colony", metavar="C", help="for every agent of that colony")
    scope.add_argument("--hive", action="store_true", help="for every agent")
    add("--expires", metavar="WHEN", help="8h, 7d, or a time like 2026-11-21T14:30Z; never if not said")
    add("--reason", metavar="TEXT", help="why; an agent is told with a denial")


def _draft(arguments: Arguments) -> Rule:
    if arguments.agent is None and arguments.colony is None and not arguments.hive:
        raise UsageError(reason="Say for whom: --agent NAME, --colony C or --hive.")
    scope = "hive" if arguments.hive else "colony" if arguments.colony is not None else "agent"
    draft = {
        "tool": arguments.tool,
        "pattern": arguments.pattern,
        "verdict": "deny" if arguments.deny else "allow",
        "scope": scope,
        "agent": None if arguments.agent is None else checked_name(arguments.agent),
        "colony": arguments.colony,
        "expires_at": arguments.expires,
        "reason": arguments.reason,
    }
    return {key: value for key, value in draft.items() if value is not None}


def _rule(arguments: Arguments) -> int:
    return {"add": _add, "rm": _rm, "preview": _preview}[arguments.action](arguments)


def _add(arguments: Arguments) -> int:
    rule = oneshot.call("POST", routes.RULES, _draft(arguments), idempotency_key=oneshot.new_key())
    if arguments.json:
        print_json(rule)
        return 0
    print(f"{short_id(rule['id'])}: {said(rule)}")
    if rule["pattern"] == "*" and rule["verdict"] == "allow":
        note(
            f"It allows any input of {rule['tool']}, whatever it is. To take it back: hive rule rm {short_id(rule['id'])}"
        )
    return 0


def _rm(arguments: Arguments) -> int:
    def revoke(given: str) -> Rule:
        path = oneshot.path_of(routes.RULE, id=checked_id(given, RuleNotFound))
        rule: Rule = oneshot.call("DELETE", path, idempotency_key=oneshot.new_key())
        return rule

    return each(arguments, revoke, "rules", lambda rule: f"revoked: {said(rule)}")


def _preview(arguments: Arguments) -> int:
    if (arguments.approval is None) == (arguments.tool is None):
        raise UsageError(reason="Say which: an APPROVAL_ID, or --tool T with what the rule says.")
    draft = _draft(arguments) if arguments.approval is None else _proposed(arguments)
    preview = oneshot.call("POST", routes.RULE_PREVIEW, draft, query={"days": arguments.days})
    if arguments.json:
        print_json(preview)
        return 0
    print(f"Rule: {said(draft | {'pattern': draft.get('pattern', '*')})}")
    if preview["warning"]:
        print(line(preview["warning"]))
    asks = f"{preview['asks']} ask{'' if preview['asks'] == 1 else 's'} of the last {preview['days']} days"
    print(
        f"Of {asks} it would have decided {preview['decided']}, {preview['differs']} of them otherwise than somebody did."
    )
    shown = preview["examples"][:SHOWN_EXAMPLES]
    print_rows(
        ("ID", "AGENT", "AGE", "WAS", "WOULD BE", "SUBJECT"),
        (
            (
                short_id(ask["approval_id"]),
                ask["agent"],
                age(ask["created_at"]),
                ask["status"],
                f"{'! ' if ask['differs'] else ''}{_BECOMES[ask['would']]}",
                ask["subject"],
            )
            for ask in shown
        ),
    )
    return 0


_BECOMES = {"allow": "approved", "deny": "denied"}


def _proposed(arguments: Arguments) -> Rule:
    """The rule that remembering the approval would make, its words printed unless JSON is wanted."""
    if arguments.pattern is not None or arguments.deny or arguments.agent is not None or arguments.expires is not None:
        raise UsageError(
            reason="With an APPROVAL_ID the rule is the proposed one: only --hive, --colony and --days go with it."
        )
    path = oneshot.path_of(routes.APPROVAL_RULE, id=checked_id(arguments.approval, ApprovalNotFound))
    scope = "hive" if arguments.hive else "colony" if arguments.colony is not None else "agent"
    proposal = oneshot.call("GET", path, query={"scope": scope})
    if not arguments.json:
        print(line(proposal["words"]))
    return {key: value for key, value in proposal["rule"].items() if value is not None}


COMMANDS = {"rules": Command(_declare_rules, _rules), "rule": Command(_declare_rule, _rule)}
