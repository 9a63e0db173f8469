"""What becomes of a deployment outside the books: its tag in applied/, `main`, one commit in meta/. The books come first: whatever
is not recorded yet is recorded by the next look, after a kill -9 too.
"""

import asyncio
import logging
from dataclasses import dataclass
from functools import partial

from hived.core.deployments import to_deployment
from hived.core.hive import Hive
from hived.deploy import applied, meta, worktree
from hived.deploy.meta import Lock, Locked
from hived.deploy.repository import GitFailed
from hived.paths import AgentPaths
from hived.store import agents as agent_store
from hived.store import deployments as store
from hived.store.database import Connection, Row, Tx
from hived.wire.deployments import Deployment
from hived.wire.errors import HiveError
from hived.wire.protocol import BUILD
from hived.wire.times import utc_now

KEPT_BUILDS = 5
SHOWN = 12

log = logging.getLogger(__name__)


class Recorder:
    """One per hived: commits in meta/ are made one after the other."""

    def __init__(self, hive: Hive) -> None:
        self._hive = hive
        self._one = asyncio.Lock()

    async def deployed(self, deployment_id: str) -> None:
        """Tag it, move `main`, commit to meta/. Again: nothing more. Raises OSError, GitFailed, HiveError."""
        row = await self._hive.database.read(lambda conn: store.select_deployment(conn, deployment_id))
        if row is None or row["commit_sha"] is None:
            return
        at, deployment = utc_now(), to_deployment(row)
        if await self._is_there(row):
            async with self._hive.gate(row["agent_id"]).writing():
                await asyncio.to_thread(_end_well, self._paths(row), row, at)
        async with self._one:
            known = await self._lock()
            named = {**known.agents, row["agent"]: _locked(row)}
            buried = {name: found for name, found in known.buried.items() if name != row["agent"]}
            if not await self._is_there(row):
                named, buried = known.agents, known.buried
            lock = Lock(BUILD, named, buried)
            await self._commit(lock, words_of(deployment), f"Deployment: {row['id']}")

    async def has_begun(self, row: Row) -> bool:
        """Whether its tag says already that it is deployed: then it is, whatever has become of the agent since."""
        if not await self._is_there(row):
            return False
        repo = applied.repository(self._paths(row))
        return await asyncio.to_thread(repo.ref, f"refs/tags/deployed/{row['id']}") is not None

    async def catch_up(self) -> None:
        """Record what has ended and is not recorded, whom the lock names and should not, and a change of hived's own build."""
        for row in await self._hive.database.read(store.select_unrecorded):
            try:
                if row["status"] == "deployed":
                    await self.deployed(row["id"])
                elif row["commit_sha"] is not None and await self._is_there(row):
                    async with self._hive.gate(row["agent_id"]).writing():
                        await asyncio.to_thread(_end_badly, self._paths(row), row, await self._log_of(row["id"]))
            except (GitFailed, HiveError) as error:
                log.error("deployment %s of %s cannot be recorded: %s", row["id"], row["agent"], error)
            await self._hive.database.write(partial(_recorded, deployment_id=row["id"]))
            await self.prune(row)
        async with self._one:
            await self._settle_lock()

    async def _settle_lock(self) -> None:
        """hive.lock names the living that were deployed, and the buried; made of the books where it is missing."""
        before = await asyncio.to_thread(meta.read, self._hive.paths.meta)
        found_now = await self._hive.database.read(_truth)
        truth = found_now.lock
        if before is None:
            if truth.agents or truth.buried:
                await self._commit(truth, "hive.lock, made of the books")
            return
        for name, found in sorted(before.agents.items()):
            if found_now.alive.get(name) == found.id:
                continue
            agents = {other: locked for other, locked in before.agents.items() if other != name}
            buried = name in truth.buried and truth.buried[name].id == found.id
            why = await self._hive.database.read(partial(_why_gone, agent_id=found.id))
            before = Lock(before.hived, agents, {**before.buried, name: found} if buried else before.buried)
            await self._commit(before, f"{name}: {'buried' if buried else 'purged'}\n\n{why}")
        for name, found in sorted(before.buried.items()):
            if name in truth.buried and truth.buried[name].id == found.id:
                continue
            back = found_now.alive.get(name) == found.id
            why = await self._hive.database.read(partial(_why_gone, agent_id=found.id))
            rest = {other: locked for other, locked in before.buried.items() if other != name}
            before = Lock(before.hived, before.agents, rest)
            await self._commit(before, f"{name}: {'revived' if back else 'purged'}\n\n{why}")
        for name, found in sorted(truth.buried.items()):
            if name not in before.buried:  # revived, and destroyed again before it ran
                why = await self._hive.database.read(partial(_why_gone, agent_id=found.id))
                before = Lock(before.hived, before.agents, {**before.buried, name: found})
                await self._commit(before, f"{name}: buried\n\n{why}")
        if before.hived != BUILD:
            await self._commit(Lock(BUILD, before.agents, before.buried), f"hived: {before.hived} → {BUILD}")

    async def _lock(self) -> Lock:
        """As it is, or made of the books where it is missing."""
        found = await asyncio.to_thread(meta.read, self._hive.paths.meta)
        return found or (await self._hive.database.read(_truth)).lock

    async def _commit(self, lock: Lock, words: str, trailer: str = "") -> None:
        await asyncio.to_thread(meta.record, self._hive.paths.meta, lock, words, utc_now(), trailer)

    async def prune(self, row: Row) -> None:
        """Of its builds the one that runs, the last good one and those of the newest deployments are kept."""
        kept = await self._hive.database.read(partial(_kept_builds, agent_id=row["agent_id"]))
        if kept is not None:
            gone = await asyncio.to_thread(worktree.prune, self._paths(row).builds, kept)
            if gone:
                log.info("%d older builds of %s are removed", len(gone), row["agent"])

    async def _is_there(self, row: Row) -> bool:
        """The agent of that name is still the one that was deployed: its repository is not another's."""
        found = await self._hive.database.read(lambda conn: agent_store.select_agent_named(conn, row["agent"]))
        return found is not None and found["id"] == row["agent_id"] and applied.repository(self._paths(row)).exists

    async def _log_of(self, deployment_id: str) -> str:
        row = await self._hive.database.read(lambda conn: store.select_deployment(conn, deployment_id))
        return "" if row is None else str(row["log"])

    def _paths(self, row: Row) -> AgentPaths:
        return self._hive.paths.agent(row["agent"])


