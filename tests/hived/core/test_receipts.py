"""Receipts: what has become of a message, in the feed once per change, and for who sent it, refused ones too."""

from typing import Any

import pytest

from hived.core import held_messages, messages
from hived.wire.errors import BY_CODE, MessageNotFound, QueueFull
from hived.wire.ids import new_id
from hived.wire.messages import Receipt
from tests.support.books import Books, event


def out(number: int, to: str, body: str = "x", **more: Any) -> dict[str, Any]:
    return event(number, "message_out", message_id=more.pop("message_id", f"m{number}"), to=to, body=body, **more)


def receipts(books: Books) -> list[list[tuple[str, str]]]:
    """(id, status) of each receipt, a list for each row of the feed."""
    return [
        [(receipt["message_id"], receipt["status"]) for receipt in row.payload["receipts"]]
        for row in books.feed
        if row.kind == "receipts"
    ]


async def sent_by(books: Books, agent_id: str, **query: Any) -> list[Receipt]:
    return (await books.read(lambda conn: messages.list_receipts(conn, agent_id, **query))).receipts


async def test_a_change_of_many_states_is_one_row_of_the_feed_without_words(books: Books) -> None:
    ada = await books.agent("ada")
    sent = [(await books.send("ada", f"words {number}")).id for number in range(3)]
    assert [row.kind for row in books.feed].count("message") == 3
    books.feed.clear()
    await books.claim(ada, "t1")
    await books.end_turn(ada, "t1", "ok", *sent)
    assert receipts(books) == [[(id, "leased") for id in sent], [(id, "acked") for id in sent]]
    assert [row.kind for row in books.feed].count("message") == 0
    assert [row.kind for row in books.feed].count("agent") == 2
    assert not any("words" in row.payload_json for row in books.feed)


async def test_a_receipt_says_what_became_of_it_and_when(books: Books) -> None:
    ada, bob = await books.agent("ada"), await books.agent("bob")
    await books.events(ada, out(1, "bob", "one"), out(2, "operator", "two"))
    assert [(r.message_id, r.to, r.status) for r in await sent_by(books, ada)] == [
        ("m2", "operator", "queued"),
        ("m1", "bob", "queued"),
    ]
    await books.claim(bob, "t1")
    (leased,) = await sent_by(books, ada, message="m1")
    assert (leased.status, leased.deliveries, leased.leased_at is None) == ("leased", 1, False)
    await books.end_turn(bob, "t1", "failed", "m1", error="it broke", retryable=False)
    (held,) = await sent_by(books, ada, message="m1")
    assert (held.status, held.reason) == ("held", "it broke")


async def test_receipts_page_and_are_ones_own_alone(books: Books) -> None:
    ada, bob = await books.agent("ada"), await books.agent("bob")
    await books.events(ada, *(out(number, "bob") for number in range(1, 6)))
    newest = await sent_by(books, ada, limit=2)
    assert [r.message_id for r in newest] == ["m5", "m4"]
    assert [r.message_id for r in await sent_by(books, ada, limit=2, before="m4")] == ["m3", "m2"]
    assert await sent_by(books, bob) == []
    for query in ({"message": "m1"}, {"before": "m1"}):
        with pytest.raises(MessageNotFound):
            await sent_by(books, bob, **query)


