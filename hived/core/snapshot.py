"""All that a client draws, read in one transaction with the number of the feed's last row.

It is written as JSON one thing after the other, so that ten thousand open items cost no second copy of themselves; what is
very long among them is cut (wire.snapshot.Snapshot says where), so that neither hived nor a client can be filled up with it.
"""

from collections.abc import Iterable
from typing import Any, cast

from hived.core import agents, approvals, budgets, messages, pairs, questions, reminders, rules, waiting
from hived.core.question_views import NEWEST_CLOSED
from hived.store import approvals as approval_store
from hived.store import feed as feed_store
from hived.store import messages as message_store
from hived.store import questions as question_store
from hived.store.database import Connection, Row
from hived.wire.base import Answer
from hived.wire.messages import Message
from hived.wire.snapshot import HiveInfo, Snapshot

NEWEST_MESSAGES = 200
MESSAGES_CHARACTERS = 2 * 1024 * 1024
"""Of all their bodies: fewer are given where they are very long. `GET /v1/messages` pages what is older."""
MOST_EACH = 16_384
MOST_TOGETHER = 4 * 1024 * 1024
"""Characters of what is open, one by one and of one kind together; beyond them it is cut."""
CUT_CHARACTERS = 200
_MESSAGES_AT_ONCE = 20


class _Room:
    """How much of one kind still goes in whole."""

    def __init__(self) -> None:
        self._left = MOST_TOGETHER

    def takes(self, size: int) -> bool:
        if size > MOST_EACH or size > self._left:
            return False
        self._left -= size
        return True


def take(conn: Connection, info: HiveInfo) -> Snapshot:
    """`conn` must be inside a transaction, as `Database.read` gives it."""
    return Snapshot.model_validate_json(encoded(conn, info))


def encoded(conn: Connection, info: HiveInfo) -> bytes:
    """The Snapshot as JSON."""
    parts = {
        "seq": str(feed_store.select_bounds(conn)[1]),
        "hive": info.model_dump_json(),
        "agents": _list(agents.list_views(conn)),
        "approvals": _approvals(conn),
        "waiting": _list(waiting.list_items(conn)),
        "messages": _messages(conn),
        "questions": _questions(conn),
        "pairs": _list(pairs.list_pairs(conn)),
        "rules": _list(rules.list_rules(conn)),
        "budgets": _list(budgets.list_budgets(conn)),
        "reminders": _reminders(conn),
    }
    return "".join(("{", ",".join(f'"{name}":{part}' for name, part in parts.items()), "}")).encode()


def _list(things: Iterable[Answer]) -> str:
    return _joined(thing.model_dump_json() for thing in things)


def _joined(things: Iterable[str]) -> str:
    return f"[{','.join(things)}]"


def _approvals(conn: Connection) -> str:
    room = _Room()
    found: list[tuple[str, str, str]] = []
    for row in approval_store.each_undecided(conn):
        if room.takes(len(row["payload_json"])):
            approval = approvals.to_approval(row)
        else:
            approval = approvals.to_approval(_with(row, payload_json="{}")).model_copy(update={"cut": True})
        found.append((approval.created_at, approval.id, approval.model_dump_json()))
    return _joined(json for _, _, json in sorted(found))


def _questions(conn: Connection) -> str:
    room = _Room()
    found: list[tuple[str, str, str]] = []
    for rows in (question_store.each_pending(conn), question_store.select_newest_closed(conn, NEWEST_CLOSED)):
        for row in rows:
            if room.takes(sum(len(row[part] or "") for part in ("text", "options_json", "answer_text"))):
                question = questions.to_question(row)
            else:
                short = {"text": row["text"][:CUT_CHARACTERS], "options_json": "[]", "answer_text": None}
                question = questions.to_question(_with(row, **short)).model_copy(update={"cut": True})
            found.append((question.created_at, question.id, question.model_dump_json()))
    return _joined(json for _, _, json in sorted(found))


def _messages(conn: Connection) -> str:
    """Every held one, and the newest, oldest first."""
    newest = {message.id: message for message in _newest_messages(conn)}
    room = _Room()
    held: list[str] = []
    for row in message_store.select_messages(conn, status="held"):
        if row["id"] in newest:
            continue
        if room.takes(len(row["body"])):
            message = messages.to_message(row)
        else:
            message = messages.to_message(_with(row, body=row["body"][:CUT_CHARACTERS]))
            message = message.model_copy(update={"cut": True})
        held.append(message.model_dump_json())
    return _joined((*held[::-1], *(message.model_dump_json() for message in newest.values())))


def _reminders(conn: Connection) -> str:
    room = _Room()
    found: list[str] = []
    for reminder in reminders.list_open(conn):
        if not room.takes(len(reminder.text)):
            reminder = reminder.model_copy(update={"text": reminder.text[:CUT_CHARACTERS], "cut": True})
        found.append(reminder.model_dump_json())
    return _joined(found)


def _with(row: Row, **instead: Any) -> Row:
    """The row with other values, as whoever reads it by its columns' names sees it."""
    return cast(Row, {**dict(zip(row.keys(), row, strict=True)), **instead})


def _newest_messages(conn: Connection) -> list[Message]:
    """Oldest first; the newest one always."""
    newest_first: list[Message] = []
    size = 0
    while len(newest_first) < NEWEST_MESSAGES:
        before = newest_first[-1].id if newest_first else None
        page = messages.list_messages(conn, limit=_MESSAGES_AT_ONCE, before=before)
        for message in reversed(page):
            size += len(message.body)
            if newest_first and size > MESSAGES_CHARACTERS:
                return newest_first[::-1]
            newest_first.append(message)
        if len(page) < _MESSAGES_AT_ONCE:
            break
    return newest_first[::-1]
