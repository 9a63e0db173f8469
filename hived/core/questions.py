"""Questions: asked once, answered once, expired visibly; an escalation goes up to the operator in time."""

from hived.core.event_payloads import AnswerOut, QuestionOut
from hived.store.database import Connection, Row, Tx


def take_question(tx: Tx, asker: Row, out: QuestionOut) -> None:
    """A `question_out` of that agent. The same id again is the same question. Raises what `messages.send` does, InvalidRequest."""


def take_answer(tx: Tx, answerer: Row, out: AnswerOut) -> None:
    """An `answer_out` of that agent. Raises QuestionNotFound, NotYours, QuestionClosed, InvalidAnswer."""


def count_open(conn: Connection, agent_id: str) -> int:
    """How many threads the agent owes and is owed."""
    return 0


def run_due(tx: Tx) -> None:
    """Expire what is past its deadline, take up what was not answered in time."""


def next_due(conn: Connection) -> str | None:
    """When `run_due` must be called again at the latest; None: never."""
    return None
