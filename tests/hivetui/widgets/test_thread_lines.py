"""A conversation reads as what was said, and what became of it; agent text never does anything."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hivetui.state.messages import Letter
from hivetui.state.threads import Entry, Thread, threads_of
from hivetui.widgets.lines import Line, cells, plain
from hivetui.widgets.thread_lines import MOST_CHARACTERS, entry_lines, receipt_of, thread_lines, thread_row
from tests.hivetui import books_scene, scene


def letter(**given: object) -> Letter:
    known: dict[str, object] = {
        "id": "1", "sender": "ada", "recipient": "bob", "body": "hello", "sent_at": scene.ago(600), "status": "queued",
        "redelivered": False, "reason": None,
    }  # fmt: skip
    return Letter(**{**known, **given})  # type: ignore[arg-type]


def text(lines: list[Line]) -> str:
    return "\n".join(plain(line) for line in lines)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "sent 14:22 → not taken yet"),
        ({"recipient": "operator"}, "sent 14:22 → unread"),
        ({"status": "leased", "leased_at": scene.ago(300), "deliveries": 1}, "sent 14:22 → leased 14:27"),
        (
            {"status": "acked", "leased_at": scene.ago(300), "acked_at": scene.ago(60), "deliveries": 1},
            "sent 14:22 → leased 14:27 → acked 14:31",
        ),
        ({"recipient": "operator", "status": "acked", "acked_at": scene.ago(60)}, "sent 14:22 → read 14:31"),
        ({"status": "held", "reason": "three times", "deliveries": 3}, "sent 14:22 → held: three times · redelivered, 3 times in all"),
        ({"status": "undeliverable", "reason": "purged"}, "sent 14:22 → undeliverable: purged"),
        ({"edited_by": "operator"}, "sent 14:22 → not taken yet · edited by you"),
    ],
)  # fmt: skip
def test_a_receipt_says_every_step_with_its_time(given: dict[str, object], said: str) -> None:
    assert plain(receipt_of(letter(**given), scene.NOW)) == said


def test_questions_show_their_options_and_what_became_of_them() -> None:
    state = {found.id: found for found in books_scene.questions()}
    shown = {
        id[-3:]: text(entry_lines(Entry(found.created_at, id, None, found), scene.NOW, 100))
        for id, found in state.items()
    }
    assert "○ 1 keep it, deprecated" in shown["301"]
    assert "waits on you: a answers · until 15:02 (in 30 min)" in shown["301"]
    assert "● 2 14 days" in shown["302"]
    assert "✓ answered by dave" in shown["302"]
    assert "bob → queen · escalates" in shown["303"]
    assert "goes up to you in 2 min" in shown["303"]


def test_a_very_long_message_is_cut_and_says_so() -> None:
    shown = text(entry_lines(Entry(scene.ago(1), "1", letter(body="x" * (MOST_CHARACTERS + 500))), scene.NOW, 80))
    assert "500 more characters" in shown


HOSTILE = st.text(max_size=300) | st.sampled_from(
    ["\x1b]0;owned\x07", "[red]x[/red]", "\u202eabc", "a\x9bb", "\n" * 50]
)


@given(HOSTILE, HOSTILE, st.integers(20, 120))
def test_no_text_leaves_its_line_nor_brings_a_control_character(body: str, reason: str, width: int) -> None:
    entry = Entry(scene.ago(1), "1", letter(body=body, status="held", reason=reason))
    thread = Thread("1", (entry,), between=("ada", "bob"))
    lines = [*thread_lines(thread, scene.NOW, width), thread_row(thread, scene.NOW, width)]
    for line in lines:
        assert cells(line) <= width
        assert not [c for c in plain(line) if ord(c) < 32 or 0x7F <= ord(c) < 0xA0 or c in "\u202e\u2028"]


def test_the_list_marks_what_needs_the_operator() -> None:
    questions = {found.id: found for found in books_scene.questions()}
    letters = [letter(id="9", thread="9", recipient="operator")]
    marks = {t.id[-3:]: plain(thread_row(t, scene.NOW, 80))[1] for t in threads_of(letters, questions)}
    assert marks == {"092": "?", "097": " ", "303": "…", "9": "●"}
