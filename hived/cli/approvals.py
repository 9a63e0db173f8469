"""`hive approvals`, `approve` and `deny`: what the operator decides."""

import argparse
import json
import re
import sys
from typing import Any

from hived.cli import asking
from hived.cli.command import Arguments, Command, checked_id, listed
from hived.cli.editing import edited
from hived.cli.output import exact, line, note, print_facts, print_json, print_rows, short_id
from hived.cli.pages import all_pages
from hived.cli.rules import print_proposal
from hived.cli.times import age
from hived.cli.waiting import DECIDED, way_on
from hived.client import oneshot
from hived.wire import routes
from hived.wire.errors import ApprovalNotFound, HiveError, StartFailed, Unavailable, UsageError

MOST_NAMED = 12
"""Files of a proposal; hive diff --stat has them all."""


def decide(
    verb: str,
    approval_id: str,
    note: str | None,
    updated_input: dict[str, Any] | None = None,
    remember: str | None = None,
) -> dict[str, Any]:
    """Approve or deny it; the approval. `approval_id` may be a unique prefix."""
    wanted = checked_id(approval_id, ApprovalNotFound)
    route = routes.APPROVE if verb == "approve" else routes.DENY
    said = {"note": note, "updated_input": updated_input, "remember": remember}
    body = {name: value for name, value in said.items() if value is not None}
    path = oneshot.path_of(route, id=wanted)
    try:
        decided: dict[str, Any] = oneshot.call("POST", path, body, idempotency_key=oneshot.new_key())
    except ApprovalNotFound:
        _check_it_is_none_else(wanted)
        raise
    return decided


def _check_it_is_none_else(wanted: str) -> None:
    """Raises ApprovalNotFound with the way on where that id waits, but is no approval."""
    for item in listed(oneshot.call("GET", routes.WAITING), "waiting"):
        if item["id"].startswith(wanted) and item["kind"] not in DECIDED:
            kind = item["kind"].replace("_", " ")
            raise ApprovalNotFound(f"{wanted} is no approval ({kind}); its way on is: {way_on(item)}", id=wanted)


def print_approval(approval: dict[str, Any]) -> None:
    payload, decided_by = approval["payload"], approval["decided_by"]
    print_facts(
        [
            ("approval", approval["id"]),
            ("kind", approval["kind"]),
            ("status", approval["status"]),
            ("asked by", approval["requester"]),
            ("subject", line(approval["subject"])),
            ("reason", line(str(payload.get("reason") or ""))),
            *(_commit_facts(payload) if approval["kind"] == "apply_commit" else ()),
            ("decided by", decided_by["who"] if decided_by else None),
            ("by rule", approval.get("rule")),
            ("by grant of", approval.get("grant")),
            ("leaves a grant", approval.get("grant_state")),
            ("note", line(approval["note"] or "")),
            ("failure", line(approval["failure"] or "")),
        ]
    )


def _commit_facts(payload: dict[str, Any]) -> list[tuple[str, object]]:
    """Of a proposed commit: what is dangerous before how much it is."""
    files = [line(str(file)) for file in payload.get("files", ())]
    named = ", ".join(files[:MOST_NAMED]) + (", …" if len(files) > MOST_NAMED else "")
    count = f"+{payload.get('added', 0)} -{payload.get('removed', 0)} in {named}" if files else None
    return [
        ("agent", payload.get("agent")),
        ("commit", payload.get("commit")),
        ("instead of", payload.get("base")),
        ("says", line(str(payload.get("summary") or ""))),
        *(("CAREFUL", exact(str(flag))) for flag in payload.get("flags", ())),
        *(("setup runs", exact(str(command)).replace("\n", "\\n")) for command in payload.get("setup", ())),
        ("changes", count),
    ]


