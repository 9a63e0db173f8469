"""Agents' text, made fit to keep and to show."""

import pytest

from hived.core.text import one_line, sound


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ("plain", "plain"),
        (" a\r\n\tb  c ", "a b c"),
        ("\x1b[31mred\x1b[0m", "[31mred[0m"),
        ("a\u202egnp.exe\u200b", "agnp.exe"),
        ("\x00\x07", ""),
        ("[bold]ä 蜂[/]", "[bold]ä 蜂[/]"),
        ("\ud800", "?"),
    ],
)
def test_one_line_has_no_control_characters(given: str, line: str) -> None:
    assert one_line(given) == line


def test_one_line_is_cut_with_a_mark() -> None:
    assert one_line("x" * 300, 10) == "x" * 9 + "…"
    assert one_line("x" * 10, 10) == "x" * 10


@pytest.mark.parametrize("between", [" ", "\u200b", "\x00", "\n"])
def test_one_line_is_marked_as_cut_whatever_stands_before_what_is_left_out(between: str) -> None:
    assert one_line(f"ls{between * 5000}; rm x") == "ls…"
    assert one_line(f"ls{' ' * 5000}") == "ls"


def test_sound_text_can_be_written() -> None:
    assert sound("ok \ud83d ä").encode() == "ok ? ä".encode()
