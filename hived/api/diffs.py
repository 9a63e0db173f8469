"""What a proposed or deployed commit changes: the books say against what, hived's own repository says how."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Query, Request

from hived.api.callers import hive_of
from hived.core import diff_bases
from hived.core.hive import Hive
from hived.core.proposals import KEPT_REFUSED
from hived.deploy.applied import repository
from hived.deploy.diffs import difference
from hived.wire import routes
from hived.wire.deployments import Diff, DiffBase
from hived.wire.errors import CommitNotFound

host_router = APIRouter(tags=["config"])
AT_ONCE = 4
"""A diff may take half a minute of a core."""
_room = asyncio.Semaphore(AT_ONCE)


@host_router.get(routes.APPROVAL_DIFF)
async def get_approval_diff(
    request: Request,
    id: str,
    base: Annotated[
        DiffBase, Query(description="What runs now, what was approved last, or the proposal before this one.")
    ] = "running",
) -> Diff:
    """Of an approval of kind apply_commit."""
    hive = hive_of(request)
    return await _filled(hive, await hive.database.read(lambda conn: diff_bases.of_approval(conn, id, base)))


@host_router.get(routes.DEPLOYMENT_DIFF)
async def get_deployment_diff(request: Request, id: str) -> Diff:
    """Against what ran before it."""
    hive = hive_of(request)
    return await _filled(hive, await hive.database.read(lambda conn: diff_bases.of_deployment(conn, id)))


async def _filled(hive: Hive, diff: Diff) -> Diff:
    repo = repository(hive.paths.agent(diff.agent)).folder
    async with _room:
        try:
            found = await asyncio.to_thread(difference, repo, diff.base_commit, diff.commit)
        except CommitNotFound as error:
            kept = f"of proposals that were refused the newest {KEPT_REFUSED} are kept."
            raise CommitNotFound(f"{error.message} It was removed: {kept}", **error.detail) from None
    return diff.model_copy(update={"files": found.files, "text": found.text, "cut": found.cut})
