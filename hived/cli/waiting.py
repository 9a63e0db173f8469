"""`hive waiting`: everything that needs the operator, and for each the command that settles it."""

import re
from typing import Any

from hived.cli.command import Arguments, Command, listed, nothing
from hived.cli.output import below, line, print_json, print_rows, short_id, terminal_columns
from hived.cli.times import age
from hived.client import oneshot
from hived.wire import routes

DECIDED = ("spawn", "apply_commit", "tool_use")
"""What approve and deny decide; everything else that waits has a command of its own."""
WAYS = {
    "question": "hive answer {id} TEXT, or --option N (hive questions shows all of it)",
    "held_message": "hive retry {id}, or hive drop {id}",
    "pair": "hive pair release {id}, or hive pair drop {id}",
    "parked": "hive log {agent}, then hive start {agent}",
    "needs_login": "hive login {agent}",
    "rate_limited": "hive resume {agent}",
    "budget": "hive budget raise {id}, or hive budgets",
    "resume_choice": "hive new-session {agent} --primer, or without",
}


def way_on(item: dict[str, Any]) -> str:
    """The command that settles a waiting item. A message is named in full: those to everybody are alike but for the end."""
    shape = WAYS.get(
        item["kind"], "hive approve {id}, or hive deny {id}" if item["kind"] in DECIDED else "hive show {agent}"
    )
    id = str(item["id"]) if item["kind"] == "held_message" else short_id(item["id"])
    return line(shape.format(id=id, agent=item["agent"]))


def way_lines(who: str, way: str, columns: int) -> list[str]:
    """`who: way`; where a line has less room (0: it has any), each command on its own, so that none is broken."""
    whole = f"{line(who)}: {way}"
    if not columns or len(whole) <= columns:
        return [whole]
    return [f"{line(who)}:", *(part for said in re.split(r", (?=or |then )", way) for part in below(said, columns))]


def _waiting(arguments: Arguments) -> int:
    document = oneshot.call("GET", routes.WAITING)
    if arguments.json:
        print_json(document)
        return 0
    items = sorted(listed(document, "waiting"), key=lambda item: not item["blocks"])
    if not items:
        print("Nothing waits on you.")
    print_rows(
        ("ID", "KIND", "AGENT", "FOR", "SUBJECT"),
        (
            (short_id(item["id"]), item["kind"], item["agent"] or "operator", age(item["since"]), item["subject"])
            for item in items
        ),
    )
    ways = [(item["agent"] or "operator", way_on(item)) for item in items if item["kind"] not in DECIDED]
    if any(item["kind"] in DECIDED for item in items):
        ways.append(("approvals", "hive approve ID, or hive deny ID (hive approvals ID shows all of it)"))
    if any(item["kind"] == "apply_commit" for item in items):
        ways.append(("config commits", "hive diff ID shows what one changes"))
    if ways:
        print()
    columns = terminal_columns()
    for who, way in ways:
        for text in way_lines(who, way, columns):
            print(text)
    return 0


COMMANDS = {"waiting": Command(nothing, _waiting)}
