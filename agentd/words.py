"""Other people's text inside our own lines: one line, so that it can neither begin nor end one of ours. Pure."""

import json

from hived.wire.questions import MOST_OPTION_CHARACTERS, Question


def plain(text: str, most: int) -> str:
    """On one line, without control characters, cut at `most` characters."""
    line = " ".join(text[: most * 4].split())
    line = "".join(char for char in line if char.isprintable())
    return line if len(line) <= most else line[: most - 1] + "…"


def quoted(text: str, most: int) -> str:
    """The same between quotes, those within it escaped."""
    return json.dumps(plain(text, most), ensure_ascii=False)


def options_of(question: Question) -> str:
    """`options (one of them): 1) "yes" 2) "no"`; empty where it has none."""
    if not question.options:
        return ""
    listed = [
        f"{number}) {quoted(option, MOST_OPTION_CHARACTERS)}" for number, option in enumerate(question.options, 1)
    ]
    return f"options ({'any of them' if question.multi else 'one of them'}): {' '.join(listed)}"
