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
) -> None:
    """List it. Again: only its words are renewed. `agent` is a name; publish its view afterwards, which counts this."""
    store.insert_item(
        tx, item_id=item_id, kind=kind, agent=agent, subject=one_line(subject), since=since or tx.now, blocks=blocks
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
