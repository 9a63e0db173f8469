"""The engines there are: each kind with where its class lives (loaded when used), and what of them is on this machine."""

import importlib
import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import cast

from agentd.engines.base import Engine, EngineContext, EngineFailed
from hived.wire.agents import EngineFound, SpawnRequest

CLASSES = {
    "claude": "agentd.engines.claude:ClaudeEngine",
    "command": "agentd.engines.command:CommandEngine",
    "scripted": "agentd.engines.scripted:ScriptedEngine",
}
CHECKS = {
    "claude": "agentd.engines.claude_launch:check_spec",
    "command": "agentd.engines.command:check_spec",
    "scripted": "agentd.engines.scripted:check_spec",
}
"""What can be said of an agent's options before there is an agent. Each raises EngineFailed."""
PROBE_SECONDS = 10.0
"""A cold `claude --version` takes under a second; a machine under load may need more."""
CLAUDE_PLACES = (
    "~/.claude/local/claude", "~/.local/bin/claude", "~/.npm-global/bin/claude", "/usr/local/bin/claude",
    "/opt/homebrew/bin/claude",
)  # fmt: skip
"""Where its installers put it, for a PATH that does not have it."""


def make_engine(kind: str, context: EngineContext) -> Engine:
    """Raises EngineFailed (not retryable) for a kind that is not there."""
    if kind not in CLASSES:
        known = ", ".join(CLASSES)
        raise EngineFailed("failed", f"There is no engine {kind!r}; there are {known}.", False, "unknown_engine")
    module, _, name = CLASSES[kind].partition(":")
    factory = cast(Callable[[EngineContext], Engine], getattr(importlib.import_module(module), name))
    return factory(context)


def check_spec(spec: SpawnRequest) -> None:
    """Raises EngineFailed where that engine could not work with those options. Nothing is started."""
    module, _, name = CHECKS[spec.engine].partition(":")
    cast(Callable[[SpawnRequest], None], getattr(importlib.import_module(module), name))(spec)


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


def find_engines() -> list[EngineFound]:
    """What is on this machine. Runs the programs, each for a bounded time."""
    return [
        _find_claude(),
        EngineFound(kind="command", found=True, detail="any program: its prompt on stdin, its words on stdout"),
        EngineFound(kind="scripted", found=True, detail="plays a scenario; needs no model and no key"),
    ]


def _find_claude() -> EngineFound:
    install = "npm install -g @anthropic-ai/claude-code"
    path = claude_program()
    if path is None:
        return EngineFound(kind="claude", found=False, detail="claude is not on PATH", install=install)
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
        return EngineFound(kind="claude", found=False, path=path, detail=_one_line(str(error)), install=install)
    version = re.search(r"\d+\.\d+\.\d+\S*", answer.stdout)
    if answer.returncode or version is None:
        detail = _one_line(answer.stderr or answer.stdout) or f"exit code {answer.returncode}"
        return EngineFound(kind="claude", found=False, path=path, detail=detail, install=install)
    return EngineFound(kind="claude", found=True, version=version.group(), path=path, install=install)


def _one_line(text: str) -> str:
    return " ".join(text.split())[:200]
