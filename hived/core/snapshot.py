"""All that a client draws, read in one transaction with the number of the feed's last row."""

from hived.core import agents, approvals, messages, waiting
from hived.store import feed as feed_store
from hived.store.database import Connection
from hived.wire.snapshot import HiveInfo, Snapshot

NEWEST_MESSAGES = 200


def take(conn: Connection, info: HiveInfo) -> Snapshot:
    """`conn` must be inside a transaction, as `Database.read` gives it."""
    return Snapshot(
        seq=feed_store.select_bounds(conn)[1],
        hive=info,
        agents=agents.list_views(conn),
        approvals=approvals.list_approvals(conn, undecided=True, limit=10_000),
        waiting=waiting.list_items(conn),
        messages=messages.list_messages(conn, limit=NEWEST_MESSAGES),
    )
