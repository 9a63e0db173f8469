"""Times as the screen says them. The clock is handed in, so that a test or a picture can fix it."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo

from hived.wire.times import from_text

Clock = Callable[[], datetime]
"""Gives the time now, in the zone in which the screen says times."""


def system_clock() -> datetime:
    """Now, in the operator's own zone."""
    return datetime.now(UTC).astimezone()


def parsed(text: str | None) -> datetime | None:
    """A wire time, or None where there is none or it is not a time."""
    if not text:
        return None
    try:
        moment = from_text(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def seconds_since(since: str | None, now: datetime) -> float | None:
    moment = parsed(since)
    return None if moment is None else max(0.0, (now - moment).total_seconds())


def running(since: str | None, now: datetime) -> str:
    """How long something that runs has run: `0:42`, `3:05`, `1:02:10`; empty where unknown."""
    seconds = seconds_since(since, now)
    return "" if seconds is None else stopwatch(seconds)


def stopwatch(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def age(since: str | None, now: datetime) -> str:
    """How old something is, in its largest unit: `now`, `42s`, `6m`, `3h`, `9d`; empty where unknown."""
    seconds = seconds_since(since, now)
    if seconds is None:
        return ""
    if seconds < 5:
        return "now"
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds >= size:
            return f"{int(seconds // size)}{unit}"
    return f"{int(seconds)}s"


def ahead(until: str | None, now: datetime) -> str:
    """How long until then: `in 40 s`, `in 12 min`, `in 3 h`, `in 2 d`; empty where unknown or past."""
    moment = parsed(until)
    seconds = 0.0 if moment is None else (moment - now).total_seconds()
    if seconds <= 0:
        return ""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size or (unit == "min" and seconds >= size):
            return f"in {round(seconds / size)} {unit}"
    return f"in {max(1, int(seconds))} s"


SOON_SECONDS = 600.0


def is_soon(until: str | None, now: datetime) -> bool:
    """It is less than ten minutes away, or past."""
    moment = parsed(until)
    return moment is not None and (moment - now).total_seconds() < SOON_SECONDS


def left(until: str | None, now: datetime) -> str:
    """The same in a few cells: `40s`, `12m`, `3h`, `2d`; `late` where it is past; empty where unknown."""
    moment = parsed(until)
    if moment is None:
        return ""
    seconds = (moment - now).total_seconds()
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds >= size:
            return f"{int(seconds // size)}{unit}"
    return f"{int(seconds)}s" if seconds > 0 else "late"


DAYS_WITHOUT_YEAR = 300
"""Within so many days a date says enough without its year."""


def day_and_hour(text: str | None, now: datetime) -> str:
    """`14:05`, on another day `Sun 14:05`, in another week `29 Nov 14:05`, most of a year away `17 Mar 2030`.

    Empty where unknown. In the zone of `now`.
    """
    moment = parsed(text)
    if moment is None:
        return ""
    moment = moment.astimezone(now.tzinfo)
    days = (moment.date() - now.date()).days
    if days == 0:
        return f"{moment:%H:%M}"
    if abs(days) > DAYS_WITHOUT_YEAR:
        return f"{moment.day} {moment:%b %Y}"
    return f"{moment:%a %H:%M}" if 0 < days < 7 else f"{moment.day} {moment:%b %H:%M}"


UNITS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_SPAN = re.compile(r"(?:\d{1,6}[dhms])+", re.ASCII)


def span(text: str) -> int | None:
    """Seconds of `30s`, `2h`, `1h30m`; None where it is no such thing."""
    if not _SPAN.fullmatch(text):
        return None
    return sum(int(number) * UNITS[unit] for number, unit in re.findall(r"(\d+)([dhms])", text))


def hour(text: str | None, zone: tzinfo | None = UTC) -> str:
    """`14:29` in that zone; empty where unknown."""
    moment = parsed(text)
    return "" if moment is None else moment.astimezone(zone).strftime("%H:%M")
