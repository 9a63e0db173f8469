"""What of a spawn request only the file system can tell, looked at before anyone is asked."""

import asyncio

from hived.core.hive import Hive
from hived.wire.agents import SpawnRequest
from hived.workspace.clones import check_repo


async def check_reach(hive: Hive, request: SpawnRequest) -> None:
    """Raise InvalidRepo where the repository that the agent is to work on cannot be cloned."""
    if request.repo is not None:
        await asyncio.to_thread(check_repo, request.repo, agents=hive.paths.agents)
