"""Threads: what answers one another stands together, newest first, each thing said once."""

from hypothesis import given
from hypothesis import strategies as st

from hived.wire.questions import Question
from hivetui.state.hive import FeedRowsCame, HiveState, SnapshotTaken, reduced
from hivetui.state.messages import Letter, letter_from
from hivetui.state.threads import Thread, answer_of, threads_of, title_of
from tests.hivetui import books_scene, scene


def threads() -> dict[str, Thread]:
    state = reduced(HiveState(), SnapshotTaken(books_scene.snapshot()))
    return {thread.id: thread for thread in threads_of(state.messages.values(), state.questions)}


def test_the_newest_come_first_and_say_what_is_unread_and_unanswered() -> None:
    found = list(threads().values())
    assert [thread.newest.at for thread in found] == sorted((t.newest.at for t in found), reverse=True)
    asked = threads()[scene.ident(92)]
    assert asked.unread == (scene.ident(92),)
    assert asked.to_answer is not None
    assert asked.to_answer.id == scene.ident(301)
    assert asked.partner == "alice"


def test_a_question_that_a_message_carries_is_shown_once_with_its_answer() -> None:
    thread = threads()[scene.ident(97)]
    assert [(entry.letter and entry.letter.kind, entry.question and entry.question.id) for entry in thread.entries] == [
        ("question", scene.ident(302)),
        ("answer", None),
    ]
    assert (thread.open, thread.to_answer) == (0, None)


def test_what_another_agent_owes_is_open_and_not_the_operators_to_answer() -> None:
    thread = threads()[scene.ident(303)]
    assert (thread.open, thread.to_answer, thread.between) == (1, None, ("bob", "queen"))
    assert title_of(thread).startswith("The build needs")


def test_a_reply_answers_the_newest_of_an_agent_and_goes_to_it() -> None:
    thread = threads()[scene.ident(93)]
    assert thread.answered_to is not None
    assert (thread.answered_to.id, thread.partner) == (scene.ident(96), "alice")
    own = Letter("1", "operator", "bob", "go", "2026-01-01T00:00:00.000Z", "queued", False, None, "1")
    mine = threads_of([own], {})[0]
    assert (mine.answered_to, mine.partner) == (None, "bob")
    told = Letter("2", "hived", "operator", "bob is parked", "2026-01-01T00:00:00.000Z", "queued", False, None, "2")
    assert threads_of([told], {})[0].partner is None


@given(
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 5), st.sampled_from(["operator", "ada", "bob", "hived"])))
)
def test_nothing_is_lost_and_nothing_is_said_twice(told: list[tuple[int, int, str]]) -> None:
    letters = [
        letter_from(books_scene.message(1000 + at, who, "operator", "x", seconds, thread=scene.ident(thread)))
        for at, (seconds, thread, who) in enumerate(told)
    ]
    found = [entry.letter for thread in threads_of(letters, {}) for entry in thread.entries]
    assert sorted(letter.id for letter in found if letter) == sorted(letter.id for letter in letters)
    for thread in threads_of(letters, {}):
        assert [entry.at for entry in thread.entries] == sorted(entry.at for entry in thread.entries)


def question(*options: str) -> Question:
    return books_scene.questions()[0].model_copy(update={"options": list(options)})


def test_numbers_are_options_where_there_are_such_and_else_words() -> None:
    assert answer_of("2", question("a", "b")) == (None, (1,))
    assert answer_of(" 1, 3 ,1", question("a", "b", "c")) == (None, (0, 2))
    assert answer_of("3", question("a", "b")) == ("3", ())
    assert answer_of("2", question()) == ("2", ())
    assert answer_of("b, please", question("a", "b")) == ("b, please", ())


def test_receipts_change_what_became_of_a_message_and_not_its_words() -> None:
    state = reduced(HiveState(), SnapshotTaken(books_scene.snapshot()))
    receipt = {
        "message_id": scene.ident(96), "to": "queen", "status": "acked", "sent_at": scene.ago(600),
        "leased_at": scene.ago(30), "acked_at": scene.ago(5), "deliveries": 2, "redelivered": True,
    }  # fmt: skip
    other = {**receipt, "message_id": scene.ident(9999)}
    row = books_scene.row(501, "receipts", {"receipts": [receipt, other]})
    state = reduced(state, FeedRowsCame([row]))
    letter = state.messages[scene.ident(96)]
    assert (letter.status, letter.deliveries, letter.redelivered, letter.acked_at) == ("acked", 2, True, scene.ago(5))
    assert letter.body == "Done; 38 tests pass."
    assert scene.ident(9999) not in state.messages
