"""Size does not matter to a pane. The figures themselves are the benchmark's; here only gross loss is caught."""

from tests.hivetui.many_events import seconds_per_append, seconds_to_paint


async def test_a_hundred_thousand_events_open_in_well_under_a_second() -> None:
    assert await seconds_to_paint(100_000) < 1.0


async def test_one_more_event_costs_next_to_nothing() -> None:
    assert await seconds_per_append(100_000, 200) < 0.02
