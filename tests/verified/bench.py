"""The benchmarks, each beside its floor in the same run: `make bench CHECK=1` exits 0."""

import os
import subprocess
import sys

from tests.verified.shell import ROOT, expect


def run() -> list[str]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks"], cwd=ROOT, env={**os.environ, "CHECK": "1"},
        capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip
    table = "\n".join(line.rstrip() for line in done.stdout.splitlines())
    expect(done.returncode == 0, f"a benchmark missed its mark or broke:\n{table}\n{done.stderr[-500:]}".rstrip())
    return table.splitlines()


if __name__ == "__main__":
    print(*run(), sep="\n")
