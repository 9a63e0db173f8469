"""Text that came from agents, made fit to keep and to show: sound Unicode, one line without control characters, moments."""

import unicodedata
from datetime import UTC

from hived.wire.times import from_text, to_text

LINE_LIMIT = 200
"""Characters of a subject: what a list shows in one row."""


def sound(text: str) -> str:
    """The text with lone surrogates replaced, so that it can be written as UTF-8."""
    if text.isascii():
        return text
    return text.encode("utf-8", "replace").decode("utf-8")


def one_line(text: str, limit: int = LINE_LIMIT) -> str:
    """The text as one line of at most `limit` characters: white space runs are one blank, control characters are gone.

    It ends with `…` where anything is left out at its end, were it after blanks alone.
    """
    taken = sound(text[: limit * 8])
    words = " ".join(taken.split())
    plain = "".join(char for char in words if unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Co", "Cn"))
    whole = len(plain) <= limit and not text[limit * 8 :].strip()
    return plain if whole else plain[: limit - 1] + "…"


def is_line(text: str, limit: int = LINE_LIMIT) -> bool:
    """Whether it is one line of 1 to `limit` printable characters."""
    return 0 < len(text) <= limit and text.isprintable()


def checked_time(found: str | None) -> str | None:
    """That moment as times are written everywhere here; None where it is none."""
    if found is None:
        return None
    try:
        moment = from_text(found)
        return to_text(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        return None
