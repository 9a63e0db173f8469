"""A diff of 200,000 lines: opened and its first screen made, its last one, and the first one side by side.

Beside it a diff of 1,000 lines, in the same run: a length that does not matter gives 1.
"""

from collections.abc import Callable
from time import perf_counter

from hivetui.state.diffs import Diff
from tests.benchmarks.measure import ROUNDS, Finding, median_of
from tests.hivetui.state.test_diffs import big

LINES = 200_000
FEW = 1_000
SCREEN = 60
MARK_SECONDS = 0.1
SIDES_MARK_SECONDS = 0.5


def spent(text: str, look: Callable[[Diff], object]) -> float:
    begin = perf_counter()
    look(Diff(text))
    return perf_counter() - begin


def first(diff: Diff) -> None:
    assert diff.count(sides=False) > SCREEN
    diff.rows(0, SCREEN, sides=False)


def last(diff: Diff) -> None:
    count = diff.count(sides=False)
    diff.rows(count - SCREEN, count, sides=False)


def beside(diff: Diff) -> None:
    assert diff.count(sides=True) > SCREEN
    diff.rows(0, SCREEN, sides=True)


def run() -> list[Finding]:
    large, small = big(LINES), big(FEW)
    found = []
    looks = (
        ("opens", first, MARK_SECONDS), ("opens at its end", last, MARK_SECONDS), ("opens side by side", beside, SIDES_MARK_SECONDS),
    )  # fmt: skip
    for words, look, mark in looks:
        floor = median_of(lambda look=look: spent(small, look), ROUNDS)  # type: ignore[misc]
        ours = median_of(lambda look=look: spent(large, look), ROUNDS)  # type: ignore[misc]
        found.append(
            Finding(
                f"a diff of {LINES:,} lines {words}", f"{ours * 1000:.1f} ms", f"of {FEW:,} {floor * 1000:.1f} ms", ours / floor,
                f"under {mark * 1000:.0f} ms", ours < mark,
            )
        )  # fmt: skip
    return found
