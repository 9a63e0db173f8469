"""Messages between agents, the operator and hived itself."""

from typing import Literal

from pydantic import Field

from hived.wire.base import Answer, WireModel

MessageStatus = Literal["queued", "leased", "acked", "held", "undeliverable"]
When = Literal["now", "next_turn"]


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
    when: When = "next_turn"
    status: MessageStatus = "queued"
    deliveries: int = 0
    """How often it has been leased."""
    redelivered: bool = False
    acked_at: str | None = None
    reason: str | None = None
    """Why it is held or undeliverable."""


class MessageList(Answer):
    messages: list[Message]


class Sent(Answer):
    """What `POST /v1/messages` answers: one message per recipient."""

    messages: list[Message]


class Claim(WireModel):
    """`POST /v1/inbox/claim`: leases what waits to one turn. Repeating it gives the same; another turn's leases go back."""

    turn_id: str
    max: int = Field(default=32, ge=1, le=32)
    only_now: bool = False
    """Steering: take only messages marked `now` into the turn that runs."""


class Claimed(Answer):
    turn_id: str
    messages: list[Message]
    unread: int
    """Still queued after this claim."""
    retry_at: str | None = None
    """When the next backed-off message comes due; the harness asks again then."""


class Release(WireModel):
    """`POST /v1/inbox/release`: the turn did not begin; its leases go back and count no delivery."""

    turn_id: str


class RefusedMessage(Answer):
    """One `message_out` that hived did not take: told to the agent that sent it."""

    message_id: str
    code: str
    message: str
