"""What surrounds an engine in place of a network: from the launch alone, with no value of a secret.

`plan` says what a runtime puts around the process; `servers.Servers` serves the sockets that it names; `environment.
engine_environment` lays `Plan.environment` over all else. A runtime needs `network`, `bridges`, `prefix` and `readable`.
"""

import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from agentd.engines.base import EngineFailed
from agentd.network.credentials import placeholder
from agentd.network.hosts import Entry, InvalidHost, is_loopback, parse_hosts
from agentd.network.model_hosts import (
    CLAUDE_LOGIN_HOSTS,
    INSIDE_HOST,
    NOTHING,
    ModelHost,
    Unreachable,
    given,
    model_host,
)
from agentd.network.outside import BYPASS_VARIABLES, PROXY_VARIABLES
from hived.wire.agents import AgentSpec
from hived.wire.launch import Launch

PROXY_PORT = 20080
MODEL_PORT = 20081
"""On the loopback inside, which is the sandbox's own: no two agents share one."""
BRIDGE = Path(__file__).resolve().with_name("bridge.py")
BYPASS = f"localhost,127.0.0.1,::1,{INSIDE_HOST}"
"""What is inside, or is no host."""
LOGIN_PASSWORD = secrets.token_urlsafe(24)
"""By which the proxy knows the login's process: it is in that process's environment and nowhere else."""
SETUP_SOCKET = "setup.sock"
"""Beside the proxy's: a setup may run while a harness still serves the generation before."""

ENGINE = "engine"
LOGIN = "login"
SETUP = "setup"


@dataclass(frozen=True, slots=True)
class Plan:
    network: bool = True
    """What a Room's `network` is: False where the runtime shall keep it away."""
    bridges: Mapping[int, Path] = field(default_factory=dict)
    """Ports of the loopback inside, each with the socket in `io` that it leads to."""
    prefix: tuple[str, ...] = ()
    """Put before the command, inside: it opens the bridges, and those to the loopback's ports that `allow_hosts` names, and
    becomes the command. For a runtime that does not build `bridges` by its own means."""
    readable: tuple[Path, ...] = ()
    """What `prefix` and the engine's own helpers need to read inside."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Above all else in the process's environment."""
    arguments: tuple[str, ...] = ()
    """Put behind the engine's own command."""
    model: ModelHost = NOTHING
    """What agentd forwards to."""
    entries: tuple[Entry, ...] = ()
    """Where the proxy leads."""
    proxy: Path | None = None
    """The proxy's socket; None: there is none."""


def walled(kind: str) -> bool:
    """Raises EngineFailed for a runtime that is not there."""
    from agentd.runtimes.registry import load_runtime

    return kind != "process" and load_runtime(kind).walls


def networkless(spec: AgentSpec, runtime: str) -> bool:
    """Raises EngineFailed for a runtime that is not there."""
    return not spec.network and walled(runtime)


def plan(launch: Launch, process: str = ENGINE) -> Plan:
    """`process`: ENGINE, LOGIN or SETUP. Raises EngineFailed (not retryable)."""
    spec = launch.spec
    if not walled(launch.runtime):
        return Plan(readable=python_paths())
    found = model_host(spec)
    model = NOTHING if isinstance(found, Unreachable) else found
    if spec.network and model.by_port and process != SETUP:
        model = NOTHING  # a port of this machine's own loopback is anybody's
    environment = {name: placeholder(name) for name in model.keys if name in given(spec)}
    if process == SETUP:
        model = NOTHING
    socket = Path(launch.model_socket)
    url = f"http://127.0.0.1:{MODEL_PORT}"
    if process == ENGINE:
        for name, value in model.inside.items():
            environment[name] = value.replace("{socket}", str(socket)).replace("{url}", url)
    if spec.network:
        bypass = {"NO_PROXY": f"{BYPASS},{spec.env.get('NO_PROXY', '')}"} if model.inside else {}
        return Plan(environment=environment | bypass, model=model, readable=python_paths())
    entries = allowed(spec)
    proxy = Path(launch.proxy_socket)
    if process == SETUP:
        proxy = proxy.with_name(SETUP_SOCKET)
    bridges = {PROXY_PORT: proxy} | ({MODEL_PORT: socket} if model.by_port and model.base else {})
    who = f"login:{LOGIN_PASSWORD}@" if process == LOGIN else ""
    environment |= dict.fromkeys(PROXY_VARIABLES, f"http://{who}127.0.0.1:{PROXY_PORT}")
    environment |= dict.fromkeys(BYPASS_VARIABLES, BYPASS) | {"NODE_USE_ENV_PROXY": "1"}
    return Plan(
        network=False,
        bridges=bridges,
        prefix=_bridge_command(bridges, proxy, entries),
        readable=(*python_paths(), BRIDGE),
        environment=environment,
        arguments=tuple(word.replace("{url}", url) for word in model.arguments),
        model=model,
        entries=(*entries, *parse_hosts(model.hosts)),
        proxy=proxy,
    )


def allowed(spec: AgentSpec) -> tuple[Entry, ...]:
    """Raises EngineFailed (`invalid_config`)."""
    try:
        return parse_hosts(spec.allow_hosts)
    except InvalidHost as error:
        raise EngineFailed("failed", str(error), retryable=False, code="invalid_config") from error


def login_entries(spec: AgentSpec) -> tuple[Entry, ...]:
    return parse_hosts(CLAUDE_LOGIN_HOSTS) if spec.engine == "claude" else ()


def bare_python() -> Path:
    """The interpreter itself, with its standard library and no packages: what runs inside by `-I -S`."""
    return Path(sys.executable).resolve()


def python_paths() -> tuple[Path, ...]:
    """What `bare_python` reads, where that is not the system's."""
    prefix = Path(sys.base_prefix).resolve()
    return () if prefix == Path("/usr") else (prefix,)


def _bridge_command(bridges: Mapping[int, Path], proxy: Path, entries: tuple[Entry, ...]) -> tuple[str, ...]:
    """A port of this machine's own loopback that the agent may reach is a port of the loopback inside."""
    pairs = [f"{port}={socket}" for port, socket in bridges.items()]
    for entry in entries:
        if is_loopback(entry.host) and not entry.below and entry.port not in (None, *bridges):
            shown = f"[{entry.host}]" if ":" in entry.host else entry.host
            pairs.append(f"{entry.port}@{shown}:{entry.port}={proxy}")
    return (str(bare_python()), "-I", "-S", str(BRIDGE), *dict.fromkeys(pairs), "--")
