"""Delivery: a lease that only the turn's clean end acks (ARCHITECTURE, decision 7)."""

from collections.abc import Sequence
from dataclasses import dataclass

from hived.core import budgets, questions, reminders, waiting
from hived.core.agent_views import check_generation, publish
from hived.core.damper import feed_pairs
from hived.core.event_payloads import TurnEnd
from hived.core.messages import RECEIPTS_A_ROW, feed_receipts, feed_receipts_at, tell
from hived.core.text import one_line
from hived.store import messages as store
from hived.store.database import Row, Tx
from hived.wire.messages import Claim, Claimed
from hived.wire.reminders import MOST_ATTEMPTS
from hived.wire.turns import ACKING

BACKOFF_SECONDS = (2.0, 10.0)
"""How long a message waits after its first and its later deliveries that came to nothing."""
DEFAULT_MAX_DELIVERIES = 3
MOST_TURN_CHARACTERS = 16 * 1024 * 1024
"""Of all bodies that one turn may have: over that it is given no more."""


@dataclass(frozen=True, slots=True)
class Given:
    """A claim's answer: wire.messages.Claimed as JSON, its messages as the store made them, because 32 models a turn cost more
    than the lease itself."""

    json: str
    count: int
    """Of messages."""
    retry_at: str | None

    def claimed(self) -> Claimed:
        return Claimed.model_validate_json(self.json)


def claim(tx: Tx, agent_id: str, generation: int, claim: Claim, max_deliveries: int = DEFAULT_MAX_DELIVERIES) -> Given:
    """Lease what waits to the turn; all that the turn then has. A repeat gives the same, other turns' leases go back.

    A turn that would begin over a budget is given nothing. Raises StaleGeneration.
    """
    agent = check_generation(tx, agent_id, generation)
    leased = store.select_leased(tx.connection, agent_id)
    had = [row for row in leased if row["lease_turn_id"] == claim.turn_id]
    others = [row for row in leased if row["lease_turn_id"] != claim.turn_id]
    put_back(tx, others, max_deliveries)
    due: list[int] = []
    into_running = claim.more or claim.only_now
    if not had or into_running:
        room = claim.max if claim.more else claim.max - len(had)
        if sum(len(row["body"]) for row in had) > MOST_TURN_CHARACTERS:
            room = 0
        if into_running and agent["last_turn_id"] == claim.turn_id:
            room = 0  # the turn is over
        due = store.select_due(tx.connection, agent_id, tx.now, only_now=claim.only_now, limit=max(0, room))
    over = None if into_running or not due else budgets.check_turn(tx, agent)
    taken = due if over is None else []
    seqs, messages = [*(row["seq"] for row in had), *taken], "[]"
    if taken:
        store.update_leased(tx, taken, claim.turn_id, generation)
        feed_receipts_at(tx, taken)
    if seqs:
        messages = store.select_messages_at(tx.connection, seqs)
    if others or due:
        publish(tx, agent_id)
    unread, retry_at = store.select_queue_figures(tx.connection, agent_id, tx.now)
    rest = Claimed(
        turn_id=claim.turn_id,
        messages=[],
        unread=unread,
        retry_at=retry_at,
        over_budget=over,
        open_threads=questions.count_open(tx.connection, agent_id),
        open_reminders=reminders.count_open(tx.connection, agent_id),
    ).model_dump_json(exclude={"messages"})
    return Given(f'{{"messages":{messages},{rest[1:]}', len(seqs), retry_at)


def has_come(claim: Claim, given: Given, before: Given | None) -> bool:
    """Whether a claim that waits has what it waits for: more than its harness knows of, or more than at the look before."""
    known = claim.known if claim.known is not None else 0 if before is None else before.count
    return given.count > known


