"""Messages: who may write to whom, and what becomes of what was written. Delivery itself is core/delivery.py.

queued → leased → acked; a lease goes back to queued, or is held after too many deliveries. Held ones let newer ones pass.
"""

from collections.abc import Iterable, Sequence

from hived.core.agent_views import find_agent, publish, spec_of
from hived.core.damper import feed_pairs, flow_between, sentence
from hived.core.event_payloads import MessageOut
from hived.core.message_views import (
    find_message,
    list_messages,
    list_queued,
    list_receipts,
    page_messages,
    to_message,
    to_receipt,
)
from hived.core.text import one_line, sound
from hived.store import agents as agent_store
from hived.store import messages as store
from hived.store.database import Connection, Row, Tx
from hived.wire.errors import (
    BY_CODE,
    AgentNotFound,
    HiveError,
    InvalidRequest,
    MessageNotFound,
    QueueFull,
    RecipientRefused,
    TooLarge,
)
from hived.wire.ids import new_id
from hived.wire.messages import Message, MessageKind, When
from hived.wire.names import EVERYONE, HIVED, OPERATOR
from hived.wire.protocol import MAX_MESSAGE_BODY_BYTES

__all__ = [
    "RECEIPTS_A_ROW", "count_queued", "feed_receipts", "feed_receipts_at", "find_message", "find_recipient",
    "list_messages", "list_queued", "list_receipts", "may_write", "page_messages", "queued_for", "reaches", "ring",
    "row_of", "send", "take_message",
    "tell", "to_message", "to_receipt",
]  # fmt: skip

MOST_REFUSED_BYTES = 4096
"""Of the body of a message that was refused, kept beside the reason."""
RECEIPTS_A_ROW = 500
"""Of the feed."""


OPERATORS_PATIENCE = 10
"""So many times `max_queued` messages of one agent may wait for the operator, who reads when he likes."""


def send(
    tx: Tx,
    *,
    sender: str,
    sender_id: str | None = None,
    to: str,
    body: str,
    reply_to: str | None = None,
    when: When = "next_turn",
    message_id: str | None = None,
    kind: MessageKind = "message",
    about: str | None = None,
    thread: str | None = None,
) -> list[Message]:
    """Queue a message for one recipient, or for everyone that `sender` may address (`*`), and ring who it is for.

    `message_id` makes it idempotent: the same id from the same sender is the message that is already there. Of `*`, whose
    queue is full has an undeliverable one. Raises TooLarge, InvalidRequest, InvalidName, AgentNotFound, RecipientRefused,
    QueueFull, MessageNotFound (`reply_to`), AmbiguousId.
    """
    if message_id is not None and (known := store.select_message(tx.connection, message_id)) is not None:
        return [_same(known, sender, sender_id)]
    body = sound(body)
    size = len(body.encode())
    if size > MAX_MESSAGE_BODY_BYTES:
        raise TooLarge(what="message's body", bytes=size, limit=MAX_MESSAGE_BODY_BYTES)
    if not body:
        raise InvalidRequest(reason="A message needs a body.")
    author = None if sender_id is None else row_of(tx, sender_id)
    answered = None if reply_to is None else _answered(tx.connection, reply_to, sender, sender_id)
    sent: list[Message] = []
    for name, row in _recipients(tx, sender, author, to, answers=kind == "answer"):
        chosen = message_id if message_id is not None and not sent else new_id()
        message = Message(
            id=chosen,
            sender=sender,
            recipient=name,
            body=body,
            reply_to=None if answered is None else answered["id"],
            thread=thread or (chosen if answered is None else answered["thread"]),
            sent_at=tx.now,
            kind=kind,
            about=about,
            when=when,
        )
        try:
            _queue(tx, message, author, row)
        except QueueFull as error:
            if to != EVERYONE:
                raise
            message = message.model_copy(update={"status": "undeliverable", "reason": error.message})
            _insert(tx, message, sender_id, None if row is None else row["id"], refused=error.code)
        sent.append(message)
    return sent


