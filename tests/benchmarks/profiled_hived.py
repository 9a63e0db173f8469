"""hived as tests.support.fake_hived runs it, with its two busy threads under cProfile: `writer.prof` and `loop.prof` at its end."""

import cProfile
import os
import sys
from pathlib import Path
from typing import Any

from hived.cli.hived import main
from hived.store import database
from hived.supervision import keeper
from tests.support.fake_hived import fake_command

HOME = Path(os.environ["HIVE_HOME"])


def profiled_commits() -> cProfile.Profile:
    """The profile that every commit adds to, all on the writer's thread."""
    writer = cProfile.Profile()
    commit = database._commit

    def profiled(*arguments: Any) -> Any:
        return writer.runcall(commit, *arguments)

    setattr(database, "_commit", profiled)  # noqa: B010
    return writer


if __name__ == "__main__":
    setattr(keeper, "harness_command", fake_command)  # noqa: B010
    writer, loop = profiled_commits(), cProfile.Profile()
    try:
        code = loop.runcall(main)
    finally:
        writer.dump_stats(HOME / "writer.prof")
        loop.dump_stats(HOME / "loop.prof")
    sys.exit(code)
