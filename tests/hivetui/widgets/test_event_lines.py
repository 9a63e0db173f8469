from typing import Any

import pytest

from hived.wire.events import Event
from hivetui.state.transcript import Transcript
from hivetui.widgets.asked_lines import whole_input
from hivetui.widgets.event_lines import event_lines, foldable, tail_lines
from hivetui.widgets.lines import plain
from hivetui.widgets.tool_lines import tool_line, tool_name
from tests.hivetui import scene

WHEN = "2026-11-20T14:29:00.000Z"


def told(*events: tuple[str, dict[str, Any]]) -> Transcript:
    transcript = Transcript("alice")
    transcript.begin("journal")
    listed = [Event(id=n, ts=WHEN, kind=kind, payload=payload) for n, (kind, payload) in enumerate(events, 1)]
    transcript.take_page(listed, 1, len(listed), None)
    return transcript


def lines(transcript: Transcript, id: int, width: int = 60) -> list[str]:
    entry = transcript.get(id)
    assert entry is not None
    return [plain(line) for line in event_lines(entry, transcript, width)]


def one(kind: str, **payload: Any) -> list[str]:
    return lines(told((kind, payload)), 1)


@pytest.mark.parametrize(
    ("tool", "given", "said"),
    [
        ("Bash", {"command": "pytest -q"}, "$ pytest -q"),
        ("Bash", {"command": "cd x\nmake\nmake test"}, "$ cd x … 2 more lines"),
        ("Read", {"file_path": "api/parser.py", "offset": 40}, "Read api/parser.py from line 40"),
        ("Edit", {"file_path": "a.py", "old_string": "x\ny\nz", "new_string": "x\nw\nv\nz"}, "Edit a.py +2 −1"),
        ("Write", {"file_path": "a.py", "content": "x\ny"}, "Write a.py 2 lines"),
        ("Grep", {"pattern": "lex_next", "path": "src"}, "Grep lex_next in src"),
        ("bash", {"command": "make\nmake test"}, "$ make … 1 more line"),
        ("read", {"path": "api/parser.py", "offset": 40}, "Read api/parser.py from line 40"),
        (
            "edit",
            {"path": "a.py", "old_string": "x", "new_string": "y", "replace_all": True},
            "Edit a.py +1 −1 everywhere",
        ),
        ("write", {"path": "a.py", "content": "x\ny"}, "Write a.py 2 lines"),
        ("grep", {"pattern": "lex_next", "path": "src"}, "Grep lex_next in src"),
        ("glob", {"pattern": "*.py"}, "Glob *.py"),
        ("write", {"filePath": "/w/a.txt", "content": "x"}, "Write /w/a.txt 1 line"),
        ("mcp__acp__Read", {"file_path": "/w/a.txt"}, "Read /w/a.txt"),
        ("shell", {"command": "make", "cwd": "/w", "shell": "/bin/bash -lc"}, "$ make"),
        ("read", {"command": "cat a.txt", "cwd": "/w"}, "$ cat a.txt"),
        ("shell", {"title": "make test"}, "$ make test"),
        ("read", {"title": "a.txt"}, "Read a.txt"),
        ("edit", {"title": "Writing to a.txt", "content": "--- a.txt"}, "Edit Writing to a.txt"),
        ("edit", {"path": "a.txt", "diff": "--- a.txt\n+++ a.txt\n@@ -1 +1,2 @@\n-x\n+y\n+z"}, "Edit a.txt +2 −1"),
        ("mcp__hive__send", {"to": "operator", "body": "hi"}, "send → operator"),
        ("mcp__github__create_issue", {"title": "x"}, "github·create_issue x"),
        ("mcp__hive__request_spawn", {"name": "scout", "model": "haiku"}, "request_spawn scout · haiku"),
        ("mcp__hive__peers", {}, "peers"),
        ("Odd", {"a": 1, "b": [2]}, 'Odd {"a": 1, "b": [2]}'),
        ("Odd", "text", "Odd text"),
        ("Bash", {"command": 7}, 'Bash {"command": 7}'),
        ("", None, "tool"),
    ],
)
def test_each_tool_is_drawn_in_its_own_way(tool: str, given: object, said: str) -> None:
    assert plain(tuple(tool_line(tool, given))).rstrip() == said.replace('Bash {"command": 7}', 'Bash {"command": 7}')


