"""Limits and logins: in the one list while they need the operator, and what they held back comes again by itself."""

import json
from typing import Any

import pytest

from hived.core import agents, held_messages
from hived.wire.agents import Condition
from hived.wire.control import StatusReport
from hived.wire.errors import InvalidRequest
from tests.support.books import OPERATOR, Books, event, open_books

SINCE = "2026-11-20T12:00:00.000Z"
UNTIL = "2026-11-20T13:30:00.000Z"
LIMITED = {"condition": "rate_limited", "on": True, "detail": "5-hour limit", "until": UNTIL}


async def report(books: Books, agent_id: str, *conditions: Condition) -> None:
    said = StatusReport(turn_state="idle", turn_state_since=SINCE, pid=7, conditions=list(conditions))
    await books.do(lambda tx: agents.apply_status(tx, agent_id, 1, said))


async def hold(books: Books, agent_id: str, outcome: str, turn_id: str = "t1") -> str:
    """A message that is held for a turn of that outcome; its id."""
    sent = await books.send("ada", "do it")
    await books.claim(agent_id, turn_id)
    await books.end_turn(agent_id, turn_id, outcome, sent.id, error="no", retryable=False)
    assert (await books.message(sent.id)).status == "held"
    return sent.id


async def test_a_rate_limit_waits_for_the_operator_with_the_time_of_its_end(books: Books) -> None:
    ada = await books.agent("ada")
    await books.events(ada, event(1, "status_changed", **LIMITED))
    (condition,) = (await books.view("ada")).conditions
    assert (condition.kind, condition.until, condition.detail) == ("rate_limited", UNTIL, "5-hour limit")
    (item,) = await books.waiting()
    assert (item.id, item.kind, item.agent) == (ada, "rate_limited", "ada")
    assert item.subject == "ada is rate limited until 2026-11-20 13:30 UTC: 5-hour limit"
    assert (await books.view("ada")).waiting == 1
    await books.events(ada, event(2, "status_changed", condition="rate_limited", on=False))
    assert await books.waiting() == []


@pytest.mark.parametrize(("hive_says", "agent_says", "listed"), [(True, None, 0), (True, False, 1), (False, True, 0)])
async def test_an_agent_that_goes_on_by_itself_needs_nobody(
    hive_says: bool, agent_says: bool | None, listed: int
) -> None:
    async with open_books(rate_limit_resume=hive_says) as books:
        limits = {} if agent_says is None else {"rate_limit_resume": agent_says}
        ada = await books.agent("ada", limits=limits)
        await books.events(ada, event(1, "status_changed", **LIMITED))
        assert len(await books.waiting()) == listed
        assert [condition.kind for condition in (await books.view("ada")).conditions] == ["rate_limited"]


async def test_a_limit_that_says_nothing_is_refused_before_anyone_is_asked(books: Books) -> None:
    with pytest.raises(InvalidRequest, match="rate_limit_resume"):
        await books.ask("ada", limits={"rate_limit_resume": "no"})


async def test_a_rate_limit_holds_no_message_of_an_agent_that_goes_on_by_itself() -> None:
    async with open_books(rate_limit_resume=True) as books:
        ada = await books.agent("ada")
        sent = await books.send("ada")
        for turn in range(5):
            await books.come_due()
            assert [message.id for message in (await books.claim(ada, f"t{turn}")).messages] == [sent.id]
            await books.end_turn(ada, f"t{turn}", "rate_limited", sent.id, retryable=True)
        known = await books.message(sent.id)
        assert (known.status, known.deliveries, known.redelivered) == ("queued", 0, True)


async def test_else_a_rate_limit_counts_like_any_failure(books: Books) -> None:
    ada = await books.agent("ada")
    sent = await books.send("ada")
    for turn in range(3):
        await books.come_due()
        await books.claim(ada, f"t{turn}")
        await books.end_turn(ada, f"t{turn}", "rate_limited", sent.id, retryable=True)
    assert (await books.message(sent.id)).status == "held"
    await books.do(lambda tx: held_messages.requeue_held(tx, ada, "rate_limited"))
    assert (await books.message(sent.id)).status == "queued"


@pytest.mark.parametrize("by", ["event", "report"])
async def test_what_was_held_for_a_login_comes_again_once_the_login_is_there(books: Books, by: str) -> None:
    ada = await books.agent("ada")
    held, other = await hold(books, ada, "needs_login"), await hold(books, ada, "failed", "t2")
    cursor = (await books.view("ada")).cursor
    await books.events(ada, event(cursor + 1, "status_changed", condition="needs_login", on=True, detail="401"))
    books.rings.clear()
    books.feed.clear()
    if by == "event":
        await books.events(ada, event(cursor + 2, "status_changed", condition="needs_login", on=False))
    else:
        await report(books, ada)
    again = await books.message(held)
    assert (again.status, again.deliveries, again.reason) == ("queued", 0, None)
    assert (await books.message(other)).status == "held"
    assert [item.kind for item in await books.waiting()] == ["held_message"]
    assert [(ring.to, ring.event) for ring in books.rings] == [(ada, "wake")]
    assert [row.payload["receipts"][0]["message_id"] for row in books.feed if row.kind == "receipts"] == [held]
    who = json.loads(await books.one("SELECT actor_json FROM audit WHERE action = 'message.retried'"))["who"]
    assert who == "hived"
    await report(books, ada)
    assert await books.one("SELECT count(*) FROM audit WHERE action = 'message.retried'") == 1


@pytest.mark.parametrize("until", ["soon", "\x1b[31m", "9" * 4000, 7, None, "2026-13-01T00:00:00.000Z"])
async def test_an_end_that_is_no_time_is_none(books: Books, until: Any) -> None:
    ada = await books.agent("ada")
    await books.events(ada, event(1, "status_changed", condition="rate_limited", on=True, detail="a\nb", until=until))
    (condition,) = (await books.view("ada")).conditions
    assert (condition.until, condition.detail) == (None, "a b")
    hostile = Condition(kind="rate_limited", since="\x1b", detail="x" * 9000, until="\x07")
    await report(books, ada, hostile, hostile)
    (condition,) = (await books.view("ada")).conditions
    assert condition.until is None
    assert len(condition.detail) == 500
    assert condition.since > SINCE


async def test_a_stopped_agent_waits_for_no_login_and_what_was_held_for_one_goes_when_it_is_there(books: Books) -> None:
    ada = await books.agent("ada")
    lacking = Condition(kind="needs_login", since=SINCE, detail="log in")
    await report(books, ada, lacking)
    held = await hold(books, ada, "needs_login")
    await books.do(lambda tx: agents.want(tx, "ada", "stopped", OPERATOR))
    await books.do(lambda tx: agents.set_lifecycle(tx, ada, "stopped", "it ended", pid=None))
    assert [item.kind for item in await books.waiting()] == ["held_message"]
    await report(books, ada, lacking)
    assert {item.kind for item in await books.waiting()} == {"held_message", "needs_login"}
    await books.do(lambda tx: agents.set_lifecycle(tx, ada, "stopped", "it ended", pid=None))
    await report(books, ada)
    assert (await books.message(held)).status == "queued", "it was logged in while it was stopped"
