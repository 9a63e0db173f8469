"""The deployments of every agent: in order, one of an agent at a time, several agents side by side. Level-triggered: each look
reads the books anew, so a hived that was killed anywhere goes on where the books are.

It starts no harness: it changes what is wanted, and the keepers make it so (core/deployment_steps.py says how each step ends).
"""

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from functools import partial

from hived.core.deployment_steps import (
    FIRST_KINDS,
    begin_build,
    begin_start,
    end_badly,
    end_well,
    gone,
    look,
    note_trouble,
)
from hived.core.deployments import queue_first
from hived.core.fault_points import reach
from hived.core.hive import Hive
from hived.core.rebuild import files_written
from hived.core.text import one_line
from hived.store import agents as agent_store
from hived.store import deployments as store
from hived.store.database import Connection, Fed, Row, Tx
from hived.supervision.builder import BuildFailed, Built, build
from hived.supervision.recorder import Recorder
from hived.supervision.setup_run import end_setup
from hived.wire.approvals import Actor
from hived.wire.deployments import DeploymentStep
from hived.wire.errors import HiveError
from hived.wire.names import HIVED
from hived.workspace.lines import write_settings

AT_ONCE = 4
"""Builds that run side by side."""
RETRY_SECONDS = 5.0
"""After a fault of the machine, such as a full disk."""
GOES_ON_SECONDS = 5.0
"""A build that has run for so long is past what the machine kept it from."""
_MOVED = frozenset({"agent", "agent_removed", "deployment", "tombstone"})
_RECORDED = frozenset({"deployment", "tombstone", "tombstone_removed", "agent_removed"})
_WAITS = '"requested"'
"""In the view of an agent that is to be started."""

log = logging.getLogger(__name__)


