"""Messages as the screen draws them: the newest few hundred, by id, each with what has become of it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from hived.wire.messages import Message, Receipt
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
    thread: str = ""
    kind: str = "message"
    about: str | None = None
    """The question, reminder or approval that it carries."""
    leased_at: str | None = None
    acked_at: str | None = None
    deliveries: int = 0
    edited_by: str | None = None
    pair_id: str | None = None
    cut: bool = False
    """Its body is the beginning of it."""

    @property
    def unread(self) -> bool:
        """The operator has it before him, and has not said that he read it."""
        return self.recipient == OPERATOR and self.status == "queued"


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
        message.thread,
        message.kind,
        message.about,
        message.leased_at,
        message.acked_at,
        message.deliveries,
        message.edited_by,
        message.pair_id,
        message.cut,
    )


def with_messages(known: Messages, news: Iterable[Letter]) -> Messages:
    """The newest `KEPT` of both, and every one that is held; news replaces what it has the id of."""
    merged = dict(known)
    for letter in news:
        merged[letter.id] = letter
    ids = sorted(merged)
    newest = set(ids[-KEPT:])
    return {id: merged[id] for id in ids if id in newest or merged[id].status == "held"}


def with_receipts(known: Messages, receipts: Iterable[Receipt]) -> Messages:
    """What has become of messages that are known; of others nothing is kept."""
    merged = dict(known)
    for receipt in receipts:
        if (letter := merged.get(receipt.message_id)) is not None:
            merged[letter.id] = replace(
                letter,
                status=receipt.status,
                redelivered=receipt.redelivered,
                reason=receipt.reason,
                leased_at=receipt.leased_at,
                acked_at=receipt.acked_at,
                deliveries=receipt.deliveries,
                edited_by=receipt.edited_by,
                pair_id=receipt.pair_id,
            )
    return merged


def to_operator(messages: Messages) -> tuple[Letter, ...]:
    """The operator's own inbox, newest first."""
    return tuple(letter for letter in reversed(messages.values()) if letter.recipient == OPERATOR)
