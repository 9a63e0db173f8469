"""Words within changed lines, in a bounded time; and a line as the screen shows it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hivetui.state.diff_words import MOST_CHARACTERS, changed_words, plain, shown
from tests.support.cost import costs_at_most


def marked(line: str, changed: tuple[tuple[int, int], ...]) -> str:
    for begin, end in reversed(changed):
        line = f"{line[:begin]}[{line[begin:end]}]{line[end:]}"
    return line


@pytest.mark.parametrize(
    ("old", "new", "left", "right"),
    [
        ("return one", "return two", "return [one]", "return [two]"),
        ("f(a, b)", "f(a, b, c)", "f(a, b)", "f(a, b[, c])"),
        ("    x = 1", "        x = 1", "[    ]x = 1", "[        ]x = 1"),
        ("value = old_name + 1", "value = new_name + 2", "value = [old_name] + [1]", "value = [new_name] + [2]"),
        ("same", "same", "same", "same"),
        ("import os", "def main():", "import os", "def main():"),
        ("", "something", "", "something"),
        ("a b c d e f", "a b X d e f", "a b [c] d e f", "a b [X] d e f"),
        ("grün ist gut", "blau ist gut", "[grün] ist gut", "[blau] ist gut"),
    ],
)
def test_what_differs_is_marked(old: str, new: str, left: str, right: str) -> None:
    before, after = changed_words(old, new)
    assert (marked(old, before), marked(new, after)) == (left, right)


@given(st.text(max_size=60), st.text(max_size=60))
def test_what_is_not_marked_is_the_same_in_both(old: str, new: str) -> None:
    before, after = changed_words(old, new)
    for line, changed in ((old, before), (new, after)):
        places = [place for stretch in changed for place in stretch]
        assert places == sorted(places)
        assert all(0 <= place <= len(line) for place in places)
    if before or after:
        rest = ["".join(line[at] for at in range(len(line)) if not any(begin <= at < end for begin, end in changed))
                for line, changed in ((old, before), (new, after))]  # fmt: skip
        assert rest[0] == rest[1]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a b " * 100_000, "b a " * 100_000),
        ("(" * 1_000_000, ")" * 1_000_000),
        (" ".join(map(str, range(9000))), " ".join(map(str, range(9000, 0, -1)))),
        ("x" * 1_000_000, "x" * 999_999 + "y"),
    ],
)
def test_a_pair_costs_a_bounded_time(old: str, new: str) -> None:
    with costs_at_most(0.5):
        changed_words(old, new)


def test_long_lines_are_cut_and_counted() -> None:
    spans = shown("x" * 1_000_000, ((10, 20), (1990, 5000)))
    assert spans[-1] == (f"… {1_000_000 - MOST_CHARACTERS} more characters", "code")
    assert spans[-2] == ("x" * 10, "word")
    assert sum(len(text) for text, mark in spans if mark != "code") == MOST_CHARACTERS


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("plain", "plain"),
        ("a\tb\tc", "a   b   c"),
        ("\x1b[31mred\x9b0m", "\\e[31mred\\x9b0m"),
        ("zero\u200bwidth", "zero\\u200bwidth"),
        ("\u202eevil", "\\u202eevil"),
        ("cr\rlf\n", "cr\\rlf\\n"),
        ("\ud800", "\\ud800"),
        ("tag\U000e0041", "tag\\U000e0041"),
        ("e\u0301\tx", "e\u0301   x"),
    ],
)
def test_what_does_not_show_stands_there_as_its_code(text: str, seen: str) -> None:
    assert plain(text) == seen


@given(st.text(max_size=80), st.lists(st.integers(0, 80), max_size=8))
def test_marks_do_not_change_the_words(text: str, places: list[int]) -> None:
    cuts = sorted({min(place, len(text)) for place in places})
    changed = tuple(zip(cuts[::2], cuts[1::2], strict=False))
    assert "".join(part for part, _ in shown(text, changed)) == plain(text)
    assert all(part.isprintable() or part.isspace() or not part.isascii() for part, _ in shown(text, changed))
