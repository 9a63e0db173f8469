import pytest

from hivetui.commands import COMMANDS, completions
from hivetui.keymap import footer_of
from hivetui.state.hive import Notice
from hivetui.widgets.footer import MOST_LINES, commands_line, keys_line, notice_line, notice_lines
from hivetui.widgets.lines import cells, plain


@pytest.mark.parametrize("width", [40, 80, 120, 176])
@pytest.mark.parametrize("where", ["hive", "pane", "waiting", "composer"])
def test_hints_fit_and_stand_where_they_say(where: str, width: int) -> None:
    line, places = keys_line(footer_of(where), width)  # type: ignore[arg-type]
    said = plain(line)
    assert cells(line) <= width
    for key, start, end in places:
        assert said[start:end].startswith(key.shown.split()[0]), (key.id, said[start:end])


def test_leaving_and_help_are_always_said() -> None:
    said = plain(keys_line(footer_of("waiting"), 80)[0])
    assert said.rstrip().endswith("? keys  q leave")
    assert "q leave, agents go on" in plain(keys_line(footer_of("hive"), 176)[0])


@pytest.mark.parametrize("busy", [True, False])
def test_why_is_said_on_the_smallest_screen(busy: bool) -> None:
    said = plain(keys_line(footer_of("agents", busy=busy), 80)[0])
    assert "y why" in said
    assert ("x cancel" in said) == busy


def test_a_notice_has_a_word_and_a_code() -> None:
    assert plain(notice_line(Notice("No.", "bad", "no_turn"), 80)) == " error No. [no_turn]"
    assert plain(notice_line(Notice("Done.", "good"), 80)) == " ✓ Done."
    assert cells(notice_line(Notice("x" * 300, "bad"), 80)) == 80


def test_what_did_not_work_is_said_to_its_end() -> None:
    said = "hived is not running (no answer on /run/user/1000/hive/host.sock); start it with: hive up --detach"
    lines = notice_lines(Notice(said, "bad", "not_running"), 80)
    assert " ".join(plain(line).strip() for line in lines) == f"error {said} [not_running]"
    assert len(lines) == 2
    assert all(cells(line) <= 80 for line in lines)
    assert len(notice_lines(Notice("word " * 300, "bad"), 80)) == MOST_LINES


def test_commands_are_said_while_they_are_typed() -> None:
    assert "/model" in plain(commands_line(COMMANDS, 80))
    assert plain(commands_line(completions("/hel"), 80)).startswith(" /help")


def test_a_demo_says_that_leaving_ends_it() -> None:
    for width, said in ((176, "q end the demo"), (80, "q end")):
        line = plain(keys_line(footer_of("hive", demo=True), width)[0])
        assert said in line
        assert "leave" not in line


def test_what_cannot_be_decided_offers_no_decision() -> None:
    said = plain(keys_line(footer_of("waiting", deciding=None), 176)[0])
    assert "a approve" not in said
    assert "A approve marked" in said
