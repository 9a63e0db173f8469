"""A clock that a test moves."""

from datetime import UTC, datetime, timedelta

from hived.wire.times import to_text


class MovedClock:
    """Stands still at `now` until it is moved; called, it gives the time as text, so it may stand in for `Database.clock`."""

    def __init__(self, now: datetime | None = None) -> None:
        self.now = now or datetime.now(UTC).replace(microsecond=0)

    def __call__(self) -> str:
        return to_text(self.now)

    def move(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def ahead(self, seconds: float) -> str:
        """That many seconds from its now, as text."""
        return to_text(self.now + timedelta(seconds=seconds))
