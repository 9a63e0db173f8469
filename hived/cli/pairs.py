"""`hive pairs` and `hive pair release|drop`: two agents who only answered each other, and what to do with their messages."""

import argparse
from typing import Any

from hived.cli.command import Arguments, Command, Parser, checked_id, listed
from hived.cli.each import each
from hived.cli.output import line, print_json, print_rows, short_id
from hived.cli.times import age
from hived.client import oneshot
from hived.wire import routes
from hived.wire.errors import PairNotFound


def _declare_pairs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--all", action="store_true", help="decided ones too")


def _pairs(arguments: Arguments) -> int:
    document = oneshot.call("GET", routes.PAIRS, query={"all": arguments.all})
    if arguments.json:
        print_json(document)
        return 0
    pairs = listed(document, "pairs")
    if not pairs:
        print("There are no pairs." if arguments.all else "No pair is held.")
    print_rows(("ID", "AGENTS", "STATUS", "SINCE", "HELD", "WHY"), (_row(pair) for pair in pairs))
    if any(pair["status"] == "held" for pair in pairs):
        print("\nhive messages --held shows what they hold; hive pair release ID, or hive pair drop ID")
    return 0


def _row(pair: dict[str, Any]) -> tuple[str, ...]:
    return (
        short_id(pair["id"]),
        " and ".join(map(line, pair["agents"])),
        pair["status"],
        age(pair["since"]),
        str(pair["held"]),
        f"{pair['exchanged']} messages in {pair['window_seconds']:g} s",
    )


def _declare_pair(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="release|drop", parser_class=Parser)
    release = actions.add_parser("release", help="let what they hold go on", allow_abbrev=False)
    drop = actions.add_parser("drop", help="give what they hold up", allow_abbrev=False)
    for action in (release, drop):
        action.add_argument("ids", nargs="+", metavar="ID", help="a held pair's id, or a unique beginning of it")
        action.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print what hived answered")


def _pair(arguments: Arguments) -> int:
    route = routes.PAIR_RELEASE if arguments.action == "release" else routes.PAIR_DROP

    def settle(given: str) -> dict[str, Any]:
        path = oneshot.path_of(route, id=checked_id(given, PairNotFound))
        settled: dict[str, Any] = oneshot.call("POST", path, idempotency_key=oneshot.new_key())
        return settled

    return each(arguments, settle, "pairs", lambda pair: f"{pair['status']}: {' and '.join(map(line, pair['agents']))}")


COMMANDS = {
    "pairs": Command(_declare_pairs, _pairs),
    "pair": Command(_declare_pair, _pair),
}
