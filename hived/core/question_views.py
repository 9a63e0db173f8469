"""Questions as clients see them: found, listed, fed."""

import json
from typing import Any

from hived.core.agent_views import publish
from hived.core.finding import only_one
from hived.store import agents as agent_store
from hived.store import questions as store
from hived.store.database import Connection, Row, Tx
from hived.wire.approvals import Actor
from hived.wire.errors import QuestionNotFound
from hived.wire.questions import Question, QuestionList

NEWEST_CLOSED = 50
"""In the snapshot, beside every pending one."""
MOST_PAGE_CHARACTERS = 4 * 1024 * 1024
"""Of all texts of a page: it is shorter where they are very long."""


def find_question(conn: Connection, prefix: str) -> Row:
    """The question with that id, or the only one whose id begins so. Raises QuestionNotFound, AmbiguousId."""
    return only_one(store.select_questions_starting(conn, prefix), prefix, QuestionNotFound, "question")


def page_questions(
    conn: Connection,
    *,
    status: str | None = None,
    agent: str | None = None,
    limit: int = 200,
    before: str | None = None,
) -> QuestionList:
    """The newest `limit` that fit, fewer where they are very long, oldest first; `agent`: asked by it or of it.

    Raises QuestionNotFound, AmbiguousId (`before`).
    """
    older = None if before is None else find_question(conn, before)["id"]
    ids = store.select_question_ids(conn, status=status, agent=agent, limit=limit + 1, before=older)
    newest_first: list[Question] = []
    size = 0
    for question_id in ids[:limit]:
        row = store.select_question(conn, question_id)
        if row is None:
            continue
        size += len(row["text"]) + len(row["answer_text"] or "")
        if newest_first and size > MOST_PAGE_CHARACTERS:
            break
        newest_first.append(to_question(row))
    return QuestionList(questions=newest_first[::-1], more=len(ids) > len(newest_first))


def list_questions(conn: Connection, **query: Any) -> list[Question]:
    """Those of `page_questions`."""
    return page_questions(conn, **query).questions


def to_question(row: Row) -> Question:
    by, chosen = row["answered_by_json"], row["answer_options_json"]
    return Question(
        id=row["id"],
        kind=row["kind"],
        asker=row["asker"],
        recipient=row["recipient"],
        with_operator=bool(row["with_operator"]),
        text=row["text"],
        options=json.loads(row["options_json"]),
        multi=bool(row["multi"]),
        status=row["status"],
        created_at=row["created_at"],
        deadline=row["deadline"],
        goes_up_at=row["goes_up_at"],
        thread=row["thread"],
        answered_at=row["answered_at"],
        answered_by=None if by is None else Actor.model_validate_json(by),
        answer_text=row["answer_text"],
        answer_options=None if chosen is None else json.loads(chosen),
        closed_at=row["closed_at"],
        reason=row["reason"],
    )


def feed_question(tx: Tx, question_id: str) -> Question:
    """Feed it, and its asker's view, which counts what waits of it."""
    row = find_question(tx.connection, question_id)
    question = to_question(row)
    tx.feed("question", question.model_dump_json())
    if row["asker_id"] is not None and agent_store.select_agent(tx.connection, row["asker_id"]) is not None:
        publish(tx, row["asker_id"])
    return question