def release(tx: Tx, agent_id: str, generation: int, turn_id: str) -> Claimed:
    """Give back the turn's leases as if they had never been: no delivery is counted. Raises StaleGeneration."""
    check_generation(tx, agent_id, generation)
    leased = store.select_leases(tx.connection, agent_id, turn_id)
    if leased:
        _give_back(tx, leased)
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
    or leased to this turn, back off or are held. A lease of this turn that is not named goes back: as if it had never been,
    where the turn ended so that its harness knows what it had. Of an agent that goes on by itself after a rate limit, a rate
    limit counts no delivery: its end is the back-off.
    """
    if end.outcome in ACKING:
        if not _ack_leased(tx, agent_id, end):
            _ack(tx, [row for row in _given(tx, agent_id, end) if row["status"] not in ("acked", "undeliverable")])
        _give_back(tx, store.select_leases(tx.connection, agent_id, end.turn_id))
    else:
        counts = not (rate_limit_resume and end.outcome == "rate_limited")
        for row in _given(tx, agent_id, end):
            if row["status"] == "queued" or (row["status"] == "leased" and row["lease_turn_id"] == end.turn_id):
                _fail(tx, row, end, max_deliveries, counts=counts)
        put_back(tx, store.select_leases(tx.connection, agent_id, end.turn_id), max_deliveries)


def put_back_leases(tx: Tx, agent_id: str, below_generation: int, max_deliveries: int = DEFAULT_MAX_DELIVERIES) -> None:
    """The leases of older generations go back, marked redelivered, or are held. The caller publishes the agent."""
    put_back(tx, store.select_leased_before(tx.connection, agent_id, below_generation), max_deliveries)
    tx.ring(agent_id, "wake", {"unread": 0})  # a claim of theirs that waits is answered: it is stale


def put_back(tx: Tx, leases: Sequence[Row], max_deliveries: int) -> None:
    """Their turn will not settle them: they go back, marked redelivered, or are held."""
    for row in leases:
        reason = f"its turn did not end, {row['deliveries']} times"
        if row["deliveries"] >= _most(row, max_deliveries):
            _hold(tx, row, reason, None)
        else:
            store.update_queued(tx, row["id"], redelivered=True)
            _remind(tx, row, reason, held=False)
    feed_receipts(tx, [row["id"] for row in leases])


def give_up_mail(tx: Tx, agent_id: str, name: str) -> None:
    """The agent is no more: what was not settled for it is undeliverable, and who sent it is told."""
    questions.agent_gone(tx, agent_id, name)
    reminders.agent_gone(tx, agent_id, name)
    reason = f"there is no agent {name} any more"
    senders: dict[str, list[str]] = {}
    for row in store.select_open_for(tx.connection, agent_id):
        give_up(tx, row, reason, say=False)
        if row["sender_id"] is not None and row["kind"] != "question":
            senders.setdefault(row["sender_id"], []).append(row["id"])
    for sender_id, ids in senders.items():
        what = f"message {ids[0]}" if len(ids) == 1 else f"{len(ids)} messages"
        tell(tx, sender_id, f"Your {what} to {name} cannot be delivered: {reason}.")


def give_up(tx: Tx, row: Row, reason: str, *, say: bool = True) -> None:
    """A message that can never be delivered: its sender is told, of a question by what becomes of that."""
    store.update_undeliverable(tx, row["id"], reason)
    waiting.close_item(tx, row["id"], "held_message")
    if row["pair_id"] is not None:
        tx.gather(feed_pairs, row["pair_id"])
    feed_receipts(tx, [row["id"]])
    if say and row["kind"] != "question":
        tell(tx, row["sender_id"], f"Your message {row['id']} to {row['recipient']} cannot be delivered: {reason}.")


def _give_back(tx: Tx, leases: Sequence[Row]) -> None:
    """No engine was given them: they wait again, unmarked, and no delivery is counted."""
    for row in leases:
        store.update_queued(tx, row["id"], redelivered=False, uncount=True)
    feed_receipts(tx, [row["id"] for row in leases])


def _most(row: Row, max_deliveries: int) -> int:
    return MOST_ATTEMPTS if row["kind"] == "reminder" else max_deliveries


def _given(tx: Tx, agent_id: str, end: TurnEnd) -> list[Row]:
    """What it names of the agent's; what no turn was ever given none can settle."""
    named = store.select_received(tx.connection, agent_id, end.message_ids)
    return [row for row in named if row["leased_at"] is not None]


def _ack_leased(tx: Tx, agent_id: str, end: TurnEnd) -> bool:
    """Ack what the turn names, where that is nothing but leases of its own without a reminder; nearly every turn's end is so."""
    if len(end.message_ids) > RECEIPTS_A_ROW:
        return False
    seqs = store.select_leased_plainly(tx.connection, agent_id, end.turn_id, end.message_ids)
    if len(seqs) < len(end.message_ids):
        return False
    if seqs:
        store.update_acked_at(tx, seqs)
        feed_receipts_at(tx, seqs)
    return True


def _ack(tx: Tx, rows: Sequence[Row]) -> None:
    ids = [row["id"] for row in rows]
    if not ids:
        return
    store.update_acked(tx, ids)
    for row in rows:
        if row["status"] == "held":
            waiting.close_item(tx, row["id"], "held_message")
        if row["kind"] == "reminder":
            reminders.attempt_done(tx, row)
    feed_receipts(tx, ids)


def _fail(tx: Tx, row: Row, end: TurnEnd, max_deliveries: int, *, counts: bool) -> None:
    reason = one_line(end.error or f"the turn ended {end.outcome}")
    if end.retryable is False or (counts and row["deliveries"] >= _most(row, max_deliveries)):
        _hold(tx, row, reason, end.outcome)
    else:
        wait = BACKOFF_SECONDS[min(max(row["deliveries"], 1), len(BACKOFF_SECONDS)) - 1]
        store.update_queued(tx, row["id"], redelivered=True, not_before=tx.in_seconds(wait), uncount=not counts)
        if counts:
            _remind(tx, row, reason, held=False)
    feed_receipts(tx, [row["id"]])


def _hold(tx: Tx, row: Row, reason: str, outcome: str | None) -> None:
    store.update_held(tx, row["id"], reason, outcome)
    waiting.open_item(
        tx,
        row["id"],
        "held_message",
        agent=row["recipient"],
        subject=f"{row['sender']}: {row['body'][:120]} ({reason})",
    )
    _remind(tx, row, reason, held=True)


def _remind(tx: Tx, row: Row, reason: str, *, held: bool) -> None:
    if row["kind"] == "reminder":
        reminders.attempt_failed(tx, row, reason, held=held)
