"""Whether Claude Code is on this machine, where, and whether the operator is logged in with it.

An agent does not use the operator's own account: it has a folder of its own, or a token by `env_from`.
"""

import os
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from agentd.engines.claude_account import STATUS_COMMAND, Account
from agentd.engines.claude_settings import Offer
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
    with ThreadPoolExecutor(max_workers=2) as pool:
        answers = pool.map(_ask, ((path, "--version"), (path, *STATUS_COMMAND)))
        said, status = tuple(answers)
    if isinstance(said, str):
        return [EngineFound(kind="claude", found=False, path=path, detail=said, install=INSTALL)]
    version = re.search(r"\d+\.\d+\.\d+\S*", said.stdout)
    if said.returncode or version is None:
        detail = _one_line(said.stderr or said.stdout) or f"exit code {said.returncode}"
        return [EngineFound(kind="claude", found=False, path=path, detail=detail, install=INSTALL)]
    account = None if isinstance(status, str) else Account.read(status.stdout)
    return [
        EngineFound(
            kind="claude",
            found=True,
            login="unknown" if account is None else account.login,
            login_detail="" if account is None else account.detail,
            abilities=Offer().abilities(),
            version=version.group(),
            path=path,
            install=INSTALL,
        )
    ]


def _ask(command: tuple[str, ...]) -> "subprocess.CompletedProcess[str] | str":
    """What the program answered, or why it did not."""
    try:
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=PROBE_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return _one_line(str(error))


def _one_line(text: str) -> str:
    return " ".join(text.split())[:200]
