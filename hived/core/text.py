"""Text that came from agents, made fit to keep and to show: sound Unicode, and one line without control characters."""

import unicodedata

LINE_LIMIT = 200
"""Characters of a subject: what a list shows in one row."""


def sound(text: str) -> str:
    """The text with lone surrogates replaced, so that it can be written as UTF-8."""
    return text.encode("utf-8", "replace").decode("utf-8")


def one_line(text: str, limit: int = LINE_LIMIT) -> str:
    """The text as one line of at most `limit` characters: white space runs are one blank, control characters are gone."""
    taken = sound(text[: limit * 8])
    words = " ".join(taken.split())
    plain = "".join(char for char in words if unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co", "Cn"))
    return plain if len(plain) <= limit else plain[: limit - 1] + "…"
