"""The one list of what needs the operator, kept in the same change as the things it lists."""

from hived.core.text import one_line
from hived.store import waiting as store
from hived.store.database import Connection, Row, Tx
from hived.wire.approvals import WaitingItem, WaitingKind


def open_item(
    tx: Tx,
    item_id: str,
    kind: WaitingKind,
    *,
    agent: str | None,
    subject: str,
    since: str | None = None,
    blocks: bool = False,
    told_at: str | None = None,
) -> None:
    """List it. Again: only its words are renewed. `agent` is a name; publish its view afterwards, which counts this.

    `told_at`: when the operator was told of it already, under another id or earlier.
    """
    store.insert_item(
        tx,
        item_id=item_id,
        kind=kind,
        agent=agent,
        subject=one_line(subject),
        since=since or tx.now,
        blocks=blocks,
        told_at=told_at,
    )
    row = store.select_item(tx.connection, item_id, kind)
    if row is not None:
        tx.feed("waiting", to_item(row).model_dump())


def close_item(tx: Tx, item_id: str, kind: WaitingKind) -> bool:
    """Take it off the list; False where it was not on it."""
    if not store.delete_item(tx, item_id, kind):
        return False
    tx.feed("waiting_removed", {"id": item_id, "kind": kind})
    return True


def is_listed(conn: Connection, item_id: str, kind: WaitingKind) -> bool:
    return store.select_item(conn, item_id, kind) is not None


def told_at(conn: Connection, item_id: str, kind: WaitingKind) -> str | None:
    """When the operator was told of it; None where he was not, or it is not listed."""
    row = store.select_item(conn, item_id, kind)
    return None if row is None else row["notified_at"]


def list_items(conn: Connection) -> list[WaitingItem]:
    """Those that somebody stands still for come first, the oldest first of each."""
    return [to_item(row) for row in store.select_items(conn)]


def to_item(row: Row) -> WaitingItem:
    return WaitingItem(
        id=row["id"],
        kind=row["kind"],
        agent=row["agent"],
        subject=row["subject"],
        since=row["since"],
        blocks=bool(row["blocks"]),
    )
