"""What of a spawn request only the file system can tell, looked at before anyone is asked."""

import asyncio
import os

from hived.core.hive import Hive
from hived.wire.agents import SpawnRequest
from hived.wire.errors import InvalidRepo
from hived.workspace.clones import check_repo


async def check_reach(hive: Hive, request: SpawnRequest, *, asked_by_agent: bool) -> None:
    """Raise InvalidRepo where the repository that the agent is to work on cannot be cloned.

    On a path that an agent names no git is run before the operator has approved it: it may be the agent's own.
    """
    if request.repo is None:
        return
    if not asked_by_agent:
        await asyncio.to_thread(check_repo, request.repo, agents=hive.paths.agents)
    elif not await asyncio.to_thread(os.path.isdir, request.repo):
        raise InvalidRepo(repo=request.repo[:200], reason="there is no such folder.")
