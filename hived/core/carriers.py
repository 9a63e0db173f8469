"""The message that carries a question or a reminder, once there is nothing left for it to carry."""

from hived.core import messages, waiting
from hived.core.agent_views import publish
from hived.core.damper import feed_pairs
from hived.store import messages as store
from hived.store.database import Row, Tx


def withdraw(tx: Tx, message_id: str, reason: str, *, though_delivered: bool = False) -> Row | None:
    """Take it back from the queue, or from where it is held, if it was never leased (`though_delivered`: or is not now).

    Its row where it has gone too far for that; None where it is withdrawn, or was never there.
    """
    row = store.select_message(tx.connection, message_id)
    if row is None:
        return None
    if row["status"] not in ("queued", "held") or not (though_delivered or row["leased_at"] is None):
        return row
    store.update_undeliverable(tx, row["id"], reason)
    if row["status"] == "held":
        waiting.close_item(tx, row["id"], "held_message")
    if row["pair_id"] is not None:
        tx.gather(feed_pairs, row["pair_id"])
    if row["recipient_id"] is not None:
        publish(tx, row["recipient_id"])
    messages.feed_receipts(tx, [row["id"]])
    return None
