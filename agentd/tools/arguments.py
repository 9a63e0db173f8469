"""Reading a tool call's arguments: each wrong one is one sentence for the engine."""

import math
from datetime import UTC, datetime, timedelta
from typing import Any

from hived.wire import moments
from hived.wire.errors import InvalidMoment
from hived.wire.times import to_text


class WrongArguments(ValueError):
    """What is wrong with the call, for the engine to read."""


def text(arguments: dict[str, Any], name: str) -> str:
    value = arguments.get(name)
    if not isinstance(value, str) or not value.strip():
        raise WrongArguments(f"`{name}` is missing: it is a text that is not empty.")
    return value


def optional_text(arguments: dict[str, Any], name: str) -> str | None:
    value = arguments.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise WrongArguments(f"`{name}` is a text.")
    return value


def flag(arguments: dict[str, Any], name: str) -> bool:
    value = arguments.get(name)
    if value is not None and not isinstance(value, bool):
        raise WrongArguments(f"`{name}` is true or false.")
    return bool(value)


def number(arguments: dict[str, Any], name: str, otherwise: float, *, most: float) -> float:
    """From 0 to `most`; a text that is a number is taken for one, as models write them."""
    value = arguments.get(name)
    found = otherwise if value is None else as_number(value)
    if found is None or not 0 <= found <= most:
        raise WrongArguments(f"`{name}` is a number from 0 to {most:g}.")
    return found


def as_number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def moment(value: Any, name: str, *, most_seconds: float) -> str:
    """A time to come, as the wire writes it, from a number of seconds, a span (`2h30m`) or ISO 8601; without a zone UTC."""
    now = datetime.now(UTC)
    seconds = as_number(value)
    if seconds is None and not isinstance(value, str):
        raise WrongArguments(f"`{name}` is a number of seconds, or a time in ISO 8601.")
    too_far = WrongArguments(f"`{name}` is too far away: at most {round(most_seconds / 86400)} days are taken.")
    if seconds is not None and seconds > most_seconds:
        raise too_far
    try:
        found = moments.parse(value, now) if seconds is None else now + timedelta(seconds=seconds)
    except (InvalidMoment, OverflowError):
        raise WrongArguments(
            f"`{name}` is a number of seconds, a span such as 2h30m, or a time such as 2026-01-31T12:00:00Z."
        ) from None
    if found <= now:
        raise WrongArguments(f"`{name}` has passed: it must lie in the future.")
    if found > now + timedelta(seconds=most_seconds):
        raise too_far
    return to_text(found)


def check_names(arguments: dict[str, Any], known: dict[str, Any]) -> None:
    unknown = sorted(set(arguments) - set(known))
    if unknown:
        raise WrongArguments(f"There is no argument {unknown[0][:60]!r}; there are {', '.join(known) or 'none'}.")
