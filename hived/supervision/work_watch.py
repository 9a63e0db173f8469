"""Keeps `AgentView.work` true by looking again when something has happened: a turn has ended, an agent has stopped, it is
connected for the first time. It listens to the feed; nothing is polled. At most two workspaces are looked at at once (`Hive.looks`), on
threads, and each again only after a pause; what has not changed is not written.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

from hived.core import work
from hived.core.hive import Hive
from hived.store.database import Fed
from hived.workspace.work import look

PAUSE_SECONDS = 3.0
"""Between two looks at the same workspace."""
PAUSE_SHARE = 4
"""Times as long as the last look took, where that is longer: what is slow to look at must not keep the others waiting."""
AT_WORK = frozenset({"requested", "starting", "running", "stopping"})

log = logging.getLogger(__name__)


class WorkWatch:
    """`run` until cancelled."""

    def __init__(self, hive: Hive) -> None:
        self._hive = hive
        self._seen: dict[str, tuple[str | None, bool]] = {}
        self._due: dict[str, tuple[str, str]] = {}
        self._rung = asyncio.Event()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        hive.database.on_feed(self._hear)

    def _hear(self, rows: Sequence[Fed]) -> None:
        for row in rows:
            if row.kind == "agent" and '"repo":null' not in row.payload_json:
                self._hear_agent(row.payload)
            elif row.kind == "agent_removed":
                self._seen.pop(row.payload.get("id", ""), None)

    def _hear_agent(self, agent: dict[str, Any]) -> None:
        """Due when what it does now is the end of something that it did before."""
        turn, at_work = agent["turn"]["turn_id"], agent["lifecycle"]["state"] in AT_WORK
        before_turn, was_at_work = self._seen.get(agent["id"], (None, False))
        self._seen[agent["id"]] = turn, at_work
        turn_ended = before_turn is not None and turn != before_turn
        first = agent["work"] is None and agent["online"]
        if turn_ended or first or (was_at_work and not at_work):
            self.ask(agent["id"], agent["name"], agent["repo"])

    def ask(self, agent_id: str, name: str, repo: str) -> None:
        """Have that workspace looked at."""
        self._due[agent_id] = (name, repo)
        self._rung.set()

    async def run(self) -> None:
        for row in await self._hive.database.read(work.never_looked):
            self.ask(row["id"], row["name"], work.repo_of(row) or "")
        try:
            while True:
                await self._rung.wait()
                self._rung.clear()
                for agent_id in [known for known in self._due if known not in self._tasks]:
                    self._tasks[agent_id] = asyncio.create_task(self._keep(agent_id), name="work watch")
        finally:
            tasks = list(self._tasks.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _keep(self, agent_id: str) -> None:
        """Look until nothing more has happened meanwhile."""
        try:
            while (due := self._due.pop(agent_id, None)) is not None:
                began = asyncio.get_running_loop().time()
                await self._look(agent_id, *due)
                taken = asyncio.get_running_loop().time() - began
                await asyncio.sleep(max(PAUSE_SECONDS, PAUSE_SHARE * taken))
        finally:
            del self._tasks[agent_id]
            if agent_id in self._due:
                self._rung.set()

    async def _look(self, agent_id: str, name: str, repo: str) -> None:
        try:
            async with self._hive.looks:
                found = await asyncio.to_thread(look, self._hive.paths.agent(name), repo)
            await self._hive.database.write(lambda tx: work.take(tx, agent_id, found))
        except Exception:
            log.exception("the work of %s cannot be looked at", name)