def test_an_edit_by_any_engine_shows_its_lines() -> None:
    texts = {"old_string": "hi", "new_string": "hello\nthere"}
    claude = lines(told(("tool_use", {"tool": "Edit", "input": {"file_path": "a", **texts}})), 1)
    assert claude == ["◦ Edit a +2 −1", "  − hi", "  + hello", "  + there"]
    assert lines(told(("tool_use", {"tool": "edit", "input": {"path": "a", **texts}})), 1) == claude
    diff = {"path": "a", "diff": "--- a\n+++ a\n@@ -1 +1,2 @@\n-hi\n+hello\n+there"}
    assert lines(told(("tool_use", {"tool": "edit", "input": diff})), 1) == claude


def test_a_file_that_is_written_is_folded_by_any_engine() -> None:
    given = {"path": "a", "content": "x\ny"}
    assert lines(told(("tool_use", {"tool": "write", "input": given})), 1) == ["◦ Write a 2 lines"]


def test_a_tool_says_by_its_mark_whether_it_runs_worked_or_failed() -> None:
    use = {"tool_use_id": "u", "tool": "Bash", "input": {"command": "make"}}
    assert lines(told(("tool_use", use)), 1) == ["◦ $ make"]
    good = told(("tool_use", use), ("tool_result", {"tool_use_id": "u", "tool": "Bash", "text": "ok"}))
    assert (lines(good, 1), lines(good, 2)) == (["✓ $ make"], ["  ok"])
    bad = told(("tool_use", use), ("tool_result", {"tool_use_id": "u", "is_error": True, "text": "no"}))
    assert (lines(bad, 1), lines(bad, 2)) == (["✗ $ make"], ["  error no"])


def test_a_long_result_is_folded_until_it_is_unfolded() -> None:
    text = "\n".join(f"line {n} of a result" for n in range(40))
    transcript = told(
        ("tool_use", {"tool_use_id": "u", "tool": "Read", "input": {"file_path": "x"}}),
        ("tool_result", {"tool_use_id": "u", "tool": "Read", "text": text}),
    )
    assert lines(transcript, 2) == ["  line 0 of a result", "  … 39 more lines · o unfolds"]
    entry = transcript.get(2)
    assert entry is not None
    assert foldable(entry, transcript, 60)
    transcript.toggle(2)
    assert len(lines(transcript, 2)) == 40
    assert foldable(entry, transcript, 60)


def test_a_result_away_from_its_use_says_whose_it_is() -> None:
    transcript = told(
        ("tool_use", {"tool_use_id": "u", "tool": "Bash", "input": {"command": "make"}}),
        ("text", {"text": "meanwhile"}),
        ("tool_result", {"tool_use_id": "u", "tool": "Bash", "text": "ok"}),
    )
    assert lines(transcript, 3) == ["  Bash ok"]


def test_messages_say_when_and_who_and_whether_again() -> None:
    assert one("message_in", body="Split it", redelivered=True, **{"from": "queen"}) == ["14:29 ◂ queen again Split it"]
    assert one("message_out", to="alice", body="Good") == ["14:29 ▸ alice Good"]


def test_a_turn_ends_in_one_line_and_a_failure_says_why() -> None:
    good = {"outcome": "ok", "duration_ms": 132_000, "tool_calls": 9, "cost": {"usd": 0.21, "estimated": False}}
    assert one("turn_end", **good) == ["14:29 turn · ok · 2:12 · 9 tools · $0.21"]
    assert one("turn_end", outcome="rate_limited", error="try at 15:10") == [
        "14:29 turn · rate limited",
        "  error try at 15:10",
    ]


