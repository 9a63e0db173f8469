"""Held pairs: the operator lets what they wrote go on, or drops it."""

from typing import Literal

from hived.core import audit, questions, waiting
from hived.core.agent_views import publish
from hived.core.damper import feed_pairs, sentence, to_pair
from hived.core.delivery import give_up
from hived.core.finding import only_one
from hived.core.messages import feed_receipts, ring, tell
from hived.store import agents as agent_store
from hived.store import messages as message_store
from hived.store import pairs as store
from hived.store.database import Connection, Row, Tx
from hived.wire.approvals import Actor
from hived.wire.errors import PairDecided, PairNotFound
from hived.wire.pairs import Pair


def list_pairs(conn: Connection, *, held: bool = True) -> list[Pair]:
    """Oldest first; `held`: only those that are."""
    return [to_pair(row) for row in store.select_pairs(conn, held=held)]


def release(tx: Tx, pair_id: str, actor: Actor) -> Pair:
    """All that the pair holds is queued, in its order, and its messages are counted afresh.

    `pair_id` may be any unique prefix. Raises PairNotFound, AmbiguousId, PairDecided.
    """
    row = _decide(tx, pair_id, "released", actor)
    for message in message_store.select_held_by_pair(tx.connection, row["id"]):
        feed_receipts(tx, [message["id"]])
        agent = agent_store.select_agent(tx.connection, message["recipient_id"])
        if agent is None:
            give_up(tx, message, f"there is no agent {message['recipient']} any more")
        else:
            message_store.update_queued_anew(tx, message["id"])
            ring(tx, agent)
    return _pair(tx, row["id"])


def drop(tx: Tx, pair_id: str, actor: Actor) -> Pair:
    """All that the pair holds is given up, both are told, and its messages are counted afresh. Raises as `release`."""
    row = _decide(tx, pair_id, "dropped", actor)
    held = message_store.select_held_by_pair(tx.connection, row["id"])
    for message in held:
        message_store.update_undeliverable(tx, message["id"], f"dropped by {actor.who}: {message['reason']}")
        if message["kind"] == "question":
            questions.message_dropped(tx, message, actor)
    feed_receipts(tx, [message["id"] for message in held])
    for mine, other in (("first", "second"), ("second", "first")):
        tell(
            tx,
            row[f"{mine}_id"],
            f"What was held between you and {row[other]} ({len(held)} messages) was dropped by {actor.who}.",
            about=row["id"],
        )
    return _pair(tx, row["id"])


def _decide(tx: Tx, prefix: str, status: Literal["released", "dropped"], actor: Actor) -> Row:
    """The row as it was; whoever comes second is told who won."""
    row = only_one(store.select_pairs_starting(tx.connection, prefix), prefix, PairNotFound, "pair")
    if not store.update_decided(tx, row["id"], status, actor.model_dump_json()):
        known = to_pair(row)
        by = "hived" if known.decided_by is None else known.decided_by.who
        raise PairDecided(id=row["id"], status=row["status"], by=by, at=row["decided_at"])
    names = [row["first"], row["second"]]
    subject = sentence(names, row["exchanged"], row["window_seconds"])
    audit.append(
        tx, f"pair.{status}", actor, row["id"], {"agents": names, "subject": subject, "held": row["held"]}, seen=subject
    )
    waiting.close_item(tx, row["id"], "pair")
    for agent_id in (row["first_id"], row["second_id"]):
        publish(tx, agent_id)
    tx.gather(feed_pairs, row["id"])
    return row


def _pair(tx: Tx, pair_id: str) -> Pair:
    row = store.select_pair(tx.connection, pair_id)
    if row is None:
        raise PairNotFound(id=pair_id)
    return to_pair(row)
