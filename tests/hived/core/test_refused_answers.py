"""An answer that is refused leaves its question open: no question is answered without the message that says so."""

import pytest

from hived.wire.errors import InvalidRequest
from tests.support.books import Books
from tests.support.questions import got, question
from tests.support.speakers import speaker


async def test_an_answer_under_the_id_of_another_message_is_refused_and_the_question_stays_open(books: Books) -> None:
    ada, bob, carl = [await speaker(books, name) for name in ("ada", "bob", "carl")]
    await carl.says("message_out", message_id="carls", to="ada", body="hello")
    await bob.says("message_out", message_id="bobs", to="carl", body="hello")
    asked = await ada.asks("bob")
    for taken in ("carls", "bobs", asked):
        with pytest.raises(InvalidRequest):
            await bob.answers(asked, "yes", answer_id=taken)
        assert (await question(books, asked)).status == "pending"
    await bob.answers(asked, "yes")
    assert [message.body for message in await got(ada) if message.kind == "answer"] == ["yes"]


async def test_an_answer_gets_past_a_full_queue(books: Books) -> None:
    ada, bob = await speaker(books, "ada"), await speaker(books, "bob")
    books.config.max_queued = 2
    books.config.damper_seconds = 0
    asked = await ada.asks("bob")
    for number in range(2):
        await bob.says("message_out", message_id=f"m{number}", to="ada", body="x")
    await bob.answers(asked, "yes")
    assert [message.about for message in await got(ada) if message.kind == "answer"] == [asked]
    assert (await question(books, asked)).status == "answered"


@pytest.mark.parametrize("option", [True, 0.0, "0"])
async def test_an_option_is_named_by_a_whole_number_alone(books: Books, option: object) -> None:
    ada, bob = await speaker(books, "ada"), await speaker(books, "bob")
    asked = await ada.asks("bob", options=["red", "blue"])
    with pytest.raises(InvalidRequest):
        await bob.says("answer_out", answer_id="a1", question_id=asked, options=[option])
    assert (await question(books, asked)).status == "pending"
