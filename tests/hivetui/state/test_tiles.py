from hypothesis import given
from hypothesis import strategies as st

from hived.wire.agents import TurnState
from hivetui.state.agents import Agent, agent_from
from hivetui.state.tiles import grid_of, laid_out, shown_panes
from tests.hivetui.scene import agent, ago


def named(*names: str, busy: str = "") -> list[Agent]:
    return [
        agent_from(agent(n, name, turn=TurnState(state="thinking" if name in busy.split() else "idle", since=ago(1))))
        for n, name in enumerate(names)
    ]


@given(st.integers(20, 300), st.integers(8, 90), st.lists(st.integers(1, 5), min_size=1, max_size=6))
def test_panes_cover_the_area_without_gap_or_overlap(width: int, height: int, weights: list[int]) -> None:
    columns, rows = grid_of(width, height)
    weights = weights[: columns * rows]
    tiles = laid_out(width, height, weights)
    assert len(tiles) == len(weights)
    assert sum(tile.width * tile.height for tile in tiles) == width * height
    cells = {(x, y) for t in tiles for x in range(t.x, t.x + t.width) for y in range(t.y, t.y + t.height)}
    assert len(cells) == width * height


def test_a_pane_in_which_more_happens_is_higher() -> None:
    busy, calm = laid_out(60, 40, [4, 1])
    assert busy.height > calm.height


def test_a_small_screen_shows_one_pane() -> None:
    assert grid_of(53, 13) == (1, 1)


def test_the_focused_and_the_working_ones_are_shown_in_the_lists_order() -> None:
    agents = named("a", "b", "c", "d", "e", busy="b d")
    assert shown_panes((), agents, "e", 3) == ("b", "d", "e")


def test_a_pane_stays_until_a_better_one_needs_its_place() -> None:
    agents = named("a", "b", "c", "d")
    shown = shown_panes(("c", "d"), agents, "d", 2)
    assert shown == ("c", "d")
    assert shown_panes(shown, named("a", "b", "c", "d", busy="a"), "d", 2) == ("a", "d")


def test_more_than_four_panes_only_where_more_than_four_work() -> None:
    names = ("a", "b", "c", "d", "e", "f")
    assert len(shown_panes((), named(*names), "a", 6)) == 4
    assert len(shown_panes((), named(*names, busy="b c d e"), "a", 6)) == 5


def test_no_agents_have_no_panes() -> None:
    assert shown_panes((), [], None, 4) == ()
    assert laid_out(80, 20, []) == []
