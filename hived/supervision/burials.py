"""Burials and purges: an agent that is stopped and wanted buried becomes a tombstone; one that is wanted gone goes.

Level-triggered, as keepers are: what is wanted stands in the books, each step may be taken again, and a hived that is killed
anywhere goes on where it was at its next start.
"""

import asyncio
import contextlib
import fcntl
import logging
import os
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hived.core import purges, tombstones
from hived.core.agent_views import spec_of
from hived.core.agents import Supervised
from hived.core.fault_points import reach
from hived.core.hive import Hive
from hived.core.tombstone_views import row_of
from hived.deploy.agent_toml import render
from hived.paths import AgentPaths
from hived.store.database import Fed
from hived.store.deployments import select_open_of
from hived.upkeep.bundles import make_bundle, remove_old
from hived.upkeep.changes import engine_version
from hived.upkeep.remains import lost, remains_of
from hived.upkeep.removal import remove_folders
from hived.upkeep.sizes import sizes_of
from hived.wire.agents import AgentSpec, SpawnRequest
from hived.wire.errors import HiveError, TookTooLong
from hived.wire.process_identity import ProcessIdentity
from hived.wire.times import to_text
from hived.wire.tombstones import Tombstone

RETRY_SECONDS = 5.0
"""After a failure of our own, such as a full disk."""
DEPLOYMENTS_SECONDS = 20.0
"""For its deployments to end, once it is wanted buried: a setup is ended with all that it started."""
BUNDLES_SECONDS = 3600.0
"""Between two looks for bundles whose days are over."""

log = logging.getLogger(__name__)


async def bury(hive: Hive, agent: Supervised) -> None:
    """Make the tombstone of an agent whose processes have all ended and which is `bury_wanted`; afterwards it is in no list
    and `supervised` has it no more. Again, or for one that is not wanted buried any more: nothing happens. What it raises may
    be tried again.
    """
    if not await hive.database.read(lambda conn: tombstones.is_wanted(conn, agent.id)):
        return
    paths = hive.paths.agent(agent.name)
    with contextlib.suppress(
        TookTooLong
    ):  # the pipeline ends its deployments, and must not build on while it is buried
        await hive.until(lambda conn: not select_open_of(conn, agent.id), seconds=DEPLOYMENTS_SECONDS, what="Their end")
    version = await engine_version(hive, agent.request)
    async with hive.looks:
        remains = await asyncio.to_thread(remains_of, paths, agent.request.repo, version)
    reach("hived_burying")
    burial = await hive.database.write(lambda tx: tombstones.bury(tx, agent.id, remains))
    reach("hived_buried")
    if burial is not None:
        log.info("%s is buried: destroyed by %s", agent.name, burial.by.who)


class Purges:
    """`run` until cancelled: one purge after the other, each told by the feed row of its tombstone."""

    def __init__(self, hive: Hive) -> None:
        self._hive = hive
        self._rung = asyncio.Event()
        self._stuck: dict[str, str] = {}
        """The purges that do not go on, by the agent's id, with when they were asked for: asked again they are tried again."""
        hive.database.on_feed(self._hear)

    def _hear(self, rows: Sequence[Fed]) -> None:
        if any(row.kind == "tombstone" for row in rows):
            self._rung.set()

    async def run(self) -> None:
        """A failure is logged, tried again, and keeps no other purge from being done."""
        self._stuck.clear()
        while True:
            self._rung.clear()
            await self._remove_bundles()
            wait = BUNDLES_SECONDS
            for tombstone, wish in await self._hive.database.read(purges.under_way):
                if self._stuck.get(tombstone.id) == wish.asked_at:
                    continue
                try:
                    await self._purge(tombstone, wish)
                except Exception:
                    log.exception("the purge of %s failed; trying again", tombstone.name)
                    wait = RETRY_SECONDS
            await self._until_rung(wait)

    async def _until_rung(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._rung.wait()
        except TimeoutError:
            return

    async def _remove_bundles(self) -> None:
        gone = await asyncio.to_thread(remove_old, self._hive.paths.bundles, datetime.now(UTC))
        for name in gone:
            log.info("the bundle %s is removed: its days are over", name)

    async def _purge(self, tombstone: Tombstone, wish: purges.Wish) -> None:
        hive, paths = self._hive, self._hive.paths.agent(tombstone.name)
        living = await asyncio.to_thread(who_lives, paths)
        if living is not None:
            await self._stick(tombstone, wish, f"something of it still runs ({living}).")
            return
        if not wish.sure and not await self._make_sure(tombstone, wish, paths):
            return
        reach("hived_purging")
        left = await asyncio.to_thread(remove_folders, paths)
        if left:
            await self._stick(tombstone, wish, f"it cannot be removed: {left}")
            return
        reach("hived_purged")
        await hive.database.write(lambda tx: purges.finish(tx, tombstone.id))
        self._stuck.pop(tombstone.id, None)
        log.info("%s is purged", tombstone.name)

    async def _make_sure(self, tombstone: Tombstone, wish: purges.Wish, paths: AgentPaths) -> bool:
        """Look once more, right before the first file goes; whether it is to go on."""
        hive = self._hive
        request = await hive.database.read(lambda conn: spec_of(row_of(conn, tombstone.id)))
        async with hive.looks:
            _, what = await asyncio.to_thread(lost, paths, request.repo)
        if what and not wish.discard_work:
            await hive.database.write(lambda tx: purges.refuse(tx, tombstone.id, what))
            return False
        size = sum((await asyncio.to_thread(sizes_of, paths)).values())
        file, until = None, None
        if hive.config.bundle_days:
            until = datetime.now(UTC) + timedelta(days=hive.config.bundle_days)
            try:
                file = await asyncio.to_thread(_bundle, hive.paths.bundles, paths, tombstone, request, until)
            except (OSError, HiveError) as error:
                await self._stick(tombstone, wish, f"its last bundle cannot be made: {error}.")
                return False
        sure = await hive.database.write(
            lambda tx: purges.make_sure(
                tx,
                tombstone.id,
                size=size,
                bundle=None if file is None else str(file),
                bundle_until=None if until is None else to_text(until),
            )
        )
        return sure is not None

    async def _stick(self, tombstone: Tombstone, wish: purges.Wish, problem: str) -> None:
        log.error("the purge of %s does not go on: %s", tombstone.name, problem)
        self._stuck[tombstone.id] = wish.asked_at
        await self._hive.database.write(lambda tx: purges.stick(tx, tombstone.id, problem))


def who_lives(paths: AgentPaths) -> str | None:
    """What of an agent still runs, as its own files say; None where nothing does. Indeterminate means that it lives. Blocks."""
    for what, file in (("harness", paths.pid_file), ("engine", paths.engine_pid_file)):
        identity = ProcessIdentity.read(file)
        if identity is not None and identity.alive:
            return f"its {what}, pid {identity.pid}"
    try:
        lock = os.open(paths.lock_file, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        return f"nobody can tell: {error.strerror}"
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return "a harness that holds its lock"
    finally:
        os.close(lock)
    return None


def _bundle(folder: Path, paths: AgentPaths, tombstone: Tombstone, request: SpawnRequest, until: datetime) -> Path:
    spec = AgentSpec.model_validate(request.model_dump(include=set(AgentSpec.model_fields)))
    made = make_bundle(
        folder, paths, tombstone, render(spec, f"{tombstone.name}, as it was destroyed"), request.repo, until
    )
    for what in made.left_out:
        log.warning("left out of the bundle of %s: %s", tombstone.name, what)
    return made.file
