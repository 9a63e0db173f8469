"""Reminders: made, due, delivered, failed, cancelled, retried."""

import pytest

from hived.core import delivery, held_messages, reminder_retries, reminders
from hived.core.snapshot import take
from hived.wire.errors import (
    AgentNotFound,
    HiveError,
    InvalidMoment,
    InvalidRequest,
    NotYours,
    QueueFull,
    ReminderClosed,
    ReminderNotFound,
)
from hived.wire.reminders import MOST_ATTEMPTS, MOST_OPEN, MOST_TEXT_CHARACTERS, Reminder, ReminderDraft
from tests.support.books import OPERATOR, Books
from tests.support.clocks import MovedClock
from tests.support.speakers import Speaker, reminder_of, speaker


async def operator_reminds(books: Books, when: str = "90s", text: str = "look", agent: str = "ada") -> Reminder:
    draft = ReminderDraft(agent=agent, when=when, text=text)
    return await books.do(lambda tx: reminders.remind_agent(tx, draft))


async def cancel(books: Books, reminder_id: str) -> Reminder:
    return await books.do(lambda tx: reminders.cancel(tx, reminder_id, OPERATOR))


async def retry(books: Books, reminder_id: str) -> Reminder:
    return await books.do(lambda tx: reminder_retries.retry(tx, reminder_id, OPERATOR))


async def fire(books: Books) -> None:
    await books.do(reminders.run_due)


async def fails(books: Books, agent: Speaker, **end: object) -> None:
    """A turn with what is due, that comes to nothing."""
    await books.come_due()
    await agent.ends("failed", await agent.takes(), error="the model is down", **end)


async def failed_one(books: Books, agent: Speaker) -> str:
    reminder_id = await agent.reminds_itself("0s")
    await fire(books)
    for _ in range(MOST_ATTEMPTS):
        await fails(books, agent)
    assert (await reminder_of(books, reminder_id)).status == "failed"
    return reminder_id


# Due --------------------------------------------------------------------------------------------------------


async def test_a_reminder_is_a_message_from_hived_when_it_is_due_and_done_when_that_is_read(books: Books) -> None:
    clock = books.database.clock = MovedClock()
    ada = await speaker(books, "ada")
    made = await ada.reminds_itself("2h30m", "look at the build")
    assert await books.read(reminders.next_due) == clock.ahead(9000)
    clock.move(8999)
    await fire(books)
    assert (await ada.takes()).messages == []
    clock.move(1)
    books.rings.clear()
    await fire(books)
    assert [(ring.to, ring.event) for ring in books.rings] == [(ada.id, "wake")]
    claimed = await ada.takes()
    [message] = claimed.messages
    assert (message.sender, message.kind, message.about, message.body) == (
        "hived",
        "reminder",
        made,
        "look at the build",
    )
    found = await reminder_of(books, made)
    assert (found.status, found.message_id, found.made_by) == ("sent", message.id, "ada")
    await ada.ends("ok", claimed)
    found = await reminder_of(books, made)
    assert (found.status, found.attempts, found.closed_at, found.error) == ("done", 1, clock(), None)
    assert await books.read(reminders.next_due) is None
    assert [row.payload["status"] for row in books.feed if row.kind == "reminder"] == ["pending", "sent", "done"]


async def test_it_is_sent_once_however_often_it_is_looked_at(books: Books) -> None:
    ada = await speaker(books, "ada")
    await ada.reminds_itself("2020-01-01T00:00Z", "the past is due at once")
    for _ in range(3):
        await fire(books)
    assert [message.body for message in (await ada.reads()).messages] == ["the past is due at once"]
    assert (await ada.takes()).messages == []


async def test_the_operator_reminds_an_agent(books: Books) -> None:
    clock = books.database.clock = MovedClock()
    ada = await speaker(books, "ada")
    made = await operator_reminds(books, "10m", "stand up")
    assert (made.made_by, made.status, made.due_at) == ("operator", "pending", clock.ahead(600))
    assert (await operator_reminds(books, clock.ahead(-59))).due_at == clock.ahead(-59), "a clock may be a little off"
    for past in (clock.ahead(-61), "2020-01-01"):
        with pytest.raises(InvalidMoment, match="has passed"):
            await operator_reminds(books, past)
    clock.move(600)
    await fire(books)
    assert [message.body for message in (await ada.takes()).messages] == ["look", "stand up"]


