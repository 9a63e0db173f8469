"""Threads: the messages and questions that answer one another, as one conversation. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from hived.wire.names import HIVED, OPERATOR
from hived.wire.questions import Question
from hivetui.state.messages import Letter
from hivetui.state.questions import Questions, mine


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that was said: a message, a question, or a message that carries a question."""

    at: str
    id: str
    letter: Letter | None = None
    question: Question | None = None


@dataclass(frozen=True, slots=True)
class Thread:
    id: str
    entries: tuple[Entry, ...]
    """Oldest first."""
    unread: tuple[str, ...] = ()
    """Messages to the operator that he has not read."""
    to_answer: Question | None = None
    """The oldest that waits for the operator's answer."""
    open: int = 0
    """Questions in it that nobody has answered yet."""
    between: tuple[str, ...] = field(default=())
    """Who has a part in it, in the order in which they came."""

    @property
    def newest(self) -> Entry:
        return self.entries[-1]

    @property
    def letters(self) -> tuple[Letter, ...]:
        return tuple(entry.letter for entry in self.entries if entry.letter is not None)

    @property
    def answered_to(self) -> Letter | None:
        """The message that a reply of the operator answers: the newest of an agent; None where none wrote."""
        return next((letter for letter in reversed(self.letters) if letter.sender not in (OPERATOR, HIVED)), None)

    @property
    def partner(self) -> str | None:
        """To whom the operator writes when he replies: who wrote last, else to whom he wrote."""
        letter = self.answered_to
        if letter is not None:
            return letter.sender
        return next((name for name in reversed(self.between) if name not in (OPERATOR, HIVED)), None)


def threads_of(letters: Iterable[Letter], questions: Questions) -> tuple[Thread, ...]:
    """Newest first."""
    found: dict[str, list[Entry]] = {}
    carried: set[str] = set()
    for letter in letters:
        question = questions.get(letter.about or "") if letter.kind == "question" else None
        if question is not None:
            carried.add(question.id)
        found.setdefault(letter.thread or letter.id, []).append(Entry(letter.sent_at, letter.id, letter, question))
    for question in questions.values():
        if question.id not in carried:
            entry = Entry(question.created_at, question.id, None, question)
            found.setdefault(question.thread or question.id, []).append(entry)
    threads = [_thread(id, sorted(entries, key=lambda entry: (entry.at, entry.id))) for id, entries in found.items()]
    return tuple(sorted(threads, key=lambda thread: (thread.newest.at, thread.id), reverse=True))


def _thread(id: str, entries: list[Entry]) -> Thread:
    between: dict[str, None] = {}
    unread: list[str] = []
    asked: dict[str, Question] = {}
    for entry in entries:
        if entry.letter is not None:
            between |= dict.fromkeys((entry.letter.sender, entry.letter.recipient))
            if entry.letter.unread:
                unread.append(entry.letter.id)
        if entry.question is not None:
            between |= dict.fromkeys((entry.question.asker, entry.question.recipient))
            asked[entry.question.id] = entry.question
    pending = [question for question in asked.values() if question.status == "pending"]
    return Thread(
        id,
        tuple(entries),
        tuple(unread),
        next((question for question in pending if mine(question)), None),
        len(pending),
        tuple(between),
    )


def title_of(thread: Thread) -> str:
    """What it began with: the words of its first message or question."""
    first = thread.entries[0]
    if first.question is not None:
        return first.question.text
    return first.letter.body if first.letter is not None else ""


def answer_of(text: str, question: Question) -> tuple[str | None, tuple[int, ...]]:
    """Words and options of what was typed: `2`, and of several `1,3`, are options as they are shown, from 1."""
    text = text.strip()
    parts = [part.strip() for part in text.split(",")]
    if question.options and all(part.isdecimal() and part.isascii() for part in parts):
        numbers = tuple(int(part) - 1 for part in parts)
        if all(0 <= number < len(question.options) for number in numbers):
            return None, tuple(dict.fromkeys(numbers))
    return text, ()
