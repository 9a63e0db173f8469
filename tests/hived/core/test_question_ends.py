"""How questions end: answered once, expired visibly, cancelled where nobody is left to ask or to answer."""

import asyncio
import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hived.core import delivery, held_messages, pairs, questions
from hived.core.question_words import checked_answer
from hived.store.database import Row
from hived.wire.errors import HiveError, InvalidAnswer, NotYours, QuestionClosed, QuestionNotFound
from hived.wire.questions import Question, QuestionDraft
from tests.support.books import OPERATOR, Books
from tests.support.clocks import MovedClock
from tests.support.questions import come_due, got, operator_answers, question
from tests.support.speakers import speaker

# Answers ----------------------------------------------------------------------------------------------------


async def test_an_answer_is_a_message_in_plain_words_that_wakes(books: Books) -> None:
    ada = await speaker(books, "ada")
    asked = await ada.asks("operator", options=["red", "blue", "green"], multi=True)
    books.rings.clear()
    answered = await operator_answers(books, asked, "The sea\nand the grass.", 2, 1, 1)
    assert (answered.status, answered.answer_options, answered.answer_text) == (
        "answered",
        [1, 2],
        "The sea\nand the grass.",
    )
    assert answered.answered_by == OPERATOR
    assert [(ring.to, ring.event) for ring in books.rings] == [(ada.id, "wake")]
    [message] = await got(ada)
    assert message.body == "Chosen: 2) blue; 3) green\n\nThe sea\nand the grass."
    assert (message.sender, message.kind, message.about, message.thread) == ("operator", "answer", asked, asked)
    assert await books.waiting() == []
    assert (await books.view("ada")).waiting == 0
    assert [row.payload["status"] for row in books.feed if row.kind == "question"] == ["pending", "answered"]


async def test_an_answer_of_the_operator_is_audited_with_what_was_seen(books: Books) -> None:
    ada = await speaker(books, "ada")
    asked = await ada.asks("operator", "Deploy now?")
    await operator_answers(books, asked, "Yes.")
    actor = json.loads(await books.one("SELECT actor_json FROM audit WHERE action = 'question.answered'"))
    detail = json.loads(await books.one("SELECT detail_json FROM audit WHERE action = 'question.answered'"))
    assert (actor["who"], actor["uid"], actor["pid"], actor["socket"]) == ("operator", 1000, 4242, "host")
    assert (detail["asker"], detail["subject"], detail["text"]) == ("ada", "Deploy now?", "Yes.")
    assert len(detail["seen"]) == 64


async def test_of_many_who_answer_at_once_one_wins_and_the_others_are_told_who(books: Books) -> None:
    ada = await speaker(books, "ada")
    asked = await ada.asks("operator")
    said = await asyncio.gather(
        *(operator_answers(books, asked, f"answer {number}") for number in range(50)), return_exceptions=True
    )
    assert Counter(type(one) for one in said) == {Question: 1, QuestionClosed: 49}
    closed = next(one for one in said if isinstance(one, QuestionClosed))
    assert "is answered, by operator at 20" in closed.message
    assert (closed.status, closed.exit_code) == (409, 5)
    assert len(await got(ada)) == 1


async def test_the_same_answer_again_is_the_same_answer(books: Books) -> None:
    ada, bob = await speaker(books, "ada"), await speaker(books, "bob")
    asked = await ada.asks("bob")
    await bob.answers(asked, "yes", answer_id="a-1")
    await bob.answers(asked, "yes", answer_id="a-1")
    assert [message.id for message in await got(ada)] == ["a-1"]
    with pytest.raises(QuestionClosed, match="by bob"):
        await bob.answers(asked, "yes", answer_id="a-2")


async def test_only_whoever_was_asked_may_answer(books: Books) -> None:
    ada, bob, eve = [await speaker(books, name) for name in ("ada", "bob", "eve")]
    asked, up = await ada.asks("bob"), await ada.asks("operator")
    for agent, question_id in ((eve, asked), (ada, asked), (eve, up), (ada, up), (bob, up)):
        with pytest.raises(NotYours):
            await agent.answers(question_id, "yes")
    with pytest.raises(NotYours, match="it is bob's"):
        await operator_answers(books, asked, "yes")
    for unknown in ("nothing", "", "%", "q' OR '1'='1"):
        with pytest.raises(QuestionNotFound):
            await bob.answers(unknown, "yes")
    assert {(await question(books, asked)).status, (await question(books, up)).status} == {"pending"}
    assert await got(ada) == []


