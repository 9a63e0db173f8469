"""The `process` runtime: the command as it is, as hived's own user, and nothing around it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from agentd.runtimes import cgroups
from agentd.runtimes.base import Room, Wrapped
from hived.wire.agents import RuntimeFound


class Process:
    kind = "process"
    walls = False

    def find(self) -> RuntimeFound:
        return RuntimeFound(
            kind=self.kind, works=True, detail="no wall around the engine", limits=list(cgroups.held()), strength=0
        )

    def wrap(self, command: Sequence[str], environment: Mapping[str, str], cwd: Path, room: Room) -> Wrapped:
        return Wrapped(command, environment, cwd)
