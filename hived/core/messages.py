"""Messages: who may write to whom, and delivery as a lease that only the turn's clean end acks (ARCHITECTURE, decision 7).

queued → leased → acked; a lease goes back to queued, or is held after too many deliveries. Held ones let newer ones pass.
"""

from typing import Any

from pydantic import Field

from hived.core import audit, waiting
from hived.core.agent_views import check_generation, find_agent, publish, spec_of
from hived.core.text import one_line, sound
from hived.store import agents as agent_store
from hived.store import messages as store
from hived.store.database import Connection, Row, Tx
from hived.wire.approvals import Actor
from hived.wire.base import Answer
from hived.wire.errors import (
    AgentNotFound,
    AmbiguousId,
    InvalidRequest,
    MessageNotFound,
    NotHeld,
    RecipientRefused,
    TooLarge,
)
from hived.wire.ids import new_id
from hived.wire.messages import Claim, Claimed, Message, MessageKind, When
from hived.wire.names import EVERYONE, HIVED, OPERATOR
from hived.wire.protocol import MAX_MESSAGE_BODY_BYTES
from hived.wire.times import in_seconds
from hived.wire.turns import ACKING

BACKOFF_SECONDS = (2.0, 10.0)
"""How long a message waits after its first and its later deliveries that came to nothing."""
DEFAULT_MAX_DELIVERIES = 3


class TurnEnd(Answer):
    """What of a `turn_end`'s payload settles messages."""

    turn_id: str
    outcome: str
    message_ids: list[str] = Field(default_factory=list)
    error: str | None = None
    retryable: bool | None = None


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

    `message_id` makes it idempotent: the same id from the same sender is the message that is already there. Raises
    TooLarge, InvalidRequest, InvalidName, AgentNotFound, RecipientRefused, MessageNotFound (`reply_to`), AmbiguousId.
    """
    if message_id is not None and (known := store.select_message(tx.connection, message_id)) is not None:
        if (known["sender"], known["sender_id"]) != (sender, sender_id):
            raise InvalidRequest(reason=f"The message id {message_id} is somebody else's.")
        return [to_message(known)]
    body = sound(body)
    size = len(body.encode())
    if size > MAX_MESSAGE_BODY_BYTES:
        raise TooLarge(what="message's body", bytes=size, limit=MAX_MESSAGE_BODY_BYTES)
    if not body:
        raise InvalidRequest(reason="A message needs a body.")
    answered = None if reply_to is None else _answered(tx.connection, reply_to, sender, sender_id)
    sent: list[Message] = []
    for recipient, row in _recipients(tx.connection, sender, sender_id, to):
        chosen = message_id if message_id is not None and not sent else new_id()
        values: dict[str, Any] = {
            "id": chosen,
            "sender": sender,
            "sender_id": sender_id,
            "recipient": recipient,
            "recipient_id": None if row is None else row["id"],
            "body": body,
            "reply_to": None if answered is None else answered["id"],
            "thread": thread or (chosen if answered is None else answered["thread"]),
            "when": when,
            "kind": kind,
            "about": about,
        }
        store.insert_message(tx, values)
        sent.append(_feed(tx, chosen))
        if row is not None:
            publish(tx, row["id"])
            _ring(tx, row, when)
    return sent


def tell(tx: Tx, agent_id: str | None, body: str, *, about: str | None = None) -> None:
    """A report from hived to that agent, if it still lives. `about`: the id of what it is on."""
    row = None if agent_id is None else agent_store.select_agent(tx.connection, agent_id)
    if row is not None:
        send(tx, sender=HIVED, to=row["name"], body=body, kind="report", about=about)


def claim(
    tx: Tx, agent_id: str, generation: int, claim: Claim, max_deliveries: int = DEFAULT_MAX_DELIVERIES
) -> Claimed:
    """Lease what waits to the turn; all that the turn then has. A repeat gives the same, other turns' leases go back.

    Raises StaleGeneration.
    """
    check_generation(tx, agent_id, generation)
    others = store.select_leased_to_others(tx.connection, agent_id, claim.turn_id)
    for row in others:
        _put_back(tx, row, max_deliveries)
    had = store.select_leased(tx.connection, agent_id, claim.turn_id)
    taken: list[Row] = []
    if claim.only_now or not had:
        taken = store.select_due(
            tx.connection, agent_id, tx.now, only_now=claim.only_now, limit=max(0, claim.max - len(had))
        )
        for row in taken:
            store.update_leased(tx, row["id"], claim.turn_id, generation)
            _feed(tx, row["id"])
    if others or taken:
        publish(tx, agent_id)
    leased = store.select_leased(tx.connection, agent_id, claim.turn_id)
    unread, retry_at = store.select_queue_figures(tx.connection, agent_id, tx.now)
    return Claimed(
        turn_id=claim.turn_id, messages=[to_message(row) for row in leased], unread=unread, retry_at=retry_at
    )


def release(tx: Tx, agent_id: str, generation: int, turn_id: str) -> Claimed:
    """Give back the turn's leases as if they had never been: no delivery is counted. Raises StaleGeneration."""
    check_generation(tx, agent_id, generation)
    leased = store.select_leased(tx.connection, agent_id, turn_id)
    for row in leased:
        store.update_queued(tx, row["id"], redelivered=False, uncount=True)
        _feed(tx, row["id"])
    if leased:
        publish(tx, agent_id)
    unread, retry_at = store.select_queue_figures(tx.connection, agent_id, tx.now)
    return Claimed(turn_id=turn_id, messages=[], unread=unread, retry_at=retry_at)


