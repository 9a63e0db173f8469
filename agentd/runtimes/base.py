"""What a runtime is: a plug-in that says how a command is started with a wall around it, and whether it can do so here.

A runtime never surrounds agentd: only the engine, and what else runs for the agent (its login, its setup, the api engine's
worker). It is found by the entry point group `hive.runtimes`; each entry is an object of this Protocol, or a class or function
without arguments that makes one. `tests/agentd/runtimes/conformance.py` is what any of them must pass.

Starting, reading and ending the process is agentd's (runtimes/process.py), the same for every runtime: a plug-in only turns a
command into another command. What that one owes agentd:

- its stdin, stdout and stderr are the command's, unbuffered, and its exit code too;
- a TERM to it reaches the command;
- whatever runs inside can be found from outside, to be frozen and ended: below it in the tree of processes, or, where a
  service starts it (`docker run`), by `HIVE_ENGINE_RUN` of the environment, which it passes on and agentd can read in /proc;
- it ends, with all that is inside, when agentd dies;
- behind walls and without `Room.network`, `Room.prefix` is put before the command, or `Room.bridges` are built by other means.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from hived.wire.agents import RuntimeFound
from hived.wire.limits import Limits

__all__ = ["ENTRY_POINTS", "Limits", "Room", "RuntimePlugin", "Wrapped"]

ENTRY_POINTS = "hive.runtimes"


@dataclass(frozen=True, slots=True)
class Room:
    """What an engine may touch. Paths are absolute and the same inside and outside."""

    workspace: Path
    state: Path
    home: Path
    io: Path
    """The folder of agentd's sockets for this engine; read-only."""
    readable: tuple[Path, ...] = ()
    """Config files, the engine's install, the origin's objects, `read_paths`; what is missing is left out."""
    writable: tuple[Path, ...] = ()
    """Beside workspace, state and home: the folder of proposed config, for a queen."""
    hidden: tuple[Path, ...] = ()
    """The hive's own folders: nothing of them is there, but for what stands above."""
    network: bool = False
    bridges: Mapping[int, Path] = field(default_factory=dict)
    """Without a network: ports of the loopback inside, each with the socket in `io` that it leads to."""
    prefix: tuple[str, ...] = ()
    """Put before the command, inside: it opens the bridges and becomes the command. For a runtime that has no bridges of its
    own."""
    lasting: bool = False
    """What runs goes on until it is ended: the bridges need not carry what it says in its first moment, and leaves behind."""
    proposed: Path | None = None
    """A folder to read whose name others may write: only that very folder (`proposed_identity`), no link in its place."""
    proposed_identity: tuple[int, int] | None = None
    """Its device and inode, as they were looked at."""
    limits: Limits = Limits()
    """agentd holds the process to these itself, where it can; here for a runtime that has means of its own."""
    uid: int | None = None
    """agentd is root: run as that uid and gid, with no capabilities. None: as agentd's own user."""
    group: str = ""
    """Names what the limits hold together: `<agent id>`."""


@dataclass(frozen=True, slots=True)
class Wrapped:
    """A command as it is really started."""

    command: Sequence[str]
    environment: Mapping[str, str]
    cwd: Path
    """Outside: where the outer process is started."""
    descriptors: tuple[int, ...] = ()
    """Open ones that the command names by number: they are handed on, and closed here once it runs."""
    outer: int = 0
    """How many processes stand around the command, each the only child of the one before. They are not told to end: they end
    with it, and give its exit code on, 128 and the number of a signal."""


class RuntimePlugin(Protocol):
    kind: str
    """What an agent.toml's `runtime` says."""
    walls: bool
    """It keeps the engine to what is its own; without, the agent is `unsandboxed`."""

    def find(self) -> RuntimeFound:
        """Whether it works here: runs the very flags that `wrap` gives. Blocking, at most 10 s."""
        ...

    def wrap(self, command: Sequence[str], environment: Mapping[str, str], cwd: Path, room: Room) -> Wrapped:
        """Start nothing. Raises engines.base.EngineFailed (not retryable) for what it cannot give."""
        ...