async def test_the_same_id_again_is_the_same_reminder(books: Books) -> None:
    ada, bob = await speaker(books, "ada"), await speaker(books, "bob")
    made = await ada.reminds_itself("1h", reminder_id="r-1")
    await ada.reminds_itself("2h", "another", reminder_id=made)
    assert (await reminder_of(books, made)).text == "look again"
    with pytest.raises(InvalidRequest, match="somebody else"):
        await bob.reminds_itself("1h", reminder_id=made)


async def test_many_that_are_due_at_once_are_all_sent(books: Books) -> None:
    agents = [await speaker(books, name) for name in ("ada", "bob")]
    for agent in agents:
        for _ in range(MOST_OPEN):
            await agent.reminds_itself("0s")
    rounds = 0
    while await books.read(reminders.next_due) is not None:
        await fire(books)
        rounds += 1
    assert rounds == 2
    assert await books.one("SELECT count(*) FROM messages WHERE kind = 'reminder'") == 2 * MOST_OPEN


# Attempts ---------------------------------------------------------------------------------------------------


async def test_after_five_attempts_it_has_failed_and_its_message_is_held(books: Books) -> None:
    ada = await speaker(books, "ada")
    made = await ada.reminds_itself("0s", "look at the build")
    await fire(books)
    for attempt in range(1, MOST_ATTEMPTS + 1):
        assert await books.waiting() == []
        await fails(books, ada)
        found = await reminder_of(books, made)
        assert (found.attempts, found.error) == (attempt, "the model is down")
        assert found.status == ("failed" if attempt == MOST_ATTEMPTS else "sent")
    [item] = await books.waiting()
    assert (item.id, item.kind, item.agent) == (found.message_id, "held_message", "ada")


async def test_where_a_repeat_cannot_help_it_fails_at_once(books: Books) -> None:
    ada = await speaker(books, "ada")
    made = await ada.reminds_itself("0s")
    await fire(books)
    await fails(books, ada, retryable=False)
    found = await reminder_of(books, made)
    assert (found.status, found.attempts) == ("failed", 1)


@pytest.mark.parametrize("way", ["reminder", "message"])
async def test_a_failed_one_is_sent_again_with_all_its_attempts_before_it(books: Books, way: str) -> None:
    ada = await speaker(books, "ada")
    made = await failed_one(books, ada)
    message_id = (await books.waiting())[0].id
    if way == "reminder":
        again = await retry(books, made)
        assert (again.status, again.attempts, again.error) == ("sent", 0, "the model is down")
    else:
        await books.do(lambda tx: held_messages.retry_held(tx, message_id, OPERATOR))
    assert await books.waiting() == []
    await fails(books, ada)
    found = await reminder_of(books, made)
    assert (found.status, found.attempts) == ("sent", 1)
    await books.come_due()
    await ada.reads()
    assert (await reminder_of(books, made)).status == "done"


@pytest.mark.parametrize("way", ["reminder", "message"])
async def test_a_failed_one_is_given_up(books: Books, way: str) -> None:
    ada = await speaker(books, "ada")
    made = await failed_one(books, ada)
    message_id = (await books.waiting())[0].id
    if way == "reminder":
        await cancel(books, made)
    else:
        await books.do(lambda tx: held_messages.drop_held(tx, message_id, OPERATOR))
    assert (await reminder_of(books, made)).status == "cancelled"
    assert (await books.waiting(), (await books.message(message_id)).status) == ([], "undeliverable")
    for change in (cancel, retry):
        with pytest.raises(ReminderClosed, match="is cancelled"):
            await change(books, made)


# Cancelled and retried --------------------------------------------------------------------------------------


async def test_a_pending_one_is_cancelled_by_whoever_made_it_and_by_the_operator(books: Books) -> None:
    ada, bob = await speaker(books, "ada"), await speaker(books, "bob")
    own, other, operators = (
        await ada.reminds_itself("1h"),
        await ada.reminds_itself("1h"),
        await operator_reminds(books),
    )
    await ada.cancels(own)
    for agent, reminder_id in ((bob, other), (ada, operators.id)):
        with pytest.raises(NotYours):
            await agent.cancels(reminder_id)
    await cancel(books, other[:35])
    assert [row.id for row in await books.read(reminders.list_open)] == [operators.id]
    assert await books.one("SELECT group_concat(subject) FROM audit WHERE action = 'reminder.cancelled'") == other
    with pytest.raises(ReminderClosed):
        await ada.cancels(own)
    for unknown in ("", "nothing", "%"):
        with pytest.raises(ReminderNotFound):
            await ada.cancels(unknown)


