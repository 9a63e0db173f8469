from dataclasses import replace
from datetime import timedelta, timezone

import pytest

from hived.wire.agents import Lifecycle
from hivetui.state.hive import ActBegan, HiveState, LinkLost, LinkMade, LinkRefused, SnapshotTaken, reduced
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


def test_what_is_being_buried_or_stopped_is_counted_as_changing_and_not_as_stopped() -> None:
    buried = scene.agent(
        1, "ann", wanted="buried", lifecycle=Lifecycle(state="stopped", since=scene.ago(2), cause="it is being buried")
    )
    snapshot = scene.snapshot().model_copy(update={"agents": [buried, scene.agent(2, "ben")], "waiting": []})
    state = reduced(reduced(HiveState(), LinkMade(scene.ago(60))), SnapshotTaken(snapshot))
    assert state.agents["ann"].shape.word == "being buried"
    said = plain(header_line(state, scene.NOW, 176))
    assert "1 changing" in said
    assert "stopped" not in said
    state = reduced(state, ActBegan(("ben",), "stopping", scene.ago(0)))
    said = plain(header_line(state, scene.NOW, 176))
    assert "2 changing" in said
    assert "idle" not in said
