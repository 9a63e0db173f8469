"""All that a client draws, read in one transaction with the number of the feed's last row.

What may come in tens of thousands is made JSON where it lies (store.snapshot), and cut where it is very long, so that neither
hived nor a client can be filled up with it. tests/hived/core/test_snapshot.py holds it against the wire models.
"""

from collections.abc import Iterable

from hived.core import agents, budgets, deployments, messages, pairs, questions, reminders, rules, tombstones
from hived.core.question_views import NEWEST_CLOSED
from hived.store import feed as feed_store
from hived.store import questions as question_store
from hived.store import snapshot as store
from hived.store.database import Connection
from hived.wire.base import Answer
from hived.wire.messages import Message
from hived.wire.reminders import Reminder
from hived.wire.snapshot import HiveInfo, Snapshot

NEWEST_MESSAGES = 200
MESSAGES_CHARACTERS = 2 * 1024 * 1024
"""Of all their bodies: fewer are given where they are very long. `GET /v1/messages` pages what is older."""
MOST_EACH = 16_384
MOST_TOGETHER = 4 * 1024 * 1024
"""Characters of what is open: of one, and of all of one kind, of which each has an equal share."""
CUT_CHARACTERS = 200
"""What is given of a text that is cut."""
_MESSAGES_AT_ONCE = 20


def take(conn: Connection, info: HiveInfo) -> Snapshot:
    """`conn` must be inside a transaction, as `Database.read` gives it."""
    return Snapshot.model_validate_json(encoded(conn, info))


def encoded(conn: Connection, info: HiveInfo) -> bytes:
    """The Snapshot as JSON."""
    newest = _newest_messages(conn)
    oldest = newest[0].id if newest else None
    parts = {
        "seq": [str(feed_store.select_bounds(conn)[1])],
        "hive": [info.model_dump_json()],
        "agents": _list(agents.list_views(conn)),
        "approvals": _array(store.select_approvals(conn, _share(conn, "approvals"))),
        "waiting": _array(store.select_waiting(conn)),
        "messages": _array(
            [*store.select_held(conn, _share(conn, "messages"), CUT_CHARACTERS, oldest), *_texts(newest)]
        ),
        "questions": _array(_questions(conn)),
        "pairs": _list(pairs.list_pairs(conn)),
        "rules": _list(rules.list_rules(conn)),
        "budgets": _list(budgets.list_budgets(conn)),
        "reminders": _list(_cut_reminders(reminders.list_open(conn))),
        "tombstones": _list(tombstones.list_tombstones(conn)),
        "deployments": _list(deployments.list_shown(conn)),
    }
    text = [piece for name, part in parts.items() for piece in (f'"{name}":', *part, ",")]
    return "".join(("{", *text[:-1], "}")).encode()


def _share(conn: Connection, table: str) -> int:
    """How many characters of one are given."""
    return _room(store.select_count(conn, table))


def _room(count: int) -> int:
    return max(CUT_CHARACTERS, min(MOST_EACH, MOST_TOGETHER // max(count, 1)))


def _list(things: Iterable[Answer]) -> list[str]:
    return _array(_texts(things))


def _texts(things: Iterable[Answer]) -> list[str]:
    return [thing.model_dump_json() for thing in things]


def _array(texts: list[str]) -> list[str]:
    return ["[", ",".join(texts), "]"]


def _questions(conn: Connection) -> list[str]:
    """Pending ones, and the newest of the others. A client sorts them: they come one kind after the other."""
    closed = question_store.select_newest_closed(conn, NEWEST_CLOSED)
    shown = _texts(questions.to_question(row) for row in closed)
    return [*shown, *store.select_questions(conn, _share(conn, "questions"), CUT_CHARACTERS)]


def _cut_reminders(found: list[Reminder]) -> list[Reminder]:
    most = _room(len(found))
    return [
        reminder
        if len(reminder.text) <= most
        else reminder.model_copy(update={"text": reminder.text[:CUT_CHARACTERS], "cut": True})
        for reminder in found
    ]


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