@pytest.mark.parametrize(
    ("options", "multi", "text", "chosen"),
    [
        ([], False, None, []),
        ([], False, "  \n", []),
        ([], False, None, [0]),
        ([], False, "words", [0]),
        (["a", "b"], False, None, [2]),
        (["a", "b"], False, None, [-1]),
        (["a", "b"], False, "words", [10**12]),
        (["a", "b"], False, None, [0, 1]),
        (["a", "b"], True, None, [0, 2]),
        (["a", "b"], True, None, []),
        ([], False, "x" * 65_537, []),
    ],
)
async def test_an_answer_that_does_not_fit_is_refused_and_the_question_stays_open(
    books: Books, options: list[str], multi: bool, text: str | None, chosen: list[int]
) -> None:
    ada, bob = await speaker(books, "ada"), await speaker(books, "bob")
    asked = await ada.asks("bob", options=options, multi=multi)
    with pytest.raises(InvalidAnswer) as refused:
        await bob.answers(asked, text, *chosen)
    assert refused.value.status == 400
    assert (await question(books, asked)).status == "pending"
    assert await got(ada) == []
    await bob.answers(asked, "in words")
    assert [message.body for message in await got(ada)] == ["in words"]


OPTIONS = st.lists(st.text(min_size=1, max_size=5), max_size=5)
ANSWERS = st.lists(st.integers(min_value=-3, max_value=8), max_size=4)


@given(OPTIONS, st.booleans(), st.none() | st.text(max_size=20), ANSWERS)
def test_what_is_taken_is_in_range_and_in_order_and_says_something(
    options: list[str], multi: bool, text: str | None, chosen: list[int]
) -> None:
    row: Row = {"id": "q", "options_json": json.dumps(options), "multi": int(multi)}  # type: ignore[assignment]
    fits = all(0 <= number < len(options) for number in chosen) and (multi or len(set(chosen)) <= 1)
    says = bool(chosen) or bool(text and text.strip())
    try:
        taken = checked_answer(row, text, chosen)
    except InvalidAnswer:
        assert not (fits and says)
    else:
        assert fits
        assert says
        assert taken.options == sorted(set(chosen))
        assert taken.text is None or taken.text.strip()


# Deadlines --------------------------------------------------------------------------------------------------


async def test_a_deadline_expires_visibly_and_the_moot_question_is_taken_back(books: Books) -> None:
    clock = books.database.clock = MovedClock()
    ada, bob = await speaker(books, "ada"), await speaker(books, "bob")
    asked = await ada.asks("bob", "Still there?", deadline="90s")
    assert await books.read(questions.next_due) == clock.ahead(90)
    await come_due(books, clock, 89)
    assert (await question(books, asked)).status == "pending"
    await come_due(books, clock, 1)
    found = await question(books, asked)
    assert (found.status, found.closed_at) == ("expired", clock())
    assert found.reason == f"nobody answered by {clock()}"
    [report] = await got(ada)
    assert (report.sender, report.kind, report.about) == ("hived", "report", asked)
    assert "is expired: nobody answered by" in report.body
    carrier = await books.message(asked)
    assert (carrier.status, await got(bob)) == ("undeliverable", [])
    assert "expired" in (carrier.reason or "")
    assert [row.payload["receipts"][0]["status"] for row in books.feed if row.kind == "receipts"][-1:] != []
    assert await books.read(questions.next_due) is None


async def test_an_expired_question_of_the_operators_list_leaves_it(books: Books) -> None:
    clock = books.database.clock = MovedClock()
    ada = await speaker(books, "ada")
    await ada.asks("operator", deadline="10s")
    await come_due(books, clock, 10)
    assert await books.waiting() == []
    assert (await books.view("ada")).waiting == 0


async def test_the_operator_is_told_of_his_own_that_nobody_answered(books: Books) -> None:
    clock = books.database.clock = MovedClock()
    await books.agent("ada")
    draft = QuestionDraft(to="ada", text="Well?", deadline="1m")
    await books.do(lambda tx: questions.ask_agent(tx, draft))
    await come_due(books, clock, 60)
    report = await books.message(await books.one("SELECT id FROM messages WHERE recipient = 'operator'"))
    assert (report.sender, report.kind) == ("hived", "report")