async def test_one_that_is_under_way_is_taken_back_unless_a_turn_has_it(books: Books) -> None:
    ada = await speaker(books, "ada")
    first, second = await ada.reminds_itself("0s", "first"), await ada.reminds_itself("0s", "second")
    await fire(books)
    await ada.cancels(first)
    claimed = await ada.takes()
    assert [message.body for message in claimed.messages] == ["second"]
    with pytest.raises(ReminderClosed, match="is being read in a turn"):
        await cancel(books, second)
    await ada.ends("failed", claimed)
    await cancel(books, second)
    await books.come_due()
    assert (await ada.takes()).messages == []


async def test_retrying_a_pending_one_makes_it_due_now(books: Books) -> None:
    ada = await speaker(books, "ada")
    made = await ada.reminds_itself("3d")
    await retry(books, made)
    await fire(books)
    with pytest.raises(ReminderClosed, match="is on its way"):
        await retry(books, made)
    assert len((await ada.reads()).messages) == 1
    with pytest.raises(ReminderClosed, match="is done"):
        await retry(books, made)


async def test_nobody_is_left_to_be_reminded_of_what_an_agent_that_is_gone_wanted(books: Books) -> None:
    ada = await speaker(books, "ada")
    first, second = await ada.reminds_itself("0s"), await ada.reminds_itself("1h")
    await fire(books)
    await books.do(lambda tx: delivery.give_up_mail(tx, ada.id, "ada"))
    assert {(await reminder_of(books, one)).status for one in (first, second)} == {"cancelled"}


# What is refused --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("due_at", "text", "error"),
    [
        ("soon", "x", InvalidMoment),
        ("367d", "x", InvalidMoment),
        ("9999-01-01", "x", InvalidMoment),
        ("1h", " \n", InvalidRequest),
        ("1h", "x" * (MOST_TEXT_CHARACTERS + 1), InvalidRequest),
    ],
)
async def test_what_cannot_be_kept_is_refused(books: Books, due_at: str, text: str, error: type[HiveError]) -> None:
    ada = await speaker(books, "ada")
    with pytest.raises(error):
        await ada.reminds_itself(due_at, text)
    assert await books.read(reminders.list_open) == []


async def test_a_flood_of_reminders_is_refused_at_its_two_hundred_first(books: Books) -> None:
    ada = await speaker(books, "ada")
    made = [await ada.reminds_itself("1h") for _ in range(MOST_OPEN)]
    with pytest.raises(QueueFull, match="ada has 200 reminders to come"):
        await ada.reminds_itself("1h")
    with pytest.raises(QueueFull):
        await operator_reminds(books)
    await ada.cancels(made[0])
    assert await ada.reminds_itself("1h")


async def test_an_agent_that_is_not_there_is_not_reminded(books: Books) -> None:
    with pytest.raises(AgentNotFound):
        await operator_reminds(books, agent="nobody")


# Lists ------------------------------------------------------------------------------------------------------


async def test_lists_begin_with_what_is_due_first(books: Books) -> None:
    ada, bob = await speaker(books, "ada"), await speaker(books, "bob")
    late, soon = await ada.reminds_itself("2h"), await bob.reminds_itself("1h")
    over = await ada.reminds_itself("3h")
    await ada.cancels(over)

    async def ids(**query: str | bool | int) -> list[str]:
        found = await books.read(lambda conn: reminders.list_reminders(conn, **query))  # type: ignore[arg-type]
        return [item.id for item in found]

    assert await ids() == [soon, late]
    assert await ids(closed=True) == [soon, late, over]
    assert await ids(agent="ada") == [late]
    assert await ids(limit=1) == [late]
    assert await ids(before=late) == [soon]
    snapshot = await books.read(lambda conn: take(conn, books.hive.info))
    assert [item.id for item in snapshot.reminders] == [soon, late]