def _declare_approvals(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", nargs="?", metavar="ID", help="this one, with all that is asked for")
    parser.add_argument("--kind", choices=("spawn", "apply_commit", "tool_use"), help="only these")
    parser.add_argument("--all", action="store_true", help="decided ones too")


def _show(approval_id: str, *, as_json: bool) -> int:
    """The whole of what is asked, as it would be done."""
    approval = _fetch(approval_id)
    if as_json:
        print_json(approval)
        return 0
    print_approval(approval)
    asked = approval["payload"]
    if not asked:
        print("\nWhat was asked went with its agent, which was purged.")
        return 0
    if approval["kind"] == "apply_commit":
        print(f"\nWhat it changes, line by line: hive diff {short_id(approval['id'])}")
        return 0
    if approval["kind"] == "tool_use":
        print(f"\n{exact(str(asked['tool']))}")
        asked = asked["input"]
    print(_in_full(asked))
    if approval.get("updated_input") is not None:
        print(f"\nand it was approved with\n{_in_full(approval['updated_input'])}")
    return 0


def _in_full(value: Any) -> str:
    """As JSON, broken where a text has a line break; what does not print, or turns the writing round, as its code."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    broken = re.sub(r'(?<!\\)((?:\\\\)*\\n)(?!")', lambda found: f"{found[1]}\n      ", text)
    return exact(broken)


def _fetch(approval_id: str) -> dict[str, Any]:
    wanted = checked_id(approval_id, ApprovalNotFound)
    found: dict[str, Any] = oneshot.call("GET", oneshot.path_of(routes.APPROVAL, id=wanted))
    return found


def _approvals(arguments: Arguments) -> int:
    if arguments.id is not None:
        return _show(arguments.id, as_json=arguments.json)
    document = all_pages(routes.APPROVALS, "approvals", kind=arguments.kind, all=arguments.all)
    if arguments.json:
        print_json(document)
        return 0
    approvals = listed(document, "approvals")
    if not approvals:
        print("There are no approvals." if arguments.all else "No approval is pending.")
    print_rows(
        ("ID", "KIND", "STATUS", "BY", "AGE", "SUBJECT"),
        (
            (
                short_id(approval["id"]),
                approval["kind"],
                approval["status"],
                approval["requester"],
                age(approval["created_at"]),
                approval["subject"],
            )
            for approval in approvals
        ),
    )
    return 0


def _declare_decision(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("ids", nargs="+", metavar="ID", help="an approval's id, or a unique beginning of it")
    parser.add_argument("--note", metavar="TEXT", help="travels to the agent")


def _declare_approve(parser: argparse.ArgumentParser) -> None:
    _declare_decision(parser)
    other = parser.add_mutually_exclusive_group()
    other.add_argument(
        "--input", metavar="JSON", help="tool_use: run it with this input instead (- reads it from stdin)"
    )
    other.add_argument("--edit", action="store_true", help="tool_use: change its input in your $EDITOR first")
    parser.add_argument(
        "--remember",
        choices=("agent", "colony", "hive"),
        metavar="SCOPE",
        help="tool_use: the narrowest rule that would have allowed it, for the agent, the colony or the hive; it is shown,"
        " and on a terminal you are asked",
    )
    parser.add_argument("--yes", action="store_true", help="with --remember: do not ask")


def _decide_all(verb: str, arguments: Arguments) -> int:
    """Each is decided for itself: one that cannot be is the exit code, and hides none of the others."""
    decided: list[dict[str, Any]] = []
    errors: list[HiveError] = []
    refused = False
    updated, remember = _updated_input(arguments), getattr(arguments, "remember", None)
    for approval_id in arguments.ids:
        try:
            if remember is not None and not _rule_wanted(approval_id, remember, arguments.yes):
                refused = True
                continue
            decided.append(decide(verb, approval_id, arguments.note, updated, remember))
            if remember is not None:
                note(f"remembered as {short_id(str(decided[-1]['remembered']))}")
        except HiveError as error:
            errors.append(error)
            if isinstance(error, Unavailable):
                break
    if not arguments.json:
        for approval in decided:
            print(f"{approval['status']}: {line(approval['subject'])}")
            if (approval["kind"], approval["status"]) == ("apply_commit", "approved"):
                print(f"It is built and started now: hive deployments {approval['payload']['agent']}")
    elif decided:
        print_json(decided[0] if len(arguments.ids) == 1 else {"approvals": decided})
    if errors:
        raise errors[0]
    for approval in decided:
        if approval["status"] == "failed":
            payload = approval["payload"]
            raise StartFailed(name=payload.get("name") or payload.get("agent", "?"), cause=approval["failure"])
    return 1 if refused else 0


def _rule_wanted(approval_id: str, scope: str, yes: bool) -> bool:
    """Show the rule that would be made; on a terminal it is asked about, too, unless `yes`."""
    wanted = checked_id(approval_id, ApprovalNotFound)
    print_proposal(oneshot.call("GET", oneshot.path_of(routes.APPROVAL_RULE, id=wanted), query={"scope": scope}))
    if yes or not asking.has_terminal():
        return True
    return asking.go_ahead(False, "Approve it, and make this rule?", "A rule")


def _updated_input(arguments: Arguments) -> dict[str, Any] | None:
    """What the tool is to be run with instead; None: what was asked. Raises UsageError."""
    given = getattr(arguments, "input", None)
    if given is None and not getattr(arguments, "edit", False):
        return None
    if len(arguments.ids) > 1:
        raise UsageError(reason="An edited input goes with one approval.")
    if given is not None:
        return _object(sys.stdin.read() if given == "-" else given)
    approval = _fetch(arguments.ids[0])
    if approval["kind"] != "tool_use":
        raise UsageError(reason=f"There is no input to edit in an approval of kind {approval['kind']}.")
    asked: dict[str, Any] = approval["payload"]["input"]
    changed = _object(
        edited(json.dumps(asked, indent=2, ensure_ascii=False) + "\n", ".json", "--input takes the JSON itself")
    )
    same = json.dumps(changed, sort_keys=True) == json.dumps(asked, sort_keys=True)  # 1 is not true
    return None if same else changed


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UsageError(reason=f"The input is not valid JSON: {line(str(error))}.") from None
    if not isinstance(found, dict):
        raise UsageError(reason="The input is a JSON object, as the tool takes it.")
    return found


def _approve(arguments: Arguments) -> int:
    return _decide_all("approve", arguments)


def _deny(arguments: Arguments) -> int:
    return _decide_all("deny", arguments)


COMMANDS = {
    "approvals": Command(_declare_approvals, _approvals),
    "approve": Command(_declare_approve, _approve),
    "deny": Command(_declare_decision, _deny),
}
