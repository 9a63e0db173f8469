"""The supervision: one keeper per agent, woken when something of that agent has changed.

Wanted state is in the store, actual state in the process table. Each keeper works in a task of its own, so a slow agent
holds up no other; when the supervision is cancelled, harnesses are left to run.
"""

import asyncio
from collections.abc import Awaitable, Mapping
from pathlib import Path
from typing import Protocol

from hived.core.agents import Supervised, supervised
from hived.core.hive import Hive
from hived.supervision.keeper import Keeper


class Doors(Protocol):
    """Where harnesses call in."""

    def open_agent(self, agent_id: str, name: str, path: Path) -> Awaitable[None]: ...

    def close_agent(self, agent_id: str) -> None: ...


class Reconciler:
    """`run` until cancelled. `agent_pids` are the harnesses that run now."""

    def __init__(self, hive: Hive) -> None:
        self._hive = hive
        self._keepers: dict[str, Keeper] = {}
        self._known: dict[str, Supervised] = {}

    def agent_pids(self) -> Mapping[int, str]:
        """The pid of every harness that runs, with its agent's name."""
        running = (keeper for keeper in self._keepers.values() if keeper.harness is not None)
        return {keeper.harness.pid: keeper.name for keeper in running if keeper.harness is not None}

    async def run(self, doors: Doors) -> None:
        async def open_door(agent: Supervised) -> None:
            await doors.open_agent(agent.id, agent.name, self._hive.paths.agent(agent.name).socket)

        async with asyncio.TaskGroup() as keepers:
            while True:
                self._hive.look.clear()
                found = {agent.id: agent for agent in await self._hive.database.read(supervised)}
                for agent in found.values():
                    if agent.id not in self._keepers:
                        keeper = Keeper(self._hive, agent, open_door, doors.close_agent)
                        self._keepers[agent.id] = keeper
                        keepers.create_task(keeper.run(), name=f"keeper of {agent.name}")
                    elif self._known.get(agent.id) != agent:
                        self._keepers[agent.id].poke()
                for agent_id in self._keepers.keys() - found.keys():
                    self._keepers.pop(agent_id).poke()
                self._known = found
                await self._hive.look.wait()
