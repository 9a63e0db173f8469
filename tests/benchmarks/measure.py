"""How a benchmark says what it found, and whether that meets its mark."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass

ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Finding:
    """One figure beside its floor. `ok` is None where no mark is set."""

    what: str
    measured: str
    floor: str
    ratio: float | None
    mark: str
    ok: bool | None

    def line(self) -> str:
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}x"
        verdict = {True: "met", False: "MISSED", None: ""}[self.ok]
        return f"{self.what:<44} {self.measured:>20}  {self.floor:>26}  {ratio:>9}  {self.mark:<22} {verdict}"


def median_of(run: Callable[[], float], rounds: int = ROUNDS) -> float:
    return statistics.median(run() for _ in range(rounds))


def percentile(values: list[float], share: float) -> float:
    """The value below which that share (0 to 1) of them lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
