"""The engine's whole environment: an allow-list of the harness's own, defaults of the engine, then what the agent.toml says."""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path

from agentd.engines.base import EngineFailed
from agentd.network.plan import ENGINE, plan
from hived.wire.launch import Launch

ALLOWED = (
    "PATH", "LANG", "LANGUAGE", "TZ", "TERM", "COLORTERM", "USER", "LOGNAME", "SHELL", "TMPDIR",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE",
    "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy", "all_proxy",
)  # fmt: skip
"""Nothing of the hive's own: an engine has no business with its sockets."""
ALLOWED_PREFIXES = ("LC_",)


def engine_environment(launch: Launch, defaults: Mapping[str, str], process: str = ENGINE) -> dict[str, str]:
    """As its process has it: behind walls without the keys of its model, and led to agentd's sockets.

    `process`: network.plan's. Raises EngineFailed (not retryable) where a name of `env_from` is nowhere to be found.
    """
    planned = plan(launch, process).environment
    return open_environment(launch, defaults) | dict(planned)


def open_environment(launch: Launch, defaults: Mapping[str, str]) -> dict[str, str]:
    """With every secret that it was given: agentd's own to use. Raises EngineFailed (not retryable)."""
    found = {name: value for name, value in os.environ.items() if name in ALLOWED or name.startswith(ALLOWED_PREFIXES)}
    found.setdefault("PATH", os.defpath)
    found["HOME"] = launch.home
    found["HIVE_AGENT"] = launch.name
    found["HIVE_STATE"] = launch.state
    return found | dict(defaults) | launch.spec.env | _from_elsewhere(launch)


def _from_elsewhere(launch: Launch) -> dict[str, str]:
    names = launch.spec.env_from
    if not names:
        return {}
    secrets = _secrets(Path(launch.secrets_file))
    values = {name: secrets.get(name, os.environ.get(name)) for name in names}
    missing = [name for name, value in values.items() if value is None]
    if missing:
        raise EngineFailed(
            "failed",
            f"env_from names {', '.join(missing)}, which neither {launch.secrets_file} nor hived's environment has.",
            retryable=False,
            code="invalid_config",
        )
    return {name: value for name, value in values.items() if value is not None}


def _secrets(path: Path) -> dict[str, str]:
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        reason = f"{path} cannot be read: {type(error).__name__}."
        raise EngineFailed("failed", reason, retryable=False, code="invalid_config") from error
    return {name: str(value) for name, value in found.items() if isinstance(value, str | int | float)}
