"""`hive log`: what an agent's harness, its engine or its last setup has said."""

import argparse
import json

from hived.cli.command import Arguments, Command, one_name, positive
from hived.cli.output import clean, print_json
from hived.client import oneshot
from hived.wire import routes
from hived.wire.names import checked_name

LOG_LINES = 200


def _declare(parser: argparse.ArgumentParser) -> None:
    one_name(parser)
    parser.add_argument("--lines", "-n", type=positive, default=LOG_LINES, metavar="N", help="the last N lines")
    parser.add_argument("--follow", "-f", action="store_true", help="go on with what is written to it")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--engine", action="store_true", help="its engine's stderr instead of its harness's")
    which.add_argument("--setup", action="store_true", help="what its last setup printed")


def _run(arguments: Arguments) -> int:
    which = "engine" if arguments.engine else "setup" if arguments.setup else "harness"
    query = {"lines": arguments.lines, "which": which}
    if arguments.follow:
        path = oneshot.path_of(routes.AGENT_LOG_STREAM, name=checked_name(arguments.name))
        for event in oneshot.stream(path, query=query):
            _print(json.loads(event.data)["lines"], arguments.json)
        return 0
    document = oneshot.call("GET", oneshot.path_of(routes.AGENT_LOG, name=checked_name(arguments.name)), query=query)
    if arguments.json:
        print_json(document)
    else:
        _print(document["lines"], as_json=False)
    return 0


def _print(lines: list[str], as_json: bool) -> None:
    for text in lines:
        if as_json:
            print_json({"line": text})
        else:
            print(clean(text), flush=True)


COMMANDS = {"log": Command(_declare, _run)}