def take_message(tx: Tx, agent_id: str, out: MessageOut) -> None:
    """A `message_out` of that agent. One that is refused is kept as undeliverable, with the reason. Raises what `send` does."""
    agent = row_of(tx, agent_id)
    try:
        send(
            tx,
            sender=agent["name"],
            sender_id=agent["id"],
            to=out.to,
            body=out.body,
            reply_to=out.reply_to,
            message_id=out.message_id,
        )
    except HiveError as error:
        if store.select_message(tx.connection, out.message_id) is None:
            body = sound(out.body).encode()[:MOST_REFUSED_BYTES].decode("utf-8", "ignore")
            refused = Message(
                id=out.message_id,
                sender=agent["name"],
                recipient=one_line(out.to, 64),
                body=body,
                thread=out.message_id,
                sent_at=tx.now,
                status="undeliverable",
                reason=error.message,
            )
            _insert(tx, refused, agent["id"], None, refused=error.code)
        raise


def tell(tx: Tx, agent_id: str | None, body: str, *, about: str | None = None) -> None:
    """A report from hived to that agent, if it still lives. `about`: the id of what it is on."""
    row = None if agent_id is None else agent_store.select_agent(tx.connection, agent_id)
    if row is not None and row["lifecycle"] != "buried":
        send(tx, sender=HIVED, to=row["name"], body=body, kind="report", about=about)


def feed_receipts(tx: Tx, message_ids: Iterable[str]) -> None:
    """Feed what has become of those messages, once, at the end of the transaction. Call it after every change of a state."""
    tx.gather(_feed_receipts, *message_ids)


def feed_receipts_at(tx: Tx, seqs: Sequence[int]) -> None:
    """Feed what has become of those, at most RECEIPTS_A_ROW, at once: for a turn's messages, which change together."""
    tx.feed("receipts", f'{{"receipts":{store.select_receipts_at(tx.connection, seqs)}}}')


def ring(tx: Tx, agent: Row, when: When = "next_turn") -> None:
    """Tell its harness, once this is durable, that something waits."""
    steers = when == "now" and agent["turn_state"] == "thinking"
    tx.gather(_ring_steer if steers else _ring_wake, agent["id"])


def may_write(sender: Row, recipient: Row) -> bool:
    """The allow-list of one agent, for another. A queen is always reachable."""
    return _may_write(sender, recipient, spec_of(sender).can_message)


def _queue(tx: Tx, message: Message, author: Row | None, row: Row | None) -> None:
    """Insert it for `row` (None: the operator); between two agents it may be one too many, but for an answer. Raises QueueFull."""
    if row is None:
        if author is not None and message.kind != "answer":
            _check_operators_mail(tx, author)
        _insert(tx, message, None if author is None else author["id"], None)
        return
    told: list[str] = []
    if author is not None and author["id"] != row["id"]:
        queued = queued_for(tx, author["id"], row["id"])
        if queued >= tx.config.max_queued and message.kind != "answer":
            raise QueueFull(recipient=row["name"], count=queued, sender=author["name"])
        count_queued(tx, author["id"], row["id"], queued + 1)
        flow = flow_between(tx, author, row)
        if flow.held_by is not None:
            message.status, message.pair_id = "held", flow.held_by
            message.reason = f"{author['name']} and {row['name']} only answer each other; the operator decides"
            tx.gather(feed_pairs, flow.held_by)
        if flow.just_held:
            said = sentence([author["name"], row["name"]], flow.sent + flow.came, tx.config.damper_seconds)
            told = [author["id"], row["id"]]
    _insert(tx, message, None if author is None else author["id"], row["id"])
    publish(tx, row["id"])
    if message.status == "queued":
        ring(tx, row, message.when)
    for agent_id in told:
        tell(
            tx,
            agent_id,
            f"{said}. What you two write to each other is held from now on, until the operator decides: go on with"
            " something else.",
            about=message.pair_id,
        )


def _check_operators_mail(tx: Tx, author: Row) -> None:
    """Raises QueueFull where he has left very many of the agent's messages unread: a disk has an end."""
    most = tx.config.max_queued * OPERATORS_PATIENCE
    if store.count_unread_by_operator(tx.connection, None, most=most) < most:
        return
    if store.count_unread_by_operator(tx.connection, author["id"], most=most) >= most:
        raise QueueFull(recipient=OPERATOR, count=most, sender=author["name"])


def _insert(
    tx: Tx, message: Message, sender_id: str | None, recipient_id: str | None, *, refused: str | None = None
) -> None:
    values = {**dict(message), "sender_id": sender_id, "recipient_id": recipient_id, "refused": refused}
    store.insert_message(tx, values)
    tx.feed("message", message.model_dump_json())


