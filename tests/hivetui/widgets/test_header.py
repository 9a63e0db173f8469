from dataclasses import replace
from datetime import timedelta, timezone

import pytest

from hivetui.state.hive import HiveState, LinkLost, LinkMade, LinkRefused, SnapshotTaken, reduced
from hivetui.widgets.header import header_line
from hivetui.widgets.lines import cells, plain
from tests.hivetui import scene


def attached() -> HiveState:
    return reduced(reduced(HiveState(), SnapshotTaken(scene.snapshot())), LinkMade(scene.ago(60)))


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 176, 240])
def test_what_waits_on_you_never_goes_however_narrow_it_is(width: int) -> None:
    line = header_line(attached(), scene.NOW, width)
    assert cells(line) <= width
    assert "▲ 3 waiting" in plain(line)


def test_it_counts_states_and_sums_todays_cost() -> None:
    said = plain(header_line(attached(), scene.NOW, 176))
    assert "7 agents" in said
    assert "2 thinking" in said
    assert said.rstrip().endswith("today $6.34")


def test_nothing_that_waits_is_said_calmly() -> None:
    state = replace(attached(), waiting=replace(attached().waiting, items=()))
    assert "nothing waits on you" in plain(header_line(state, scene.NOW, 176))


def test_away_says_since_when_in_the_operators_zone() -> None:
    state = reduced(attached(), LinkLost(scene.ago(1800), "gone"))
    zone = timezone(timedelta(hours=1))
    assert "hived is away since 15:02, agents go on" in plain(header_line(state, scene.NOW.astimezone(zone), 80))


def test_a_hived_that_never_answered_is_not_said_to_be_away() -> None:
    said = plain(header_line(reduced(HiveState(), LinkLost(scene.ago(5), "nobody on /x")), scene.NOW, 80))
    assert "hived does not answer" in said


def test_another_protocol_is_told() -> None:
    state = reduced(attached(), LinkRefused(scene.ago(1), "hived speaks protocol 2"))
    assert "hived speaks protocol 2" in plain(header_line(state, scene.NOW, 80))


@pytest.mark.parametrize("width", [80, 176])
def test_away_says_how_to_start_hived(width: int) -> None:
    said = plain(header_line(reduced(attached(), LinkLost(scene.ago(60), "gone")), scene.NOW, width))
    assert "hive up --detach" in said


def test_states_are_counted_as_long_as_there_is_room() -> None:
    assert "○ " in plain(header_line(attached(), scene.NOW, 100))
