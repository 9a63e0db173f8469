"""`hivetui`: the screen on the hive that the environment names. It starts nothing; `hive` alone starts hived first."""

import argparse
import asyncio
import sys
from collections.abc import Sequence

from hived.client.hive_client import HiveClient
from hived.paths import hive_paths
from hived.wire.errors import HiveError
from hived.wire.protocol import BUILD
from hivetui.app import HiveApp


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the screen until the operator leaves; agents go on. Exit codes as the `hive` command's."""
    parser = argparse.ArgumentParser(
        prog="hivetui",
        description="The hive's screen. HIVE_HOME says which hive. Leaving it leaves the agents at work.",
    )
    parser.add_argument("--version", action="version", version=BUILD)
    parser.add_argument("--demo", action="store_true", help=argparse.SUPPRESS)  # leaving ends the agents: say so
    given = parser.parse_args(arguments)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        print("error[usage]: The screen needs a terminal; without one, see: hive --help", file=sys.stderr)
        return 2
    try:
        return asyncio.run(_run(demo=given.demo))
    except HiveError as error:
        print(f"error[{error.code}]: {error.message}", file=sys.stderr)
        return error.exit_code


async def _run(*, demo: bool) -> int:
    async with HiveClient(hive_paths().host_socket) as client:
        app = HiveApp(client, demo=demo)
        await app.run_async()
        return app.return_code or 0
