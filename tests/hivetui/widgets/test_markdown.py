import time

import pytest

from hivetui.widgets.lines import Line, plain
from hivetui.widgets.markdown import inline, markdown_lines


def shown(text: str, width: int = 60) -> list[str]:
    return [plain(line) for line in markdown_lines(text, width, (("• ", ""),))]


def tones(line: Line) -> dict[str, str]:
    return dict(line)


def test_bold_code_and_emphasis_have_tones_of_their_own() -> None:
    assert inline("a **b** `c` *d* ~~e~~ f") == [
        ("a ", "text"), ("b", "strong"), (" ", "text"), ("c", "code"), (" ", "text"), ("d", "emph"), (" ", "text"),
        ("e", "struck"), (" f", "text"),
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["2 * 3 * 4", "snake_case_name and __init__.py", "**open", "a * b", "`", "[x](", "_"])
def test_what_is_no_markdown_stays_as_it_was_written(text: str) -> None:
    assert "".join(piece for piece, _ in inline(text)) == text


def test_a_link_shows_where_it_goes() -> None:
    assert plain(tuple(inline("see [the docs](https://x.y/z)"))) == "see the docs (https://x.y/z)"


def test_lists_hang_under_their_text() -> None:
    assert shown("1. one two three four five\n2. six\n   - seven", 20) == [
        "• 1. one two three", "     four five", "  2. six", "     • seven",
    ]  # fmt: skip


def test_code_is_not_touched_inside_a_fence() -> None:
    lines = markdown_lines("```python\nx = **y**\n\n# no heading\n```\nafter", 40, (("• ", ""),))
    assert [plain(line) for line in lines] == ["• │ x = **y**", "  │ ", "  │ # no heading", "  after"]
    assert tones(lines[0])["x = **y**"] == "code"


def test_a_fence_that_never_ends_is_code_to_the_end() -> None:
    assert shown("```\na\nb") == ["• │ a", "  │ b"]


def test_headings_quotes_rules_and_tasks() -> None:
    assert shown("# Plan\n> said\n---\n- [x] done\n- [ ] open") == [
        "• Plan", "  ▌ said", "  " + "─" * 24, "  • ✓ done", "  • □ open",
    ]  # fmt: skip


def test_one_empty_line_parts_paragraphs_and_none_ends_the_text() -> None:
    assert shown("a\n\n\n\nb\n\n") == ["• a", "", "  b"]


@pytest.mark.parametrize(
    "text", ["*" * 60_000, "`" * 60_000, "[" * 60_000, "_a" * 30_000, "**a" * 20_000, "> " * 30_000]
)
def test_text_made_to_be_slow_is_not_slow(text: str) -> None:
    begin = time.process_time()
    markdown_lines(text, 80)
    assert time.process_time() - begin < 3
