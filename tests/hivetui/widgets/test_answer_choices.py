"""What can be answered to a question with options: each line says what is sent, and nothing else is."""

from hypothesis import given
from hypothesis import strategies as st

from hivetui.widgets.answer_choices import answer_taken, option_choices, typed_choices
from hivetui.widgets.lines import plain
from tests.hivetui import books_scene

OPTIONS = ["PostgreSQL", "SQLite", "2"]


def answers(words: str, *, multi: bool = False) -> list[tuple[str, tuple[str | None, tuple[int, ...]]]]:
    """Each line that is offered, and what taking it answers."""
    question = books_scene.questions()[0].model_copy(update={"options": OPTIONS, "multi": multi})
    offered = typed_choices(words, question) if words else option_choices(question)
    return [(plain(choice.line), answer_taken(choice.id or "")) for choice in offered]


def test_each_option_is_a_line() -> None:
    assert answers("") == [
        ("1 PostgreSQL", (None, (0,))),
        ("2 SQLite", (None, (1,))),
        ("3 2", (None, (2,))),
    ]


def test_words_that_only_resemble_an_option_are_words() -> None:
    assert answers("sql") == [("in your words sql", ("sql", ()))]


def test_the_very_words_of_an_option_offer_it_and_the_words() -> None:
    assert answers("sqlite") == [("2 SQLite", (None, (1,))), ("in your words sqlite", ("sqlite", ()))]


def test_a_number_that_is_also_an_option_offers_both_and_the_words() -> None:
    assert answers("2") == [
        ("2 SQLite", (None, (1,))),
        ("3 2", (None, (2,))),
        ("in your words 2", ("2", ())),
    ]
    assert answers("4") == [("in your words 4", ("4", ()))]


def test_several_numbers_are_options_only_where_several_may_be_chosen() -> None:
    assert answers("1,3", multi=True)[0] == ("1 PostgreSQL · 3 2", (None, (0, 2)))
    assert answers("1,3") == [("in your words 1,3", ("1,3", ()))]


@given(st.text(min_size=1).filter(str.strip), st.booleans())
def test_ones_own_words_can_always_be_sent_and_come_last(words: str, multi: bool) -> None:
    assert answers(words, multi=multi)[-1][1] == (words, ())
