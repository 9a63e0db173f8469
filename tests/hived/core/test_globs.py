"""Globs of rules: stars, and what a backslash takes their meaning from."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hived.core import globs
from tests.support.cost import costs_at_most

texts = st.text(alphabet="ab*\\/ ", max_size=12)


@pytest.mark.parametrize(
    ("pattern", "fitting", "other"),
    [
        ("git status", ["git status"], ["git statu", "git status ", ""]),
        ("git *", ["git ", "git log -5"], ["git", "gitk"]),
        ("*", ["", "anything at all"], []),
        ("a*b*c", ["abc", "axxbyyc", "abbcc"], ["acb", "ab", "abcd"]),
        ("ab*b", ["abb", "abxb"], ["ab"]),
        (r"a\*b", ["a*b"], ["axb", "ab"]),
        (r"a\\b", [r"a\b"], ["ab"]),
        ("a[bc]?", ["a[bc]?"], ["ab", "abx"]),
        ("", [""], ["a"]),
    ],
)
def test_a_pattern_fits_whole_texts_alone(pattern: str, fitting: list[str], other: list[str]) -> None:
    taken = globs.pieces(pattern)
    assert [text for text in fitting if not globs.fits(taken, text)] == []
    assert [text for text in other if globs.fits(taken, text)] == []


@given(text=texts)
def test_an_escaped_text_fits_itself_alone(text: str) -> None:
    assert globs.is_sound(globs.escaped(text))
    assert globs.literal(globs.escaped(text)) == text
    assert globs.fits(globs.pieces(globs.escaped(text)), text)


@given(pattern=st.text(alphabet="ab*", max_size=8), text=st.text(alphabet="ab", max_size=10))
def test_a_glob_is_what_the_regular_expression_of_it_is(pattern: str, text: str) -> None:
    wanted = "".join(".*" if sign == "*" else re.escape(sign) for sign in pattern)
    assert globs.fits(globs.pieces(pattern), text) == bool(re.fullmatch(wanted, text))


def test_a_lone_backslash_is_not_sound() -> None:
    assert not globs.is_sound("a\\")
    assert not globs.is_sound("a\\b")
    assert globs.is_sound(r"a\\\*")


def test_no_pattern_takes_long_over_a_long_text() -> None:
    taken = globs.pieces("*a" * 1000 + "b")
    with costs_at_most(1):
        assert not globs.fits(taken, "a" * 1_000_000)
