"""Homes of older hives: an agent that was made before its config was reviewed code gets its repositories, its first commit and its
build, made of what it is asked to be. It goes on running as it does; its next start is on that commit.

Done once: the deployment of kind `migrate` is the mark. Killed half-way, it is done again to the same end.
"""

import asyncio
import logging
from functools import partial

from hived.core.deployments import feed
from hived.core.fault_points import reach
from hived.core.hive import Hive
from hived.deploy import applied, worktree
from hived.deploy.agent_toml import BadAgentToml
from hived.deploy.repository import GitFailed
from hived.paths import AgentPaths
from hived.store import deployments as store
from hived.store.database import Row, Tx
from hived.supervision.builder import ensure_first
from hived.wire.approvals import Actor
from hived.wire.errors import HiveError
from hived.wire.ids import new_id
from hived.wire.names import HIVED

NOTE = "Its config as it was before config was reviewed."

log = logging.getLogger(__name__)


async def migrate_homes(hive: Hive) -> int:
    """At hived's start, before anything is supervised; how many agents were migrated. One that cannot be is logged, runs on as
    before, and is tried again at the next start."""
    done = 0
    for row in await hive.database.read(store.select_agents_unbuilt):
        try:
            commit = await asyncio.to_thread(_make, hive.paths.agent(row["name"]), row)
        except (OSError, GitFailed, HiveError, BadAgentToml, KeyError) as error:
            log.error("the config of %s cannot be made a repository: %s", row["name"], error)
            continue
        reach("hived_migrating")
        await hive.database.write(partial(_mark, agent=row, commit=commit))
        done += 1
    if done:
        log.info("%d agents have their config in a repository now", done)
    return done


def _make(paths: AgentPaths, row: Row) -> str:
    """The same commit each time: it is as old as the agent."""
    commit = ensure_first(paths, row, row["created_at"])
    worktree.build(paths.builds, commit, applied.files_of(paths, commit))
    return commit


def _mark(tx: Tx, agent: Row, commit: str) -> None:
    """It runs on; no restart is asked for."""
    deployment_id = new_id()
    store.insert_deployment(
        tx,
        {
            "id": deployment_id,
            "agent_id": agent["id"],
            "agent": agent["name"],
            "kind": "migrate",
            "status": "deployed",
            "commit": commit,
            "base": None,
            "approval_id": None,
            "actor_json": Actor(who=HIVED).model_dump_json(),
            "note": NOTE,
            "engine": agent["engine"],
            "model": agent["model_set"],
            "runtime": agent["runtime"],
            "change_json": None,
        },
    )
    store.update_agent_commit(tx, agent["id"], commit)
    store.update_agent_good(tx, agent["id"], commit)
    feed(tx, deployment_id)
