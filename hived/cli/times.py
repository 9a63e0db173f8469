"""Moments and spans of time: as people write them (`90s`, `1h30m`) and as they read them."""

import argparse
import re
from datetime import UTC, datetime
from math import ceil

from hived.wire import moments
from hived.wire.times import to_text

UNITS = {"d": 86_400, "h": 3600, "m": 60, "s": 1}
_SPAN = re.compile(r"(?:\d+(?:\.\d+)?[dhms])+", re.ASCII)
_PART = re.compile(r"(\d+(?:\.\d+)?)([dhms])", re.ASCII)
OFF = "off"


def duration(text: str) -> float:
    """An argument's type: a span in seconds, from `30s`, `2h`, `1h30m`."""
    if not _SPAN.fullmatch(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no span of time: write 30s, 5m, 2h or 1h30m")
    return sum(float(number) * UNITS[unit] for number, unit in _PART.findall(text))


def duration_or_off(text: str) -> float:
    """An argument's type: a span in seconds above 0; 0 for `off`."""
    if text == OFF:
        return 0.0
    seconds = duration(text)
    if not seconds:
        raise argparse.ArgumentTypeError(f"{text!r} is no time at all; to end it, say {OFF}")
    return seconds


def moment(given: str) -> str:
    """WHEN as the wire has it: `90s`, `2h30m`, `14:30` (the next one here), ISO 8601 (of this machine's zone where it names
    none). Raises InvalidMoment.
    """
    now = datetime.now(UTC)
    return to_text(moments.next_clock(given, now) or moments.parse(given, now, zone=None))


def age(moment: str | None) -> str:
    """How long ago that was: `12s`, `5m`, `3h`, `2d`."""
    seconds = _seconds_since(moment)
    return "" if seconds is None else _span(max(0.0, seconds))


def left(moment: str | None) -> str:
    """How long until then: `12s`, `5m`, `3h`, `2d`; empty once it has passed. A second begun counts: a nap of 2h says 2h."""
    seconds = _seconds_since(moment)
    return "" if seconds is None or seconds >= 0 else _span(ceil(-seconds))


def clock(moment: str | None) -> str:
    """The local time of day."""
    try:
        return datetime.fromisoformat(moment or "").astimezone().strftime("%H:%M:%S")
    except ValueError:
        return "--:--:--"


def day_and_clock(moment: str | None) -> str:
    """The local time of day, on another day than today the date and time: `2026-01-31 14:32`."""
    try:
        local = datetime.fromisoformat(moment or "").astimezone()
    except ValueError:
        return clock(None)
    return clock(moment) if local.date() == datetime.now().astimezone().date() else local.strftime("%Y-%m-%d %H:%M")


def until(moment: str) -> str:
    """`until 14:32:00 (in 5m)`, `until 14:32:00 (past)`, `until 2026-01-31 14:32 (in 3d)`."""
    ahead = left(moment)
    return f"until {day_and_clock(moment)} ({f'in {ahead}' if ahead else 'past'})"


def _seconds_since(moment: str | None) -> float | None:
    try:
        return (datetime.now(UTC) - datetime.fromisoformat(moment or "")).total_seconds()
    except (ValueError, TypeError):
        return None


def _span(seconds: float) -> str:
    for limit, size, unit in ((100, 1, "s"), (6000, 60, "m"), (172_800, 3600, "h")):
        if seconds < limit:
            return f"{int(seconds / size)}{unit}"
    return f"{int(seconds / 86_400)}d"
