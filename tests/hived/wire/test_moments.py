"""Moments as people write them."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta, timezone
from time import tzset
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hived.wire import moments
from hived.wire.errors import InvalidMoment
from hived.wire.times import from_text, to_text

NOW = datetime(2026, 11, 21, 14, 0, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
MOMENTS = st.integers(min_value=10**8, max_value=10**11).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


@pytest.fixture
def _in_new_york() -> Iterator[None]:
    before = os.environ.get("TZ")
    os.environ["TZ"] = "America/New_York"
    tzset()
    yield
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    tzset()


@pytest.mark.parametrize(
    ("given", "seconds"),
    [("90s", 90), ("10m", 600), ("2h30m", 9000), ("3d", 259_200), ("1d2h3m4s", 93_784), ("0s", 0), (" 5m ", 300)],
)
def test_a_span_is_counted_from_now(given: str, seconds: int) -> None:
    assert moments.parse(given, NOW) == NOW + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("2026-11-21T14:30Z", NOW + timedelta(minutes=30)),
        ("2026-11-21T15:30+01:00", NOW + timedelta(minutes=30)),
        ("2026-11-21 14:30:15", NOW + timedelta(minutes=30, seconds=15)),
        ("2026-11-22", NOW + timedelta(hours=10)),
        ("20261121T143000Z", NOW + timedelta(minutes=30)),
    ],
)
def test_a_time_in_iso_8601_without_a_zone_is_utc(given: str, expected: datetime) -> None:
    assert moments.parse(given, NOW) == expected


def test_without_a_zone_it_may_be_one_of_another_zone() -> None:
    assert moments.parse("2026-11-21T15:30", NOW, BERLIN) == NOW + timedelta(minutes=30)
    assert moments.parse("2026-11-21T14:30Z", NOW, BERLIN) == NOW + timedelta(minutes=30)


@pytest.mark.usefixtures("_in_new_york")
def test_or_of_the_machine() -> None:
    assert moments.parse("2026-11-21T09:30", NOW, None) == NOW + timedelta(minutes=30)
    assert moments.next_clock("09:30", NOW) == NOW + timedelta(minutes=30)
    assert moments.next_clock("9:00", NOW) == NOW + timedelta(days=1)


@pytest.mark.parametrize(
    "given",
    [
        "", "s", "h", "10", "-5m", "1.5h", "5m2h", "1m1m", "10 m", "10 minutes", "soon", "14:30", "2026-13-01", "99:99",
        "2026-11-21T25:00", "0001-01-01", "9999-12-31T23:59-10:00", "999999999d", "9" * 30 + "s", "x" * 70, "5m\x00",
        "２s", "٣d", "2026-11-21T14:30Z; rm -rf /", "1969-12-31", "\x1b[2J",
    ],
)  # fmt: skip
def test_what_is_no_moment_is_refused_in_one_sentence(given: str) -> None:
    with pytest.raises(InvalidMoment) as refused:
        moments.parse(given, NOW)
    assert refused.value.exit_code == 2
    assert len(refused.value.message) < 250


def test_a_time_of_day_is_the_next_one() -> None:
    assert moments.next_clock("15:30", NOW, BERLIN) == NOW + timedelta(minutes=30)
    assert moments.next_clock("14:59:59", NOW, BERLIN) == NOW + timedelta(days=1, seconds=-1)
    assert moments.next_clock("15:00", NOW, BERLIN) == NOW + timedelta(days=1), "now is not next"
    assert moments.next_clock("2h", NOW, BERLIN) is None
    with pytest.raises(InvalidMoment):
        moments.next_clock("24:00", NOW, BERLIN)


def test_a_time_of_day_that_the_clocks_skip_or_repeat_is_still_ahead() -> None:
    for now in (datetime(2026, 3, 28, 12, tzinfo=UTC), datetime(2026, 10, 24, 12, tzinfo=UTC)):
        found = moments.next_clock("02:30", now, BERLIN)
        assert found is not None
        assert timedelta(0) < found - now <= timedelta(hours=25)


@given(st.text(max_size=80))
def test_any_text_is_a_moment_that_can_be_kept_or_is_refused(text: str) -> None:
    try:
        found = moments.parse(text, NOW)
    except InvalidMoment:
        return
    assert found.tzinfo is UTC
    assert abs(from_text(to_text(found)) - found) < timedelta(milliseconds=1)


@given(MOMENTS, st.integers(min_value=-14 * 60, max_value=14 * 60))
def test_a_time_with_its_zone_comes_back_as_the_same_moment(moment: datetime, minutes: int) -> None:
    given = moment.astimezone(timezone(timedelta(minutes=minutes))).isoformat()
    assert moments.parse(given, NOW) == moment


@given(*(st.integers(min_value=0, max_value=400) for _ in range(4)))
def test_spans_add_up(days: int, hours: int, minutes: int, seconds: int) -> None:
    expected = NOW + timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    assert moments.parse(f"{days}d{hours}h{minutes}m{seconds}s", NOW) == expected


@given(st.times(), MOMENTS)
def test_the_next_time_of_day_is_within_a_day_and_says_that_time(clock: time, now: datetime) -> None:
    found = moments.next_clock(f"{clock.hour:02}:{clock.minute:02}", now, UTC)
    assert found is not None
    assert timedelta(0) < found - now <= timedelta(days=1)
    assert (found.hour, found.minute, found.second) == (clock.hour, clock.minute, 0)
