"""What is written to a terminal: what it knows, wrapped where it must be, and nothing that agent text could break out of."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hivetui.notify import Ways, notice_text, sequences, ways_of
from hivetui.state.waiting import Waiting


def waits(subject: str, kind: str = "tool_use", agent: str | None = "scout") -> Waiting:
    return Waiting("id-1", kind, agent, subject, "2026-11-20T14:32:00.000Z")


@pytest.mark.parametrize(
    ("env", "ways"),
    [
        ({"TERM": "xterm-256color"}, Ways(True, ("9",))),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"}, Ways(True, ("9",))),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "WezTerm"}, Ways(True, ("777",))),
        ({"TERM": "xterm-256color", "VTE_VERSION": "7200"}, Ways(True, ("777",))),
        ({"TERM": "xterm-kitty"}, Ways(True, ("9",))),
        ({"TERM": "foot"}, Ways(True, ("777",))),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "Apple_Terminal"}, Ways(True, ())),
        ({"TERM": "linux"}, Ways(True, ())),
        ({"TERM": "dumb"}, Ways(True, ())),
        ({}, Ways(True, ())),
        (
            {"TERM": "tmux-256color", "TMUX": "/tmp/x", "TERM_PROGRAM": "tmux", "WEZTERM_PANE": "1"},
            Ways(True, ("777",), "tmux"),
        ),
        ({"TERM": "screen-256color", "STY": "1.pts"}, Ways(True, ("9",), "screen")),
        ({"TERM": "xterm", "HIVE_TUI_NOTIFY": "off"}, Ways(False, ())),
        ({"TERM": "xterm", "HIVE_TUI_NOTIFY": "bell"}, Ways(True, ())),
        ({"TERM": "linux", "HIVE_TUI_NOTIFY": "OSC9, osc777"}, Ways(False, ("9", "777"))),
    ],
)  # fmt: skip
def test_the_terminal_is_known_by_its_environment(env: dict[str, str], ways: Ways) -> None:
    assert ways_of(env) == ways


def test_in_a_browser_there_is_the_bell_alone() -> None:
    assert ways_of({"TERM": "xterm-kitty", "HIVE_TUI_NOTIFY": "9"}, web=True) == Ways(True, ())
    assert ways_of({"HIVE_TUI_NOTIFY": "off"}, web=True) == Ways(False, ())


def test_the_sequences_are_as_terminals_take_them() -> None:
    said = notice_text([waits("Bash git push; true")])
    assert sequences(Ways(True, ("9",)), said) == "\a\x1b]9;hive: scout asks: may it run Bash git push; true?\a"
    assert (
        sequences(Ways(False, ("777",)), said) == "\x1b]777;notify;hive;scout asks: may it run Bash git push, true?\a"
    )
    assert sequences(Ways(False, ("9",), "tmux"), "hive: x") == "\x1bPtmux;\x1b\x1b]9;hive: x\a\x1b\\"
    assert sequences(Ways(False, ("9",), "screen"), "hive: x") == "\x1bP\x1b]9;hive: x\a\x1b\\"
    assert sequences(Ways(True, ("9", "777")), "") == "\a"
    assert sequences(Ways(False, ()), "hive: x") == ""


HOSTILE = st.text(
    st.one_of(st.sampled_from("\x1b\a;\x9c\x9d\x90\\]P\r\n\x00\u202e\u2028"), st.characters()), max_size=400
)


@given(HOSTILE, st.sampled_from(["tool_use", "question", "held_message", "parked", "unheard-of"]))
def test_agent_text_cannot_leave_its_sequence(subject: str, kind: str) -> None:
    text = notice_text([waits(subject, kind)])
    assert re.fullmatch(r"\a\x1b\]9;([^\x00-\x1f\x7f-\x9f]*)\a", sequences(Ways(True, ("9",)), text))
    assert re.fullmatch(r"\x1b\]777;notify;hive;[^\x00-\x1f\x7f-\x9f;]*\a", sequences(Ways(False, ("777",)), text))
    assert text.startswith("hive: ")
    assert len(text) <= 200


@given(HOSTILE)
def test_nor_can_text_that_nobody_cleaned(text: str) -> None:
    written = sequences(Ways(False, ("9",), "tmux"), text)
    assert re.fullmatch(r"|\x1bPtmux;\x1b\x1b\]9;[^\x00-\x1f\x7f-\x9f]*\a\x1b\\", written)
