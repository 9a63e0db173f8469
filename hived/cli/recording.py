"""`hive record`: what an agent did, as a scenario that the scripted engine plays."""

import argparse
import os
import sys

from hived.cli.asking import go_ahead
from hived.cli.command import Arguments, Command, one_name
from hived.cli.output import clean, print_json
from hived.client import oneshot
from hived.wire import routes
from hived.wire.errors import UsageError
from hived.wire.names import checked_name


def _declare(parser: argparse.ArgumentParser) -> None:
    one_name(parser)
    parser.add_argument("file", nargs="?", metavar="FILE", help="where to write it (TOML); without it: on stdout")
    parser.add_argument("--from", dest="first", metavar="TURN", help="the first turn of it (its id)")
    parser.add_argument("--to", dest="last", metavar="TURN", help="the last turn of it")
    parser.add_argument("--yes", "-y", action="store_true", help="write over a file that is there")


def _run(arguments: Arguments) -> int:
    name, file = checked_name(arguments.name), arguments.file
    recording = oneshot.call(
        "GET",
        oneshot.path_of(routes.AGENT_RECORDING, name=name),
        query={"from": arguments.first, "to": arguments.last},
    )
    if file is None:
        if arguments.json:
            print_json(recording)
        else:
            scenario: str = recording["scenario"]
            print(clean(scenario) if sys.stdout.isatty() else scenario, end="")
        return 0
    if os.path.exists(file) and not go_ahead(arguments.yes, f"{file} is there. Write over it?", "Writing over a file"):
        return 1
    try:
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
            out.write(recording["scenario"])
    except OSError as error:
        raise UsageError(reason=f"{file} cannot be written: {error.strerror}.") from error
    if arguments.json:
        print_json({**recording, "scenario": os.path.abspath(file)})
    else:
        left_out = ", ".join(f"{count} {kind}" for kind, count in sorted(recording["left_out"].items()))
        turns = f"{recording['turns']} turn{'' if recording['turns'] == 1 else 's'}"
        print(f"{file}: {turns}, {recording['events']} events{f' (without {left_out})' if left_out else ''}")
        print(f"Play it with: hive spawn NAME --engine scripted --scenario {file}")
    return 0


COMMANDS = {"record": Command(_declare, _run)}
