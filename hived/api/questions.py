"""Questions, as the operator sees, asks, answers and withdraws them; and what an agent owes and is owed."""

from typing import Annotated

from fastapi import APIRouter, Query, Request

from hived.api.callers import actor_of, harness_of, hive_of
from hived.api.idempotency import remembered
from hived.core import questions
from hived.core.agent_views import find_any_agent
from hived.core.fault_points import reach
from hived.core.open_threads import open_threads
from hived.store.database import Connection
from hived.wire import routes
from hived.wire.names import OPERATOR
from hived.wire.questions import AnswerDraft, OpenThreads, Question, QuestionDraft, QuestionList, QuestionStatus

host_router = APIRouter(tags=["decisions"])
agent_router = APIRouter(tags=["harness"])


@host_router.get(routes.QUESTIONS)
async def get_questions(
    request: Request,
    all: Annotated[bool, Query(description="Closed ones too; else pending ones alone.")] = False,
    status: Annotated[QuestionStatus | None, Query(description="Only those, whatever `all` says.")] = None,
    agent: Annotated[str | None, Query(description="Only those asked by it or of it; `operator` too.")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
    before: Annotated[str | None, Query(description="Only those older than this question.")] = None,
) -> QuestionList:
    """The newest that fit, oldest first; about 4 MiB of texts at most."""
    chosen = status or (None if all else "pending")

    def query(conn: Connection) -> QuestionList:
        if agent not in (None, OPERATOR):
            find_any_agent(conn, str(agent))
        return questions.page_questions(conn, status=chosen, agent=agent, limit=limit, before=before)

    return await hive_of(request).database.read(query)


@host_router.post(routes.QUESTIONS, status_code=201)
async def post_question(request: Request, draft: QuestionDraft) -> Question:
    """Ask one agent. Its answer comes as a message of kind `answer` to the operator."""
    return await hive_of(request).database.write(remembered(request, lambda tx: questions.ask_agent(tx, draft), 201))


@host_router.get(routes.QUESTION)
async def get_question(request: Request, id: str) -> Question:
    """One question, by its id or a unique beginning of it."""

    def query(conn: Connection) -> Question:
        return questions.to_question(questions.find_question(conn, id))

    return await hive_of(request).database.read(query)


@host_router.post(routes.QUESTION_ANSWER)
async def post_question_answer(request: Request, id: str, answer: AnswerDraft) -> Question:
    """Answer what was asked of the operator, or came up to him. Whoever comes second gets 409 `question_closed`."""
    actor = actor_of(request)
    reach("hived_decide")
    answered = await hive_of(request).database.write(
        remembered(request, lambda tx: questions.answer(tx, id, answer, actor))
    )
    reach("hived_decided")
    return answered


@host_router.post(routes.QUESTION_CANCEL)
async def post_question_cancel(request: Request, id: str) -> Question:
    """Take back a question that the operator asked. 403 `not_yours` for any other, 409 `question_closed` for one that is over."""
    actor = actor_of(request)
    return await hive_of(request).database.write(remembered(request, lambda tx: questions.withdraw(tx, id, actor)))


@agent_router.get(routes.OPEN_THREADS)
async def get_open_threads(request: Request) -> OpenThreads:
    """What the agent still owes and is owed."""
    agent, _ = await harness_of(request)
    return await hive_of(request).database.read(lambda conn: open_threads(conn, agent["id"]))