def settle_turn(
    tx: Tx,
    agent_id: str,
    end: TurnEnd,
    max_deliveries: int = DEFAULT_MAX_DELIVERIES,
    *,
    rate_limit_resume: bool = False,
) -> None:
    """Apply a journalled `turn_end`. The caller publishes the agent.

    `ok` and `cancelled` ack every message that is named, whatever became of its lease. Otherwise those that are queued,
    or leased to this turn, back off or are held. A lease of this turn that is not named goes back. Of an agent that goes
    on by itself after a rate limit, a rate limit counts no delivery: its end is the back-off.
    """
    counts = not (rate_limit_resume and end.outcome == "rate_limited")
    named = store.select_received(tx.connection, agent_id, end.message_ids)
    for row in named:
        if end.outcome in ACKING:
            _ack(tx, row)
        elif row["status"] == "queued" or (row["status"] == "leased" and row["lease_turn_id"] == end.turn_id):
            _fail(tx, row, end, max_deliveries, counts=counts)
    for row in store.select_leased(tx.connection, agent_id, end.turn_id):
        _put_back(tx, row, max_deliveries)


def put_back_leases(tx: Tx, agent_id: str, below_generation: int, max_deliveries: int = DEFAULT_MAX_DELIVERIES) -> None:
    """The leases of older generations go back, marked redelivered, or are held. The caller publishes the agent."""
    for row in store.select_leased_before(tx.connection, agent_id, below_generation):
        _put_back(tx, row, max_deliveries)


def mark_read(tx: Tx, message_id: str) -> Message:
    """The operator has read it. Again: nothing changes. Raises MessageNotFound, AmbiguousId, InvalidRequest."""
    row = find_message(tx.connection, message_id)
    if row["recipient"] != OPERATOR:
        raise InvalidRequest(reason=f"Message {row['id']} is not the operator's to read: it is for {row['recipient']}.")
    if row["status"] == "acked":
        return to_message(row)
    store.update_acked(tx, row["id"])
    return _feed(tx, row["id"])


def retry_held(tx: Tx, message_id: str, actor: Actor) -> Message:
    """Queue a held message anew, with as many deliveries before it as a new one. Raises NotHeld and find_message's."""
    row = _release_held(tx, message_id, "message.retried", actor)
    store.update_queued_anew(tx, row["id"])
    agent = agent_store.select_agent(tx.connection, row["recipient_id"])
    if agent is not None:
        publish(tx, agent["id"])
        _ring(tx, agent, "next_turn")
    return _feed(tx, row["id"])


def requeue_held(tx: Tx, agent_id: str, outcome: str) -> None:
    """What is held for turns of that outcome is queued anew: what stood against it is gone. Publishes the agent."""
    held = store.select_held_for(tx.connection, agent_id, outcome)
    for row in held:
        _release_held(tx, row["id"], "message.retried", Actor(who=HIVED))
        store.update_queued_anew(tx, row["id"])
        _feed(tx, row["id"])
    agent = agent_store.select_agent(tx.connection, agent_id) if held else None
    if agent is not None:
        publish(tx, agent_id)
        _ring(tx, agent, "next_turn")


def drop_held(tx: Tx, message_id: str, actor: Actor) -> Message:
    """Give a held message up: it is never delivered, and an agent that sent it is told. Raises NotHeld and find_message's."""
    row = _release_held(tx, message_id, "message.dropped", actor)
    store.update_undeliverable(tx, row["id"], f"dropped by {actor.who}: {row['reason']}")
    if row["recipient_id"] is not None:
        publish(tx, row["recipient_id"])
    tell(tx, row["sender_id"], f"Your message {row['id']} to {row['recipient']} was dropped by {actor.who}.")
    return _feed(tx, row["id"])


def _release_held(tx: Tx, message_id: str, action: str, actor: Actor) -> Row:
    row = find_message(tx.connection, message_id)
    if row["status"] != "held":
        raise NotHeld(id=row["id"], status=row["status"])
    waiting.close_item(tx, row["id"], "held_message")
    audit.append(tx, action, actor, row["id"], {"recipient": row["recipient"], "reason": row["reason"]})
    return row


