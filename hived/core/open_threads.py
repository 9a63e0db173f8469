"""What an agent still owes and is owed."""

from hived.core.question_views import to_question
from hived.store import open_threads as store
from hived.store import questions as question_store
from hived.store import reminders as reminder_store
from hived.store.database import Connection, Row
from hived.wire.questions import OpenApproval, OpenMessage, OpenReminder, OpenThreads, Question

MOST_UNDELIVERED = 32
MOST_QUESTION_CHARACTERS = 4096
"""Of a question's text: its message has it whole."""


def open_threads(conn: Connection, agent_id: str) -> OpenThreads:
    return OpenThreads(
        to_answer=[_begun(row) for row in question_store.select_pending_for(conn, agent_id)],
        unanswered=[_begun(row) for row in question_store.select_pending_of(conn, agent_id)],
        undelivered=[
            OpenMessage(
                message_id=row["id"],
                to=row["recipient"],
                status=row["status"],
                sent_at=row["sent_at"],
                reason=row["reason"],
            )
            for row in store.select_undelivered(conn, agent_id, MOST_UNDELIVERED)
        ],
        approvals=[
            OpenApproval(id=row["id"], kind=row["kind"], subject=row["subject"], created_at=row["created_at"])
            for row in store.select_undecided(conn, agent_id)
        ],
        reminders=[
            OpenReminder(id=row["id"], due_at=row["due_at"], text=row["text"])
            for row in reminder_store.select_open(conn, agent_id)
        ],
    )


def _begun(row: Row) -> Question:
    question = to_question(row)
    if len(question.text) <= MOST_QUESTION_CHARACTERS:
        return question
    return question.model_copy(update={"text": question.text[:MOST_QUESTION_CHARACTERS], "cut": True})
