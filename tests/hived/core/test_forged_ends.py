"""A turn's end settles what its agent was given, and nothing else that it names."""

import pytest

from tests.support.books import Books


@pytest.mark.parametrize(("outcome", "retryable"), [("ok", None), ("cancelled", None), ("failed", False)])
async def test_a_message_that_no_turn_was_given_is_settled_by_none(
    books: Books, outcome: str, retryable: bool | None
) -> None:
    ada, bob = await books.agent("ada"), await books.agent("bob")
    unseen, others = await books.send("ada"), await books.send("bob")
    given = (await books.claim(bob, "bobs")).messages[0].id
    assert given == others.id
    await books.end_turn(ada, "never begun", outcome, unseen.id, others.id, retryable=retryable)
    assert (await books.message(unseen.id)).status == "queued"
    assert (await books.message(others.id)).status == "leased"
    assert await books.waiting() == []
    claimed = await books.claim(ada, "begun")
    await books.end_turn(ada, "begun", "ok", *(message.id for message in claimed.messages))
    assert (await books.message(unseen.id)).status == "acked"
