"""Questions: asked once, answered once, expired visibly; an escalation goes up to the operator in time.

A question to an agent travels as a message of its own id (kind `question`); one to the operator is an item of the one list.
The answer is a message of kind `answer` in the same thread, and wakes who asked.
"""

import json
from dataclasses import dataclass
from datetime import timedelta

from hived.core import messages
from hived.core.agent_views import find_agent
from hived.core.event_payloads import QuestionOut
from hived.core.question_ends import (
    agent_gone,
    answer,
    count_open,
    expire,
    list_with_operator,
    message_dropped,
    next_due,
    recipient_away,
    run_due,
    take_answer,
    withdraw,
)
from hived.core.question_views import feed_question, find_question, list_questions, page_questions, to_question
from hived.core.question_words import checked_options, question_body
from hived.core.text import one_line, sound
from hived.store import agents as agent_store
from hived.store import messages as message_store
from hived.store import questions as store
from hived.store.database import Connection, Row, Tx
from hived.wire import moments
from hived.wire.errors import HiveError, InvalidMoment, InvalidRequest, QueueFull
from hived.wire.ids import new_id
from hived.wire.names import EVERYONE, OPERATOR, QUEEN
from hived.wire.questions import MOST_DEADLINE_SECONDS, Question, QuestionDraft
from hived.wire.times import from_text, to_text

__all__ = [
    "agent_gone", "answer", "ask_agent", "count_open", "find_question", "list_questions", "message_dropped", "next_due", "page_questions",
    "recipient_away", "run_due", "take_answer", "take_question", "to_question", "withdraw",
]  # fmt: skip

MOST_PENDING = 200
"""Questions of one asker."""
MOST_REFUSED_CHARACTERS = 4096
"""Of the text of a question that was refused, kept beside the reason."""
AT_WORK = ("starting", "running")
"""Where a queen is that may yet answer an escalation by herself."""


@dataclass(frozen=True, slots=True)
class _Ask:
    """What is asked, checked, before it is known of whom."""

    id: str
    text: str
    options: list[str]
    multi: bool
    deadline: str | None
    body: str


def take_question(tx: Tx, asker: Row, out: QuestionOut) -> None:
    """A `question_out` of that agent. The same id again is the same question; a refused one is kept as cancelled.

    Raises what `messages.send` does, InvalidRequest, InvalidMoment, QueueFull.
    """
    known = store.select_question(tx.connection, out.question_id)
    if known is not None:
        if known["asker_id"] != asker["id"]:
            raise InvalidRequest(reason=f"The question id {out.question_id} is somebody else's.")
        return
    try:
        with tx.part():
            _check_room(tx, asker["id"], asker["name"])
            ask = _checked(tx, out.question_id, out.text, out.options, out.multi, out.deadline)
            if out.escalate:
                _escalate(tx, asker, ask)
            elif out.to is None:
                raise InvalidRequest(reason="A question says whom it is asked of.")
            else:
                _ask(tx, ask, asker["name"], asker["id"], out.to)
    except QueueFull:
        raise
    except HiveError as error:
        _keep_refused(tx, asker, out, error)
        raise


def ask_agent(tx: Tx, draft: QuestionDraft) -> Question:
    """A question of the operator to one agent. Raises what `messages.send` does, InvalidRequest, InvalidMoment, QueueFull."""
    if draft.to == OPERATOR:
        raise InvalidRequest(reason="to: a question of the operator goes to an agent.")
    _check_room(tx, None, OPERATOR)
    ask = _checked(tx, new_id(), draft.text, draft.options, draft.multi, draft.deadline)
    if ask.deadline is not None and ask.deadline <= tx.now:
        raise InvalidMoment(given=str(draft.deadline)[:64], reason="that has passed.")
    _ask(tx, ask, OPERATOR, None, draft.to)
    return to_question(find_question(tx.connection, ask.id))


# Asking ----------------------------------------------------------------------------------------------------


def _check_room(tx: Tx, asker_id: str | None, name: str) -> None:
    count = store.select_count_of(tx.connection, asker_id)
    if count >= MOST_PENDING:
        raise QueueFull(
            f"{name} has {count} questions that nobody has answered yet; none is added until some are closed.",
            recipient=name, count=count, sender=name,
        )  # fmt: skip


