"""Who may write to whom, and delivery: each branch of lease, ack, back-off, redelivery and hold."""

import pytest

from hived.core import agents, delivery, held_messages, messages
from hived.store.database import SUPERVISOR
from hived.wire.errors import (
    AgentNotFound,
    AmbiguousId,
    HiveError,
    InvalidName,
    InvalidRequest,
    MessageNotFound,
    RecipientRefused,
    StaleGeneration,
    TooLarge,
)
from hived.wire.ids import new_id
from hived.wire.messages import Claimed
from hived.wire.protocol import MAX_MESSAGE_BODY_BYTES
from hived.wire.times import from_text, in_seconds, utc_now
from tests.support.books import Books, event


def bodies(claimed: Claimed) -> list[str]:
    return [message.body for message in claimed.messages]


async def seconds_until_due(books: Books, message_id: str) -> float:
    due = await books.one("SELECT not_before FROM messages WHERE id = ?", message_id)
    return (from_text(due) - from_text(utc_now())).total_seconds()


# Sending ---------------------------------------------------------------------------------------------------


async def test_a_message_is_queued_fed_and_rung(books: Books) -> None:
    ada = await books.agent("ada")
    books.rings.clear()
    sent = await books.send("ada", "hello")
    assert (sent.sender, sent.recipient, sent.status, sent.thread) == ("operator", "ada", "queued", sent.id)
    assert [row.payload["id"] for row in books.feed if row.kind == "message"] == [sent.id]
    assert books.feed[-1].payload["unread"] == 1
    assert [(ring.to, ring.event, ring.payload) for ring in books.rings] == [(ada, "wake", {"unread": 1})]


async def test_now_steers_a_turn_that_runs_and_wakes_otherwise(books: Books) -> None:
    ada = await books.agent("ada")
    await books.send("ada", when="now")
    assert books.rings[-1].event == "wake"
    await books.events(ada, event(1, "turn_start", turn_id="t1"))
    await books.send("ada", when="now")
    assert books.rings[-1].event == "steer"
    await books.send("ada")
    assert books.rings[-1].event == "wake"


async def test_everyone_is_everyone_that_the_sender_may_address_but_itself(books: Books) -> None:
    ada = await books.agent("ada", can_message=["bob"])
    for name in ("bob", "eve"):
        await books.agent(name)
    await books.agent("queen", role="queen")
    to_all = await books.do(lambda tx: messages.send(tx, sender="operator", to="*", body="x"))
    assert [message.recipient for message in to_all] == ["ada", "bob", "eve", "queen"]
    from_ada = await books.do(lambda tx: messages.send(tx, sender="ada", sender_id=ada, to="*", body="x"))
    assert [message.recipient for message in from_ada] == ["bob", "queen", "operator"]


async def test_an_allow_list_refuses_all_but_queens_and_the_operator(books: Books) -> None:
    ada = await books.agent("ada", can_message=[])
    await books.agent("bob")
    await books.agent("queen", role="queen")
    for name in ("queen", "operator"):
        assert (await books.send(name, sender="ada", sender_id=ada)).status == "queued"
    for name in ("bob", "ada"):
        with pytest.raises(RecipientRefused):
            await books.send(name, sender="ada", sender_id=ada)


@pytest.mark.parametrize(
    ("to", "kind"),
    [
        ("nobody", AgentNotFound),
        ("hived", AgentNotFound),
        ("operator", RecipientRefused),
        ("", InvalidName),
        ("..", InvalidName),
        ("a/b", InvalidName),
        ("a" * 33, InvalidName),
    ],
)
async def test_a_recipient_that_is_none_is_refused(books: Books, to: str, kind: type[HiveError]) -> None:
    with pytest.raises(kind):
        await books.send(to)
    assert await books.one("SELECT count(*) FROM messages") == 0


