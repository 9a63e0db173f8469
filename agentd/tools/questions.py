"""The tools `ask`, `answer`, `reply_escalation` and `open_threads`. None of them waits for anybody's answer."""

from typing import Any

from agentd.asked_questions import AskedQuestions
from agentd.engines.base import ToolAnswer, ToolDefinition
from agentd.outbox import Outbox, TooLong
from agentd.tools.answers import of_word
from agentd.tools.arguments import WrongArguments, as_number, flag, moment, optional_text, text
from agentd.words import options_of, plain, quoted
from hived.client.agent_client import AgentClient
from hived.wire.errors import HiveError
from hived.wire.names import OPERATOR
from hived.wire.protocol import MAX_PAYLOAD_BYTES
from hived.wire.questions import (
    MOST_DEADLINE_SECONDS,
    MOST_OPTION_CHARACTERS,
    MOST_OPTIONS,
    OpenThreads,
    Question,
)

_OPTIONS = {
    "type": "array",
    "items": {"type": ["integer", "string"]},
    "description": "The options chosen, each by its number (the first is 1) or by its words.",
}
ASK = ToolDefinition(
    name="ask",
    description="Ask the operator or another agent something that you need an answer to. It does not wait: the answer comes as"
    " a message that wakes you, so go on with other work or end your turn.",
    input_schema={
        "type": "object",
        "properties": {
            "text": {"type": "string", "description": "The question."},
            "to": {"type": "string", "description": "`operator` (if left out) or an agent's name."},
            "options": {
                "type": "array",
                "items": {"type": "string"},
                "description": f"Answers to choose from, at most {MOST_OPTIONS}; none: it is answered in words.",
            },
            "multi": {"type": "boolean", "description": "More than one option may be chosen."},
            "deadline": {
                "type": ["number", "string"],
                "description": "When it is too late for an answer: seconds from now, or a time in ISO 8601.",
            },
            "escalate": {
                "type": "boolean",
                "description": "Ask whom you answer to (your queen; the operator if she does not answer in time)."
                " Leave `to` out then.",
            },
        },
        "required": ["text"],
        "additionalProperties": False,
    },
)
ANSWER = ToolDefinition(
    name="answer",
    description="Answer a question that you were asked, once: with options of it, with words, or both.",
    input_schema={
        "type": "object",
        "properties": {
            "question_id": {"type": "string", "description": "It stands in the question's header."},
            "text": {"type": "string", "description": "Your answer in words."},
            "options": _OPTIONS,
        },
        "required": ["question_id"],
        "additionalProperties": False,
    },
)
REPLY_ESCALATION = ToolDefinition(
    name="reply_escalation",
    description="Answer what an agent of yours has escalated to you, once, before it goes up to the operator.",
    input_schema={
        "type": "object",
        "properties": {
            "request_id": {"type": "string", "description": "It stands in the escalation's header."},
            "text": {"type": "string", "description": "Your answer in words."},
            "options": _OPTIONS,
        },
        "required": ["request_id"],
        "additionalProperties": False,
    },
)
OPEN_THREADS = ToolDefinition(
    name="open_threads",
    description="What you still owe and are owed: questions to you and of yours, messages that nobody has taken yet, what you"
    " asked the operator to allow, and your reminders.",
    input_schema={"type": "object", "properties": {}, "additionalProperties": False},
)


async def ask(outbox: Outbox, arguments: dict[str, Any]) -> ToolAnswer:
    escalate, to = flag(arguments, "escalate"), optional_text(arguments, "to")
    if escalate and to is not None:
        raise WrongArguments("`escalate` finds whom to ask by itself: leave `to` out, or leave `escalate` out.")
    options = _asked_options(arguments)
    multi = flag(arguments, "multi")
    if multi and not options:
        raise WrongArguments("`multi` goes with `options`: there is nothing to choose from.")
    deadline = arguments.get("deadline")
    payload = {
        "to": None if escalate else to or OPERATOR,
        "text": text(arguments, "text"),
        "options": options,
        "multi": multi,
        "deadline": None
        if deadline in (None, "")
        else moment(deadline, "deadline", most_seconds=MOST_DEADLINE_SECONDS),
        "escalate": escalate,
    }
    try:
        word = await outbox.put("question_out", payload)
    except TooLong:
        raise _too_long("text") from None
    noun = "escalation" if escalate else f"question to {plain(str(payload['to']), 64)}"
    return of_word(
        word, "asked", f"{noun}, id {word.id}", later="will be asked",
        what="; the answer comes as a message that wakes you, do not wait for it",
    )  # fmt: skip


