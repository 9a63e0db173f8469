"""Tombstones: an agent is destroyed, looked at, brought back, or purged. All of it is the operator's alone."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

from fastapi import APIRouter, Request

from hived.api.answers import MARGIN_SECONDS
from hived.api.callers import actor_of, hive_of
from hived.api.idempotency import Kept, remembered
from hived.core import heard, purges, revival, tombstones
from hived.core.agent_views import find_agent, find_any_agent, spec_of
from hived.core.hive import Hive
from hived.core.tombstone_views import row_of
from hived.core.work import take as take_work
from hived.store import tombstones as store
from hived.store.database import Connection, Row
from hived.upkeep.changes import changes_since
from hived.upkeep.remains import lost, remains_of
from hived.upkeep.removal import folders_of
from hived.upkeep.sizes import sizes_of
from hived.wire import routes
from hived.wire.approvals import Approval
from hived.wire.errors import BeingPurged, WorkUnmerged
from hived.wire.lifecycle_errors import BeingRevived, PurgeStuck
from hived.wire.tombstones import Destroy, OpenItems, Purge, Purged, PurgePlan, Revive, Tombstone, TombstoneList

BURY_SECONDS = 60.0
"""Its folders are looked at once: a very large one takes a while."""
PURGE_SECONDS = 100.0
"""Of the answer; the purge itself takes as long as it does, and goes on."""

host_router = APIRouter(tags=["tombstones"])


@host_router.delete(routes.AGENT)
async def delete_agent(request: Request, name: str, wish: Destroy | None = None) -> Tombstone | Purged:
    """Stop it and bury it; with `purge` it goes for good. Answered when that is done: with the Tombstone, or what was Purged.

    409 `protected_agent` for the queen, `agent_buried` for one that is a tombstone already; with `purge` `work_unmerged`: then
    nothing has happened to it, or it is a tombstone.
    """
    hive, actor, wanted = hive_of(request), actor_of(request), wish or Destroy()
    row = await hive.database.read(lambda conn: (find_any_agent if wanted.purge else find_agent)(conn, name))
    if row["lifecycle"] == "buried":
        return await _purge(request, hive, name, wanted.discard_work)
    if wanted.purge and not wanted.discard_work:
        await _check_work(hive, row)
    call, seconds = _call(request), hive.config.stop_seconds + BURY_SECONDS + MARGIN_SECONDS
    with hive.listening(heard.purge_over(row["id"])) as ends:
        agent_id = await hive.database.write(lambda tx: tombstones.want_burial(tx, name, wanted, actor, call))
        if wanted.purge:
            await hive.until(lambda _: bool(ends), seconds=seconds + PURGE_SECONDS, what=f"The purge of {name}")
            return _purged(ends[0], name)

    def buried(conn: Connection) -> bool:
        found = store.select_one(conn, agent_id)
        return found is None or found["lifecycle"] == "buried"

    await hive.until(buried, seconds=seconds, what=f"The burial of {name}")
    return await hive.database.read(lambda conn: tombstones.to_tombstone(row_of(conn, agent_id)))


@host_router.get(routes.TOMBSTONES)
async def get_tombstones(request: Request) -> TombstoneList:
    """Every tombstone, newest first; sizes and work as they were at the burial."""
    return TombstoneList(tombstones=await hive_of(request).database.read(tombstones.list_tombstones))


@host_router.get(routes.TOMBSTONE)
async def get_tombstone(request: Request, name: str) -> Tombstone:
    """One tombstone; sizes, work and mail as they are now."""
    hive = hive_of(request)
    row, items = await hive.database.read(_with_items(name))
    known = tombstones.to_tombstone(row, fresh=items)
    async with hive.looks:
        remains = await asyncio.to_thread(remains_of, hive.paths.agent(name), spec_of(row).repo)
    if remains.work is not None:
        await hive.database.write(partial(take_work, agent_id=row["id"], found=remains.work))
    fresh = {"sizes": remains.sizes, "bytes": sum(remains.sizes.values()), "work": remains.work}
    return known.model_copy(update=fresh)


@host_router.post(routes.TOMBSTONE_REVIVE, status_code=202)
async def post_revive(request: Request, name: str, wish: Revive | None = None) -> Approval:
    """Ask for its return: answered with the pending approval (kind `spawn`), whose payload says what has changed meanwhile.

    409 `still_alive` for one that lives, `being_purged` for one that goes. Asked again it is the same approval.
    """
    hive, note = hive_of(request), (wish or Revive()).note
    row, items = await hive.database.read(_with_items(name))
    if row["purge_json"] is not None:
        raise BeingPurged(name=name)
    known = tombstones.to_tombstone(row, fresh=items)
    changed = await changes_since(hive, known, spec_of(row), hive.paths.agent(name))
    words = [f"{one.what}: {one.words}" for one in changed]
    return await hive.database.write(remembered(request, lambda tx: revival.ask_revival(tx, name, words, note), 202))


@host_router.get(routes.TOMBSTONE_PURGE)
async def get_purge(request: Request, name: str) -> PurgePlan:
    """What a purge would take and leave, and what would stop it, read now. Nothing is changed."""
    hive = hive_of(request)
    row, counts = await hive.database.read(_with_counts(name))
    paths = hive.paths.agent(name)
    sizes = await asyncio.to_thread(sizes_of, paths)
    async with hive.looks:
        work, what = await asyncio.to_thread(lost, paths, spec_of(row).repo)
    stopped = f"work that is nowhere else: {what}" if what else ""
    if row["reviving"] is not None:
        stopped = f"its revival is asked for: approval {row['reviving']}"
    stays = [
        f"{_many(counts['approvals'], 'decision')}, without what was asked",
        f"{_many(counts['deployments'], 'deployment')}, and what meta/ says of them",
        "the audit, and the messages that were read",
    ]
    if hive.config.bundle_days:
        stays.append(f"a last bundle, for {hive.config.bundle_days} days")
    return PurgePlan(
        name=name,
        id=row["id"],
        bytes=sum(sizes.values()),
        sizes=sizes,
        goes=_goes(hive, name, counts),
        stays=stays,
        work=work,
        stopped_by=stopped,
    )


@host_router.delete(routes.TOMBSTONE)
async def delete_tombstone(request: Request, name: str, wish: Purge | None = None) -> Purged:
    """Purge it: all that is its own goes, and its name is free. Answered when that is done.

    409 `work_unmerged` where work is nowhere else, unless `discard_work`; `being_revived`, `still_alive`; `purge_stuck` where
    something of it cannot be removed: what is left stays, and asking again goes on.
    """
    return await _purge(request, hive_of(request), name, (wish or Purge()).discard_work)


async def _purge(request: Request, hive: Hive, name: str, discard_work: bool) -> Purged:
    actor = actor_of(request)
    row = await hive.database.read(lambda conn: tombstones.find_tombstone(conn, name))
    if row["reviving"] is not None:
        raise BeingRevived(name=name, approval=row["reviving"])
    if not discard_work and row["purge_json"] is None:
        await _check_work(hive, row)
    with hive.listening(heard.purge_over(row["id"])) as ends:
        await hive.database.write(lambda tx: purges.want_purge(tx, name, discard_work, actor, _call(request)))
        await hive.until(lambda _: bool(ends), seconds=PURGE_SECONDS, what=f"The purge of {name}")
    return _purged(ends[0], name)


def _call(request: Request) -> purges.KeptCall | None:
    """What its answer is kept under, where it has an Idempotency-Key: the deed may outlive this hived."""
    kept: Kept | None = request.scope.get("hive_kept")
    return None if kept is None else purges.KeptCall(key=kept.key, caller=kept.caller, fingerprint=kept.fingerprint)


def _purged(end: dict[str, Any], name: str) -> Purged:
    """What came of it. Raises WorkUnmerged, PurgeStuck."""
    if "refused" in end:
        raise WorkUnmerged(name=name, what=end["refused"])
    if "stuck" in end:
        raise PurgeStuck(name=name, reason=end["stuck"])
    return Purged.model_validate(end["purged"])


async def _check_work(hive: Hive, row: Row) -> None:
    """Raises WorkUnmerged where something of it is nowhere else."""
    async with hive.looks:
        _, what = await asyncio.to_thread(lost, hive.paths.agent(row["name"]), spec_of(row).repo)
    if what:
        raise WorkUnmerged(name=row["name"], what=what)


def _with_items(name: str) -> Callable[[Connection], tuple[Row, OpenItems]]:
    def query(conn: Connection) -> tuple[Row, OpenItems]:
        row = tombstones.find_tombstone(conn, name)
        return row, tombstones.fresh_items(conn, row)

    return query


def _with_counts(name: str) -> Callable[[Connection], tuple[Row, dict[str, int]]]:
    def query(conn: Connection) -> tuple[Row, dict[str, int]]:
        row = tombstones.find_tombstone(conn, name)
        return row, {**dict(store.count_of(conn, row["id"])), **dict(store.select_open(conn, row["id"]))}

    return query


def _goes(hive: Hive, name: str, counts: dict[str, int]) -> list[str]:
    """One line for each thing that there is of it."""
    folders = [str(folder) for folder in folders_of(hive.paths.agent(name)) if folder.exists()]
    mail = counts["messages"] + counts["held"]
    things = {
        "message": (mail, " for it, whose senders are told"),
        "rule": (counts["rules"], " of its own"),
        "budget": (counts["budgets"], " of its own"),
    }
    return [*folders, *(_many(count, what) + more for what, (count, more) in things.items() if count)]


def _many(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