async def test_a_body_is_measured_in_bytes(books: Books) -> None:
    await books.agent("ada")
    await books.send("ada", "ä" * (MAX_MESSAGE_BODY_BYTES // 2))
    with pytest.raises(TooLarge) as refusal:
        await books.send("ada", "ä" * (MAX_MESSAGE_BODY_BYTES // 2) + "a")
    assert refusal.value.detail["bytes"] == MAX_MESSAGE_BODY_BYTES + 1
    with pytest.raises(InvalidRequest):
        await books.send("ada", "")


async def test_text_that_is_no_unicode_is_kept_as_what_it_can_be(books: Books) -> None:
    await books.agent("ada")
    assert (await books.send("ada", "a\ud800b\x1b[31m")).body == "a?b\x1b[31m"


async def test_the_same_id_from_the_same_sender_is_the_same_message(books: Books) -> None:
    ada = await books.agent("ada")
    await books.agent("bob")
    chosen = new_id()
    first = await books.send("bob", "one", sender="ada", sender_id=ada, message_id=chosen)
    again = await books.send("bob", "another", sender="ada", sender_id=ada, message_id=chosen)
    assert (again.id, again.body) == (first.id, "one") == (chosen, "one")
    with pytest.raises(InvalidRequest):
        await books.send("bob", "mine", message_id=chosen)
    assert await books.one("SELECT count(*) FROM messages") == 1


async def test_a_reply_joins_the_thread_of_what_it_answers(books: Books) -> None:
    ada = await books.agent("ada")
    bob = await books.agent("bob")
    first = await books.send("ada", "question")
    reply = await books.send("operator", "answer", sender="ada", sender_id=ada, reply_to=first.id)
    assert (reply.reply_to, reply.thread) == (first.id, first.id)
    further = await books.send("ada", "thanks", reply_to=reply.id)
    assert further.thread == first.id
    with pytest.raises(MessageNotFound):
        await books.send("operator", "x", sender="bob", sender_id=bob, reply_to=first.id)
    with pytest.raises(MessageNotFound):
        await books.send("ada", "x", reply_to="no such id")


# Claiming --------------------------------------------------------------------------------------------------


async def test_a_claim_leases_in_order_and_a_repeat_gives_the_same(books: Books) -> None:
    ada = await books.agent("ada")
    for number in range(3):
        await books.send("ada", str(number))
    first = await books.claim(ada, "t1", max=2)
    assert (bodies(first), first.unread) == (["0", "1"], 1)
    assert [(m.status, m.deliveries, m.redelivered) for m in first.messages] == [("leased", 1, False)] * 2
    again = await books.claim(ada, "t1", max=2)
    assert bodies(again) == ["0", "1"]
    assert [m.deliveries for m in again.messages] == [1, 1]
    assert (await books.view("ada")).unread == 1


async def test_another_turns_claim_takes_the_leases_over_marked_redelivered(books: Books) -> None:
    ada = await books.agent("ada")
    await books.send("ada")
    await books.claim(ada, "t1")
    second = await books.claim(ada, "t2")
    assert [(m.status, m.deliveries, m.redelivered) for m in second.messages] == [("leased", 2, True)]


async def test_only_now_adds_urgent_ones_to_the_turn_that_runs(books: Books) -> None:
    ada = await books.agent("ada")
    await books.send("ada", "first")
    await books.claim(ada, "t1")
    await books.send("ada", "later")
    await books.send("ada", "urgent", when="now")
    steered = await books.claim(ada, "t1", only_now=True)
    assert (bodies(steered), steered.unread) == (["first", "urgent"], 1)
    assert bodies(await books.claim(ada, "t1", only_now=True)) == ["first", "urgent"]


async def test_a_stale_generation_may_not_claim_or_release(books: Books) -> None:
    ada = await books.agent("ada")
    await books.send("ada")
    for generation in (0, 2):
        with pytest.raises(StaleGeneration):
            await books.claim(ada, "t1", generation=generation)
        with pytest.raises(StaleGeneration):
            await books.do(lambda tx, given=generation: delivery.release(tx, ada, given, "t1"))  # type: ignore[misc]


async def test_release_counts_no_delivery(books: Books) -> None:
    ada = await books.agent("ada")
    sent = await books.send("ada")
    await books.claim(ada, "t1")
    released = await books.do(lambda tx: delivery.release(tx, ada, 1, "t1"))
    assert (released.messages, released.unread) == ([], 1)
    back = await books.message(sent.id)
    assert (back.status, back.deliveries, back.redelivered) == ("queued", 0, False)
    assert (await books.do(lambda tx: delivery.release(tx, ada, 1, "t1"))).unread == 1
    assert (await books.message(sent.id)).deliveries == 0


# Settling --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("outcome", ["ok", "cancelled"])
async def test_a_clean_end_acks(books: Books, outcome: str) -> None:
    ada = await books.agent("ada")
    sent = await books.send("ada")
    await books.claim(ada, "t1")
    await books.end_turn(ada, "t1", outcome, sent.id)
    acked = await books.message(sent.id)
    assert acked.status == "acked"
    assert acked.acked_at is not None
    assert bodies(await books.claim(ada, "t2")) == []


@pytest.mark.parametrize("outcome", ["failed", "prompt_too_long", "rate_limited", "needs_login", "over_budget"])
async def test_any_other_end_puts_back_with_a_growing_back_off_and_holds_the_third_time(
    books: Books, outcome: str
) -> None:
    ada = await books.agent("ada")
    sent = await books.send("ada")
    for turn_id, pause in (("t1", 2.0), ("t2", 10.0)):
        await books.claim(ada, turn_id)
        await books.end_turn(ada, turn_id, outcome, sent.id, error="the engine broke")
        back = await books.message(sent.id)
        assert (back.status, back.redelivered) == ("queued", True)
        assert pause - 1 < await seconds_until_due(books, sent.id) <= pause
        early = await books.claim(ada, "early")
        assert (early.messages, early.unread) == ([], 1)
        assert early.retry_at == await books.one("SELECT not_before FROM messages WHERE id = ?", sent.id)
        await books.come_due()
    third = await books.claim(ada, "t3")
    assert third.messages[0].deliveries == 3
    await books.end_turn(ada, "t3", outcome, sent.id, error="the engine broke")
    held = await books.message(sent.id)
    assert (held.status, held.reason) == ("held", "the engine broke")
    (item,) = await books.waiting()
    assert (item.id, item.kind, item.agent) == (sent.id, "held_message", "ada")
    view = await books.view("ada")
    assert (view.held, view.unread, view.waiting) == (1, 0, 1)


async def test_what_a_repeat_cannot_help_is_held_at_once_and_newer_ones_pass(books: Books) -> None:
    ada = await books.agent("ada")
    bad, good = await books.send("ada", "bad"), await books.send("ada", "good")
    await books.claim(ada, "t1", max=1)
    await books.end_turn(ada, "t1", "failed", bad.id, error="401", retryable=False)
    assert (await books.message(bad.id)).status == "held"
    assert bodies(await books.claim(ada, "t2")) == ["good"]
    await books.end_turn(ada, "t2", "ok", good.id)
    assert [item.id for item in await books.waiting()] == [bad.id]


async def test_a_backed_off_message_lets_newer_ones_pass(books: Books) -> None:
    ada = await books.agent("ada")
    first = await books.send("ada", "first")
    await books.claim(ada, "t1")
    await books.end_turn(ada, "t1", "failed", first.id)
    await books.send("ada", "second")
    taken = await books.claim(ada, "t2")
    assert (bodies(taken), taken.unread) == (["second"], 1)
    assert taken.retry_at is not None
    assert utc_now() < taken.retry_at <= in_seconds(2)


async def test_a_late_clean_end_acks_a_held_message_and_closes_its_waiting_item(books: Books) -> None:
    ada = await books.agent("ada")
    sent = await books.send("ada")
    await books.claim(ada, "t1")
    await books.end_turn(ada, "t1", "failed", sent.id, retryable=False)
    books.feed.clear()
    await books.end_turn(ada, "t0", "ok", sent.id)
    acked = await books.message(sent.id)
    assert (acked.status, acked.reason) == ("acked", None)
    assert await books.waiting() == []
    assert [row.kind for row in books.feed] == ["waiting_removed", "receipts", "agent"]
    assert books.feed[-1].payload["held"] == 0


async def test_a_late_clean_end_acks_what_went_back_or_is_leased_again(books: Books) -> None:
    ada = await books.agent("ada")
    queued, leased = await books.send("ada", "queued"), await books.send("ada", "leased")
    await books.claim(ada, "t1")
    await books.do(lambda tx: agents.next_generation(tx, ada))
    await books.claim(ada, "t2", generation=2, max=1)
    await books.end_turn(ada, "t1", "ok", queued.id, leased.id)
    assert {(await books.message(m.id)).status for m in (queued, leased)} == {"acked"}
    await books.end_turn(ada, "t2", "ok", queued.id)
    assert (await books.message(queued.id)).deliveries == 2


async def test_a_late_failure_leaves_a_newer_turns_lease_alone(books: Books) -> None:
    ada = await books.agent("ada")
    sent = await books.send("ada")
    await books.claim(ada, "t1")
    await books.do(lambda tx: agents.next_generation(tx, ada))
    await books.claim(ada, "t2", generation=2)
    await books.end_turn(ada, "t1", "failed", sent.id)
    assert (await books.message(sent.id)).status == "leased"
    await books.end_turn(ada, "t2", "ok", sent.id)
    assert (await books.message(sent.id)).status == "acked"


async def test_a_late_failure_of_what_went_back_makes_it_back_off(books: Books) -> None:
    ada = await books.agent("ada")
    sent = await books.send("ada")
    await books.claim(ada, "t1")
    await books.do(lambda tx: agents.next_generation(tx, ada))
    await books.end_turn(ada, "t1", "failed", sent.id)
    assert (await books.claim(ada, "t2", generation=2)).retry_at is not None


@pytest.mark.parametrize(("outcome", "marked"), [("ok", False), ("cancelled", False), ("failed", True)])
async def test_a_lease_that_the_end_does_not_name_goes_back_and_a_good_end_says_that_no_engine_had_it(
    books: Books, outcome: str, marked: bool
) -> None:
    ada = await books.agent("ada")
    sent = await books.send("ada")
    await books.claim(ada, "t1")
    await books.end_turn(ada, "t1", outcome)
    back = await books.message(sent.id)
    assert (back.status, back.redelivered, back.deliveries) == ("queued", marked, int(marked))


async def test_an_end_acks_nothing_of_another_agent(books: Books) -> None:
    ada, _ = await books.agent("ada"), await books.agent("bob")
    for_bob = await books.send("bob")
    await books.end_turn(ada, "t1", "ok", for_bob.id, "no such id")
    assert (await books.message(for_bob.id)).status == "queued"


async def test_a_new_generation_puts_back_older_leases_and_holds_those_of_the_third_time(books: Books) -> None:
    ada = await books.agent("ada")
    sent = await books.send("ada")
    for generation in (1, 2, 3):
        claimed = await books.claim(ada, f"t{generation}", generation=generation)
        assert [(m.deliveries, m.redelivered) for m in claimed.messages] == [(generation, generation > 1)]
        assert await books.do(lambda tx: agents.next_generation(tx, ada)) == generation + 1
    assert (await books.message(sent.id)).status == "held"
    assert [item.kind for item in await books.waiting()] == ["held_message"]
    newer = await books.send("ada", "newer")
    assert [m.id for m in (await books.claim(ada, "t4", generation=4)).messages] == [newer.id]


async def test_how_often_is_the_operators_to_say(books: Books) -> None:
    books.config.max_deliveries = 1
    ada = await books.agent("ada")
    sent = await books.send("ada")
    await books.claim(ada, "t1")
    await books.end_turn(ada, "t1", "failed", sent.id)
    assert (await books.message(sent.id)).status == "held"


# Reading ---------------------------------------------------------------------------------------------------


async def test_the_operator_reads_his_own_once(books: Books) -> None:
    ada = await books.agent("ada")
    mine = await books.send("operator", "report", sender="ada", sender_id=ada)
    read = await books.do(lambda tx: held_messages.mark_read(tx, mine.id[:34]))
    assert read.status == "acked"
    rows = len(books.feed)
    assert await books.do(lambda tx: held_messages.mark_read(tx, mine.id)) == read
    assert len(books.feed) == rows
    theirs = await books.send("ada")
    with pytest.raises(InvalidRequest):
        await books.do(lambda tx: held_messages.mark_read(tx, theirs.id))


async def test_lists_page_backwards_and_filter(books: Books) -> None:
    ada = await books.agent("ada")
    await books.agent("bob")
    for number in range(5):
        await books.send("ada" if number % 2 else "bob", str(number))
    report = await books.send("operator", "report", sender="ada", sender_id=ada)

    async def listed(**query: object) -> list[str]:
        found = await books.read(lambda conn: messages.list_messages(conn, **query))  # type: ignore[arg-type]
        return [message.body for message in found]

    assert await listed(limit=2) == ["4", "report"]
    assert await listed(limit=2, before=report.id) == ["3", "4"]
    assert await listed(agent="ada") == ["1", "3", "report"]
    assert await listed(to="ada") == ["1", "3"]
    assert await listed(to="operator", unread=True) == ["report"]
    await books.do(lambda tx: held_messages.mark_read(tx, report.id))
    assert await listed(to="operator", unread=True) == []


async def test_a_beginning_of_an_id_is_enough_if_it_fits_one(books: Books) -> None:
    await books.agent("ada")
    first = await books.send("ada")
    await books.send("ada")
    assert (await books.message(first.id[:35])).id == first.id
    for prefix, kind in (("0", AmbiguousId), ("zzz", MessageNotFound), ("", MessageNotFound), ("%", MessageNotFound)):
        with pytest.raises(kind):
            await books.message(prefix)


async def test_hived_tells_living_agents_and_nobody_else(books: Books) -> None:
    ada = await books.agent("ada")
    await books.do(lambda tx: messages.tell(tx, ada, "something happened"))
    await books.do(lambda tx: messages.tell(tx, None, "nobody hears"))
    await books.do(lambda tx: messages.tell(tx, new_id(), "nobody hears"))
    claimed = await books.claim(ada, "t1")
    assert [(m.sender, m.body) for m in claimed.messages] == [("hived", "something happened")]
    assert all(ring.to in (ada, SUPERVISOR) for ring in books.rings)
