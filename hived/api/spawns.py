"""What of a spawn request only the machine can tell, looked at before anyone is asked."""

import asyncio
import os

from hived.core.creation import check_request
from hived.core.hive import Hive
from hived.doctor.agentd import ask_agentd
from hived.wire.agents import SpawnRequest
from hived.wire.errors import BY_CODE, InvalidRepo, InvalidRequest
from hived.workspace.clones import check_repo


async def check_reach(hive: Hive, request: SpawnRequest, *, asked_by_agent: bool) -> SpawnRequest:
    """The request with the runtime that it will have: what is approved is what runs.

    Raises what keeps the agent from working: a repository that cannot be cloned, a program or scenario that is not there, a
    runtime that does not work here.

    On a path that an agent names nothing is run or read before the operator has approved it: it may be the agent's own.
    """
    if asked_by_agent:
        if request.repo is not None and not await asyncio.to_thread(os.path.isdir, request.repo):
            raise InvalidRepo(repo=request.repo[:200], reason="there is no such folder.")
        return await hive.runtimes.settle(request)
    await hive.database.read(lambda conn: check_request(conn, request))
    if request.repo is not None:
        await asyncio.to_thread(check_repo, request.repo, data=hive.paths.data)
    settled = await hive.runtimes.settle(request)
    await check_thinking(settled)
    return settled


async def check_thinking(request: SpawnRequest) -> None:
    """Raise what keeps its engine from working with its options, as agentd knows them. Nothing of it is started."""
    problem = await ask_agentd("check", given=request.model_dump_json().encode())
    if isinstance(problem, dict):
        raise BY_CODE.get(str(problem.get("code")), InvalidRequest)(str(problem.get("message")))
