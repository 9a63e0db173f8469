import pytest

from hivetui.state.clock import age, hour, parsed, running, stopwatch
from tests.hivetui.scene import NOW, ago


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "now"), (4, "now"), (42, "42s"), (360, "6m"), (7300, "2h"), (800_000, "9d")],
)
def test_an_age_is_said_in_its_largest_unit(seconds: float, said: str) -> None:
    assert age(ago(seconds), NOW) == said


def test_what_runs_is_said_as_a_stopwatch() -> None:
    assert (running(ago(42), NOW), stopwatch(185), stopwatch(3730)) == ("0:42", "3:05", "1:02:10")


def test_a_clock_that_is_ahead_gives_no_negative_age() -> None:
    assert age(ago(-60), NOW) == "now"


def test_no_time_is_said_as_nothing() -> None:
    assert (age(None, NOW), running("yesterday", NOW), hour(""), parsed("?")) == ("", "", "", None)
