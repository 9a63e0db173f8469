"""Escalations: to the asker's queen, and in time to the operator; whoever answers first has answered."""

import pytest

from hived.core import agents, questions
from hived.wire.approvals import Actor
from hived.wire.errors import NotYours, QuestionClosed
from tests.support.books import OPERATOR, Books
from tests.support.clocks import MovedClock
from tests.support.questions import come_due, got, operator_answers, question
from tests.support.speakers import Speaker, speaker


async def hive_of(books: Books) -> tuple[Speaker, Speaker]:
    queen = await speaker(books, "queen", role="queen")
    return queen, await speaker(books, "ada", parent="queen")


async def test_an_escalation_goes_to_the_queen_and_in_time_to_the_operator_too(books: Books) -> None:
    clock = books.database.clock = MovedClock()
    queen, ada = await hive_of(books)
    asked = await ada.escalates("May I drop the table?")
    found = await question(books, asked)
    assert (found.kind, found.recipient, found.with_operator) == ("escalation", "queen", False)
    assert (found.goes_up_at, await books.waiting()) == (clock.ahead(300), [])
    assert [message.about for message in await got(queen)] == [asked]
    await come_due(books, clock, 300)
    found = await question(books, asked)
    assert (found.status, found.with_operator, found.reason) == ("pending", True, "queen did not answer within 300 s")
    [item] = await books.waiting()
    assert (item.id, item.kind, item.agent) == (asked, "question", "ada")
    [report] = await got(queen)
    assert "went up to the operator" in report.body
    assert await books.read(questions.next_due) is None
    await books.do(questions.run_due)
    assert await got(queen) == [], "it goes up once"


async def test_whoever_answers_an_escalation_first_wins(books: Books) -> None:
    clock = books.database.clock = MovedClock()
    queen, ada = await hive_of(books)
    first, second = await ada.escalates(), await ada.escalates()
    with pytest.raises(NotYours, match="it is queen's"):
        await operator_answers(books, first, "too early")
    await got(queen)
    await come_due(books, clock, 300)
    await got(queen)
    await queen.answers(first, "Yes.")
    with pytest.raises(QuestionClosed, match="by queen"):
        await operator_answers(books, first, "No.")
    await operator_answers(books, second, "No.")
    with pytest.raises(QuestionClosed, match="by operator"):
        await queen.answers(second, "Yes.")
    assert [(message.sender, message.body) for message in await got(ada)] == [("queen", "Yes."), ("operator", "No.")]
    assert await books.waiting() == []
    [told] = await got(queen)
    assert "needs no answer any more: answered by operator" in told.body
    actions = await books.one(
        "SELECT group_concat(json_extract(actor_json, '$.who')) FROM audit WHERE action = 'question.answered'"
    )
    assert actions == "queen,operator"


async def test_what_the_operator_answered_before_the_queen_had_it_is_taken_back(books: Books) -> None:
    clock = books.database.clock = MovedClock()
    queen, ada = await hive_of(books)
    asked = await ada.escalates()
    await come_due(books, clock, 300)
    await operator_answers(books, asked, "Yes.")
    assert (await books.message(asked)).status == "undeliverable"
    assert [message.kind for message in await got(queen)] == ["report"], "that it went up"


@pytest.mark.parametrize("state", ["stopped", "parked", "crashed", "paused"])
async def test_an_escalation_to_a_queen_who_is_not_at_work_is_the_operators_at_once(books: Books, state: str) -> None:
    queen, ada = await hive_of(books)
    await books.do(lambda tx: tx.execute("UPDATE agents SET lifecycle = ? WHERE name = 'queen'", (state,)))
    asked = await ada.escalates()
    found = await question(books, asked)
    assert (found.recipient, found.with_operator) == ("queen", True)
    assert found.reason == f"it went up at once: queen is {state}"
    assert [item.id for item in await books.waiting()] == [asked]
    await queen.answers(asked, "I am back.")
    assert (await question(books, asked)).answered_by == Actor(who="queen", socket="agent")
    assert await books.waiting() == []


async def test_without_a_queen_it_is_the_operators(books: Books) -> None:
    ada = await speaker(books, "ada")
    asked = await ada.escalates()
    found = await question(books, asked)
    assert (found.kind, found.recipient, found.with_operator) == ("escalation", "operator", True)
    queen = await speaker(books, "queen", role="queen")
    assert (await question(books, await queen.escalates())).recipient == "operator", "she is not her own queen"


async def test_the_parent_goes_before_the_queen_if_it_is_one(books: Books) -> None:
    await speaker(books, "queen", role="queen")
    await speaker(books, "regent", role="queen")
    await speaker(books, "worker")
    ada, bob = await speaker(books, "ada", parent="regent"), await speaker(books, "bob", parent="worker")
    assert (await question(books, await ada.escalates())).recipient == "regent"
    assert (await question(books, await bob.escalates())).recipient == "queen"


async def test_escalations_go_up_when_their_queen_is_stopped(books: Books) -> None:
    queen, ada = await hive_of(books)
    asked = await ada.escalates()
    await books.do(lambda tx: agents.set_lifecycle(tx, queen.id, "crashed", "it ended", pid=None))
    assert await books.waiting() == [], "it will be tried again"
    await books.do(lambda tx: agents.want(tx, "queen", "stopped", OPERATOR))
    await books.do(lambda tx: agents.set_lifecycle(tx, queen.id, "stopped", "operator asked", pid=None))
    assert [item.id for item in await books.waiting()] == [asked]
    assert (await question(books, asked)).reason == "queen is stopped"
