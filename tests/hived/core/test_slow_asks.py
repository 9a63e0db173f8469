"""An ask that is made to take long is judged for a bounded time: what is not judged by then is the operator's to decide."""

from typing import Any

import pytest

from hived.core.rule_matching import Ask, Pattern, judge
from tests.support.cost import costs_at_most

MOST_SECONDS = 5.0
"""Unbounded these took 10 s and more."""
SLOW: dict[str, dict[str, Any]] = {
    "many titles": {f"k{number}": "x " * 50 for number in range(5000)},
    "many long words": {"command": ["a b;" * 250] * 1000},
    "many folders": {"file_path": "/a" * 2040},
    "many paths": {"path": ["/a b" * 1000] * 250},
}


@pytest.mark.parametrize("input", SLOW.values(), ids=SLOW)
def test_an_ask_that_is_slow_to_judge_is_allowed_by_nothing_and_soon_the_operators(input: dict[str, Any]) -> None:
    denying = [Pattern(str(number), "*", f"**/x{number}/**/y/**/z/**", "deny") for number in range(1000)]
    with costs_at_most(MOST_SECONDS):
        assert judge([*denying, Pattern("all", "*", "*", "allow")], Ask("Bash", input, "/w")) is None
