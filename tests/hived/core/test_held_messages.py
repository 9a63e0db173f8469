"""A held message has a way on: sent again or given up, by the operator, once, and audited."""

from collections.abc import Callable

import pytest

from hived.core import held_messages as messages
from hived.store.database import Tx
from hived.wire.approvals import Actor
from hived.wire.errors import MessageNotFound, NotHeld
from hived.wire.messages import Message
from tests.support.books import OPERATOR, Books


async def held_message(books: Books, **sender: str) -> tuple[str, Message]:
    """(ada's id, a message to her that her one turn could not handle)."""
    ada = await books.agent("ada")
    sent = await books.send("ada", "do it", **sender)
    await books.claim(ada, "t1")
    await books.end_turn(ada, "t1", "failed", sent.id, error="no key", retryable=False)
    assert (await books.message(sent.id)).status == "held"
    return ada, sent


async def test_a_held_message_that_is_sent_again_is_delivered_as_a_redelivered_one_with_all_its_tries(
    books: Books,
) -> None:
    ada, sent = await held_message(books)
    books.rings.clear()
    again = await books.do(lambda tx: messages.retry_held(tx, sent.id[:23], OPERATOR))
    assert (again.status, again.deliveries, again.redelivered, again.reason) == ("queued", 0, True, None)
    assert [(ring.to, ring.event) for ring in books.rings] == [(ada, "wake")]
    assert await books.waiting() == []
    view = await books.view("ada")
    assert (view.held, view.unread, view.waiting) == (0, 1, 0)
    assert [message.id for message in (await books.claim(ada, "t2")).messages] == [sent.id]
    await books.end_turn(ada, "t2", "ok", sent.id)
    assert (await books.message(sent.id)).status == "acked"


async def test_a_held_message_that_is_dropped_is_never_delivered_and_its_sender_is_told(books: Books) -> None:
    bob = await books.agent("bob")
    ada, sent = await held_message(books, sender="bob", sender_id=bob)
    dropped = await books.do(lambda tx: messages.drop_held(tx, sent.id, OPERATOR))
    assert (dropped.status, dropped.reason) == ("undeliverable", "dropped by operator: no key")
    assert await books.waiting() == []
    assert (await books.claim(ada, "t2")).messages == []
    told = (await books.claim(bob, "t3")).messages
    assert [(message.sender, sent.id in message.body) for message in told] == [("hived", True)]


async def test_both_are_audited_with_who_did_it(books: Books) -> None:
    _, sent = await held_message(books)
    await books.do(lambda tx: messages.retry_held(tx, sent.id, OPERATOR))
    action, actor = await books.one("SELECT action || ' ' || actor_json FROM audit ORDER BY seq DESC"), OPERATOR.who
    assert action.startswith("message.retried ")
    assert actor in action


@pytest.mark.parametrize("settle", [messages.retry_held, messages.drop_held], ids=["retry", "drop"])
async def test_only_a_held_message_can_be_settled_and_only_once(
    books: Books, settle: Callable[[Tx, str, Actor], Message]
) -> None:
    _, sent = await held_message(books)
    await books.do(lambda tx: settle(tx, sent.id, OPERATOR))
    with pytest.raises(NotHeld) as refusal:
        await books.do(lambda tx: settle(tx, sent.id, OPERATOR))
    assert refusal.value.code == "not_held"
    with pytest.raises(MessageNotFound):
        await books.do(lambda tx: settle(tx, "0" * 36, OPERATOR))
