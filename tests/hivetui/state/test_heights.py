from hypothesis import given
from hypothesis import strategies as st

from hivetui.state.heights import Heights

Change = tuple[str, int, int]


@given(st.lists(st.tuples(st.sampled_from(["append", "set"]), st.integers(0, 50), st.integers(0, 9)), max_size=80))
def test_sums_and_look_ups_agree_with_a_plain_list(changes: list[Change]) -> None:
    plain = [2] * 5
    heights = Heights(5, 2)
    for what, index, height in changes:
        if what == "append":
            plain.append(height)
            heights.append(height)
        else:
            plain[index % len(plain)] = height
            heights[index % len(plain)] = height
    assert heights.total == sum(plain)
    assert [heights.above(index) for index in range(len(plain) + 1)] == [sum(plain[:i]) for i in range(len(plain) + 1)]
    lines = [(index, line) for index, height in enumerate(plain) for line in range(height)]
    assert [heights.at(line) for line in range(heights.total)] == lines
    assert heights.at(heights.total) == (len(plain), 0)


def test_an_empty_run_has_no_lines() -> None:
    heights = Heights()
    assert (heights.total, heights.at(0), heights.above(0), len(heights)) == (0, (0, 0), 0, 0)


def test_items_without_lines_are_passed_over() -> None:
    heights = Heights(4, 0)
    heights[2] = 1
    assert heights.at(0) == (2, 0)
