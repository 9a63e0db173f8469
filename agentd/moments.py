"""Moments that come from outside: checked, and as a number of seconds from now."""

from datetime import UTC, datetime
from typing import Any

from hived.wire.times import from_text, to_text


def checked_time(found: Any) -> str | None:
    """That moment as times are written everywhere here; None where it is none."""
    if not isinstance(found, str):
        return None
    try:
        moment = from_text(found)
        return to_text(moment if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        return None


def seconds_until(moment: str) -> float:
    """Negative: it is past. `moment` as utc_now writes it."""
    return (from_text(moment) - datetime.now(UTC)).total_seconds()
