"""`hive` alone and `hive tui`: the screen, in a program of its own; hived is started if none runs."""

import os
import sys

from hived.cli.command import Arguments, Command, nothing
from hived.cli.running import ensure_running
from hived.wire.errors import UsageError


def _run(arguments: Arguments) -> int:
    if arguments.json:
        raise UsageError(reason="The screen has no JSON; see: hive status --json")
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError(reason="The screen needs a terminal; without one, see: hive --help")
    ensure_running()
    sys.stdout.flush()
    command = [sys.executable, "-m", "hivetui"]
    os.execv(command[0], command)


COMMANDS = {"tui": Command(nothing, _run)}
