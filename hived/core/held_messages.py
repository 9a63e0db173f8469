"""Held messages: sent again, with other words where need be, or given up; and the operator's own that he has read."""

import hashlib
from typing import Any

from hived.core import audit, questions, reminders, waiting
from hived.core.agent_views import publish
from hived.core.damper import feed_pairs
from hived.core.delivery import give_up
from hived.core.messages import feed_receipts, find_message, ring, tell, to_message
from hived.core.text import sound
from hived.store import agents as agent_store
from hived.store import messages as store
from hived.store.database import Row, Tx
from hived.wire.approvals import Actor
from hived.wire.errors import InvalidRequest, MessageNotFound, NotHeld, TooLarge
from hived.wire.messages import Message
from hived.wire.names import HIVED, OPERATOR
from hived.wire.protocol import MAX_MESSAGE_BODY_BYTES


def mark_read(tx: Tx, message_id: str) -> Message:
    """The operator has read it. Again: nothing changes. Raises MessageNotFound, AmbiguousId, InvalidRequest."""
    row = find_message(tx.connection, message_id)
    if row["recipient"] != OPERATOR:
        raise InvalidRequest(reason=f"Message {row['id']} is not the operator's to read: it is for {row['recipient']}.")
    if row["status"] == "acked":
        return to_message(row)
    store.update_acked(tx, [row["id"]])
    feed_receipts(tx, [row["id"]])
    return _message(tx, row["id"])


def retry_held(tx: Tx, message_id: str, actor: Actor, body: str | None = None) -> Message:
    """Queue a held message anew, with as many deliveries before it as a new one; `body` replaces its words.

    To an agent that is no more it is undeliverable. Raises NotHeld, TooLarge and find_message's.
    """
    row = _held(tx, message_id)
    detail: dict[str, Any] = {}
    if body is not None:
        body = sound(body)
        size = len(body.encode())
        if size > MAX_MESSAGE_BODY_BYTES:
            raise TooLarge(what="message's body", bytes=size, limit=MAX_MESSAGE_BODY_BYTES)
        before = row["body"].encode()
        detail = {"edited": {"bytes": len(before), "sha256": hashlib.sha256(before).hexdigest(), "bytes_after": size}}
        store.update_words(tx, row["id"], body, actor.who)
    _settle(tx, row, "message.retried", actor, detail)
    agent = agent_store.select_agent(tx.connection, row["recipient_id"])
    if agent is None:
        give_up(tx, row, f"there is no agent {row['recipient']} any more")
        return _message(tx, row["id"])
    _queue_anew(tx, row, actor)
    publish(tx, agent["id"])
    ring(tx, agent)
    message = _message(tx, row["id"])
    if body is not None:
        tx.feed("message", message.model_dump_json())
    return message


def requeue_held(tx: Tx, agent_id: str, outcome: str) -> None:
    """What is held for turns of that outcome is queued anew: what stood against it is gone. Publishes the agent."""
    held = store.select_held_for(tx.connection, agent_id, outcome)
    for message_id in held:
        row = _held(tx, message_id)
        _settle(tx, row, "message.retried", Actor(who=HIVED), {})
        _queue_anew(tx, row, Actor(who=HIVED))
    agent = agent_store.select_agent(tx.connection, agent_id) if held else None
    if agent is not None:
        publish(tx, agent_id)
        ring(tx, agent)


def drop_held(tx: Tx, message_id: str, actor: Actor) -> Message:
    """Give a held message up: it is never delivered, and an agent that sent it is told. Raises NotHeld and find_message's."""
    row = _held(tx, message_id)
    _settle(tx, row, "message.dropped", actor, {})
    store.update_undeliverable(tx, row["id"], f"dropped by {actor.who}: {row['reason']}")
    if row["kind"] == "reminder":
        reminders.message_dropped(tx, row, actor)
    if row["recipient_id"] is not None:
        publish(tx, row["recipient_id"])
    if row["kind"] == "question":
        questions.message_dropped(tx, row, actor)  # which tells who asked
    else:
        tell(tx, row["sender_id"], f"Your message {row['id']} to {row['recipient']} was dropped by {actor.who}.")
    return _message(tx, row["id"])


def _held(tx: Tx, message_id: str) -> Row:
    row = find_message(tx.connection, message_id)
    if row["status"] != "held":
        raise NotHeld(id=row["id"], status=row["status"])
    return row


def _settle(tx: Tx, row: Row, action: str, actor: Actor, detail: dict[str, Any]) -> None:
    """Off the list and into the audit; from a pair's hold it is taken out."""
    waiting.close_item(tx, row["id"], "held_message")
    if row["pair_id"] is not None:
        tx.gather(feed_pairs, row["pair_id"])
    seen = hashlib.sha256(row["body"].encode()).hexdigest()
    audit.append(
        tx, action, actor, row["id"], {"recipient": row["recipient"], "reason": row["reason"], "seen": seen, **detail}
    )
    feed_receipts(tx, [row["id"]])


def _queue_anew(tx: Tx, row: Row, actor: Actor) -> None:
    store.update_queued_anew(tx, row["id"])
    if row["kind"] == "reminder":
        reminders.message_retried(tx, row, actor)


def _message(tx: Tx, message_id: str) -> Message:
    row = store.select_message(tx.connection, message_id)
    if row is None:
        raise MessageNotFound(id=message_id)
    return to_message(row)
