"""Questions as the screen draws them: those that are pending, and the newest of the others."""

from collections.abc import Iterable

from hived.wire.questions import Question

KEPT_CLOSED = 200

Questions = dict[str, Question]
"""By id, oldest first."""


def with_questions(known: Questions, news: Iterable[Question]) -> Questions:
    merged = {**known, **{question.id: question for question in news}}
    closed = sorted(id for id, question in merged.items() if question.status != "pending")[:-KEPT_CLOSED]
    for id in closed:
        del merged[id]
    return {id: merged[id] for id in sorted(merged)}


def mine(question: Question) -> bool:
    """It waits for the operator's answer."""
    return question.with_operator and question.status == "pending"
