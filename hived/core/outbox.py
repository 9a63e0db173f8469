"""Runs of plain messages from one agent's journal, taken at once: what makes a flood cheap for everybody else.

Plain is what nothing stands against: to one agent that may be written to, no answer to another message, within every bound,
with an id that is new. What is not plain is for `messages.take_message`, which says why.
"""

import re
from dataclasses import dataclass
from json.encoder import encode_basestring_ascii as quoted
from typing import Any

from hived.core.agent_views import publish
from hived.core.damper import flows_freely, is_watched
from hived.core.event_payloads import ID_PATTERN
from hived.core.messages import count_queued, find_recipient, queued_for, reaches, ring, row_of
from hived.core.text import sound
from hived.store import messages as store
from hived.store.database import Row, Tx
from hived.wire.errors import HiveError
from hived.wire.messages import Message
from hived.wire.names import EVERYONE, HIVED, OPERATOR
from hived.wire.protocol import MAX_MESSAGE_BODY_BYTES

_ID = re.compile(ID_PATTERN)
_NO_AGENTS = (EVERYONE, OPERATOR, HIVED)
_OWN = {"id", "sender", "recipient", "body", "thread", "sent_at"}
_AS_QUEUED = Message.model_validate(dict.fromkeys(_OWN, "")).model_dump_json(exclude=_OWN)[1:-1]
"""What every plain message is when it is made: with its id, names, words and time a wire.messages.Message."""


class _KnownId(Exception):
    """One of them has come before."""


def take_plain(tx: Tx, agent_id: str, payloads: list[Any]) -> int:
    """Queue those that come first and are plain; how many. The one after them is for `take_message`."""
    try:
        with tx.part():
            return _take_plain(tx, row_of(tx, agent_id), payloads)
    except (_KnownId, HiveError):
        return 0


@dataclass(slots=True)
class _Way:
    """From the author to one agent, looked up once for a run of messages."""

    recipient: Row
    queued: int
    watched: bool


def _take_plain(tx: Tx, author: Row, payloads: list[Any]) -> int:
    taken: list[tuple[str, str, str, str]] = []
    ways: dict[str, _Way] = {}
    author_id, most = author["id"], tx.config.max_queued
    for payload in payloads:
        found = _plain(payload)
        if found is None:
            break
        message_id, to, body = found
        way = ways.get(to) or _way(tx, author, to)
        if way is None or way.queued >= most:
            break
        if way.watched and not flows_freely(tx, author_id, way.recipient["id"]):
            break
        ways[to] = way
        way.queued += 1
        taken.append((message_id, to, way.recipient["id"], body))
    if store.insert_plain(tx, author["name"], author_id, taken) != len(taken):
        raise _KnownId
    sender = author["name"]
    for message_id, to, _, body in taken:
        tx.feed(
            "message",
            f'{{"id":"{message_id}","sender":"{sender}","recipient":"{to}","body":{quoted(body)},'
            f'"thread":"{message_id}","sent_at":"{tx.now}",{_AS_QUEUED}}}',
        )
    for way in ways.values():
        count_queued(tx, author_id, way.recipient["id"], way.queued)
        publish(tx, way.recipient["id"])
        ring(tx, way.recipient)
    return len(taken)


def _way(tx: Tx, author: Row, to: str) -> _Way | None:
    """None where `to` may not be written to, or is nobody."""
    try:
        recipient = find_recipient(tx, to)
    except HiveError:
        return None
    if not reaches(tx, author, recipient):
        return None
    queued = queued_for(tx, author["id"], recipient["id"])
    return _Way(recipient, queued, is_watched(tx, author["id"], recipient["id"]))


def _plain(payload: Any) -> tuple[str, str, str] | None:
    """(id, to, body), where it has these and nothing that asks for more than to be queued."""
    if not isinstance(payload, dict) or payload.get("reply_to") is not None:
        return None
    message_id, to, body = payload.get("message_id"), payload.get("to"), payload.get("body")
    if not (isinstance(message_id, str) and isinstance(to, str) and isinstance(body, str)):
        return None
    if not body or to in _NO_AGENTS or not _ID.fullmatch(message_id):
        return None
    body = sound(body)
    if len(body) * 4 > MAX_MESSAGE_BODY_BYTES and len(body.encode()) > MAX_MESSAGE_BODY_BYTES:
        return None
    return message_id, to, body
