"""Spans of time as they are read."""

import pytest

from hived.cli import times
from hived.wire.times import in_seconds


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(30, "30s"), (99, "99s"), (101, "1m"), (3599, "59m"), (6100, "1h"), (86_400 * 3 + 9, "3d")],
)
def test_what_is_left_and_what_has_passed_are_in_one_unit(seconds: float, shown: str) -> None:
    assert times.left(in_seconds(seconds - 0.1)) == shown
    assert times.age(in_seconds(-seconds - 0.1)) == shown


def test_a_span_that_has_just_begun_is_said_whole() -> None:
    assert times.left(in_seconds(7199.5)) == "2h"


def test_a_moment_on_another_day_says_which() -> None:
    assert times.until("2999-03-17T17:46:40.000Z").startswith("until 2999-03-17 ")
    assert times.until(in_seconds(0.5)).count("-") == 0 or times.clock(in_seconds(0.5)).startswith("00:00")


def test_a_moment_that_has_passed_has_nothing_left() -> None:
    assert times.left(in_seconds(-1)) == ""
    assert times.left(None) == ""
    assert times.left("nonsense") == ""
    assert times.until(in_seconds(-1)).endswith("(past)")


def test_a_moment_to_come_has_no_age() -> None:
    assert times.age(in_seconds(60)) == "0s"
    assert times.age(None) == times.age("nonsense") == ""
