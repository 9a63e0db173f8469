"""What surrounds an engine in place of a network: pure, from the launch alone.

`plan` says what a runtime puts around the process; `servers.Servers` serves the sockets that it names; `environment.
engine_environment` lays `Plan.environment` over all else. A runtime needs `network`, `bridges`, `prefix` and `readable`.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from hived.wire.launch import Launch

PROXY_PORT = 20080
MODEL_PORT = 20081
"""On the loopback inside, which is the sandbox's own: no two agents share one."""
BRIDGE = Path(__file__).resolve().with_name("bridge.py")


@dataclass(frozen=True, slots=True)
class Plan:
    network: bool = True
    """What a Room's `network` is: False where the runtime shall keep it away."""
    bridges: Mapping[int, Path] = field(default_factory=dict)
    """Ports of the loopback inside, each with the socket in `io` that it leads to."""
    prefix: tuple[str, ...] = ()
    """Put before the command, inside: it opens the bridges and becomes the command. For a runtime that does not build
    `bridges` by its own means."""
    readable: tuple[Path, ...] = ()
    """What `prefix` and the engine's own helpers need to read inside."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Above all else in the process's environment."""


def walled(launch: Launch) -> bool:
    return launch.runtime != "process"


def plan(launch: Launch, process: str = "engine") -> Plan:
    """`process`: engine, login or setup, as runtimes.process names them. Raises EngineFailed (not retryable)."""
    if not walled(launch) or launch.spec.network:
        return Plan(network=True, readable=python_paths())
    bridges = {PROXY_PORT: Path(launch.proxy_socket)}
    return Plan(network=False, bridges=bridges, prefix=bridge_command(bridges), readable=(*python_paths(), BRIDGE))


def bridge_command(bridges: Mapping[int, Path]) -> tuple[str, ...]:
    if not bridges:
        return ()
    pairs = (f"{port}={socket}" for port, socket in bridges.items())
    return (str(bare_python()), "-I", "-S", str(BRIDGE), *pairs, "--")


def bare_python() -> Path:
    """The interpreter itself, with its standard library and no packages: what runs inside by `-I -S`."""
    return Path(sys.executable).resolve()


def python_paths() -> tuple[Path, ...]:
    """What `bare_python` reads, where that is not the system's."""
    prefix = Path(sys.base_prefix).resolve()
    return () if prefix == Path("/usr") else (prefix,)
