"""Questions on a test's books: looked at, answered by the operator, let come due."""

from hived.core import questions
from hived.wire.messages import Message
from hived.wire.questions import AnswerDraft, Question
from tests.support.books import OPERATOR, Books
from tests.support.clocks import MovedClock
from tests.support.speakers import Speaker


async def question(books: Books, question_id: str) -> Question:
    return await books.read(lambda conn: questions.to_question(questions.find_question(conn, question_id)))


async def operator_answers(books: Books, question_id: str, text: str | None = None, *options: int) -> Question:
    draft = AnswerDraft(text=text, options=list(options))
    return await books.do(lambda tx: questions.answer(tx, question_id, draft, OPERATOR))


async def come_due(books: Books, clock: MovedClock, seconds: float) -> None:
    clock.move(seconds)
    await books.do(questions.run_due)


async def got(agent: Speaker) -> list[Message]:
    return (await agent.reads()).messages
