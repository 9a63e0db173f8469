"""What can be answered to a question with options: one of them, some by their numbers, or words of one's own. Pure.

Each line says what is sent if it is taken, and nothing else can be sent.
"""

from hived.wire.questions import Question
from hivetui.state.threads import answer_of
from hivetui.widgets.choice_rows import Choice
from hivetui.widgets.lines import Piece, one_line

OPTIONS = "options:"
WORDS = "words:"


def option_choices(question: Question) -> tuple[Choice, ...]:
    return tuple(_options(question, (number,)) for number in range(len(question.options)))


def typed_choices(words: str, question: Question) -> tuple[Choice, ...]:
    """The options whose numbers, or whose very words, were typed, then the words themselves."""
    text, numbers = answer_of(words, question)
    same = [n for n, option in enumerate(question.options) if option.strip().casefold() == words.strip().casefold()]
    found = [_options(question, numbers)] if text is None and (len(numbers) == 1 or question.multi) else []
    found += [_options(question, (number,)) for number in same if (number,) != numbers]
    said: tuple[Piece, ...] = (("in your words ", "dim"), (one_line(words), "text"))
    return (*found, Choice(f"{WORDS}{words}", said))


def answer_taken(id: str) -> tuple[str | None, tuple[int, ...]]:
    """Words and options of the choice that was taken."""
    if id.startswith(WORDS):
        return id.removeprefix(WORDS), ()
    return None, tuple(int(number) for number in id.removeprefix(OPTIONS).split(","))


def _options(question: Question, numbers: tuple[int, ...]) -> Choice:
    line: list[Piece] = []
    for number in numbers:
        line += [
            (" · " if line else "", "dim"),
            (f"{number + 1} ", "key"),
            (one_line(question.options[number]), "text"),
        ]
    return Choice(OPTIONS + ",".join(map(str, numbers)), tuple(line))
