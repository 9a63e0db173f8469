"""What is decided on is shown with nothing in it hidden."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hivetui.widgets.asked_lines import MOST_CHARACTERS, asked_lines, whole_input
from hivetui.widgets.lines import plain
from hivetui.widgets.visible import typed_json, unusual, visible


def shown(tool: str, **given: object) -> list[str]:
    return plain(tuple(whole_input(tool, given))).split("\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a\x1b[2Kb", "a\\e[2Kb"), ("a\u202eb", "a\\u202eb"), ("a\u200bb\x07", "a\\u200bb\\x07"), ("a\rb", "a\\rb"),
        ("a\U000e0041", "a\\U000e0041"), ("größe 文字", "größe 文字"), ("[red]x[/red]", "[red]x[/red]"),
    ],
)  # fmt: skip
def test_what_a_terminal_would_obey_stands_there_as_its_code(text: str, said: str) -> None:
    assert plain(tuple(visible(text))) == said


@given(st.text())
def test_nothing_that_is_shown_controls_the_terminal(text: str) -> None:
    said = plain(tuple(visible(text)))
    assert not any(character < " " and character != "\n" or "\x7f" <= character <= "\x9f" for character in said)


@given(
    st.recursive(st.text() | st.integers() | st.none(), lambda inner: st.dictionaries(st.text(), inner), max_leaves=8)
)
def test_json_in_a_text_area_means_what_it_meant_and_hides_nothing(value: object) -> None:
    typed = typed_json(json.dumps(value, ensure_ascii=False, indent=2))
    assert json.loads(typed) == value
    assert "\x1b" not in typed
    assert "\u202e" not in typed


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("git status", []), ("a\nb\nc", ["3 lines"]), ("echo \x1b[2K", ["terminal escapes"]), ("a\x07", ["control characters"]),
        ("a\u202e", ["hidden characters"]), (f"ls{' ' * 80}; rm -rf /", ["a long gap"]), ("cat p\u0430sswd", ["letters that look alike"]),
        ("echo größe", []),
    ],
)  # fmt: skip
def test_what_one_could_overlook_in_a_command_is_said(command: str, said: list[str]) -> None:
    assert unusual(command) == said


def test_an_edit_is_a_diff_and_its_other_keys_are_there_too() -> None:
    said = shown("Edit", file_path="a.py", old_string="one\ntwo\nthree", new_string="one\n2\nthree", replace_all=True)
    assert said == ["Edit a.py", "  one", "− two", "+ 2", "  three", "replace_all true"]


def test_edits_that_say_more_than_two_texts_are_shown_as_they_are() -> None:
    said = "\n".join(shown("MultiEdit", file_path="a", edits=[{"old_string": "x", "new_string": "y", "also": "this"}]))
    assert "also" in said
    assert shown("MultiEdit", file_path="a", edits=[{"old_string": "x", "new_string": "y"}])[1:] == ["− x", "+ y"]


def test_an_edit_that_changes_nothing_says_so() -> None:
    assert "nothing changes" in shown("Edit", file_path="a", old_string="x", new_string="x")[1]


def test_a_new_file_is_shown_whole() -> None:
    assert shown("Write", file_path="a", content="x\ny", mode=3) == ["Write a", "+ x", "+ y", "mode 3"]


def test_a_long_input_says_how_much_of_it_is_not_shown() -> None:
    given = {"command": "x" * (MOST_CHARACTERS + 5_000)}
    cut = plain(tuple(asked_lines("Bash", given)))
    assert "5k more characters, not shown: v shows all of it" in cut
    assert plain(tuple(asked_lines("Bash", given, whole=True))).count("x") == MOST_CHARACTERS + 5_000
