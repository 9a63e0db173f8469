"""What an idle hived and an idle harness keep resident, beside a bare interpreter."""

import subprocess
import sys
from pathlib import Path

from tests.benchmarks.measure import Finding
from tests.verified.shell import Shell, temporary_hive

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


ENGINES = {
    "claude": ("--option", 'command=["true"]', "--env", "ANTHROPIC_API_KEY=none"),
    "acp": ("--command", "true"),
    "api": ("--option", "base_url=http://127.0.0.1:9", "--model", "none", "--env", "OPENAI_API_KEY=none"),
}
"""Agents that never had a turn, and whose engine was never tried; and what keeps them from looking for a model."""


def run() -> list[Finding]:
    with temporary_hive({"prove_seconds": 0}) as shell:
        shell.hive("spawn", "idle", "--engine", "command", "--command", "cat", "--yes")
        shell.hive("send", "idle", "one turn, so that nothing is still to be loaded")
        shell.hive("wait", "idle", "--until", "idle", "--timeout", "30")
        for engine, words in ENGINES.items():
            shell.hive("spawn", engine, "--engine", engine, *words, "--yes")
        shell.hive("ls")
        found = {"hived, idle": resident_mb(shell.pid()), "agentd, idle": agentd_mb(shell, "idle")}
        found |= {f"agentd, idle, on {engine}": agentd_mb(shell, engine) for engine in ENGINES}
    floor = bare_mb()
    marks = {what: HIVED_MARK_MB if what.startswith("hived") else AGENTD_MARK_MB for what in found}
    return [
        Finding(
            what,
            f"{mb:.1f} MB",
            f"bare python {floor:.1f} MB",
            mb / floor,
            f"under {marks[what]:g} MB",
            mb < marks[what],
        )
        for what, mb in found.items()
    ]


def agentd_mb(shell: Shell, name: str) -> float:
    return resident_mb(int(shell.json("show", name)["pid"]))
