"""Size does not matter to a pane. The figures themselves are the benchmark's; here only gross loss is caught."""

from tests.hivetui.many_events import seconds_per_append, seconds_to_paint


async def test_a_hundred_thousand_events_open_much_like_a_hundred() -> None:
    few = min([await seconds_to_paint(100) for _ in range(2)])
    assert min([await seconds_to_paint(100_000) for _ in range(2)]) < 20 * few, "a thousand times as many"


async def test_one_more_event_costs_next_to_nothing() -> None:
    few = await seconds_per_append(100, 200)
    assert await seconds_per_append(100_000, 200) < 20 * few
