"""`hive ls` on a running hive beside `python -c pass`: at most 8 times."""

import subprocess
import sys
import time
from pathlib import Path

from tests.benchmarks.measure import Finding, median_of
from tests.verified.shell import temporary_hive

MARK = 8.0


def wall(command: list[str], env: dict[str, str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, env=env, check=True, stdout=subprocess.DEVNULL, timeout=30)
    return time.perf_counter() - began


def run() -> list[Finding]:
    hive_command = str(Path(sys.executable).with_name("hive"))
    with temporary_hive() as shell:
        env = shell.env
        for _ in range(2):
            wall([hive_command, "ls"], env)
        floor = median_of(lambda: wall([sys.executable, "-c", "pass"], env), 11)
        ours = median_of(lambda: wall([hive_command, "ls"], env), 11)
    ratio = ours / floor
    return [
        Finding(
            "hive ls",
            f"{ours * 1000:.0f} ms",
            f"python -c pass {floor * 1000:.0f} ms",
            ratio,
            f"at most {MARK:g}x",
            ratio <= MARK,
        )
    ]
