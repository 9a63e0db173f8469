"""The `hived` command: the daemon in the foreground. `hive up` starts the same in the background."""

import argparse
import gc
import sys

from hived.paths import hive_paths
from hived.wire.errors import HiveError
from hived.wire.protocol import BUILD


def main() -> int:
    """Run until SIGTERM, SIGINT or `hive down`; the exit code as the `hive` command's."""
    parser = argparse.ArgumentParser(prog="hived", description="The daemon of a hive, in the foreground.")
    parser.add_argument("--version", action="version", version=BUILD)
    parser.add_argument("command", nargs="?", choices=["run"], default="run", help="what to do (run)")
    parser.parse_args()
    try:
        gc.disable()  # all that is imported stays, and looking through it for garbage was a tenth of the start
        from hived.daemon import run_hived

        gc.enable()
        return run_hived(hive_paths())
    except HiveError as error:
        print(f"error[{error.code}]: {error.message}", file=sys.stderr)
        return error.exit_code
    except OSError as error:
        print(f"error[internal]: {error.strerror or error}: {error.filename}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
