"""Moments as people write them: a span from now (`90s`, `2h30m`), a time in ISO 8601, a time of day. Standard library only."""

import re
from datetime import UTC, datetime, time, timedelta, tzinfo

from hived.wire.errors import InvalidMoment

_SPAN = re.compile(r"(?=\d)(?:(\d{1,9})d)?(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9})s)?", re.ASCII)
_ISO = re.compile(r"\d{4}-?(?:\d\d|W\d).*", re.ASCII)
_CLOCK = re.compile(r"(\d{1,2}):(\d\d)(?::(\d\d))?", re.ASCII)
_UNITS = (86_400, 3600, 60, 1)
_LONGEST = 64
"""Characters: what is longer is not looked at."""
_YEARS = range(1970, 9999)


def parse(given: str, now: datetime, zone: tzinfo | None = UTC) -> datetime:
    """The moment that `given` names, in UTC, seen from `now`; it may lie in the past.

    A span of days, hours, minutes and seconds, each at most once and in that order, or ISO 8601: without a zone it is one of
    `zone` (None: the machine's own). Raises InvalidMoment.
    """
    text = given.strip() if len(given) <= _LONGEST else ""
    span = _SPAN.fullmatch(text)
    try:
        if span is not None:
            seconds = sum(int(part or 0) * unit for part, unit in zip(span.groups(), _UNITS, strict=True))
            return _checked(given, now + timedelta(seconds=seconds))
        if _ISO.fullmatch(text):
            found = datetime.fromisoformat(text)
            return _checked(given, found if found.tzinfo or zone is None else found.replace(tzinfo=zone))
    except (ValueError, OverflowError):
        raise InvalidMoment(given=given[:_LONGEST], reason="there is no such date.") from None
    raise InvalidMoment(given=given[:_LONGEST], reason="nothing else is understood.")


def next_clock(given: str, now: datetime, zone: tzinfo | None = None) -> datetime | None:
    """The next `14:30` or `14:30:15` of `zone` (None: the machine's own), in UTC; None where `given` is no time of day.

    Raises InvalidMoment (25:00).
    """
    found = _CLOCK.fullmatch(given.strip()) if len(given) <= _LONGEST else None
    if found is None:
        return None
    try:
        hour, minute, second = (int(part or 0) for part in found.groups())
        clock = time(hour, minute, second)
    except ValueError:
        raise InvalidMoment(given=given, reason="a day has 24 hours.") from None
    today = now.astimezone(zone).date()
    days = (datetime.combine(today + timedelta(days=ahead), clock, zone).astimezone(UTC) for ahead in range(3))
    return next(moment for moment in days if moment > now)


def _checked(given: str, moment: datetime) -> datetime:
    """In UTC, and in a year that can be written as times are written here."""
    found = moment.astimezone(UTC)
    if found.year not in _YEARS:
        raise InvalidMoment(given=given, reason="that is too far away.")
    return found
