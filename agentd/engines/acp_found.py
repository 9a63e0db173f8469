"""Which agents of the Agent Client Protocol are on this machine: one entry for each preset.

Bounded and cheap: a node program's version is read from its package beside it, and no agent is started to be asked.
"""

import json
import os
import re
import shutil
import subprocess
import tomllib
from collections.abc import Iterable
from pathlib import Path

from agentd.engines.acp_presets import PRESETS, Preset
from hived.paths import hive_paths
from hived.wire.agents import EngineAbilities, EngineFound, EngineLogin

PROBE_SECONDS = 5.0
MOST_PACKAGE_BYTES = 256 * 1024
PACKAGE_DEPTH = 4
"""A package's program lies in its `bin` or `dist`, its package.json above."""

_VERSION = re.compile(r"\d+\.\d+\.\d+[\w.+-]*")


def find() -> list[EngineFound]:
    secrets = _secret_names()
    return [_found(name, preset, secrets) for name, preset in PRESETS.items()]


def _found(name: str, preset: Preset, secrets: set[str]) -> EngineFound:
    path = shutil.which(preset.program)
    if path is None:
        return EngineFound(
            kind="acp", preset=name, found=False, detail=f"{preset.program} is not on PATH", install=preset.install
        )
    login, detail = _login(preset, secrets)
    return EngineFound(
        kind="acp",
        preset=name,
        found=True,
        login=login,
        login_detail=detail,
        abilities=EngineAbilities(interrupt=True, set_model=True, resume=True, compact=preset.compact),
        version=_version(Path(path)),
        path=path,
        install=preset.install,
    )


def _login(preset: Preset, secrets: set[str]) -> tuple[EngineLogin, str]:
    """Of the operator's own account: a key by its name, or what a login leaves behind. No key is read."""
    for key in preset.keys:
        if os.environ.get(key):
            return "key", f"{key} in the environment"
        if key in secrets:
            return "key", f"{key} in secrets.toml"
    home = Path.home()
    for file in preset.credentials:
        if (home / file).is_file():
            return "in", f"~/{file}"
    if preset.free:
        return "not_needed", "it has free models; for others, " + preset.login.replace("{home}", "~")
    return "out", f"{preset.title} is not logged in: {preset.login.replace('{home}', '~')}"


def _secret_names() -> set[str]:
    try:
        return set(tomllib.loads(hive_paths().secrets_file.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return set()


def _version(program: Path) -> str | None:
    for package in _packages(program):
        try:
            if package.stat().st_size <= MOST_PACKAGE_BYTES:
                version = json.loads(package.read_text(encoding="utf-8")).get("version")
                if isinstance(version, str) and _VERSION.fullmatch(version):
                    return version
        except (OSError, ValueError, AttributeError):
            continue
    return _asked(program)


def _packages(program: Path) -> Iterable[Path]:
    folders = program.resolve().parents[:PACKAGE_DEPTH]
    return (folder / "package.json" for folder in folders if (folder / "package.json").is_file())


def _asked(program: Path) -> str | None:
    """What it answers to --version; nothing where it is no such program, or is slow."""
    try:
        answer = subprocess.run(
            [str(program), "--version"],
            capture_output=True,
            text=True,
            errors="replace",
            stdin=subprocess.DEVNULL,
            timeout=PROBE_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = _VERSION.search(answer.stdout[:1000])
    return found.group() if found and not answer.returncode else None