def queued_for(tx: Tx, sender_id: str, recipient_id: str) -> int:
    """How many the one has waiting for the other, counted no further than may be; known for the rest of the change."""
    most = tx.config.max_queued
    count: int | None = tx.looked_up.get(("queued", sender_id, recipient_id))
    if count is None:
        count = store.count_for(tx.connection, recipient_id, most=most)
        if count >= most:
            count = store.count_from_for(tx.connection, sender_id, recipient_id, most=most)
        tx.looked_up["queued", sender_id, recipient_id] = count
    return count


def count_queued(tx: Tx, sender_id: str, recipient_id: str, queued: int) -> None:
    """What `queued_for` says from now on."""
    tx.looked_up["queued", sender_id, recipient_id] = queued


def row_of(tx: Tx, agent_id: str) -> Row:
    """The agent's row, read once for a change: what messages look at does not change within one. Raises AgentNotFound."""
    key = ("agent", agent_id)
    row: Row | None = tx.looked_up.get(key)
    if row is None:
        row = tx.looked_up[key] = agent_store.select_agent(tx.connection, agent_id)
        if row is None:
            raise AgentNotFound(name=agent_id)
    return row


def _recipients(
    tx: Tx, sender: str, author: Row | None, to: str, *, answers: bool = False
) -> list[tuple[str, Row | None]]:
    """(name, row; None for the operator) of each that the message is for. Who was asked may answer, whatever its allow-list."""
    if to == EVERYONE:
        rows = agent_store.select_agents(tx.connection)
        everyone: list[tuple[str, Row | None]] = [
            (row["name"], row) for row in rows if author is None or reaches(tx, author, row)
        ]
        return everyone if author is None else [*everyone, (OPERATOR, None)]
    if to == OPERATOR:
        if author is None and sender == OPERATOR:
            raise RecipientRefused(sender=sender, recipient=to)
        return [(OPERATOR, None)]
    if to == HIVED:
        raise AgentNotFound(name=to)
    row = find_recipient(tx, to)
    if author is not None and not answers and not reaches(tx, author, row):
        raise RecipientRefused(sender=sender, recipient=to)
    return [(to, row)]


def find_recipient(tx: Tx, name: str) -> Row:
    """As `row_of`, by the name. Raises InvalidName, AgentNotFound."""
    key = ("agent named", name)
    row: Row | None = tx.looked_up.get(key)
    if row is None:
        row = tx.looked_up[key] = find_agent(tx.connection, name)
    return row


def reaches(tx: Tx, author: Row, row: Row) -> bool:
    """`may_write`, the allow-list read once for a change."""
    key = ("allowed", author["id"])
    allowed: list[str] | None = tx.looked_up.get(key)
    if allowed is None:
        allowed = tx.looked_up[key] = spec_of(author).can_message
    return _may_write(author, row, allowed)


def _may_write(sender: Row, recipient: Row, allowed: list[str]) -> bool:
    if sender["id"] == recipient["id"]:
        return False
    return recipient["role"] == "queen" or EVERYONE in allowed or recipient["name"] in allowed


def _answered(conn: Connection, reply_to: str, sender: str, sender_id: str | None) -> Row:
    """The message that is replied to; an agent may only name one of its own."""
    row = find_message(conn, reply_to)
    if sender_id is not None and sender_id not in (row["sender_id"], row["recipient_id"]):
        raise MessageNotFound(id=reply_to[:64])
    return row


def _same(known: Row, sender: str, sender_id: str | None) -> Message:
    if (known["sender"], known["sender_id"]) != (sender, sender_id):
        raise InvalidRequest(reason=f"The message id {known['id']} is somebody else's.")
    if known["refused"] is not None:
        raise _refusal(known["refused"], known["reason"], known["id"])
    return to_message(known)


def _refusal(code: str, message: str, message_id: str) -> HiveError:
    return BY_CODE.get(code, InvalidRequest)(message, message_id=message_id)


def _feed_receipts(tx: Tx, message_ids: list[str]) -> None:
    for start in range(0, len(message_ids), RECEIPTS_A_ROW):
        receipts = store.select_receipts(tx.connection, message_ids[start : start + RECEIPTS_A_ROW])
        tx.feed("receipts", f'{{"receipts":{receipts}}}')


def _ring_wake(tx: Tx, agent_ids: list[str]) -> None:
    for agent_id in agent_ids:
        unread, _ = store.select_queue_figures(tx.connection, agent_id, tx.now)
        tx.ring(agent_id, "wake", {"unread": unread})


def _ring_steer(tx: Tx, agent_ids: list[str]) -> None:
    for agent_id in agent_ids:
        tx.ring(agent_id, "steer")
