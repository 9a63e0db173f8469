"""Denied proposals whose tag hived did not come to make before it ended, and refused ones that it did not come to remove: made
and removed at its next start."""

import asyncio
import logging

from hived.core.hive import Hive
from hived.core.proposals import denied_of
from hived.deploy import applied
from hived.paths import HivePaths
from hived.store.approvals import select_proposed_agents
from hived.upkeep.refused import forget_refused
from hived.wire.errors import HiveError

log = logging.getLogger(__name__)


class Denials:
    """One per hived; `run` ends when they are tagged."""

    def __init__(self, hive: Hive) -> None:
        self._hive = hive

    async def run(self) -> None:
        """Tag `denied/<approval>` wherever a proposal was denied and its commit is still there untagged; then let the older ones go."""
        for agent_id, *denied in await self._hive.database.read(denied_of):
            async with self._hive.gate(agent_id).writing():
                await asyncio.to_thread(_tag, self._hive.paths, *denied)
        for agent in await self._hive.database.read(select_proposed_agents):
            await forget_refused(self._hive, agent["id"], agent["name"])


def _tag(paths: HivePaths, agent: str, approval: str, note: str, at: str) -> None:
    try:
        repo = applied.repository(paths.agent(agent))
        if repo.exists and repo.ref(f"refs/tags/denied/{approval}") is None:
            applied.deny(paths.agent(agent), approval, note, at)
    except (HiveError, OSError, KeyError) as error:
        log.warning("the denial %s cannot be tagged: %s", approval, error)
