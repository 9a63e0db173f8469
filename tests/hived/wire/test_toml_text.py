"""TOML as text: what any parser reads is what was written, whatever the words are."""

import json
import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hived.wire import toml_text as toml

ANY_TEXT = st.text()
SCALARS = st.one_of(ANY_TEXT, st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False))
PLAIN = st.recursive(SCALARS, lambda below: st.lists(below) | st.dictionaries(ANY_TEXT, below), max_leaves=12)
JSON = st.recursive(
    st.none() | st.integers() | SCALARS, lambda below: st.lists(below) | st.dictionaries(ANY_TEXT, below), max_leaves=12
)


@given(ANY_TEXT)
def test_any_text_comes_back_and_leaves_its_line_to_nobody(text: str) -> None:
    written = toml.string(text)
    assert tomllib.loads(f"a = {written}\nb = 1") == {"a": text, "b": 1}
    assert written.isprintable()


@given(st.dictionaries(ANY_TEXT, PLAIN))
def test_any_table_comes_back(table: dict[str, Any]) -> None:
    assert tomllib.loads(f"a = {toml.value(table)}")["a"] == table


@given(st.dictionaries(ANY_TEXT, JSON))
def test_a_table_that_toml_cannot_say_comes_back_as_json(table: dict[str, Any]) -> None:
    found = tomllib.loads(f"a = {toml.table_or_json(table)}")["a"]
    assert (json.loads(found) if isinstance(found, str) else found) == table


def test_names_that_no_text_can_hold_break_nothing() -> None:
    halves = {chr(0xD800): 1, chr(0xD801): 2}
    assert isinstance(tomllib.loads(f"a = {toml.table_or_json(halves)}")["a"], str)


@pytest.mark.parametrize("table", [{"a": None}, {"a": 2**70}, {"a": [[[[[1]]]]]}, {"a": {"b": [None]}}])
def test_nulls_large_numbers_and_depth_are_json(table: dict[str, Any]) -> None:
    assert toml.table_or_json(table).startswith('"')


def test_a_lone_surrogate_is_replaced() -> None:
    assert tomllib.loads(f"a = {toml.string(chr(0xD800))}") == {"a": "\ufffd"}


def test_what_has_no_word_in_toml_is_refused() -> None:
    with pytest.raises(TypeError):
        toml.value({"a": None})
