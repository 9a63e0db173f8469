"""Questions: asked of a peer, of the operator, or up the hive; answered once, or expired, or cancelled. None blocks a turn."""

from typing import Annotated, Literal

from pydantic import Field

from hived.wire.approvals import Actor
from hived.wire.base import Answer, WireModel

QuestionKind = Literal["question", "escalation"]
QuestionStatus = Literal["pending", "answered", "expired", "cancelled"]

MOST_OPTIONS = 20
MOST_OPTION_CHARACTERS = 400
MOST_DEADLINE_SECONDS = 30 * 24 * 3600


class Question(Answer):
    id: str
    """The request id of an escalation."""
    kind: QuestionKind
    """`escalation`: asked of the asker's queen, and of the operator too once `goes_up_at` has passed."""
    asker: str
    """Stamped by hived: an agent's name, or `operator`."""
    recipient: str
    """Whom it was asked of first: an agent's name, or `operator`."""
    with_operator: bool = False
    """It is the operator's to answer, and stands in the one list."""
    text: str
    options: list[str] = Field(default_factory=list)
    """Empty: it is answered in words."""
    multi: bool = False
    """More than one option may be chosen."""
    status: QuestionStatus = "pending"
    created_at: str
    deadline: str | None = None
    goes_up_at: str | None = None
    thread: str
    """Of the messages that carry it and its answer."""
    answered_at: str | None = None
    answered_by: Actor | None = None
    answer_text: str | None = None
    answer_options: list[int] | None = None
    """Numbers from 0."""
    closed_at: str | None = None
    """When it was answered, expired or cancelled."""
    reason: str | None = None
    """Why it expired, was cancelled or went up, in one sentence."""
    cut: bool = False
    """In a snapshot: only how its text begins, no options and no answer; of open threads: only how its text begins. `GET /v1/questions/{id}` has it whole."""


class QuestionList(Answer):
    """`GET /v1/questions`, oldest first."""

    questions: list[Question]
    more: bool = False
    """There are older ones: the page was full, or what is in it very long."""


class QuestionDraft(WireModel):
    """`POST /v1/questions` by the operator: a question to one agent. Its answer comes as a message to the operator."""

    to: str
    text: str = Field(min_length=1)
    options: list[str] = Field(default_factory=list, max_length=MOST_OPTIONS)
    multi: bool = False
    deadline: str | None = None


class AnswerDraft(WireModel):
    """`POST /v1/questions/{id}/answer`: words, options, or both; options only where it has some."""

    text: str | None = Field(default=None, max_length=65_536)
    options: list[Annotated[int, Field(strict=True)]] = Field(default_factory=list, max_length=MOST_OPTIONS)
    """Numbers from 0."""


class OpenThreads(Answer):
    """`GET /v1/open-threads` on an agent's socket: what it still owes and is owed."""

    to_answer: list[Question]
    """Asked of it, and pending."""
    unanswered: list[Question]
    """Its own, and pending."""
    undelivered: list["OpenMessage"]
    """Its own messages that nobody has taken to a clean end, newest first, at most 32."""
    approvals: list["OpenApproval"]
    """Its own asks of the operator that are undecided."""
    reminders: list["OpenReminder"]


class OpenMessage(Answer):
    message_id: str
    to: str
    status: str
    sent_at: str
    reason: str | None = None


class OpenApproval(Answer):
    id: str
    kind: str
    subject: str
    created_at: str


class OpenReminder(Answer):
    id: str
    due_at: str
    text: str
