"""All that a client draws, read in one transaction with the number of the feed's last row."""

from hived.core import agents, approvals, messages, questions, reminders, waiting
from hived.store import feed as feed_store
from hived.store.database import Connection
from hived.wire.messages import Message
from hived.wire.snapshot import HiveInfo, Snapshot

NEWEST_MESSAGES = 200
MESSAGES_CHARACTERS = 2 * 1024 * 1024
"""Of all their bodies: fewer are given where they are very long. `GET /v1/messages` pages what is older."""
_MESSAGES_AT_ONCE = 20


def take(conn: Connection, info: HiveInfo) -> Snapshot:
    """`conn` must be inside a transaction, as `Database.read` gives it."""
    return Snapshot(
        seq=feed_store.select_bounds(conn)[1],
        hive=info,
        agents=agents.list_views(conn),
        approvals=approvals.list_approvals(conn, undecided=True, limit=10_000),
        waiting=waiting.list_items(conn),
        messages=_newest_messages(conn),
        questions=questions.list_newest(conn),
        reminders=reminders.list_open(conn),
    )


def _newest_messages(conn: Connection) -> list[Message]:
    """Oldest first; the newest one always."""
    newest_first: list[Message] = []
    size = 0
    while len(newest_first) < NEWEST_MESSAGES:
        before = newest_first[-1].id if newest_first else None
        page = messages.list_messages(conn, limit=_MESSAGES_AT_ONCE, before=before)
        for message in reversed(page):
            size += len(message.body)
            if newest_first and size > MESSAGES_CHARACTERS:
                return newest_first[::-1]
            newest_first.append(message)
        if len(page) < _MESSAGES_AT_ONCE:
            break
    return newest_first[::-1]
