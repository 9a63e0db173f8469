"""What of the api engine is on this machine: a local Ollama, and keys by the names that everybody gives them."""

import contextlib
import json
import os
import socket
import threading
import tomllib
import warnings
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from agentd.engines.api_options import KEY_NAMES, PERMISSION_MODES, ollama_address
from hived.paths import hive_paths
from hived.wire.agents import EngineAbilities, EngineFound

PROBE_SECONDS = 1.5
"""It is on this machine, or it is not there."""
MOST_ANSWER_BYTES = 4 * 1024 * 1024
INSTALL = "install Ollama (https://ollama.com), or put an API key into secrets.toml"


@dataclass(frozen=True, slots=True)
class Ollama:
    address: str
    version: str
    models: tuple[str, ...]


def find() -> list[EngineFound]:
    ollama = find_ollama(os.environ)
    keys = _keys()
    details = []
    if ollama is not None:
        details.append(f"Ollama {ollama.version} at {urlsplit(ollama.address).netloc}")
    if keys:
        details.append(", ".join(keys))
    return [
        EngineFound(
            kind="api",
            found=True,
            login="key" if keys else "not_needed" if ollama is not None else "out",
            login_detail=", ".join(keys) if keys else "" if ollama is not None else "no key, and no Ollama answers",
            abilities=abilities((), local=False),
            models=list(ollama.models) if ollama is not None else [],
            version=ollama.version if ollama is not None else None,
            path=ollama.address if ollama is not None else None,
            detail="; ".join(details) or "Anthropic Messages and any OpenAI-compatible server",
            install="" if details else INSTALL,
        )
    ]


def abilities(efforts: tuple[str, ...], *, local: bool) -> EngineAbilities:
    """`local`: the models that the server lists are all there are."""
    return EngineAbilities(
        steer=True, interrupt=True, set_model=True, resume=True, compact=True, edited_input=True, efforts=list(efforts),
        permission_modes=list(PERMISSION_MODES), closed_models=local,
    )  # fmt: skip


def find_ollama(environment: Mapping[str, str]) -> Ollama | None:
    """Blocks for at most four times PROBE_SECONDS."""
    import http.client  # 1 MB that an agent with a provider of its own need not carry

    address = ollama_address(environment)
    try:
        version = _get(address, "/api/version").get("version")
        if not isinstance(version, str):
            return None
        listed = _get(address, "/api/tags").get("models")
    except (OSError, ValueError, http.client.HTTPException, RecursionError):
        return None
    names = [model.get("name") for model in listed if isinstance(model, dict)] if isinstance(listed, list) else []
    return Ollama(address, version[:40], tuple(name for name in names if isinstance(name, str))[:500])


def _get(address: str, path: str) -> dict[str, Any]:
    import http.client

    parts = urlsplit(address)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    with closing(kind(parts.hostname or "", parts.port, timeout=PROBE_SECONDS)) as connection:
        connection.connect()
        # The socket's own limit is for each piece: one that trickles would be waited for for ever.
        late = threading.Timer(PROBE_SECONDS, _shut, [connection.sock])
        late.daemon = True
        late.start()
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            if response.status != 200:
                raise ValueError(response.status)
            found = json.loads(response.read(MOST_ANSWER_BYTES))
        finally:
            late.cancel()
    if not isinstance(found, dict):
        raise ValueError("no object")
    return found


def _shut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


def _keys() -> list[str]:
    """The names of the keys that are there, in hived's environment or in secrets.toml; never their values."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # where sockets would be is nobody's question here
        secrets_file = hive_paths().secrets_file
    try:
        stored: Mapping[str, Any] = tomllib.loads(secrets_file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        stored = {}
    return sorted(name for name in KEY_NAMES if os.environ.get(name) or stored.get(name))
