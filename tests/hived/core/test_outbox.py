"""Runs of plain messages taken at once: the same as one by one, in the same order, whatever stands between them."""

from typing import Any

from hived.core import messages
from hived.wire.messages import Message, Receipt
from tests.support.books import Books, event


def out(number: int, to: str = "bob", **more: Any) -> dict[str, Any]:
    return event(number, "message_out", **{"message_id": f"m{number}", "to": to, "body": f"nr {number}", **more})


async def listed(books: Books) -> list[Message]:
    return await books.read(messages.list_messages)


async def test_what_is_fed_of_each_is_the_message_and_its_recipient_is_rung_once(books: Books) -> None:
    ada, bob = await books.agent("ada"), await books.agent("bob")
    books.feed.clear()
    books.rings.clear()
    body = 'quotes " and \\ and \x1b[2J and \u202e and é and \x00 end'
    await books.events(ada, out(1, body=body), *(out(number) for number in range(2, 40)))
    fed = [Message.model_validate(row.payload, strict=True) for row in books.feed if row.kind == "message"]
    assert fed == await listed(books)
    assert [row.payload for row in books.feed if row.kind == "message"] == [message.model_dump() for message in fed]
    assert fed[0].body == body
    assert [row.kind for row in books.feed].count("agent") == len({"ada", "bob"})
    assert [(ring.to, ring.payload) for ring in books.rings] == [(bob, {"unread": 39})]


async def test_receipts_made_where_the_rows_are_are_receipts(books: Books) -> None:
    bob = await books.agent("bob")
    ids = [(await books.send("bob")).id for _ in range(3)]
    books.feed.clear()
    await books.claim(bob, "t1")
    (row,) = [row for row in books.feed if row.kind == "receipts"]
    receipts = [Receipt.model_validate(receipt, strict=True) for receipt in row.payload["receipts"]]
    known = await books.read(lambda conn: [messages.to_receipt(messages.find_message(conn, id)) for id in ids])
    assert receipts == known
    assert row.payload["receipts"] == [receipt.model_dump() for receipt in known]


async def test_order_is_kept_whatever_stands_between_plain_ones(books: Books) -> None:
    ada = await books.agent("ada", can_message=["bob"])
    await books.agent("bob")
    await books.agent("eve")
    taken = await books.events(
        ada,
        out(1),
        out(2),
        out(3, "eve"),
        out(4, "nobody"),
        out(5),
        event(6, "note", text="between"),
        out(7, reply_to="m1"),
        out(8, "operator"),
        event(9, "message_out", message_id="m9", to=7, body="no name"),
        event(10, "message_out", message_id="../m10", to="bob", body="no id"),
        out(11, body=""),
        out(12),
        out(13, message_id="m1", body="once more"),
        out(14),
    )
    assert taken.cursor == 14
    assert [(refusal.message_id, refusal.code) for refusal in taken.refused] == [
        ("m3", "recipient_refused"),
        ("m4", "agent_not_found"),
        ("m9", "invalid_request"),
        ("../m10", "invalid_request"),
        ("m11", "invalid_request"),
    ]
    queued = [message for message in await listed(books) if message.status == "queued"]
    assert [(message.id, message.body) for message in queued] == [
        (f"m{number}", f"nr {number}") for number in (1, 2, 5, 7, 8, 12, 14)
    ]


async def test_a_run_with_an_id_that_is_known_is_taken_one_by_one(books: Books) -> None:
    ada, eve = await books.agent("ada"), await books.agent("eve")
    await books.agent("bob")
    await books.events(ada, out(1))
    taken = await books.events(eve, out(1, message_id="e1"), out(2, message_id="m1"), out(3, message_id="e3"))
    assert [(refusal.message_id, refusal.code) for refusal in taken.refused] == [("m1", "invalid_request")]
    assert [(message.id, message.sender) for message in await listed(books)] == [
        ("m1", "ada"),
        ("e1", "eve"),
        ("e3", "eve"),
    ]
    assert [row.payload["id"] for row in books.feed if row.kind == "message"] == ["m1", "e1", "e3"]
