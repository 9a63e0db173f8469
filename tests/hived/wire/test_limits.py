"""`[limits]` that are held by a runtime: what may be written there."""

from typing import Any

import pytest

from hived.wire.errors import InvalidRequest
from hived.wire.limits import Limits, limits_of, memory_words


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, Limits()),
        ({"memory": "2G", "cpu": 1.5, "processes": 512}, Limits(2 * 2**30, 1.5, 512)),
        ({"memory": "512m"}, Limits(512 * 2**20)),
        ({"memory": "1.5 GiB"}, Limits(3 * 2**29)),
        ({"memory": 2**28, "cpu": 2}, Limits(2**28, 2.0)),
        ({"usd_per_day": 5, "rate_limit_resume": True}, Limits()),
    ],
)
def test_what_a_table_says(given: dict[str, Any], expected: Limits) -> None:
    assert limits_of(given) == expected


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"memory": "lots"}, "limits.memory"),
        ({"memory": "1M"}, "limits.memory"),
        ({"memory": True}, "limits.memory"),
        ({"memory": "9" * 15 + "T"}, "limits.memory"),
        ({"memory": -1}, "limits.memory"),
        ({"cpu": 0}, "limits.cpu"),
        ({"cpu": "two"}, "limits.cpu"),
        ({"cpu": float("nan")}, "limits.cpu"),
        ({"cpu": float("inf")}, "limits.cpu"),
        ({"processes": 1}, "limits.processes"),
        ({"processes": 20.5}, "limits.processes"),
        ({"processes": False}, "limits.processes"),
    ],
)
def test_what_says_nothing_is_refused_by_name(given: dict[str, Any], word: str) -> None:
    with pytest.raises(InvalidRequest, match=word):
        limits_of(given)


def test_memory_is_said_as_people_say_it() -> None:
    assert [memory_words(size) for size in (2**31, 3 * 2**29, 2**28)] == ["2G", "1.5G", "256M"]
