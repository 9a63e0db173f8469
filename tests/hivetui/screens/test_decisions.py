"""From what waits, and what was written, to what hived is asked."""

import pytest

from hivetui.intents import RaiseBudget
from hivetui.screens.decisions import amount_of, consequence_of, edited_input
from hivetui.state.cases import Case
from hivetui.state.waiting import Waiting


def case(kind: str) -> Case:
    return Case(Waiting("1", kind, "bob", "subject", "2026-11-20T14:00:00.000Z"))


@pytest.mark.parametrize(
    ("text", "raised"),
    [
        ("", RaiseBudget("b")),
        ("$5", RaiseBudget("b", usd=5)),
        ("2.50 usd", RaiseBudget("b", usd=2.5)),
        ("200k tokens", RaiseBudget("b", tokens=200_000)),
        ("1.5M tokens, 20 turns", RaiseBudget("b", tokens=1_500_000, turns=20)),
    ],
)
def test_an_amount_is_written_as_people_write_it(text: str, raised: RaiseBudget) -> None:
    assert amount_of("b", text) == raised


@pytest.mark.parametrize("text", ["5", "much", "$", "-1 turns", "1e9 tokens", "5 apples"])
def test_what_is_no_amount_is_said(text: str) -> None:
    assert "is no amount" in str(amount_of("b", text))


def test_an_edited_input_is_an_object_and_one_that_did_not_change_is_none() -> None:
    assert edited_input('{"a": 1}', {"a": 2}) == ({"a": 1}, "")
    assert edited_input('{"a": 1}', {"a": 1}) == (None, "")
    assert edited_input("[1]", {})[1] == "A tool's input is an object: { … }."
    assert edited_input('{ "a"', {})[1].startswith("This is no JSON in line 1, column ")


def test_an_edit_is_seen_where_only_the_kind_of_a_value_changed() -> None:
    assert edited_input('{"all": true}', {"all": 1}) == ({"all": True}, "")
    assert edited_input('{"n": 1.0}', {"n": 1}) == ({"n": 1.0}, "")


@pytest.mark.parametrize("text", ['{"n": NaN}', '{"n": 1e999}', f'{{"n": {"[" * 200}{"]" * 200}}}', "[" * 100_000])
def test_an_edit_that_no_tool_could_be_given_is_refused_in_one_sentence(text: str) -> None:
    given, wrong = edited_input(text, {})
    assert given is None
    assert wrong.endswith(".")


def test_only_what_cannot_be_taken_back_is_asked_again() -> None:
    assert consequence_of([case("held_message")], approved=True) is None
    assert consequence_of([case("spawn"), case("tool_use")], approved=False) is None
    lost = consequence_of([case("held_message"), case("resume_choice"), case("spawn")], approved=False)
    assert lost is not None
    assert lost[2] == "1 held message never reaches anybody. 1 conversation stays behind. 1 more is denied."
