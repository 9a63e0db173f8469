"""The damper: two agents who only answer each other are stopped, and what they write is held until the operator decides.

A pair is held when `damper_messages` have gone between the two within `damper_seconds`, a quarter of them at least either
way. What hived itself sends them does not count.
"""

import json
from dataclasses import dataclass

from hived.core import audit, waiting
from hived.core.agent_views import publish
from hived.store import messages as message_store
from hived.store import pairs as store
from hived.store.database import Row, Tx
from hived.wire.approvals import Actor
from hived.wire.ids import new_id
from hived.wire.names import HIVED
from hived.wire.pairs import Pair

LEAST_SHARE = 4
"""One in so many messages goes the other way, or they do not only answer each other."""

MOST_COUNTED = 1000
"""Either way: bounds what a look at a flood costs."""


@dataclass(slots=True)
class Flow:
    """What goes from one agent to another, counted once for a change and kept up with what it sends."""

    held_by: str | None
    sent: int = 0
    """By the sender to the other, in the window."""
    came: int = 0
    """Back, in the window."""
    counted: bool = False
    just_held: bool = False
    """By the message that was looked at last: both are to be told."""


def flow_between(tx: Tx, sender: Row, recipient: Row) -> Flow:
    """How it stands between the two with one message more; the pair is held here where that is one too many.

    The caller sends the message, held by `held_by` where it is set, and tells both where `just_held` is.
    """
    flow = _flow(tx, sender["id"], recipient["id"])
    flow.just_held = False
    if flow.held_by is None and flow.counted:
        flow.sent += 1
        if _is_too_much(tx, flow):
            flow.held_by, flow.just_held = _hold(tx, sender, recipient, flow.sent + flow.came), True
    return flow


def is_watched(tx: Tx, sender_id: str, recipient_id: str) -> bool:
    """Whether messages from the one to the other have to be looked at one by one: they are held, or the other writes back."""
    flow = _flow(tx, sender_id, recipient_id)
    return flow.counted or flow.held_by is not None


def flows_freely(tx: Tx, sender_id: str, recipient_id: str) -> bool:
    """Whether one message more is neither held nor holds the pair; then it is counted."""
    flow = _flow(tx, sender_id, recipient_id)
    if flow.held_by is not None:
        return False
    if flow.counted:
        flow.sent += 1
        if _is_too_much(tx, flow):
            flow.sent -= 1
            return False
    return True


def sentence(names: list[str], exchanged: int, window_seconds: float) -> str:
    first, second = names
    return f"{first} and {second} only answer each other: {exchanged} messages in {window_seconds:g} s"


def to_pair(row: Row) -> Pair:
    decided_by = row["decided_by_json"]
    return Pair(
        id=row["id"],
        agents=[row["first"], row["second"]],
        status=row["status"],
        since=row["since"],
        exchanged=row["exchanged"],
        window_seconds=row["window_seconds"],
        held=row["held"],
        decided_at=row["decided_at"],
        decided_by=None if decided_by is None else Actor(**json.loads(decided_by)),
    )


def feed_pairs(tx: Tx, pair_ids: list[str]) -> None:
    """Give this to `Tx.gather` with a pair's id after every change of what it is or holds."""
    for pair_id in pair_ids:
        row = store.select_pair(tx.connection, pair_id)
        if row is not None:
            tx.feed("pair", to_pair(row).model_dump_json())


def _flow(tx: Tx, sender_id: str, recipient_id: str) -> Flow:
    key = ("flow", sender_id, recipient_id)
    flow: Flow | None = tx.looked_up.get(key)
    if flow is None:
        flow = tx.looked_up[key] = _counted(tx, sender_id, recipient_id)
    return flow


def _is_too_much(tx: Tx, flow: Flow) -> bool:
    exchanged = flow.sent + flow.came
    return exchanged >= tx.config.damper_messages and LEAST_SHARE * min(flow.sent, flow.came) >= exchanged


def _counted(tx: Tx, sender_id: str, recipient_id: str) -> Flow:
    seconds = tx.config.damper_seconds
    first, second = sorted((sender_id, recipient_id))
    held_by = store.select_held_pair(tx.connection, first, second)
    if held_by is not None or not seconds:
        return Flow(held_by)
    since = tx.in_seconds(-seconds)
    came = message_store.count_between(tx.connection, recipient_id, sender_id, since=since, most=MOST_COUNTED)
    if not came:
        return Flow(None)
    since = max(since, store.select_last_decided(tx.connection, first, second) or since)
    came = message_store.count_between(tx.connection, recipient_id, sender_id, since=since, most=MOST_COUNTED)
    sent = message_store.count_between(tx.connection, sender_id, recipient_id, since=since, most=MOST_COUNTED)
    return Flow(None, sent, came, counted=True)


def _hold(tx: Tx, sender: Row, recipient: Row, exchanged: int) -> str:
    first, second = sorted((sender, recipient), key=lambda row: str(row["id"]))
    pair_id, names, seconds = new_id(), [first["name"], second["name"]], tx.config.damper_seconds
    store.insert_pair(
        tx,
        {
            "id": pair_id,
            "first_id": first["id"],
            "second_id": second["id"],
            "first": first["name"],
            "second": second["name"],
            "exchanged": exchanged,
            "window_seconds": seconds,
        },
    )
    subject = sentence(names, exchanged, seconds)
    audit.append(tx, "pair.held", Actor(who=HIVED), pair_id, {"agents": names, "subject": subject})
    waiting.open_item(tx, pair_id, "pair", agent=first["name"], subject=subject)
    publish(tx, first["id"])
    tx.gather(feed_pairs, pair_id)
    return pair_id
