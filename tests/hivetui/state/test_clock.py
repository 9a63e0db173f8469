import pytest

from hivetui.state.clock import age, ahead, hour, parsed, running, span, stopwatch
from tests.hivetui.scene import NOW, ago, to_come


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


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30s", 30),
        ("5m", 300),
        ("1h30m", 5400),
        ("2d", 172_800),
        ("0s", 0),
        ("5", None),
        ("", None),
        ("m", None),
        ("1h 5m", None),
    ],
)
def test_a_span_is_read_as_people_write_it(text: str, seconds: int | None) -> None:
    assert span(text) == seconds


def test_how_long_it_is_until_then_is_said_in_one_unit() -> None:
    said = [ahead(to_come(seconds), NOW) for seconds in (0, 5, 59, 61, 119 * 60, 3 * 3600, 3 * 86_400)]
    assert said == ["", "in 5 s", "in 59 s", "in 1 min", "in 119 min", "in 3 h", "in 3 d"]
    assert ahead(None, NOW) == ahead("nonsense", NOW) == ""