async def answer(
    outbox: Outbox, questions: AskedQuestions, arguments: dict[str, Any], name: str = "question_id"
) -> ToolAnswer:
    question_id, words = text(arguments, name).strip(), optional_text(arguments, "text")
    given = arguments.get("options")
    if given in (None, "", []):
        given = []
    elif not isinstance(given, list):
        given = [given]  # one alone, as models write it
    if not given and (words is None or not words.strip()):
        raise WrongArguments("An answer needs `text`, `options`, or both.")
    known = await questions.find(question_id) if given else None
    options = [_chosen(option, known) for option in given]
    if len(set(options)) < len(options):
        raise WrongArguments("`options` names one of them twice.")
    payload = {"question_id": question_id, "text": words, "options": options}
    try:
        word = await outbox.put("answer_out", payload)
    except TooLong:
        raise _too_long("text") from None
    return of_word(word, "answered", f"the answer to {plain(question_id, 64)}", later="will be given")


async def open_threads(client: AgentClient) -> ToolAnswer:
    try:
        found = await client.open_threads()
    except HiveError as error:
        return ToolAnswer(error.message, is_error=True)
    return ToolAnswer("\n".join(_lines(found)) or "Nothing is open.")


def _asked_options(arguments: dict[str, Any]) -> list[str]:
    options = arguments.get("options")
    if options is None:
        return []
    if not isinstance(options, list) or not all(isinstance(option, str) and option.strip() for option in options):
        raise WrongArguments("`options` is a list of texts, none of them empty.")
    if len(options) > MOST_OPTIONS:
        raise WrongArguments(f"There are {len(options)} options; at most {MOST_OPTIONS} are taken.")
    if any(len(option) > MOST_OPTION_CHARACTERS for option in options):
        raise WrongArguments(f"An option is too long: at most {MOST_OPTION_CHARACTERS} characters are taken.")
    if len({option.strip() for option in options}) < len(options):
        raise WrongArguments("Two options are the same.")
    return options


def _chosen(given: Any, question: Question | None) -> int:
    """The option's number on the wire, from 0."""
    words = given.strip() if isinstance(given, str) else ""
    if question is not None and words:
        same = [index for index, option in enumerate(question.options) if option.strip() == words]
        alike = [i for i, option in enumerate(question.options) if option.strip().casefold() == words.casefold()]
        if same or len(alike) == 1:
            return (same or alike)[0]
    number = as_number(given)
    if number is not None and number == int(number):
        if number >= 1 and (question is None or number <= len(question.options)):
            return int(number) - 1
        has = "" if question is None else f": the question has {len(question.options) or 'none'}"
        raise WrongArguments(f"There is no option {int(number)}{has}; the first one is 1.")
    if question is None:
        raise WrongArguments(
            "`options`: say them by their numbers, the first one is 1; their words are not known here."
        )
    raise WrongArguments(
        f"There is no option {plain(words or repr(given), 80)!r}; it has {options_of(question) or 'none'}."
    )


def _too_long(name: str) -> WrongArguments:
    return WrongArguments(f"`{name}` is too long: with its quoting at most {MAX_PAYLOAD_BYTES} bytes are taken.")


def _lines(found: OpenThreads) -> list[str]:
    lines = [
        f"You owe an answer: {question.kind} {question.id} from {question.asker}{_until(question)}:"
        f" {quoted(question.text, 300)} {options_of(question)}".rstrip()
        for question in found.to_answer
    ]
    lines += [
        f"You are owed an answer: {question.kind} {question.id} to {question.recipient}"
        f"{' and the operator' if question.with_operator and question.recipient != OPERATOR else ''}{_until(question)}:"
        f" {quoted(question.text, 300)}"
        for question in found.unanswered
    ]
    lines += [
        f"Not taken yet: message {message.message_id} to {message.to}, {message.sent_at}: {message.status}"
        + (f", {plain(message.reason, 200)}" if message.reason else "")
        for message in found.undelivered
    ]
    lines += [
        f"Undecided: {approval.kind} {approval.id}, {approval.created_at}: {plain(approval.subject, 200)}"
        for approval in found.approvals
    ]
    lines += [
        f"Reminder {reminder.id}, due {reminder.due_at}: {quoted(reminder.text, 200)}" for reminder in found.reminders
    ]
    return lines


def _until(question: Question) -> str:
    return f", until {question.deadline}" if question.deadline else ""
