"""What questions and their answers say where they are read as messages, and whether an answer fits its question."""

import json
from collections.abc import Sequence

from hived.core.text import one_line, sound
from hived.store.database import Row
from hived.wire.errors import InvalidAnswer, InvalidRequest, TooLarge
from hived.wire.protocol import MAX_MESSAGE_BODY_BYTES
from hived.wire.questions import MOST_OPTION_CHARACTERS, MOST_OPTIONS, AnswerDraft

MOST_ANSWER_CHARACTERS = 65_536


def checked_options(options: Sequence[str]) -> list[str]:
    """Each as one line. Raises InvalidRequest."""
    if len(options) > MOST_OPTIONS:
        raise InvalidRequest(reason=f"A question has at most {MOST_OPTIONS} options; this one has {len(options)}.")
    for number, option in enumerate(options, 1):
        if len(option) > MOST_OPTION_CHARACTERS:
            raise InvalidRequest(
                reason=f"Option {number} has {len(option)} characters; at most {MOST_OPTION_CHARACTERS} are taken."
            )
    lines = [one_line(option, MOST_OPTION_CHARACTERS) for option in options]
    if not all(lines):
        raise InvalidRequest(reason=f"Option {lines.index('') + 1} says nothing.")
    return lines


def question_body(text: str, options: Sequence[str], multi: bool) -> str:
    """The question as a message says it. Raises TooLarge, InvalidRequest where it says nothing."""
    text = sound(text)
    if not text.strip():
        raise InvalidRequest(reason="A question needs words.")
    lines = [text]
    if options:
        lines += ["", "Choose any of these:" if multi else "Choose one of these:", *_numbered(options)]
    body = "\n".join(lines)
    size = len(body.encode())
    if size > MAX_MESSAGE_BODY_BYTES:
        raise TooLarge(what="question", bytes=size, limit=MAX_MESSAGE_BODY_BYTES)
    return body


def answer_body(question: Row, answer: AnswerDraft) -> str:
    """The answer as a message says it: `Chosen: 2) blue`, and the words."""
    options: list[str] = json.loads(question["options_json"])
    chosen = [f"{number + 1}) {options[number]}" for number in answer.options]
    lines = [f"Chosen: {'; '.join(chosen)}"] if chosen else []
    return "\n\n".join([*lines, *([answer.text] if answer.text else [])])


def checked_answer(question: Row, text: str | None, options: Sequence[int]) -> AnswerDraft:
    """The answer that is kept: blank words are none, options are in order and each once. Raises InvalidAnswer."""
    count = len(json.loads(question["options_json"]))
    words = sound(text) if text is not None and text.strip() else None
    chosen = sorted(set(options))
    if words is None and not chosen:
        raise InvalidAnswer(reason="An answer needs words or options." if count else "An answer needs words.")
    if words is not None and len(words) > MOST_ANSWER_CHARACTERS:
        raise InvalidAnswer(
            reason=f"An answer has at most {MOST_ANSWER_CHARACTERS} characters; this one has {len(words)}."
        )
    if chosen and not count:
        raise InvalidAnswer(reason=f"Question {question['id']} has no options; it is answered in words.")
    for number in chosen:
        if not 0 <= number < count:
            raise InvalidAnswer(
                reason=f"Question {question['id']} has {count} options, counted from 1: there is no option {number + 1}."
            )
    if len(chosen) > 1 and not question["multi"]:
        raise InvalidAnswer(
            reason=f"Of question {question['id']} one option may be chosen, and this names {len(chosen)}."
        )
    return AnswerDraft(text=words, options=chosen)


def _numbered(options: Sequence[str]) -> list[str]:
    return [f"{number}) {option}" for number, option in enumerate(options, 1)]