def test_hidden_thinking_is_a_mark() -> None:
    assert one("thinking", text="", hidden=True) == ["· thinking (its text is hidden)"]


def test_an_ask_waits_on_you_until_it_is_decided() -> None:
    ask = ("permission_asked", {"approval_id": "a", "tool": "Bash", "input": {"command": "rm x"}})
    assert lines(told(ask), 1) == ["▲ $ rm x", "  waits on you · press w to decide"]
    decided = told(ask, ("permission_decided", {"approval_id": "a", "tool": "Bash", "status": "denied", "note": "no"}))
    assert lines(decided, 1) == ["▲ $ rm x"]
    assert lines(decided, 2) == ["▲ denied Bash “no”"]


def test_a_turn_begins_after_an_empty_line() -> None:
    transcript = told(
        ("turn_end", {"outcome": "ok"}),
        ("turn_state_changed", {"state": "idle"}),
        ("message_in", {"from": "queen", "body": "x"}),
        ("turn_start", {}),
    )
    assert (lines(transcript, 2), lines(transcript, 3)[0], lines(transcript, 4)) == ([], "", [])


def test_text_that_follows_text_goes_on_under_one_mark() -> None:
    transcript = told(("text", {"text": "one"}), ("text", {"text": "two"}), ("text", {"text": ""}))
    assert [lines(transcript, id) for id in (1, 2, 3)] == [["• one"], ["  two"], [""]]


@pytest.mark.parametrize(
    "kind",
    [
        "text",
        "thinking",
        "tool_use",
        "tool_result",
        "message_in",
        "message_out",
        "turn_start",
        "turn_end",
        "note",
        "status_changed",
        "model_changed",
        "turn_state_changed",
        "permission_asked",
        "permission_decided",
        "newer_kind",
    ],
)
@pytest.mark.parametrize(
    "payload", [{}, {"text": None, "tool": None, "input": None, "body": 7, "error": {"a": 1}, "cost": "x", "wake": 3}]
)
def test_an_event_without_what_it_should_have_is_drawn_all_the_same(kind: str, payload: dict[str, Any]) -> None:
    for width in (10, 80):
        assert all(len(line) <= width for line in lines(told((kind, payload)), 1, width)) or kind == "thinking"


def test_an_event_of_a_megabyte_is_cut() -> None:
    found = one("text", text="word " * 200_000)
    assert len(found) < 1500
    assert "more characters are in the journal" in found[-1]


def test_all_of_the_scene_can_be_drawn_in_any_width() -> None:
    for name in ("alice", "bob", "queen", "dave"):
        transcript = Transcript(name)
        page = scene.page(name)
        transcript.begin(page.journal_uuid)
        transcript.take_page(page.events, page.first_id, page.last_id, None)
        for id in range(1, transcript.last_id + 1):
            for width in (12, 40, 120):
                lines(transcript, id, width)


def test_the_tail_is_plain_text() -> None:
    assert [plain(line) for line in tail_lines("**not yet** [red]", "text", 60)] == ["• **not yet** [red]"]
    assert tail_lines("", "text", 60) == []


def test_a_decision_shows_all_of_the_input() -> None:
    shown = plain(tuple(whole_input("Bash", {"command": "a\nb", "timeout": 5})))
    assert shown == "$ a ↵\n  b\n! 2 lines\ntimeout 5"
    assert plain(tuple(whole_input("shell", {"title": "make test"}))) == "$ make test"
    assert (
        plain(tuple(whole_input("edit", {"title": "Writing to a", "content": "x"}))) == "title Writing to a\ncontent x"
    )
    assert plain(tuple(whole_input("Edit", {"old_string": "x" * 500}))).count("x") == 500
    assert tool_name("mcp__hive__whoami") == "whoami"
