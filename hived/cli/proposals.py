"""`hive propose`: a commit of an agent's config is asked for, to run once it is approved."""

import argparse
from typing import Any

from hived.cli.approvals import print_approval
from hived.cli.command import Arguments, Command
from hived.cli.output import print_json, short_id
from hived.client import oneshot
from hived.wire import routes
from hived.wire.names import checked_name


def _declare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="the agent whose config it is")
    parser.add_argument(
        "sha", nargs="?", metavar="SHA", help="a commit of its proposed repository, in 40 hex digits; default: its HEAD"
    )
    parser.add_argument("--reason", metavar="TEXT", help="why, for who decides")
    parser.epilog = (
        "The repository is config/NAME in the hive's home (hive paths NAME). Commit there, or push to it; nothing of it runs"
        " before the commit is approved."
    )


def _run(arguments: Arguments) -> int:
    said = {"agent": checked_name(arguments.name), "commit": arguments.sha, "reason": arguments.reason}
    body = {key: value for key, value in said.items() if value is not None}
    approval: dict[str, Any] = oneshot.call("POST", routes.PROPOSALS, body, idempotency_key=oneshot.new_key())
    if arguments.json:
        print_json(approval)
        return 0
    print_approval(approval)
    shown = short_id(approval["id"])
    print(f"\nLook at it with: hive diff {shown}\nDecide it with: hive approve {shown}, or hive deny {shown}")
    return 0


COMMANDS = {"propose": Command(_declare, _run)}
