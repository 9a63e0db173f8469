"""Messages as they are shown: pages of them, one by its id, and receipts, which are their states without their words."""

from hived.core.finding import only_one
from hived.store import messages as store
from hived.store.database import Connection, Row
from hived.wire.errors import MessageNotFound
from hived.wire.messages import Message, MessageList, Receipt, ReceiptList
from hived.wire.names import OPERATOR

MOST_PAGE_CHARACTERS = 4 * 1024 * 1024
"""Of all bodies of a page: it is shorter where they are very long."""


def find_message(conn: Connection, prefix: str) -> Row:
    """The message with that id, or the only one whose id begins so. Raises MessageNotFound, AmbiguousId."""
    return only_one(store.select_messages_starting(conn, prefix), prefix, MessageNotFound, "message")


def list_messages(
    conn: Connection,
    *,
    agent: str | None = None,
    to: str | None = None,
    unread: bool = False,
    held: bool = False,
    thread: str | None = None,
    limit: int = 100,
    before: str | None = None,
) -> list[Message]:
    """The newest `limit`, oldest first, fewer where they are very long.

    From or to `agent`, only those `to` a name, only queued (`unread`) or `held` ones, of the `thread` that a message is in,
    older than `before`.
    """
    return page_messages(
        conn, agent=agent, to=to, unread=unread, held=held, thread=thread, limit=limit, before=before
    ).messages


def page_messages(
    conn: Connection,
    *,
    agent: str | None = None,
    to: str | None = None,
    unread: bool = False,
    held: bool = False,
    thread: str | None = None,
    limit: int = 100,
    before: str | None = None,
) -> MessageList:
    """As `list_messages`, with whether there are older ones. Raises MessageNotFound, AmbiguousId."""
    rows = store.select_messages(
        conn,
        agent=agent,
        recipient=to,
        thread=None if thread is None else find_message(conn, thread)["thread"],
        status="held" if held else "queued" if unread else None,
        to_operator=to == OPERATOR,
        before_seq=None if before is None else find_message(conn, before)["seq"],
    )
    newest_first: list[Message] = []
    size = 0
    for row in rows:
        size += len(row["body"])
        if len(newest_first) == limit or (newest_first and size > MOST_PAGE_CHARACTERS):
            return MessageList(messages=newest_first[::-1], more=True)
        newest_first.append(to_message(row))
    return MessageList(messages=newest_first[::-1])


def list_receipts(
    conn: Connection, sender_id: str, *, message: str | None = None, limit: int = 100, before: str | None = None
) -> ReceiptList:
    """Of what an agent has sent, newest first; of one `message` alone. Raises MessageNotFound, AmbiguousId."""
    if message is not None:
        return ReceiptList(receipts=[to_receipt(_own(conn, message, sender_id))])
    seq = None if before is None else _own(conn, before, sender_id)["seq"]
    rows = store.select_sent(conn, sender_id, limit=limit, before_seq=seq)
    return ReceiptList(receipts=[to_receipt(row) for row in rows])


def list_queued(conn: Connection, agent_id: str, limit: int = 32) -> list[Message]:
    """What waits for the agent, oldest first; nothing is leased."""
    return [to_message(row) for row in store.select_queued(conn, agent_id, limit)]


def to_message(row: Row) -> Message:
    return Message(
        id=row["id"],
        sender=row["sender"],
        recipient=row["recipient"],
        body=row["body"],
        reply_to=row["reply_to"],
        thread=row["thread"],
        sent_at=row["sent_at"],
        kind=row["kind"],
        about=row["about"],
        edited_by=row["edited_by"],
        pair_id=row["pair_id"],
        when=row["when"],
        status=row["status"],
        deliveries=row["deliveries"],
        leased_at=row["leased_at"],
        redelivered=bool(row["redelivered"]),
        acked_at=row["acked_at"],
        reason=row["reason"],
    )


def to_receipt(row: Row) -> Receipt:
    return Receipt(
        message_id=row["id"],
        to=row["recipient"],
        status=row["status"],
        sent_at=row["sent_at"],
        leased_at=row["leased_at"],
        acked_at=row["acked_at"],
        deliveries=row["deliveries"],
        redelivered=bool(row["redelivered"]),
        reason=row["reason"],
        edited_by=row["edited_by"],
        pair_id=row["pair_id"],
    )


def _own(conn: Connection, prefix: str, sender_id: str) -> Row:
    """A message that the agent sent. Raises MessageNotFound, AmbiguousId."""
    row = find_message(conn, prefix)
    if row["sender_id"] != sender_id:
        raise MessageNotFound(id=prefix[:64])
    return row