def find_message(conn: Connection, prefix: str) -> Row:
    """The message with that id, or the only one whose id begins so. Raises MessageNotFound, AmbiguousId."""
    found = store.select_messages_starting(conn, prefix) if prefix else []
    if not found:
        raise MessageNotFound(id=prefix[:64])
    if len(found) > 1:
        raise AmbiguousId(prefix=prefix, count="several", noun="message")
    return found[0]


def list_messages(
    conn: Connection,
    *,
    agent: str | None = None,
    to: str | None = None,
    unread: bool = False,
    limit: int = 100,
    before: str | None = None,
) -> list[Message]:
    """The newest `limit`, oldest first: from or to `agent`, only those `to` a name, only queued ones, older than `before`."""
    seq = None if before is None else find_message(conn, before)["seq"]
    rows = store.select_messages(conn, agent=agent, recipient=to, unread=unread, limit=limit, before_seq=seq)
    return [to_message(row) for row in rows]


def list_queued(conn: Connection, agent_id: str, limit: int = 32) -> list[Message]:
    """What waits for the agent, oldest first; nothing is leased."""
    return [to_message(row) for row in store.select_queued(conn, agent_id, limit)]


def may_write(sender: Row, recipient: Row) -> bool:
    """The allow-list of one agent, for another. A queen is always reachable."""
    if sender["id"] == recipient["id"]:
        return False
    allowed = spec_of(sender).can_message
    return recipient["role"] == "queen" or EVERYONE in allowed or recipient["name"] in allowed


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
        redelivered=bool(row["redelivered"]),
        acked_at=row["acked_at"],
        reason=row["reason"],
    )


def _recipients(conn: Connection, sender: str, sender_id: str | None, to: str) -> list[tuple[str, Row | None]]:
    """(name, row; None for the operator) of each that the message is for."""
    author = None if sender_id is None else agent_store.select_agent(conn, sender_id)
    if to == EVERYONE:
        rows = agent_store.select_agents(conn)
        everyone: list[tuple[str, Row | None]] = [
            (row["name"], row) for row in rows if author is None or may_write(author, row)
        ]
        return everyone if author is None else [*everyone, (OPERATOR, None)]
    if to == OPERATOR:
        if author is None and sender == OPERATOR:
            raise RecipientRefused(sender=sender, recipient=to)
        return [(OPERATOR, None)]
    if to == HIVED:
        raise AgentNotFound(name=to)
    row = find_agent(conn, to)
    if author is not None and not may_write(author, row):
        raise RecipientRefused(sender=sender, recipient=to)
    return [(row["name"], row)]


def _answered(conn: Connection, reply_to: str, sender: str, sender_id: str | None) -> Row:
    """The message that is replied to; an agent may only name one of its own."""
    row = find_message(conn, reply_to)
    if sender_id is not None and sender_id not in (row["sender_id"], row["recipient_id"]):
        raise MessageNotFound(id=reply_to[:64])
    return row


def _ring(tx: Tx, row: Row, when: When) -> None:
    if when == "now" and row["turn_state"] == "thinking":
        tx.ring(row["id"], "steer")
    else:
        unread, _ = store.select_queue_figures(tx.connection, row["id"], tx.now)
        tx.ring(row["id"], "wake", {"unread": unread})


def _ack(tx: Tx, row: Row) -> None:
    if row["status"] in ("acked", "undeliverable"):
        return
    store.update_acked(tx, row["id"])
    if row["status"] == "held":
        waiting.close_item(tx, row["id"], "held_message")
    _feed(tx, row["id"])


def _fail(tx: Tx, row: Row, end: TurnEnd, max_deliveries: int, *, counts: bool) -> None:
    reason = one_line(end.error or f"the turn ended {end.outcome}")
    if end.retryable is False or (counts and row["deliveries"] >= max_deliveries):
        _hold(tx, row, reason, end.outcome)
        return
    wait = BACKOFF_SECONDS[min(max(row["deliveries"], 1), len(BACKOFF_SECONDS)) - 1]
    store.update_queued(tx, row["id"], redelivered=True, not_before=in_seconds(wait), uncount=not counts)
    _feed(tx, row["id"])


def _put_back(tx: Tx, row: Row, max_deliveries: int) -> None:
    if row["deliveries"] >= max_deliveries:
        _hold(tx, row, f"its turn did not end, {row['deliveries']} times", None)
        return
    store.update_queued(tx, row["id"], redelivered=True)
    _feed(tx, row["id"])


def _hold(tx: Tx, row: Row, reason: str, outcome: str | None) -> None:
    store.update_held(tx, row["id"], reason, outcome)
    waiting.open_item(
        tx,
        row["id"],
        "held_message",
        agent=row["recipient"],
        subject=f"{row['sender']}: {row['body'][:120]} ({reason})",
    )
    _feed(tx, row["id"])


def _feed(tx: Tx, message_id: str) -> Message:
    row = store.select_message(tx.connection, message_id)
    if row is None:
        raise MessageNotFound(id=message_id)
    message = to_message(row)
    tx.feed("message", message.model_dump())
    return message
