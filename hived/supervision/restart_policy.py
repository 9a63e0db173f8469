"""When a harness that crashed is tried again, and when it is not. Pure: times are given, nothing is started."""

from dataclasses import dataclass, field

BACKOFF_SECONDS = (0.5, 2.0, 5.0)
"""Before the first, second and every further start again."""


@dataclass(frozen=True, slots=True)
class TryAgain:
    in_seconds: float


@dataclass(frozen=True, slots=True)
class Park:
    crashes: int


@dataclass(slots=True)
class CrashBudget:
    """`budget` crashes within `window_seconds` park an agent. One per agent; a start by the operator clears it."""

    budget: int
    window_seconds: float
    _crashed_at: list[float] = field(default_factory=list)

    def crashed(self, now: float) -> TryAgain | Park:
        """What follows from a crash at `now`, in seconds of any clock that only goes forward."""
        self._crashed_at = [at for at in self._crashed_at if now - at < self.window_seconds]
        self._crashed_at.append(now)
        count = len(self._crashed_at)
        if count >= self.budget:
            return Park(count)
        return TryAgain(BACKOFF_SECONDS[min(count, len(BACKOFF_SECONDS)) - 1])

    def clear(self) -> None:
        self._crashed_at.clear()
