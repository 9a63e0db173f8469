"""`hive propose`: a commit of an agent's config is asked for, to run once it is approved."""

import argparse
from typing import Any

from hived.cli.approvals import print_approval
from hived.cli.command import Arguments, Command
from hived.cli.engine_words import absolute
from hived.cli.output import print_json, short_id
from hived.client import oneshot
from hived.wire import routes
from hived.wire.names import checked_name


def _declare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="the agent whose config it is")
    parser.add_argument("sha", nargs="?", metavar="SHA", help="a commit, in 40 hex digits; default: HEAD's")
    parser.add_argument(
        "--from", dest="repo", metavar="PATH", help="your own clone that it is in; default: config/NAME"
    )
    parser.add_argument("--reason", metavar="TEXT", help="why, for who decides")
    parser.epilog = (
        "Clone what runs (hive paths NAME applied), commit there, and propose --from it. config/NAME is what queens write: git in"
        " it would run what they put there as you. Nothing of a commit runs before it is approved."
    )


def _run(arguments: Arguments) -> int:
    name, repo = checked_name(arguments.name), None if arguments.repo is None else absolute(arguments.repo)
    said = {"agent": name, "commit": arguments.sha, "repo": repo, "reason": arguments.reason}
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
