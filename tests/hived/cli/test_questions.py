"""`hive questions`, `ask`, `answer`, `withdraw`, on a real hived and a harness that the test is."""

import io
from collections.abc import Iterator
from typing import Any

import pytest

from hived.wire.ids import new_id
from hived.wire.questions import Question, QuestionList
from tests.hived.cli.conftest import HOSTILE, Shell
from tests.support.hive import LiveHive
from tests.support.own_agent import OwnAgent, event, own_agent


@pytest.fixture(scope="module")
def own() -> Iterator[OwnAgent]:
    with own_agent() as agent:
        yield agent


@pytest.fixture(scope="module")
def hive(own: OwnAgent) -> LiveHive:
    return own.hive


def asks(own: OwnAgent, text: str = "Which?", **question: Any) -> str:
    """The question's id; asked of the operator."""
    cursor = own.hive.agent(own.name)["cursor"] or 0
    asked = new_id()
    out = {"question_id": asked, "to": "operator", "text": text, **question}
    status, taken = own.post_events(event(cursor + 1, "question_out", **out))
    assert (status, taken["refused"]) == (200, [])
    return asked


def test_options_are_shown_with_their_numbers_and_answered_by_them(shell: Shell, own: OwnAgent) -> None:
    asked = asks(own, "Which colour?\nChoose.", options=["red", "blue"])
    shown = shell("questions")
    assert shown.code == 0
    assert "Which colour?\n    Choose.\n      1) red\n      2) blue\n" in shown.out
    assert f"hive answer {asked[:18]} --option N, or TEXT" in shown.out
    assert f"ada: hive answer {asked[:18]} TEXT" in shell("waiting").out
    shell("answer", asked, "--option", "3").fails(1, "invalid_answer")
    shell("answer", asked, "--option", "1", "--option", "2").fails(1, "invalid_answer")
    shell("answer", asked, "--option", "0").fails(2, "usage")
    shell("answer", asked, "--option", "blue").fails(2, "usage")
    shell("answer", asked).fails(2, "usage")
    shell("answer", asked, " ").fails(2, "usage")
    answered = Question.model_validate(shell("answer", asked[:34], "--option", "2", "--json").json())
    assert (answered.status, answered.answer_options) == ("answered", [1])
    assert answered.answered_by is not None
    assert answered.answered_by.client == "hive"
    again = shell("answer", asked, "--option", "1")
    again.fails(5, "question_closed")
    assert "by operator at" in again.err
    assert asked[:18] not in shell("questions").out
    assert "    * 2) blue\n    answered by operator" in shell("questions", "--all").out


def test_words_come_from_the_command_line_or_stdin(
    shell: Shell, own: OwnAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = asks(own), asks(own, options=["a", "b"], multi=True)
    assert "several may be chosen" in shell("questions").out
    said = shell("answer", first, "Yes, do.")
    assert said.out == "answered ada: “Yes, do.”\n"
    monkeypatch.setattr("sys.stdin", io.StringIO("both\nof them"))
    answered = shell("answer", second, "-", "--option", "2", "--option", "1", "--json").json()
    assert (answered["answer_text"], answered["answer_options"]) == ("both\nof them", [0, 1])


def test_a_bare_number_is_never_taken_for_words_where_an_option_may_be_meant(
    shell: Shell, own: OwnAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen, said, free = asks(own, options=["red", "blue"]), asks(own, options=["red", "7"]), asks(own, "How many?")
    refused = shell("answer", chosen, "2")
    refused.fails(2, "usage")
    assert "--option 2" in refused.err
    assert shell("answer", chosen, "--option", "2").out == "answered ada: 2) blue\n"
    monkeypatch.setattr("sys.stdin", io.StringIO("7"))
    assert shell("answer", said, "-").out == "answered ada: “7”\n"
    assert shell("answer", free, "7").out == "answered ada: “7”\n"


def test_the_operator_asks_and_withdraws(shell: Shell, own: OwnAgent) -> None:
    asked = shell(
        "ask", "ada", "How far?", "--option", "half", "--option", "done", "--multi", "--deadline", "2h30m", "--json"
    )
    question = Question.model_validate(asked.json())
    assert (question.options, question.multi, question.asker) == (["half", "done"], True, "operator")
    assert question.deadline is not None
    assert f"{question.id[:18]} operator → ada  pending" in shell("questions").out
    assert "until" in shell("questions", "--agent", "ada").out
    said = shell("withdraw", question.id)
    assert (said.code, said.out) == (0, f"withdrawn: {question.id} to ada\n")
    shell("withdraw", question.id).fails(5, "question_closed")
    shell("withdraw", asks(own)).fails(1, "not_yours")
    shell("withdraw", "ffffffff").fails(4, "question_not_found")
    shell("answer", "../..", "x").fails(4, "question_not_found")
    QuestionList.model_validate(shell("questions", "--all", "--json").json())
    for words, code, error in (
        (["nobody", "x"], 4, "agent_not_found"), (["..", "x"], 2, "invalid_name"), (["ada", " "], 2, "usage"),
        (["ada", "x", "--multi"], 2, "usage"), (["ada", "x", "--deadline", "never"], 2, "invalid_moment"),
        (["ada", "x", "--deadline", "2020-01-01T00:00"], 2, "invalid_moment"), (["ada", "x" * 262_145], 1, "too_large"),
    ):  # fmt: skip
        shell("ask", *words).fails(code, error)


def test_nothing_that_an_agent_asks_reaches_the_terminal_raw(shell: Shell, own: OwnAgent) -> None:
    asked = asks(own, HOSTILE, options=[HOSTILE])
    for words in (["questions"], ["questions", "--json"], ["waiting"]):
        said = shell(*words)
        assert said.code == 0
        assert not {character for character in said.out if ord(character) < 32 or 127 <= ord(character) < 160} - {"\n"}
        assert "\u202e" not in said.out
    assert shell("answer", asked, "no").code == 0
    for left in QuestionList.model_validate(shell("questions", "--json").json()).questions:
        assert shell("answer", left.id, "no").code == 0
    assert shell("questions").out == "No question is open.\n"


@pytest.mark.parametrize("question_id", ["q1", "Quite_another-ID", "cafe"])
def test_a_question_that_its_harness_has_named_otherwise_is_answered_too(
    shell: Shell, own: OwnAgent, question_id: str
) -> None:
    asks(own, question_id=question_id)
    assert shell("answer", question_id, "this one").code == 0
