"""Messages as the screen draws them: the newest few hundred, by id."""

from collections.abc import Iterable
from dataclasses import dataclass

from hived.wire.messages import Message
from hived.wire.names import OPERATOR

KEPT = 300


@dataclass(frozen=True, slots=True)
class Letter:
    """One message."""

    id: str
    sender: str
    recipient: str
    body: str
    sent_at: str
    status: str
    redelivered: bool
    reason: str | None


Messages = dict[str, Letter]
"""By id, in the order of ids, which is the order of sending."""


def letter_from(message: Message) -> Letter:
    return Letter(
        message.id,
        message.sender,
        message.recipient,
        message.body,
        message.sent_at,
        message.status,
        message.redelivered,
        message.reason,
    )


def with_messages(known: Messages, news: Iterable[Letter]) -> Messages:
    """The newest `KEPT` of both; news replaces what it has the id of."""
    merged = dict(known)
    for letter in news:
        merged[letter.id] = letter
    return {id: merged[id] for id in sorted(merged)[-KEPT:]}


def to_operator(messages: Messages) -> tuple[Letter, ...]:
    """The operator's own inbox, newest first."""
    return tuple(letter for letter in reversed(messages.values()) if letter.recipient == OPERATOR)
