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
from hived.supervision.starts import Starts


class Doors(Protocol):
    """Where harnesses call in."""

    def open_agent(self, agent_id: str, name: str, path: Path) -> Awaitable[None]: ...

    def close_agent(self, agent_id: str) -> None: ...


class Reconciler:
    """`run` until cancelled. `agent_pids` are the harnesses that run now."""

    def __init__(self, hive: Hive) -> None:
        self._hive = hive
        self._keepers: dict[str, Keeper] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._known: dict[str, Supervised] = {}

    def agent_pids(self) -> Mapping[int, str]:
        """The pid of every harness that runs, with its agent's name."""
        running = (keeper for keeper in self._keepers.values() if keeper.harness is not None)
        return {keeper.harness.pid: keeper.name for keeper in running if keeper.harness is not None}

    async def run(self, doors: Doors) -> None:
        async def open_door(agent: Supervised) -> None:
            await doors.open_agent(agent.id, agent.name, self._hive.paths.agent(agent.name).socket)

        starts: Starts | None = None
        async with asyncio.TaskGroup() as keepers:
            while True:
                self._hive.look.clear()
                found = {agent.id: agent for agent in await self._hive.database.read(supervised)}
                starts = starts or Starts(found)
                for agent in found.values():
                    if self._is_kept(agent.id):
                        if self._known.get(agent.id) != agent:
                            self._tell(self._keepers[agent.id], agent)
                        continue
                    keeper = Keeper(self._hive, agent, open_door, doors.close_agent, starts)
                    self._keepers[agent.id] = keeper
                    self._tasks[agent.id] = keepers.create_task(keeper.run(), name=f"keeper of {agent.name}")
                for agent_id in self._keepers.keys() - found.keys():
                    self._keepers.pop(agent_id).poke()
                    del self._tasks[agent_id]
                self._known = found
                await self._hive.look.wait()

    def _is_kept(self, agent_id: str) -> bool:
        """One that was buried and comes back has a keeper that is done."""
        return agent_id in self._tasks and not self._tasks[agent_id].done()

    def _tell(self, keeper: Keeper, agent: Supervised) -> None:
        if agent.kill_wanted:
            keeper.hurry()
        else:
            keeper.poke()
