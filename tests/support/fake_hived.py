"""The real hived, with the fake harness in agentd's place: `python -m tests.support.fake_hived`."""

import sys
from pathlib import Path

from hived.cli.hived import main
from hived.supervision import keeper

FAKE = Path(__file__).with_name("fake_harness.py")


def fake_command(launch_file: Path) -> list[str]:
    return [sys.executable, str(FAKE), str(launch_file)]


if __name__ == "__main__":
    setattr(keeper, "harness_command", fake_command)  # noqa: B010 - the name is the keeper's own import
    sys.exit(main())
