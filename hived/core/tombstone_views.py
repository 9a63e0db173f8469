"""A tombstone as clients get it: as it was at the burial, with what is under way now."""

import json

from hived.store import tombstones as store
from hived.store.database import Connection, Row, Tx
from hived.wire.approvals import Actor
from hived.wire.errors import AgentNotFound, StillAlive, TombstoneNotFound
from hived.wire.names import HIVED, checked_name
from hived.wire.tombstones import OpenItems, Tombstone
from hived.wire.work import WorkState


def list_tombstones(conn: Connection) -> list[Tombstone]:
    """Newest first."""
    return [to_tombstone(row) for row in store.select_tombstones(conn)]


def find_tombstone(conn: Connection, name: str) -> Row:
    """The row of a buried agent. Raises InvalidName, TombstoneNotFound, StillAlive."""
    row = store.select_named(conn, checked_name(name))
    if row is None:
        raise TombstoneNotFound(name=name)
    if row["lifecycle"] != "buried":
        raise StillAlive(name=name, lifecycle=row["lifecycle"])
    return row


def to_tombstone(row: Row, *, fresh: OpenItems | None = None) -> Tombstone:
    """As it was buried, with what is under way now. `fresh`: what is open of it now, where somebody has looked."""
    kept = Tombstone.model_validate_json(row["buried_json"] or _bare(row))
    purge = {} if row["purge_json"] is None else json.loads(row["purge_json"])
    work = kept.work
    if row["work_json"] is not None:
        looked = WorkState.model_validate_json(row["work_json"])
        work = looked if work is None or looked.looked_at > work.looked_at else work
    known = {
        "work": work,
        "reviving": row["reviving"],
        "purging": bool(purge),
        "problem": str(purge.get("problem") or ""),
    }
    return kept.model_copy(update={**known, **({} if fresh is None else {"open": fresh})})


def open_items(conn: Connection, row: Row) -> OpenItems:
    """What is open of it now; of a buried one the questions and reminders are ended."""
    counts = store.select_open(conn, row["id"])
    return OpenItems(**dict(counts), spawned=store.select_children(conn, row["name"]))


def fresh_items(conn: Connection, row: Row) -> OpenItems:
    """Its mail and its workers as they are now; what ended with it as it was."""
    then = to_tombstone(row).open
    return open_items(conn, row).model_copy(update={"questions": then.questions, "reminders": then.reminders})


def feed(tx: Tx, agent_id: str) -> Tombstone:
    """Feed it as it is now. Raises AgentNotFound."""
    tombstone = to_tombstone(row_of(tx.connection, agent_id))
    tx.feed("tombstone", tombstone.model_dump_json())
    return tombstone


def row_of(conn: Connection, agent_id: str) -> Row:
    row = store.select_one(conn, agent_id)
    if row is None:
        raise AgentNotFound(name=agent_id)
    return row


def _bare(row: Row) -> str:
    """Of a row that says it is buried and has no tombstone: what its columns tell."""
    return Tombstone(
        id=row["id"],
        name=row["name"],
        role=row["role"],
        engine=row["engine"],
        model=row["model"],
        runtime=row["runtime"],
        parent=row["parent"],
        created_at=row["created_at"],
        buried_at=row["lifecycle_since"],
        buried_by=Actor(who=HIVED),
        cause=row["lifecycle_cause"],
    ).model_dump_json()
