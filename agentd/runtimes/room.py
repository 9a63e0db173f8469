"""What one engine may touch, from its launch and its command: the Room that a runtime puts it in. Blocking."""

import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from agentd.engines.base import EngineFailed
from agentd.mcp_servers import own_servers
from agentd.network.plan import SETUP, plan
from agentd.runtimes.base import Room
from agentd.runtimes.installs import below_any, files_named, find_program, install_of, own_install
from hived.wire.errors import InvalidRequest
from hived.wire.launch import Launch
from hived.wire.limits import Limits, limits_of

CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE")
"""Names of the environment whose value is a file of certificates to read, or a folder of them."""
MOST_CERTIFICATE_BYTES = 4 * 1024 * 1024
WITH_WORKERS = ("acp", "api", "scripted")
"""Engines of which a program of ours runs inside: the bridge to the hive's tools, the worker, the player."""
NEVER = tuple(map(Path, ("/proc", "/dev", "/sys", "/run/hive")))


def bare_room(launch: Launch) -> Room:
    """For a runtime without walls: what is held all the same. Raises EngineFailed (not retryable)."""
    return Room(
        workspace=Path(launch.workspace),
        state=Path(launch.state),
        home=Path(launch.home),
        io=_io(launch),
        network=True,
        limits=_limits(launch),
        group=launch.agent_id,
    )


def room_for(launch: Launch, command: Sequence[str], environment: Mapping[str, str], process: str = "engine") -> Room:
    """Raises EngineFailed (not retryable): a path that may not be shown, limits that say nothing."""
    planned = plan(launch, process)
    spec = launch.spec
    cwd = Path(launch.workspace)
    hidden = tuple(map(Path, launch.hidden)) or (Path(launch.harness),)
    queen = spec.role == "queen"
    given = (launch.workspace, launch.state, launch.home, launch.io, launch.proposed if queen else None)
    own = set(_named_and_real([Path(folder) for folder in given if folder]))

    programs = [command[0], *(server.command for server in own_servers(spec) if server.command)] if command else []
    installs = set(planned.readable) | (set(own_install()) if spec.engine in WITH_WORKERS else set())
    for word in programs:
        found = find_program(word, environment, cwd)
        if found is not None:
            installs |= install_of(found, environment, own=own)
    installs |= files_named(command[1:])
    installs |= _certificates(environment)
    folders = _named_and_real(hidden)
    installs = {path for path in installs if not _lies_in(path, folders) and not below_any(path, own)}

    asked = _asked_for(spec.read_paths, hidden)
    repo = [path for path in map(Path, launch.origin_objects) if not _is_hidden(path, hidden)]
    granted = [Path(path) for path in (launch.config, launch.meta if queen else None) if path]
    granted += [path for path in _scenario(launch) if not below_any(path, own)]
    proposed = Path(launch.proposed) if launch.proposed and not queen else None
    identity = None if proposed is None else _identity(proposed)
    return Room(
        workspace=cwd,
        state=Path(launch.state),
        home=Path(launch.home),
        io=_io(launch),
        readable=(*sorted(installs), *asked, *repo, *granted),
        writable=(Path(launch.proposed),) if queen and launch.proposed else (),
        hidden=hidden,
        network=planned.network,
        bridges=planned.bridges,
        prefix=planned.prefix,
        lasting=process != SETUP and spec.engine != "command",
        proposed=proposed if identity is not None else None,
        proposed_identity=identity,
        limits=_limits(launch),
        uid=launch.engine_uid,
        group=launch.agent_id,
    )


def _scenario(launch: Launch) -> list[Path]:
    """Wherever it lies: the engine has read it by now, so it is a scenario and no secret."""
    given = launch.spec.engine_options.get("scenario")
    if launch.spec.engine != "scripted" or not isinstance(given, str):
        return []
    path = Path(given)
    real = Path(os.path.realpath(path))
    secret = Path(os.path.realpath(launch.secrets_file))
    return [path] if path.is_absolute() and real.is_file() and real != secret else []


def _certificates(environment: Mapping[str, str]) -> set[Path]:
    """Only what is one: a variable is no way to have any other file shown, nor a folder that holds more. A folder of them is
    the system's, or is named by read_paths."""
    named = (Path(value) for name in CERTIFICATES if (value := environment.get(name, "")).startswith("/"))
    return {path for path in named if _is_certificate(path)}


def _is_certificate(path: Path) -> bool:
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return False
            text = file.read(MOST_CERTIFICATE_BYTES)
    except (OSError, ValueError):
        return False
    return b"CERTIFICATE-----" in text and b"PRIVATE KEY-----" not in text


def _io(launch: Launch) -> Path:
    return Path(launch.io) if launch.io else Path(launch.tools_socket).parent


def _limits(launch: Launch) -> Limits:
    try:
        return limits_of(launch.spec.limits)
    except InvalidRequest as error:
        raise _invalid(error.message) from error


def _asked_for(paths: Iterable[str | Path], hidden: Sequence[Path]) -> list[Path]:
    """Raises EngineFailed for a path of the hive's own, wherever it leads, or for one that is no one's to show."""
    found = []
    for path in map(Path, paths):
        real = Path(os.path.realpath(path))
        if not path.is_absolute():
            raise _invalid(f"read_paths: {path} is no absolute path.")
        if real == Path("/") or below_any(real, NEVER):
            raise _invalid(f"read_paths: {path} cannot be shown.")
        if _is_hidden(path, hidden):
            raise _invalid(f"read_paths: {path} lies in the hive's own folders.")
        found.append(path)
    return found


def _is_hidden(path: Path, hidden: Sequence[Path]) -> bool:
    return _lies_in(path, _named_and_real(hidden))


def _named_and_real(hidden: Sequence[Path]) -> list[Path]:
    """As they are named, and where they really are."""
    return [*hidden, *(Path(os.path.realpath(folder)) for folder in hidden)]


def _lies_in(path: Path, folders: Sequence[Path]) -> bool:
    return below_any(path, folders) or below_any(Path(os.path.realpath(path)), folders)


def _identity(folder: Path) -> tuple[int, int] | None:
    """Of a real folder; None for a link, or where there is none."""
    try:
        found = os.lstat(folder)
    except OSError:
        return None
    return (found.st_dev, found.st_ino) if stat.S_ISDIR(found.st_mode) else None


def _invalid(message: str) -> EngineFailed:
    return EngineFailed("failed", message, retryable=False, code="invalid_config")
