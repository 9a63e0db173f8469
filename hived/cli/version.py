"""`hive version`: this program's, and that of the hived that runs, if one does."""

from hived.cli.command import Arguments, Command, nothing
from hived.cli.output import print_json
from hived.client import oneshot
from hived.wire import routes
from hived.wire.errors import NotRunning, PathTooLong, ProtocolMismatch
from hived.wire.protocol import BUILD, PROTOCOL, VERSION


def _run(arguments: Arguments) -> int:
    ours = {"protocol": PROTOCOL, "build": BUILD, "version": VERSION}
    try:
        theirs = oneshot.call("GET", routes.VERSION, timeout=5.0)
        running = f"hived answers: {theirs['build']}, protocol {theirs['protocol']}"
    except (NotRunning, PathTooLong):
        theirs, running = None, "hived is not running"
    except ProtocolMismatch as error:
        theirs, running = {"protocol": error.detail["theirs"], "build": error.detail["build"]}, error.message
    if arguments.json:
        print_json({**ours, "hived": theirs})
    else:
        print(f"{BUILD}, protocol {PROTOCOL}\n{running}")
    return 0


COMMANDS = {"version": Command(nothing, _run)}
