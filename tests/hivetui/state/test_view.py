from dataclasses import replace

from hivetui.state.view import Draft, View, not_sent, sent, typed, with_draft


def test_each_agent_has_a_draft_of_its_own() -> None:
    view = typed(typed(View(focused="a"), "a", "one"), "b", "two")
    assert (view.draft.text, replace(view, focused="b").draft.text) == ("one", "two")


def test_what_was_sent_goes_and_when_it_goes_stays() -> None:
    view = with_draft(View(focused="a"), "a", Draft("hello ", "now", "key", True))
    assert sent(view, "a", "hello").draft == Draft("", "now")


def test_what_was_typed_while_sending_stays() -> None:
    view = typed(with_draft(View(focused="a"), "a", Draft("hello", "now", "key", True)), "a", "hello again")
    assert sent(view, "a", "hello").draft.text == "hello again"
    assert not sent(view, "a", "hello").draft.sending


def test_a_failed_send_keeps_text_and_key_so_that_the_next_try_is_the_same_message() -> None:
    view = not_sent(with_draft(View(focused="a"), "a", Draft("hello", "next_turn", "key", True)), "a")
    assert view.draft == Draft("hello", "next_turn", "key", False)
    assert typed(view, "a", "hello!").draft.key is None
