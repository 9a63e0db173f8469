"""Whether Claude Code is on this machine, and where."""

import os
import re
import shutil
import subprocess
from pathlib import Path

from hived.wire.agents import EngineFound

INSTALL = "npm install -g @anthropic-ai/claude-code"
PROBE_SECONDS = 10.0
"""A cold `claude --version` takes under a second; a machine under load may need more."""
CLAUDE_PLACES = (
    "~/.claude/local/claude", "~/.local/bin/claude", "~/.npm-global/bin/claude", "/usr/local/bin/claude",
    "/opt/homebrew/bin/claude",
)  # fmt: skip
"""Where its installers put it, for a PATH that does not have it."""


def claude_program() -> str | None:
    """The path of Claude Code: on PATH, else where its installers put it; None where it is nowhere."""
    found = shutil.which("claude")
    if found:
        return found
    for place in CLAUDE_PLACES:
        path = Path(place).expanduser()
        if os.access(path, os.X_OK) and path.is_file():
            return str(path)
    return None


def find() -> list[EngineFound]:
    path = claude_program()
    if path is None:
        return [EngineFound(kind="claude", found=False, detail="claude is not on PATH", install=INSTALL)]
    try:
        answer = subprocess.run(
            [path, "--version"],
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=PROBE_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return [EngineFound(kind="claude", found=False, path=path, detail=_one_line(str(error)), install=INSTALL)]
    version = re.search(r"\d+\.\d+\.\d+\S*", answer.stdout)
    if answer.returncode or version is None:
        detail = _one_line(answer.stderr or answer.stdout) or f"exit code {answer.returncode}"
        return [EngineFound(kind="claude", found=False, path=path, detail=detail, install=INSTALL)]
    return [EngineFound(kind="claude", found=True, version=version.group(), path=path, install=INSTALL)]


def _one_line(text: str) -> str:
    return " ".join(text.split())[:200]
