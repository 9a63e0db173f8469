"""How a question ends: answered once, expired at its deadline, cancelled; and how an escalation goes up before that."""

import json
from collections.abc import Sequence

from hived.core import audit, carriers, messages, waiting
from hived.core.event_payloads import AnswerOut
from hived.core.question_views import feed_question, find_question
from hived.core.question_words import answer_body, checked_answer
from hived.core.text import one_line
from hived.store import messages as message_store
from hived.store import questions as store
from hived.store.database import Connection, Row, Tx
from hived.wire.approvals import Actor
from hived.wire.errors import InvalidRequest, NotYours, QuestionClosed
from hived.wire.ids import new_id
from hived.wire.names import HIVED, OPERATOR
from hived.wire.questions import AnswerDraft, Question
from hived.wire.times import from_text

DUE_AT_ONCE = 200
"""Of each kind, in one change; the others come in the next."""
MOST_AUDITED = 4096
"""Characters of an answer's words in the audit; the question has them all."""
MOST_SUBJECT = 160
"""Characters of a question in a report on it."""


def answer(tx: Tx, prefix: str, draft: AnswerDraft, actor: Actor) -> Question:
    """The operator answers what was asked of him, or came up to him.

    Raises QuestionNotFound, AmbiguousId, NotYours, QuestionClosed, InvalidAnswer.
    """
    row = find_question(tx.connection, prefix)
    if not row["with_operator"]:
        raise _not_yours(row, actor, "answer")
    return _answer(tx, row, actor, None, draft.text, draft.options, new_id())


def take_answer(tx: Tx, answerer: Row, out: AnswerOut) -> None:
    """An `answer_out` of that agent. The same id again is the same answer.

    Raises QuestionNotFound, AmbiguousId, NotYours, QuestionClosed, InvalidAnswer, InvalidRequest (the id is another message's).
    """
    known = message_store.select_message(tx.connection, out.answer_id)
    if known is not None and (known["sender_id"], known["kind"]) == (answerer["id"], "answer"):
        return
    if known is not None:
        raise InvalidRequest(reason=f"The answer id {out.answer_id} is a message's already.")
    row = find_question(tx.connection, out.question_id)
    actor = Actor(who=answerer["name"], socket="agent")
    if row["recipient_id"] != answerer["id"]:
        raise _not_yours(row, actor, "answer")
    with tx.part():  # what is refused in the middle of it leaves the question open
        _answer(tx, row, actor, answerer["id"], out.text, out.options, out.answer_id)


def withdraw(tx: Tx, prefix: str, actor: Actor) -> Question:
    """The operator takes a question of his own back. Raises QuestionNotFound, AmbiguousId, NotYours, QuestionClosed."""
    row = find_question(tx.connection, prefix)
    if row["asker_id"] is not None:
        raise NotYours(who=actor.who, what="withdraw", noun="question", id=row["id"], whose=f"{row['asker']}'s")
    _check_open(tx, row)
    audit.append(
        tx,
        "question.cancelled",
        actor,
        row["id"],
        {"to": row["recipient"], "subject": one_line(row["text"])},
        seen=row["text"],
    )
    return _close(tx, row, "cancelled", f"withdrawn by {actor.who}", tell_asker=False)


def agent_gone(tx: Tx, agent_id: str, name: str, reason: str | None = None) -> None:
    """The agent is no more, or buried (`reason` says so): what it asked is cancelled, what it was asked goes up or is given up.

    Call it before its mail is given up.
    """
    reason = reason or f"there is no agent {name} any more"
    for row in store.select_pending_of(tx.connection, agent_id):
        _close(tx, row, "cancelled", reason, tell_asker=False)
    for row in store.select_pending_for(tx.connection, agent_id):
        if row["kind"] == "question":
            _close(tx, row, "cancelled", reason)
        elif not row["with_operator"]:
            _go_up(tx, row, reason)


def recipient_away(tx: Tx, agent_id: str, name: str, state: str) -> None:
    """The agent will not answer by itself for now: escalations to it go up at once."""
    for row in store.select_pending_for(tx.connection, agent_id):
        if row["kind"] == "escalation" and not row["with_operator"]:
            _go_up(tx, row, f"{name} is {state}")


def message_dropped(tx: Tx, message: Row, actor: Actor) -> None:
    """The message (kind `question`) that carries it was held and is given up: it goes up, or is cancelled."""
    row = store.select_question(tx.connection, message["id"])
    if row is None or row["status"] != "pending" or row["with_operator"]:
        return
    reason = f"its message to {row['recipient']} was dropped by {actor.who}"
    if row["kind"] == "escalation":
        _go_up(tx, row, reason)
    else:
        _close(tx, row, "cancelled", reason, tell_asker=row["asker_id"] is not None)


def run_due(tx: Tx) -> None:
    """Expire what is past its deadline, take up what was not answered in time."""
    for row in store.select_due(tx.connection, tx.now, DUE_AT_ONCE):
        if _is_late(tx, row):
            expire(tx, row)
        else:
            waited = (from_text(row["goes_up_at"]) - from_text(row["created_at"])).total_seconds()
            _go_up(tx, row, f"{row['recipient']} did not answer within {waited:g} s")


