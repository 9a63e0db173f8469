"""Messages between agents, the operator and hived itself."""

from typing import Literal

from pydantic import Field

from hived.wire.base import Answer, WireModel

MessageStatus = Literal["queued", "leased", "acked", "held", "undeliverable"]
MessageKind = Literal["message", "question", "answer", "reminder", "report"]
"""`report`: hived's own word on a decision or an agent's life."""
When = Literal["now", "next_turn"]
MOST_WAIT_SECONDS = 180


class MessageDraft(WireModel):
    """`POST /v1/messages` by the operator. `to` is an agent's name, or `*`."""

    to: str
    body: str = Field(min_length=1)
    reply_to: str | None = None
    when: When = "next_turn"
    """`now` steers a turn that runs, where the engine can."""


class Message(Answer):
    id: str
    sender: str
    """Stamped by hived from the socket: an agent's name, `operator` or `hived`."""
    recipient: str
    body: str
    reply_to: str | None = None
    thread: str
    """The id of the message that began the thread."""
    sent_at: str
    kind: MessageKind = "message"
    about: str | None = None
    """The question, reminder or approval that it carries."""
    edited_by: str | None = None
    """Who changed its words while it was held."""
    pair_id: str | None = None
    """held: by this pair."""
    when: When = "next_turn"
    status: MessageStatus = "queued"
    deliveries: int = 0
    """How often it has been leased."""
    leased_at: str | None = None
    """When it was last given to a turn."""
    redelivered: bool = False
    acked_at: str | None = None
    reason: str | None = None
    """Why it is held or undeliverable."""
    cut: bool = False
    """In a snapshot alone: only how its body begins; `GET /v1/messages/{id}` has it whole."""


class MessageList(Answer):
    messages: list[Message]
    more: bool = False
    """There are older ones: the page was full, or its messages very long."""


class Receipt(Answer):
    """What has become of a message: its state without its words."""

    message_id: str
    to: str
    status: MessageStatus
    """`queued` is what people call sent."""
    sent_at: str
    leased_at: str | None = None
    """When it was last given to a turn."""
    acked_at: str | None = None
    deliveries: int = 0
    redelivered: bool = False
    reason: str | None = None
    """Why it is held or undeliverable."""
    edited_by: str | None = None
    pair_id: str | None = None


class ReceiptList(Answer):
    """`GET /v1/receipts` on an agent's socket: of what it has sent, newest first."""

    receipts: list[Receipt]


class MessageRetry(WireModel):
    """`POST /v1/messages/{id}/retry`; all of it may be left out."""

    body: str | None = Field(default=None, min_length=1)
    """Send these words instead; the message then says who changed it."""


class Sent(Answer):
    """What `POST /v1/messages` answers: one message per recipient."""

    messages: list[Message]


class Claim(WireModel):
    """`POST /v1/inbox/claim`: leases what waits to one turn. Repeating it gives the same; another turn's leases go back."""

    turn_id: str
    max: int = Field(default=32, ge=1, le=32)
    only_now: bool = False
    """Steering: take only messages marked `now` into the turn that runs."""
    more: bool = False
    """Take more into the turn that runs (the tool `inbox`); the answer holds all that the turn has."""
    wait: float = Field(default=0, ge=0, le=MOST_WAIT_SECONDS)
    """With `more`: how many seconds to wait for something to come, where nothing does."""
    known: int | None = Field(default=None, ge=0)
    """With `wait`: how many of the turn's messages the harness has. Where the turn has others (an answer was lost), they are
    given at once."""


class Claimed(Answer):
    turn_id: str
    messages: list[Message]
    unread: int
    """Still queued after this claim."""
    retry_at: str | None = None
    """When the next backed-off message comes due; the harness asks again then."""
    over_budget: str | None = None
    """Nothing was leased because a budget is spent: which, in one sentence. hived wakes the harness when there is a way on."""
    open_threads: int = 0
    """What the agent owes and is owed, for its statistics."""
    open_reminders: int = 0


class Release(WireModel):
    """`POST /v1/inbox/release`: the turn did not begin; its leases go back and count no delivery."""

    turn_id: str


class RefusedMessage(Answer):
    """One thing of the outbox (`message_out`, `question_out`, …) that hived did not take: told to the agent that made it."""

    message_id: str
    """The id of the message, question, answer or reminder."""
    code: str
    message: str