class Pipeline:
    """`run` until cancelled; then setups that run are ended, and what was begun is begun anew by the next hived."""

    def __init__(self, hive: Hive) -> None:
        self._hive = hive
        self._database = hive.database
        self._rung = asyncio.Event()
        self._owed = asyncio.Event()
        self._moved: dict[str, asyncio.Event] = {}
        """Of each agent with a deployment under way: set whenever something may have changed."""
        self._builds = asyncio.Semaphore(AT_ONCE)
        self._recorder = Recorder(hive)
        self._database.on_feed(self._hear)

    async def run(self) -> None:
        await self.end_leftovers()
        self._owed.set()
        async with asyncio.TaskGroup() as group:
            group.create_task(self._record(), name="recorder of deployments")
            while True:
                self._rung.clear()
                try:
                    found = await self._database.read(_open_agents)
                    for agent in await self._database.read(store.select_agents_waiting):
                        await self._database.write(partial(_queue_again, agent_id=agent["id"]))
                except Exception:
                    log.exception("what is to be deployed cannot be looked up")
                    await asyncio.sleep(RETRY_SECONDS)
                    continue
                for agent_id in found:
                    if agent_id not in self._moved:
                        self._moved[agent_id] = asyncio.Event()
                        group.create_task(self._of_agent(agent_id), name=f"deployments of {agent_id}")
                await self._rung.wait()

    def _hear(self, rows: Sequence[Fed]) -> None:
        for row in rows:
            if row.kind in _MOVED:
                for event in self._moved.values():
                    event.set()
                if row.kind == "deployment" or (row.kind == "agent" and _WAITS in row.payload_json):
                    self._rung.set()
            if row.kind in _RECORDED:
                self._owed.set()

    async def _record(self) -> None:
        while True:
            await self._owed.wait()
            self._owed.clear()
            try:
                await self._recorder.catch_up()
            except Exception:
                log.exception("what was deployed cannot be recorded")
                await asyncio.sleep(RETRY_SECONDS)
                self._owed.set()

    # One agent -----------------------------------------------------------------------------------------------------

    async def _of_agent(self, agent_id: str) -> None:
        """Its deployments, until none is open."""
        try:
            while True:
                try:
                    rows = await self._database.read(lambda conn: store.select_open_of(conn, agent_id))
                    if not rows:
                        return
                    await self._step(_under_way(rows))
                except Exception as error:
                    await self._say(agent_id, error)
                    await asyncio.sleep(RETRY_SECONDS)
        finally:
            del self._moved[agent_id]
            self._rung.set()

    async def _say(self, agent_id: str, error: Exception) -> None:
        """That the machine keeps its deployment from going on: where the operator looks, and once for each cause."""
        trouble = f"the machine keeps it from going on: {_of_machine(error)}; it is tried again."
        try:
            rows = await self._database.read(lambda conn: store.select_open_of(conn, agent_id))
            if not rows or not await self._database.write(partial(note_trouble, row=_under_way(rows), trouble=trouble)):
                return
        except Exception as worse:
            log.error("that cannot be written down: %s", worse)
        log.error("a deployment of %s failed of the machine; it is tried again", agent_id, exc_info=error)

    async def _step(self, row: Row) -> None:
        if row["status"] in ("queued", "building"):
            await self._build(row)
            return
        moved = self._moved[row["agent_id"]]
        moved.clear()
        if row["status"] == "checking" and await self._recorder.has_begun(
            row
        ):  # and was killed before the books said so
            left: float | None = 0.0
        else:
            left = await self._database.write(partial(look, deployment_id=row["id"]))
        after = await self._database.read(lambda conn: store.select_deployment(conn, row["id"]))
        if after is None or after["status"] not in ("starting", "checking"):
            await self._settle(row)
        elif left is not None and left <= 0:
            reach("hived_healthy")
            await self._recorder.deployed(row["id"])
            reach("hived_recorded")
            await self._database.write(partial(end_well, deployment_id=row["id"], recorded=True))
            await self._recorder.prune(row)
        else:
            if after["reason"] is not None:
                await self._database.write(partial(note_trouble, row=after, trouble=None))
            await _until(moved, left)

    async def _build(self, row: Row) -> None:
        agent = await self._database.read(lambda conn: agent_store.select_agent(conn, row["agent_id"]))
        if agent is None or gone(agent):
            await self._fail(row, "validate", "it was destroyed meanwhile.")
            return
        async with self._builds:
            quick = row["kind"] in FIRST_KINDS and '"setup":[]' in agent["spec_json"].replace(" ", "")
            if not quick:
                await self._database.write(partial(begin_build, row=row))
                reach("hived_building")
            built = await self._built(row, agent)
        if built is None:
            return
        await self._start(row, built)

    async def _built(self, row: Row, agent: Row) -> Built | None:
        """None where it failed, which the books say then; or where the agent is destroyed meanwhile."""
        making = asyncio.ensure_future(build(self._hive, row, agent))
        watching = asyncio.ensure_future(self._until_gone(row["agent_id"]))
        try:
            done, _ = await asyncio.wait(
                {making, watching}, timeout=GOES_ON_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
            if not done:  # whatever the machine kept it from, it goes on now
                await self._database.write(partial(note_trouble, row=row, trouble=None))
                await asyncio.wait({making, watching}, return_when=asyncio.FIRST_COMPLETED)
            if not making.done():
                making.cancel()
                await asyncio.wait({making})
                await self._fail(row, "setup", "it was destroyed meanwhile.")
                return None
            return making.result()
        except BuildFailed as error:
            await self._fail(row, error.step, error.reason)
            return None
        finally:
            for task in (making, watching):
                task.cancel()
            await asyncio.wait({making, watching})

    async def _until_gone(self, agent_id: str) -> None:
        moved = self._moved[agent_id]
        while True:
            moved.clear()
            agent = await self._database.read(lambda conn: agent_store.select_agent(conn, agent_id))
            if agent is None or gone(agent):
                return
            await moved.wait()

    async def _start(self, row: Row, built: Built) -> None:
        try:
            async with self._hive.model_files:
                started = await self._database.write(
                    partial(
                        begin_start,
                        deployment_id=row["id"],
                        request=built.request,
                        commit=built.commit,
                        model=built.model,
                    )
                )
                reach("hived_rebuilt" if row["kind"] == "rebuild" else "hived_started")
                await self._write_files(row["agent_id"])
        except HiveError as error:  # limits or rules that cannot be put in force
            await self._fail(row, "validate", error.message)
            return
        log.info("deployment %s of %s: %s", row["id"], row["agent"], "is started" if started else "takes force later")
        self._owed.set()

    async def _fail(self, row: Row, step: DeploymentStep, reason: str) -> None:
        log.info("deployment %s of %s failed at %s: %s", row["id"], row["agent"], step, reason)
        reach("hived_failing")
        await self._database.write(partial(end_badly, deployment_id=row["id"], step=step, reason=reason))
        reach("hived_failed")
        await self._settle(row)

    async def _settle(self, row: Row) -> None:
        """It has ended: what it went back to stands in the agent's files too."""
        self._owed.set()
        async with self._hive.model_files:
            await self._write_files(row["agent_id"])

    async def _write_files(self, agent_id: str) -> None:
        """The agent's setting files, where they are behind the books. With `Hive.model_files` held."""
        agent = await self._database.read(lambda conn: agent_store.select_agent(conn, agent_id))
        if agent is None or gone(agent) or not agent["files_behind"]:
            return
        paths = self._hive.paths.agent(agent["name"])
        await asyncio.to_thread(write_settings, paths, agent["model_set"], agent["effort"], agent["permission_mode"])
        await self._database.write(partial(files_written, agent_id=agent_id))

    async def end_leftovers(self) -> None:
        """At hived's start, before anything is built: setups of a hived that was killed are ended."""
        for row in await self._database.read(store.select_open):
            with contextlib.suppress(OSError):
                await end_setup(self._hive.paths.agent(row["agent"]))


def _under_way(rows: Sequence[Row]) -> Row:
    """Of an agent's open ones, oldest first, the one that has begun; else the next."""
    return next((row for row in rows if row["status"] != "queued"), rows[0])


def _of_machine(error: Exception) -> str:
    """In a few words that are the same at each try: the names of files may differ."""
    words = error.strerror if isinstance(error, OSError) else None
    return words or one_line(f"{type(error).__name__}: {error}", 200)


def _open_agents(conn: Connection) -> list[str]:
    return list(dict.fromkeys(row["agent_id"] for row in store.select_open(conn)))


def _queue_again(tx: Tx, agent_id: str) -> None:
    """Its first deployment has failed, and it is wanted running anew."""
    if any(row["id"] == agent_id for row in store.select_agents_waiting(tx.connection)):
        queue_first(tx, agent_id, actor=Actor(who=HIVED), note="It is to be started, and was never deployed.")


async def _until(event: asyncio.Event, seconds: float | None) -> None:
    with contextlib.suppress(TimeoutError):
        # Not wait_for: in Python 3.11 it loses a cancellation that comes together with the event.
        async with asyncio.timeout(seconds):
            await event.wait()