def next_due(conn: Connection) -> str | None:
    """When `run_due` must be called again at the latest; None: never."""
    return store.select_next_due(conn)


def count_open(conn: Connection, agent_id: str) -> int:
    """How many threads the agent owes and is owed."""
    return store.select_count_open(conn, agent_id)


def expire(tx: Tx, row: Row) -> Question:
    """Its deadline has passed."""
    return _close(tx, row, "expired", f"nobody answered by {row['deadline']}")


def list_with_operator(tx: Tx, row: Row) -> None:
    """It is the operator's to answer. The caller feeds the question."""
    first = f"escalated past {row['recipient']}: " if row["recipient_id"] is not None else ""
    agent = row["asker"] if row["asker_id"] is not None else None
    waiting.open_item(tx, row["id"], "question", agent=agent, subject=one_line(f"{first}{row['text']}"))


def _answer(
    tx: Tx,
    row: Row,
    actor: Actor,
    answerer_id: str | None,
    text: str | None,
    options: Sequence[int],
    message_id: str,
) -> Question:
    _check_open(tx, row)
    given = checked_answer(row, text, options)
    won = store.update_answered(
        tx,
        row["id"],
        actor_json=actor.model_dump_json(),
        text=given.text,
        options_json=json.dumps(given.options) if given.options else None,
    )
    if not won:
        raise _closed(find_question(tx.connection, row["id"]))
    messages.send(
        tx,
        sender=actor.who,
        sender_id=answerer_id,
        to=row["asker"],
        body=answer_body(row, given),
        message_id=message_id,
        kind="answer",
        about=row["id"],
        thread=row["thread"],
    )
    if row["with_operator"]:
        waiting.close_item(tx, row["id"], "question")
    _settle_carrier(tx, row, f"answered by {actor.who}", tell=answerer_id is None)
    if answerer_id is None or row["kind"] == "escalation":
        words = None if given.text is None else given.text[:MOST_AUDITED]
        detail = {"asker": row["asker"], "subject": one_line(row["text"]), "options": given.options, "text": words}
        audit.append(tx, "question.answered", actor, row["id"], detail, seen=row["text"])
    return feed_question(tx, row["id"])


def _close(tx: Tx, row: Row, status: str, reason: str, *, tell_asker: bool = True) -> Question:
    """End it unanswered."""
    store.update_closed(tx, row["id"], status, reason)
    waiting.close_item(tx, row["id"], "question")
    _settle_carrier(tx, row, f"its question is {status}: {reason}", tell=not tell_asker)
    if tell_asker:
        words = f"Your question {row['id']} to {row['recipient']} is {status}: {reason}. It was: {_subject(row)}"
        if row["asker_id"] is not None:
            messages.tell(tx, row["asker_id"], words, about=row["id"])
        else:
            messages.send(tx, sender=HIVED, to=OPERATOR, body=words, kind="report", about=row["id"])
    return feed_question(tx, row["id"])


def _settle_carrier(tx: Tx, row: Row, reason: str, *, tell: bool) -> None:
    """Its message is moot: taken back, if nobody was ever given it; else `tell` whoever was that there is no hurry."""
    if row["recipient_id"] is None:
        return
    carrier = carriers.withdraw(tx, row["id"], reason)
    if tell and carrier is not None and carrier["status"] != "undeliverable":
        words = f"Question {row['id']} of {row['asker']} needs no answer any more: {reason}. It was: {_subject(row)}"
        messages.tell(tx, row["recipient_id"], words, about=row["id"])


def _go_up(tx: Tx, row: Row, reason: str) -> None:
    store.update_gone_up(tx, row["id"], reason)
    list_with_operator(tx, row)
    words = (
        f"Escalation {row['id']} of {row['asker']} went up to the operator: {reason}. Whoever answers first has answered"
        f" it. It was: {_subject(row)}"
    )
    messages.tell(tx, row["recipient_id"], words, about=row["id"])
    feed_question(tx, row["id"])


def _is_late(tx: Tx, row: Row) -> bool:
    return row["deadline"] is not None and row["deadline"] <= tx.now


def _check_open(tx: Tx, row: Row) -> None:
    """Raises QuestionClosed; also where its deadline has passed and nobody has seen to it yet."""
    if row["status"] != "pending":
        raise _closed(row)
    if _is_late(tx, row):
        raise QuestionClosed(id=row["id"], status="expired", by=HIVED, at=row["deadline"])


def _closed(row: Row) -> QuestionClosed:
    by = HIVED if row["answered_by_json"] is None else json.loads(row["answered_by_json"])["who"]
    if row["status"] == "cancelled" and row["asker_id"] is None:
        by = OPERATOR
    return QuestionClosed(id=row["id"], status=row["status"], by=by, at=row["closed_at"])


def _not_yours(row: Row, actor: Actor, what: str) -> NotYours:
    return NotYours(who=actor.who, what=what, noun="question", id=row["id"], whose=f"{row['recipient']}'s")


def _subject(row: Row) -> str:
    """In quotes that it cannot close: a report is hived's word, and this is its asker's."""
    return '"' + one_line(row["text"], MOST_SUBJECT).replace('"', "'") + '"'
