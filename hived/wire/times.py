"""Times on the wire and in every store: UTC, ISO 8601, milliseconds, `Z`. They sort as text."""

from datetime import UTC, datetime, timedelta


def to_text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def utc_now() -> str:
    return to_text(datetime.now(UTC))


def in_seconds(seconds: float) -> str:
    """The time that many seconds from now (negative: ago)."""
    return to_text(datetime.now(UTC) + timedelta(seconds=seconds))


def seconds_until(moment: str) -> float:
    """Negative where it is past."""
    return (from_text(moment) - datetime.now(UTC)).total_seconds()


def from_text(text: str) -> datetime:
    return datetime.fromisoformat(text)
