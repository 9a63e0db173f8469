"""What an idle hived and an idle harness keep resident, beside a bare interpreter."""

import subprocess
import sys
from pathlib import Path

from tests.benchmarks.measure import Finding
from tests.verified.shell import temporary_hive

HIVED_MARK_MB = 70.0
AGENTD_MARK_MB = 50.0


def resident_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1024


def bare_mb() -> float:
    bare = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        assert bare.stdin is not None
        while resident_mb(bare.pid) < 5:
            pass
        return resident_mb(bare.pid)
    finally:
        bare.communicate(b"\n", timeout=10)


def run() -> list[Finding]:
    with temporary_hive() as shell:
        shell.hive("spawn", "idle", "--engine", "command", "--command", "cat", "--yes")
        shell.hive("send", "idle", "one turn, so that nothing is still to be loaded")
        shell.hive("wait", "idle", "--until", "idle", "--timeout", "30")
        shell.hive("ls")
        hived, agentd = resident_mb(shell.pid()), resident_mb(int(shell.json("show", "idle")["pid"]))
    floor = bare_mb()
    return [
        Finding(
            what, f"{found:.1f} MB", f"bare python {floor:.1f} MB", found / floor, f"under {mark:g} MB", found < mark
        )
        for what, found, mark in (("hived, idle", hived, HIVED_MARK_MB), ("agentd, idle", agentd, AGENTD_MARK_MB))
    ]