@pytest.mark.parametrize(
    ("to", "body", "more", "code"),
    [
        ("bob", "x", {}, "recipient_refused"),
        ("ada", "x", {}, "recipient_refused"),
        ("nobody", "x", {}, "agent_not_found"),
        ("hived", "x", {}, "agent_not_found"),
        ("../etc", "x", {}, "invalid_name"),
        ("queen", "", {}, "invalid_request"),
        ("queen", "x", {"reply_to": "no such"}, "message_not_found"),
        ("queen", "y" * 300_000, {}, "too_large"),
    ],
)
async def test_a_refused_message_is_an_answer_and_a_receipt_however_often_it_comes(
    books: Books, to: str, body: str, more: dict[str, Any], code: str
) -> None:
    ada = await books.agent("ada", can_message=[])
    await books.agent("bob")
    await books.agent("queen", role="queen")
    batch = (out(1, "queen", "fine"), out(2, to, body, message_id="refused", **more))
    taken = await books.events(ada, *batch)
    assert [(refusal.message_id, refusal.code) for refusal in taken.refused] == [("refused", code)]
    again = await books.events(ada, *batch)
    assert again == taken
    twice = await books.events(ada, out(3, to, body, message_id="refused", **more))
    assert [(refusal.code, refusal.message) for refusal in twice.refused] == [(code, taken.refused[0].message)]
    (receipt,) = await sent_by(books, ada, message="refused")
    assert (receipt.status, receipt.reason) == ("undeliverable", taken.refused[0].message)
    assert await books.one("SELECT length(body) FROM messages WHERE id = 'refused'") == min(len(body), 4096)
    assert await books.one("SELECT count(*) FROM messages") == 2


async def test_a_refused_message_is_nobodys_mail(books: Books) -> None:
    ada, bob = await books.agent("ada", can_message=[]), await books.agent("bob")
    await books.events(ada, out(1, "bob"))
    assert (await books.claim(bob, "t1")).messages == []
    view = await books.view("bob")
    assert (view.unread, view.held) == (0, 0)


async def test_an_agent_cannot_speak_in_anothers_name_by_its_message_id(books: Books) -> None:
    ada, eve = await books.agent("ada"), await books.agent("eve")
    chosen = new_id()
    await books.events(ada, out(1, "operator", "mine", message_id=chosen))
    taken = await books.events(eve, out(1, "operator", "mine now", message_id=chosen))
    assert [refusal.code for refusal in taken.refused] == ["invalid_request"]
    assert await books.one("SELECT body || sender FROM messages WHERE id = ?", chosen) == "mineada"


async def test_an_agent_may_have_so_many_waiting_for_another_and_no_more(books: Books) -> None:
    books.config.max_queued = 3
    ada, bob = await books.agent("ada"), await books.agent("bob")
    await books.agent("eve")
    taken = await books.events(ada, *(out(number, "bob") for number in range(1, 6)))
    assert [(refusal.message_id, refusal.code) for refusal in taken.refused] == [
        ("m4", "queue_full"),
        ("m5", "queue_full"),
    ]
    assert "3 messages of ada" in taken.refused[0].message
    assert (await books.events(ada, out(6, "eve"))).refused == []
    for _ in range(4):
        await books.send("bob", "the operator is not held back")
    await books.claim(bob, "t1", max=1)
    assert (await books.events(ada, out(7, "bob"))).refused == []
    assert [r.code for r in (await books.events(ada, out(8, "bob"))).refused] == ["queue_full"]


async def test_the_operator_is_not_flooded_either_and_others_still_reach_him(books: Books) -> None:
    books.config.max_queued = 1
    ada, bob = await books.agent("ada"), await books.agent("bob")
    taken = await books.events(ada, *(out(number, "operator") for number in range(1, 12)))
    assert [(refusal.message_id, refusal.code) for refusal in taken.refused] == [("m11", "queue_full")]
    assert (await books.events(bob, out(1, "operator", message_id="b1"))).refused == []
    await books.do(lambda tx: held_messages.mark_read(tx, "m1"))
    assert (await books.events(ada, out(12, "operator"))).refused == []


async def test_of_a_message_to_everyone_whose_queue_is_full_has_an_undeliverable_one(books: Books) -> None:
    books.config.max_queued = 1
    ada = await books.agent("ada")
    for name in ("bob", "eve"):
        await books.agent(name)
    await books.events(ada, out(1, "bob"))
    assert (await books.events(ada, out(2, "*", "all"))).refused == []
    states = {receipt.to: receipt.status for receipt in await sent_by(books, ada, limit=3)}
    assert states == {"bob": "undeliverable", "eve": "queued", "operator": "queued"}
    full = [receipt.reason for receipt in await sent_by(books, ada) if receipt.status == "undeliverable"]
    assert full == [QueueFull(recipient="bob", count=1, sender="ada").message]
    assert BY_CODE["queue_full"].status == 429
