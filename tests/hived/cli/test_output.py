"""What the command prints: nothing that a terminal would act on."""

import re

import pytest

from hived.cli import output
from hived.cli.agents import money
from hived.cli.rendering import rendered, summary, tool_line

HOSTILE = "a\x1b[31mred\x1b]0;title\x07\x9b2Jb\rc\x08\u202ed\x00\x85e\ud800"
ACTS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def test_escape_sequences_are_dropped_and_controls_written_out() -> None:
    assert output.clean(HOSTILE) == "aredb\\x0dc\\x08\\u202ed\\x00\\x85e\\ud800"


def test_nothing_of_what_is_decided_on_is_dropped_or_invisible() -> None:
    hidden = "ls \x9d; rm x \x9c\u200b\u3164\u00a0\u202e\u2800"
    assert output.exact(hidden) == "ls \\u009d; rm x \\u009c\\u200b\\u3164\\u00a0\\u202e\\u2800"
    assert output.exact("é 蜂\nनमस्ते") == "é 蜂\nनमस्ते"


def test_tabs_and_newlines_stay() -> None:
    assert output.clean("a\tb\r\nc\n") == "a\tb\nc\n"


def test_an_unfinished_escape_hides_nothing_that_follows_on_another_line() -> None:
    shown = output.clean("x\x1b]8;;http://h\nnext\x1b\x9dand more")
    assert not ACTS.search(shown)
    assert "next" in shown
    assert "and more" in shown


def test_a_line_is_one_line_and_no_longer_than_asked() -> None:
    assert output.line("a\nb   c\x1b[1m", 4) == "a b…"


def test_columns_are_aligned_and_cells_cleaned(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_rows(("A", "B"), [("long\x1b[2J", "x"), ("s", "y\nz")])
    assert capsys.readouterr().out == "A     B\nlong  x\ns     y z\n"


def test_a_table_is_no_wider_than_the_terminal_and_what_matters_of_it_stays() -> None:
    header = ("ID", "AGENT", "MODEL", "UNREAD", "WHY")
    why = "it ended with code 2: ls: cannot access '/nonexistent': No such file"
    rows = [("01a1ff81", "long2", "claude-haiku-4-5-20251001", "", why), ("01a1ff82", "ada", "sonnet", "", "fine")]
    lines = output.laid_out(header, rows, 48)
    assert max(map(len, lines)) <= 48
    assert "UNREAD" not in lines[0]
    assert lines[1].startswith("01a1ff81  long2  claude-haiku-4-5-20251001")
    assert " ".join(text.strip() for text in lines[2:4]) == why
    assert all(text.startswith("    ") for text in lines[2:4])
    assert lines[4].startswith("01a1ff82  ada    sonnet")
    narrow = output.laid_out(header, rows, 30)
    assert max(map(len, narrow)) <= 30
    assert "long2  claude-h" in narrow[1]
    assert "…" in narrow[1]
    assert output.laid_out(header, rows, 0)[1].endswith(why)


def test_without_a_terminal_there_is_no_colour() -> None:
    assert output.colour("x", "red") == "x"


def test_json_is_ascii_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_json({"text": "é\x9b\n\ud800"})
    printed = capsys.readouterr().out
    assert printed == '{"text": "\\u00e9\\u009b\\n\\ud800"}\n'


@pytest.mark.parametrize(
    ("tool", "given", "shown"),
    [
        ("Bash", {"command": "ls -l"}, "$ ls -l"),
        ("Read", {"file_path": "/a"}, "Read /a"),
        ("mcp__hive__send", {"to": "operator", "body": "hi"}, "send → operator: hi"),
        ("Other", {"x": 1}, "Other x=1"),
        ("Other", "text", "Other text"),
        ("bash", {"command": "ls -l"}, "$ ls -l"),
        ("grep", {"pattern": "x", "path": "src"}, "Grep x"),
        ("mcp__acp__Read", {"file_path": "/a"}, "Read /a"),
        ("read", {"command": "cat a"}, "read command=cat a"),
        ("Bash", {}, "Bash"),
    ],
)
def test_each_tool_is_drawn_in_its_own_way(tool: str, given: object, shown: str) -> None:
    assert tool_line(tool, given) == shown


def event(kind: str, **payload: object) -> dict[str, object]:
    return {"id": 1, "ts": "2026-01-01T00:00:00.000Z", "kind": kind, "payload": payload}


@pytest.mark.parametrize(
    ("usd", "estimated", "shown"),
    [
        (None, False, ""),
        (0.0, False, "$0.00"),
        (0.004, False, "$0.0040"),
        (0.01, True, "~$0.01"),
        (12.345, False, "$12.35"),
    ],
)
def test_money_that_was_spent_is_never_shown_as_nothing(usd: float | None, estimated: bool, shown: str) -> None:
    assert money(usd, estimated) == shown


def test_no_event_can_reach_the_terminal_raw() -> None:
    for kind in ("text", "thinking", "tool_use", "tool_result", "message_in", "message_out", "note", "turn_end", "odd"):
        hostile = event(
            kind, text=HOSTILE, tool=HOSTILE, input={HOSTILE: HOSTILE}, body=HOSTILE, error=HOSTILE, outcome=HOSTILE
        ) | {"kind": kind}
        shown = "\n".join([summary(hostile), *rendered(hostile)])
        assert not ACTS.search(shown.replace("\n", "")), kind


def test_a_long_result_is_folded() -> None:
    [shown] = rendered(event("tool_result", text="x" * 500, tool="Bash"))
    assert "(+380 characters)" in shown
    assert len(shown) < 200