def _checked(tx: Tx, question_id: str, text: str, options: list[str], multi: bool, deadline: str | None) -> _Ask:
    lines = checked_options(options)
    body = question_body(text, lines, multi)
    if message_store.select_message(tx.connection, question_id) is not None:
        raise InvalidRequest(reason=f"The question id {question_id} is a message's already.")
    until: str | None = None
    if deadline is not None:
        now = from_text(tx.now)
        moment = moments.parse(deadline, now)
        if moment > now + timedelta(seconds=MOST_DEADLINE_SECONDS):
            days = MOST_DEADLINE_SECONDS // 86_400
            raise InvalidMoment(given=deadline[:64], reason=f"a question's deadline is at most {days} days ahead.")
        until = to_text(moment)
    return _Ask(question_id, sound(text), lines, multi and bool(lines), until, body)


def _ask(tx: Tx, ask: _Ask, asker: str, asker_id: str | None, to: str) -> None:
    if to == EVERYONE:
        raise InvalidRequest(reason="A question goes to one agent, or to the operator.")
    if to == OPERATOR:
        _insert(tx, ask, "question", asker, asker_id, None, with_operator=True)
    else:
        _insert(tx, ask, "question", asker, asker_id, find_agent(tx.connection, to))
    _send_out(tx, ask)


def _escalate(tx: Tx, asker: Row, ask: _Ask) -> None:
    """To the asker's queen; to the operator where there is none, and to him too where she is not at work."""
    queen = _queen_of(tx.connection, asker)
    if queen is None:
        _insert(tx, ask, "escalation", asker["name"], asker["id"], None, with_operator=True)
    else:
        seconds = tx.config.escalation_seconds
        away = queen["lifecycle"] not in AT_WORK
        up = tx.now if away else to_text(from_text(tx.now) + timedelta(seconds=seconds))
        reason = f"it went up at once: {queen['name']} is {queen['lifecycle']}" if away else None
        _insert(
            tx, ask, "escalation", asker["name"], asker["id"], queen, with_operator=away, goes_up_at=up, reason=reason
        )
    _send_out(tx, ask)


def _queen_of(conn: Connection, asker: Row) -> Row | None:
    """The asker's parent, if that is a queen; else the one named `queen`. Never itself, and nobody who is buried."""
    names = [asker["parent"], QUEEN]
    found = (agent_store.select_agent_named(conn, name) for name in names if name is not None)
    return next(
        (
            row
            for row in found
            if row is not None and row["id"] != asker["id"] and row["role"] == "queen" and row["lifecycle"] != "buried"
        ),
        None,
    )


def _insert(
    tx: Tx,
    ask: _Ask,
    kind: str,
    asker: str,
    asker_id: str | None,
    recipient: Row | None,
    *,
    with_operator: bool = False,
    goes_up_at: str | None = None,
    reason: str | None = None,
) -> None:
    values = {
        "id": ask.id,
        "kind": kind,
        "asker": asker,
        "asker_id": asker_id,
        "recipient": OPERATOR if recipient is None else recipient["name"],
        "recipient_id": None if recipient is None else recipient["id"],
        "with_operator": int(with_operator),
        "text": ask.text,
        "options_json": json.dumps(ask.options),
        "multi": int(ask.multi),
        "status": "pending",
        "deadline": ask.deadline,
        "goes_up_at": goes_up_at,
        "closed_at": None,
        "reason": reason,
    }
    store.insert_question(tx, values)


def _send_out(tx: Tx, ask: _Ask) -> None:
    """Tell whom it is asked of; one whose deadline passed on its way expires here."""
    row = find_question(tx.connection, ask.id)
    if row["deadline"] is not None and row["deadline"] <= tx.now:
        expire(tx, row)
        return
    if row["recipient_id"] is not None:
        messages.send(
            tx,
            sender=row["asker"],
            sender_id=row["asker_id"],
            to=row["recipient"],
            body=ask.body,
            message_id=row["id"],
            kind="question",
            about=row["id"],
        )
    if row["with_operator"]:
        list_with_operator(tx, row)
    feed_question(tx, row["id"])


def _keep_refused(tx: Tx, asker: Row, out: QuestionOut, error: HiveError) -> None:
    """So that what became of it is known though the answer to its batch may be lost."""
    values = {
        "id": out.question_id,
        "kind": "escalation" if out.escalate else "question",
        "asker": asker["name"],
        "asker_id": asker["id"],
        "recipient": one_line(out.to or OPERATOR, 64),
        "recipient_id": None,
        "with_operator": 0,
        "text": sound(out.text[:MOST_REFUSED_CHARACTERS]),
        "options_json": "[]",
        "multi": 0,
        "status": "cancelled",
        "deadline": None,
        "goes_up_at": None,
        "closed_at": tx.now,
        "reason": f"refused: {error.message}",
    }
    store.insert_question(tx, values)
    feed_question(tx, out.question_id)
