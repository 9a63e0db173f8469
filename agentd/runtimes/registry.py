"""The runtimes there are, and which of them work here. A runtime's exact flags are run, not its binary looked for."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from agentd.engines.base import EngineEvent, EngineFailed, Runtime
from agentd.runtimes.process import ENGINE, Processes, ProcessRuntime
from hived.wire.agents import RuntimeFound

PROBE_SECONDS = 10.0
BWRAP_TRIAL = (
    "--unshare-all", "--die-with-parent", "--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev", "true",
)  # fmt: skip


def make_runtime(
    kind: str,
    harness: Path,
    generation: int,
    report: Callable[[EngineEvent], None],
    heard: Callable[[], None] = lambda: None,
    name: str = ENGINE,
    processes: Processes | None = None,
) -> Runtime:
    """Raises EngineFailed (not retryable) for a runtime that this build does not have."""
    if kind != ProcessRuntime.kind:
        raise EngineFailed(
            "failed", f"There is no runtime {kind!r}; there is {ProcessRuntime.kind}.", False, "unknown_runtime"
        )
    return ProcessRuntime(harness, generation, report, heard, name, processes)


def find_runtimes() -> list[RuntimeFound]:
    return [RuntimeFound(kind="process", works=True, detail="no wall around the engine"), _find_bwrap()]


def _find_bwrap() -> RuntimeFound:
    """Whether bubblewrap works here. This build runs agents in `process` alone, and says so."""
    program = shutil.which("bwrap")
    if program is None:
        return RuntimeFound(kind="bwrap", works=False, detail="bwrap is not on PATH (Debian: bubblewrap)")
    try:
        answer = subprocess.run(
            [program, *BWRAP_TRIAL],
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=PROBE_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return RuntimeFound(kind="bwrap", works=False, detail=" ".join(str(error).split())[:200])
    if answer.returncode:
        return RuntimeFound(kind="bwrap", works=False, detail=" ".join(answer.stderr.split())[:200])
    return RuntimeFound(kind="bwrap", works=False, detail="it runs here, but this build starts agents in `process`")
