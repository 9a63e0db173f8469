"""`hive reminders`, `hive remind` and `hive reminder cancel|retry`: what agents are reminded of."""

import argparse
import sys
from typing import Any

from hived.cli.command import Arguments, Command, Parser, checked_id, listed
from hived.cli.each import each
from hived.cli.output import line, print_json, print_rows, short_id
from hived.cli.pages import all_pages
from hived.cli.times import day_and_clock, left, moment
from hived.client import oneshot
from hived.wire import routes
from hived.wire.errors import ReminderNotFound, UsageError
from hived.wire.names import checked_name

Reminder = dict[str, Any]
ROUTES = {"cancel": routes.REMINDER_CANCEL, "retry": routes.REMINDER_RETRY}


def _declare_reminders(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--all", action="store_true", help="done and cancelled ones too")
    parser.add_argument("--agent", metavar="NAME", help="only those of that agent")


def _reminders(arguments: Arguments) -> int:
    agent = None if arguments.agent is None else checked_name(arguments.agent)
    document = all_pages(routes.REMINDERS, "reminders", all=arguments.all, agent=agent)
    if arguments.json:
        print_json(document)
        return 0
    reminders = listed(document, "reminders")
    if not reminders:
        print("There are no reminders." if arguments.all else "No reminder is to come.")
    print_rows(("ID", "AGENT", "STATUS", "DUE", "BY", "TEXT"), (_row(reminder) for reminder in reminders))
    for reminder in reminders:
        if reminder["status"] == "failed":
            way = f"hive reminder retry {short_id(reminder['id'])}, or cancel"
            print(f"\n{line(reminder['agent'])} was not reminded in {reminder['attempts']} attempts"
                  f" ({line(reminder['error'] or '?', 200)}): {way}")  # fmt: skip
    return 0


def _row(reminder: Reminder) -> tuple[str, ...]:
    return (
        short_id(reminder["id"]),
        reminder["agent"],
        reminder["status"],
        due(reminder),
        reminder["made_by"],
        line(reminder["text"], 120),
    )


def due(reminder: Reminder) -> str:
    """`14:32:00 (in 5m)`, or the moment alone once it has passed."""
    ahead = left(reminder["due_at"])
    return day_and_clock(reminder["due_at"]) + (f" (in {ahead})" if ahead else "")


def _declare_remind(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="an agent")
    parser.add_argument("when", metavar="WHEN", help="90s, 10m, 2h30m, 3d, 14:30, or a time in ISO 8601")
    parser.add_argument("text", metavar="TEXT", help="`-` reads it from stdin")


def _remind(arguments: Arguments) -> int:
    name = checked_name(arguments.name)
    when = moment(arguments.when)
    text = sys.stdin.read() if arguments.text == "-" else arguments.text
    if not text.strip():
        raise UsageError(reason="The reminder is empty.")
    draft = {"agent": name, "when": when, "text": text}
    made = oneshot.call("POST", routes.REMINDERS, draft, idempotency_key=oneshot.new_key())
    if arguments.json:
        print_json(made)
    else:
        print(f"{made['agent']} will be reminded at {due(made)}: {made['id']}")
    return 0


def _declare_reminder(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="cancel|retry", parser_class=Parser)
    cancel = actions.add_parser("cancel", help="cancel reminders", allow_abbrev=False)
    retry = actions.add_parser("retry", help="send failed ones again; of others: now", allow_abbrev=False)
    for action in (cancel, retry):
        action.add_argument("ids", nargs="+", metavar="ID", help="a reminder's id, or a unique beginning of it")
        action.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print what hived answered")


def _reminder(arguments: Arguments) -> int:
    def act(given: str) -> Reminder:
        path = oneshot.path_of(ROUTES[arguments.action], id=checked_id(given, ReminderNotFound))
        reminder: Reminder = oneshot.call("POST", path, idempotency_key=oneshot.new_key())
        return reminder

    def said(reminder: Reminder) -> str:
        word = "cancelled" if arguments.action == "cancel" else "sent" if reminder["message_id"] else "due now"
        return f"{word}: {reminder['id']} of {line(reminder['agent'])}"

    return each(arguments, act, "reminders", said)


COMMANDS = {
    "reminders": Command(_declare_reminders, _reminders),
    "remind": Command(_declare_remind, _remind),
    "reminder": Command(_declare_reminder, _reminder),
}
