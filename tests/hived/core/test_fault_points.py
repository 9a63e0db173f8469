"""The steps at which a test may end hived: once, and only the one that was asked for."""

import os
import signal
import subprocess
import sys
from pathlib import Path

SCRIPT = """
from hived.core.fault_points import reach
reach("hived_decide"); reach("hived_claim"); print("alive")
"""


def run(home: Path, point: str | None) -> "subprocess.CompletedProcess[str]":
    env = {**os.environ, "HIVE_HOME": str(home), **({} if point is None else {"HIVE_FAULT_POINT": point})}
    return subprocess.run(
        [sys.executable, "-c", SCRIPT], env=env, capture_output=True, text=True, timeout=60, check=False
    )


def test_the_process_ends_at_the_step_that_was_asked_for_and_only_once(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    assert run(tmp_path, "hived_claim").returncode == -signal.SIGKILL
    assert run(tmp_path, "hived_claim").stdout == "alive\n"


def test_nothing_ends_where_nothing_was_asked_for(tmp_path: Path) -> None:
    assert run(tmp_path, None).stdout == "alive\n"
    assert run(tmp_path, "another_step").stdout == "alive\n"
