"""Claims into a turn that runs, what a claim says of the agent, and what a turn is given no more."""

from typing import Any

import pytest

from hived.core import agents, delivery, messages
from hived.wire.messages import Claimed, Message
from hived.wire.reminders import MOST_ATTEMPTS
from tests.support.books import Books, event


def bodies(claimed: Claimed) -> list[str]:
    return [message.body for message in claimed.messages]


async def test_more_is_added_to_what_the_turn_has_and_a_repeat_gives_all_of_it(books: Books) -> None:
    ada = await books.agent("ada")
    await books.send("ada", "first")
    await books.claim(ada, "t1")
    for number in range(3):
        await books.send("ada", str(number))
    assert bodies(await books.claim(ada, "t1", more=True, max=2)) == ["first", "0", "1"]
    assert bodies(await books.claim(ada, "t1")) == ["first", "0", "1"]
    assert bodies(await books.claim(ada, "t1", more=True)) == ["first", "0", "1", "2"]
    assert [m.deliveries for m in (await books.claim(ada, "t1", more=True)).messages] == [1] * 4


@pytest.mark.parametrize(
    "body",
    ['\x00 a \x1b[2J "quoted" \\ \u2028 \x7f é 😀', "\x00", '"}],"unread":9', "é" * 100_000],
    ids=["hostile", "nul", "json", "long"],
)
async def test_what_is_claimed_and_its_receipt_say_what_the_books_say(books: Books, body: str) -> None:
    ada = await books.agent("ada")
    sent = await books.send("ada", body, when="now")
    claimed = await books.claim(ada, 't1","unread":9,"x":"')
    known = await books.message(sent.id)
    assert (claimed.messages, claimed.unread, known.body) == ([known], 0, body)
    told = [fed.payload["receipts"] for fed in books.feed if fed.kind == "receipts"]
    assert told == [
        [messages.to_receipt(await books.read(lambda conn: messages.find_message(conn, sent.id))).model_dump()]
    ]


async def test_what_was_taken_later_is_settled_with_the_turn(books: Books) -> None:
    ada = await books.agent("ada")
    first = await books.send("ada")
    await books.claim(ada, "t1")
    second, third = await books.send("ada"), await books.send("ada")
    await books.claim(ada, "t1", more=True)
    await books.end_turn(ada, "t1", "ok", first.id, second.id)
    assert (await books.message(second.id)).status == "acked"
    back = await books.message(third.id)
    assert (back.status, back.redelivered) == ("queued", False), "its harness did not have it"


async def test_a_turn_that_is_over_is_given_nothing_more(books: Books) -> None:
    ada = await books.agent("ada")
    first = await books.send("ada")
    await books.claim(ada, "t1")
    await books.end_turn(ada, "t1", "ok", first.id)
    await books.send("ada", "later")
    for claim in ({"more": True}, {"only_now": True}):
        assert (await books.claim(ada, "t1", **claim)).messages == []
    assert bodies(await books.claim(ada, "t2")) == ["later"]


async def test_a_turn_is_given_no_more_than_it_can_be_answered(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "MOST_TURN_CHARACTERS", 500_000)
    ada = await books.agent("ada")
    for _ in range(6):
        await books.send("ada", "x" * 200_000)
    assert len((await books.claim(ada, "t1", max=2)).messages) == 2
    assert len((await books.claim(ada, "t1", more=True, max=1)).messages) == 3
    full = await books.claim(ada, "t1", more=True)
    assert (len(full.messages), full.unread) == (3, 3)


async def test_over_a_budget_a_turn_does_not_begin_and_one_that_runs_goes_on(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = await books.agent("ada")
    await books.send("ada", "first")
    await books.claim(ada, "t1")
    await books.send("ada", "second")
    asked: list[str] = []

    def spent(tx: Any, agent: Any) -> str:
        asked.append(agent["name"])
        return "ada has spent $1.00 of $1.00 today."

    monkeypatch.setattr("hived.core.budgets.check_turn", spent)
    assert bodies(await books.claim(ada, "t1")) == ["first"]
    assert bodies(await books.claim(ada, "t1", more=True)) == ["first", "second"]
    assert asked == []
    await books.send("ada", "third")
    refused = await books.claim(ada, "t2")
    assert (refused.messages, refused.unread) == ([], 3)
    assert refused.over_budget == "ada has spent $1.00 of $1.00 today."
    assert asked == ["ada"]


async def held_reminder(books: Books, ada: str) -> tuple[Message, int]:
    """Deliver a reminder's message in vain until it is held: the message, and how many deliveries that took."""
    sent = await books.do(
        lambda tx: messages.send(tx, sender="hived", to="ada", body="water the bees", kind="reminder", about="r1")
    )
    for attempt in range(1, 20):
        claimed = await books.claim(ada, f"t{attempt}")
        assert [(m.kind, m.about) for m in claimed.messages] == [("reminder", "r1")]
        await books.end_turn(ada, f"t{attempt}", "failed", sent[0].id, error="no bees")
        message = await books.message(sent[0].id)
        if message.status == "held":
            return message, attempt
        await books.come_due()
    raise AssertionError("it was never held")


async def test_a_reminder_has_five_attempts_whatever_a_message_has(books: Books) -> None:
    books.config.max_deliveries = 2
    message, attempts = await held_reminder(books, await books.agent("ada"))
    assert (attempts, message.reason) == (MOST_ATTEMPTS, "no bees")


async def test_a_reminder_survives_as_many_dead_turns(books: Books) -> None:
    ada = await books.agent("ada")
    (sent,) = await books.do(
        lambda tx: messages.send(tx, sender="hived", to="ada", body="x", kind="reminder", about="r1")
    )
    for generation in range(1, MOST_ATTEMPTS + 1):
        assert (await books.message(sent.id)).status == "queued"
        await books.claim(ada, f"t{generation}", generation=generation)
        await books.do(lambda tx: agents.next_generation(tx, ada))
    assert (await books.message(sent.id)).status == "held"


async def test_mail_to_an_agent_that_is_no_more_is_undeliverable_and_its_senders_are_told(books: Books) -> None:
    ada, bob = await books.agent("ada"), await books.agent("bob")
    await books.events(bob, event(1, "message_out", message_id="m1", to="ada", body="are you there"))
    mine = await books.send("ada", "from the operator")
    await books.do(lambda tx: delivery.give_up_mail(tx, ada, "ada"))
    for message_id in ("m1", mine.id):
        gone = await books.message(message_id)
        assert (gone.status, gone.reason) == ("undeliverable", "there is no agent ada any more")
    (told,) = (await books.claim(bob, "t1")).messages
    assert (told.sender, told.kind, "m1" in told.body) == ("hived", "report", True)