def words_of(deployment: Deployment) -> str:
    """Of the commit in meta/ and of the tag: what, of which config, by whom and why."""
    commit = (deployment.commit or "")[:SHOWN]
    lines = [f"{deployment.agent}: {deployment.kind} of {commit} by {deployment.by.who}", ""]
    who = deployment.by
    said = [
        f"{key} {value}" for key, value in (("uid", who.uid), ("pid", who.pid), ("by", who.client)) if value is not None
    ]
    named = f" ({', '.join(said)})" if said else ""
    lines.append(f"Asked for by {who.who}{named} at {deployment.created_at}.")
    if deployment.note:
        lines.append(f"Why: {_quiet(deployment.note)}")
    if deployment.approval:
        lines.append(f"Approval: {deployment.approval}")
    lines.append(f"Before: {deployment.base or 'nothing'}")
    lines.append(f"Runs: {deployment.engine}, {deployment.model}, {deployment.runtime}")
    return "\n".join(lines)


def _quiet(text: str) -> str:
    """What somebody wrote, on one line: it must not look like a line of hived's."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())[:1000]


def _end_well(paths: AgentPaths, row: Row, at: str) -> None:
    words = words_of(to_deployment(row))
    log = f"\n\nIts setup:\n{row['log']}" if row["log"] else ""
    applied.end_well(paths, row["id"], row["commit_sha"], words + log, at)


def _end_badly(paths: AgentPaths, row: Row, log: str) -> None:
    words = f"{words_of(to_deployment(row))}\n\nFailed at {row['step']}: {row['reason']}"
    applied.end_badly(
        paths, row["id"], row["commit_sha"], f"{words}\n\nIts setup:\n{log}" if log else words, row["ended_at"]
    )


def _recorded(tx: Tx, deployment_id: str) -> None:
    store.update_recorded(tx, deployment_id)


def _locked(row: Row) -> Locked:
    """As a deployment says it."""
    return Locked(row["agent_id"], row["commit_sha"], row["engine"], row["model"], row["runtime"], row["id"])


@dataclass(frozen=True, slots=True)
class _Truth:
    """As the books say it."""

    lock: Lock
    alive: dict[str, str]
    """The id of everybody who is not buried."""


def _truth(conn: Connection) -> _Truth:
    agents: dict[str, Locked] = {}
    buried: dict[str, Locked] = {}
    for row in store.select_newest_deployed(conn):
        (buried if row["lifecycle"] == "buried" else agents)[row["agent"]] = _locked(row)
    return _Truth(Lock(BUILD, agents, buried), {row["name"]: row["id"] for row in agent_store.select_agents(conn)})


def _why_gone(conn: Connection, agent_id: str) -> str:
    row = agent_store.select_agent(conn, agent_id)
    return "It was purged." if row is None else str(row["lifecycle_cause"])


def _kept_builds(conn: Connection, agent_id: str) -> set[str] | None:
    row = agent_store.select_agent(conn, agent_id)
    if row is None:
        return None
    kept = {row["commit_sha"], row["good_sha"], *store.select_commits_of(conn, agent_id, KEPT_BUILDS)}
    return {commit for commit in kept if commit is not None}
