from hypothesis import given
from hypothesis import strategies as st

from hivetui.state.regions import regions_of


@given(st.integers(40, 260), st.integers(12, 90), st.integers(0, 40), st.booleans(), st.booleans())
def test_the_parts_cover_the_body_without_gap_or_overlap(
    width: int, height: int, waiting: int, deciding: bool, zoomed: bool
) -> None:
    found = regions_of(width, height, waiting, deciding=deciding, zoomed=zoomed)
    tiles = [tile for tile in (found.agents, found.panes, found.waiting, found.detail) if tile is not None]
    cells = {(x, y) for t in tiles for x in range(t.x, t.x + t.width) for y in range(t.y, t.y + t.height)}
    assert len(cells) == sum(t.width * t.height for t in tiles) == width * height


def test_the_list_does_not_move_when_it_gets_the_focus() -> None:
    for width, height in ((80, 19), (120, 29), (176, 41)):
        calm = regions_of(width, height, 3, deciding=False, zoomed=False)
        deciding = regions_of(width, height, 3, deciding=True, zoomed=False)
        assert calm.waiting == deciding.waiting
        assert deciding.detail is not None


def test_rows_of_the_list_stay_where_they_are_when_one_more_comes() -> None:
    for width, height in ((80, 19), (120, 29), (176, 41)):
        three = regions_of(width, height, 3, deciding=True, zoomed=False).waiting
        four = regions_of(width, height, 4, deciding=True, zoomed=False).waiting
        assert three is not None
        assert four is not None
        assert (three.x, three.y) == (four.x, four.y)


def test_zoomed_there_is_one_pane_alone() -> None:
    found = regions_of(80, 19, 3, deciding=False, zoomed=True)
    assert (found.agents, found.waiting, found.detail) == (None, None, None)
