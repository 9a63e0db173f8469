"""An agent's work: what it has changed in its clone, and bringing it home. Of a buried agent as well."""

import asyncio

from fastapi import APIRouter, Request

from hived.api.callers import actor_of, hive_of
from hived.api.idempotency import remembered
from hived.core import work
from hived.store.database import Row
from hived.wire import routes
from hived.wire.errors import FetchRefused
from hived.wire.work import Work, WorkFetch, WorkFetched
from hived.workspace.fetching import fetch_home
from hived.workspace.work import read_work

host_router = APIRouter(tags=["work"])


@host_router.get(routes.AGENT_WORK)
async def get_work(request: Request, name: str, patch: bool = False) -> Work:
    """Looked at now: its commits that the origin has nowhere, and its files against `base`, committed and not."""
    hive = hive_of(request)
    row, repo = await _found(request, name)
    paths = hive.paths.agent(name)
    async with hive.looks:
        found = await asyncio.to_thread(read_work, paths, repo, patch=patch)
    await hive.database.write(lambda tx: work.take(tx, row["id"], found.state))
    return Work(
        agent=name,
        repo=repo,
        workspace=str(paths.workspace),
        state=work.shown(found.state),
        commits=[work.shown_commit(commit) for commit in found.commits],
        files=found.files,
        patch=found.patch,
        cut=found.cut,
    )


@host_router.post(routes.AGENT_WORK_FETCH)
async def post_work_fetch(request: Request, name: str, wish: WorkFetch | None = None) -> WorkFetched:
    """Answered when the origin has the branch; what is not committed stays behind, and `state` counts it.

    409 `fetch_refused` says why not: a branch that is checked out there or would lose commits, nothing committed yet.
    """
    hive, actor, asked = hive_of(request), actor_of(request), wish or WorkFetch()
    row, repo = await _found(request, name)
    if repo is None:
        raise FetchRefused(name=name, reason="it has no repository.")
    async with hive.looks:
        found = await asyncio.to_thread(fetch_home, hive.paths.agent(name), repo, asked.branch, asked.of)
    fetched = WorkFetched(
        agent=name,
        repo=repo,
        branch=found.branch,
        commit=found.commit,
        before=found.before,
        commits=found.commits,
        state=work.shown(found.state),
    )
    return await hive.database.write(remembered(request, lambda tx: work.record_fetch(tx, row["id"], fetched, actor)))


async def _found(request: Request, name: str) -> tuple[Row, str | None]:
    row = await hive_of(request).database.read(lambda conn: work.find_worker(conn, name))
    return row, work.repo_of(row)