async def test_an_answer_after_the_deadline_is_refused_though_nobody_has_seen_to_it_yet(books: Books) -> None:
    clock = books.database.clock = MovedClock()
    ada, bob = await speaker(books, "ada"), await speaker(books, "bob")
    asked, up = await ada.asks("bob", deadline="5s"), await ada.asks("operator", deadline="5s")
    await bob.reads()
    clock.move(5)
    with pytest.raises(QuestionClosed, match="is expired, by hived at"):
        await bob.answers(asked, "yes")
    with pytest.raises(QuestionClosed, match="is expired"):
        await operator_answers(books, up, "yes")
    await books.do(questions.run_due)
    assert {(await question(books, one)).status for one in (asked, up)} == {"expired"}
    with pytest.raises(QuestionClosed, match="is expired"):
        await bob.answers(asked, "yes")


async def test_a_deadline_that_passed_while_hived_was_away_expires_at_once(books: Books) -> None:
    ada, bob = await speaker(books, "ada"), await speaker(books, "bob")
    asked = await ada.asks("bob", deadline="2020-01-01T00:00Z")
    assert (await question(books, asked)).status == "expired"
    assert (await got(ada))[0].about == asked
    assert await got(bob) == []


async def test_many_that_expire_at_once_all_do(books: Books) -> None:
    clock = books.database.clock = MovedClock()
    ada, bob = await speaker(books, "ada"), await speaker(books, "bob")
    for agent in (ada, bob):
        for _ in range(questions.MOST_PENDING):
            await agent.asks("operator", deadline="5s")
    clock.move(5)
    rounds = 0
    while await books.read(questions.next_due) is not None:
        await books.do(questions.run_due)
        rounds += 1
    assert (await books.waiting(), rounds) == ([], 2)


# Agents that are gone ---------------------------------------------------------------------------------------


async def test_who_is_gone_asks_nothing_and_answers_nothing_any_more(books: Books) -> None:
    queen, ada = await speaker(books, "queen", role="queen"), await speaker(books, "ada", parent="queen")
    bob = await speaker(books, "bob")
    by_bob, of_bob = await bob.asks("ada"), await ada.asks("bob")
    to_operator, up = await bob.asks("operator"), await ada.escalates()
    await got(ada)
    await books.do(lambda tx: delivery.give_up_mail(tx, bob.id, "bob"))
    assert {(await question(books, one)).status for one in (by_bob, of_bob, to_operator)} == {"cancelled"}
    assert await books.waiting() == []
    told = [message.body for message in await got(ada)]
    assert len(told) == 2
    assert all("there is no agent bob any more" in body for body in told)
    await books.do(lambda tx: delivery.give_up_mail(tx, queen.id, "queen"))
    assert (await question(books, up)).with_operator, "an escalation goes up instead"
    with pytest.raises(HiveError, match="cancelled"):
        await ada.answers(by_bob, "yes")


async def test_a_question_whose_message_is_dropped_is_cancelled_and_an_escalation_goes_up(books: Books) -> None:
    queen, ada = await speaker(books, "queen", role="queen"), await speaker(books, "ada", parent="queen")
    bob = await speaker(books, "bob")
    asked, up = await ada.asks("bob"), await ada.escalates()
    for agent in (bob, queen):
        await agent.ends("failed", await agent.takes(), retryable=False)
    for held in (asked, up):
        await books.do(lambda tx, held=held: held_messages.drop_held(tx, held, OPERATOR))  # type: ignore[misc]
    found = await question(books, asked)
    assert (found.status, found.reason) == ("cancelled", "its message to bob was dropped by operator")
    (told,) = [message.body for message in await got(ada)]
    assert told.startswith(f"Your question {asked} to bob is cancelled")
    assert (await question(books, up)).status == "pending"
    assert [(item.id, item.kind) for item in await books.waiting()] == [(up, "question")]


async def test_questions_between_a_pair_that_is_dropped_are_cancelled_and_expired_ones_leave_its_hold(
    books: Books,
) -> None:
    clock = books.database.clock = MovedClock()
    books.database.config.damper_messages = 4
    ada, bob = await speaker(books, "ada"), await speaker(books, "bob")
    for number in range(4):
        for one, other in ((ada, "bob"), (bob, "ada")):
            await one.says("message_out", message_id=f"{one.name}-{number}", to=other, body="thanks")
    [pair] = await books.waiting()
    asked, late = await ada.asks("bob"), await bob.asks("ada", deadline="5s")
    assert {(await books.message(one)).status for one in (asked, late)} == {"held"}
    held = (await books.do(lambda tx: pairs.list_pairs(tx.connection)))[0].held
    await come_due(books, clock, 5)
    assert (await books.message(late)).status == "undeliverable"
    assert [row.payload["held"] for row in books.feed if row.kind == "pair"][-1] == held - 1
    await books.do(lambda tx: pairs.drop(tx, pair.id, OPERATOR))
    assert (await question(books, asked)).status == "cancelled"
