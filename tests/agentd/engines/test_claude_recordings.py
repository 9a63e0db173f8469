"""Every recording of the real CLI through the protocol's parser and the turn's book: how each turn in it ended, by name."""

import json
from pathlib import Path

import pytest

from agentd.engines.base import ConditionChanged, EngineEvent, Note, Text, TextDelta, Thinking, ToolResult, ToolUse
from agentd.engines.claude_events import McpMessage, PermissionAsk, RequestCancelled
from agentd.engines.claude_protocol import parse_line
from agentd.engines.claude_turn import Known, TurnBook

RECORDINGS = Path(__file__).resolve().parents[2] / "fixtures/recordings"

OUTCOMES: dict[str, list[str]] = {
    "claude-after_sigkill": ["ok"],
    "claude-auth_failure": ["needs_login"],
    "claude-autocompact": ["ok", "ok", "ok", "ok"],
    "claude-can_use_tool": ["ok"],
    "claude-can_use_tool_interrupt": ["cancelled", "cancelled"],
    "claude-clear": ["ok"],
    "claude-compact": ["ok"],
    "claude-compact_after": ["ok"],
    "claude-conn_refused": ["failed"],
    "claude-context": ["ok"],
    "claude-continue_1": ["ok"],
    "claude-continue_2": ["ok"],
    "claude-continue_none": ["ok"],
    "claude-drop": ["ok"],
    "claude-edit": ["ok"],
    "claude-forbidden": ["failed, no repeat"],
    "claude-interrupt_text": ["cancelled", "ok"],
    "claude-interrupt_tool": ["cancelled", "ok"],
    "claude-max_tokens": ["ok"],
    "claude-max_turns": ["failed"],
    "claude-mcp_badserver": ["ok"],
    "claude-mcp_call": ["ok"],
    "claude-midstream": ["failed"],
    "claude-model_not_found": ["failed, no repeat"],
    "claude-no_credit": ["failed, no repeat"],
    "claude-no_login": ["needs_login"],
    "claude-overloaded_exhausted": ["failed"],
    "claude-overloaded_fallback": ["failed"],
    "claude-overloaded_recovers": ["ok"],
    "claude-parallel": ["ok"],
    "claude-perm_allow": ["ok"],
    "claude-perm_deny": ["ok"],
    "claude-perm_rewrite": ["ok"],
    "claude-ratelimit_exhausted": ["rate_limited"],
    "claude-ratelimit_recovers": ["ok"],
    "claude-ratereject_oauth": ["rate_limited"],
    "claude-ratewarn_apikey": ["ok"],
    "claude-ratewarn_oauth": ["ok"],
    "claude-reactive_compact": ["ok", "ok", "ok", "ok"],
    "claude-refusal": ["ok"],
    "claude-resume_3": ["ok"],
    "claude-resume_bad": ["failed"],
    "claude-resume_fork_4": ["ok"],
    "claude-resume_othercwd": ["ok"],
    "claude-root_refused": [],
    "claude-server_error": ["failed"],
    "claude-session_id": ["ok"],
    "claude-session_id_again": [],
    "claude-set_model": ["ok", "ok", "ok"],
    "claude-sigint": ["cancelled"],
    "claude-sigkill": [],
    "claude-sigterm": [],
    "claude-stdin_badjson": [],
    "claude-stdin_compact": ["ok", "ok", "ok", "ok"],
    "claude-stdin_eof_midturn": ["ok"],
    "claude-stdin_multi": ["ok", "ok"],
    "claude-stdin_queue": ["ok", "ok"],
    "claude-stdin_steer": ["ok"],
    "claude-text": ["ok"],
    "claude-text_partial": ["ok"],
    "claude-thinking": ["ok"],
    "claude-too_long": ["prompt_too_long"],
    "claude-tools": ["ok"],
    "claude-tools_allowed": ["ok"],
    "claude-tools_noperm": ["ok"],
    "claude-unknown_slash": ["ok"],
    "claude-usage": ["ok"],
    "claude-sdk_mcp.io": ["ok"],
    "claude197-auth_failure": ["needs_login"],
    "claude197-can_use_tool": ["ok"],
    "claude197-interrupt_text": ["cancelled", "ok"],
    "claude197-set_model": ["ok", "ok", "ok"],
    "claude197-stdin_compact": ["ok", "ok", "ok", "ok"],
    "claude197-text": ["ok"],
    "claude197-too_long": ["prompt_too_long"],
    "claude197-tools": ["ok"],
}
"""One word for each result in the file; none where the CLI died without one."""


def lines_of(name: str) -> list[bytes]:
    lines = (RECORDINGS / f"{name}.jsonl").read_bytes().splitlines()
    if not name.endswith(".io"):
        return lines
    found = [json.loads(line) for line in lines]
    return [json.dumps(line["m"]).encode() for line in found if line["dir"] == "out"]


def read(name: str, interrupted: bool = False) -> tuple[list[TurnBook], list[EngineEvent]]:
    """The book of each turn in a recording, and all that was told."""
    known, told = Known(), list[EngineEvent]()
    books = [TurnBook(known)]
    for line in lines_of(name):
        for event in parse_line(line):
            book = books[-1]
            book.interrupted = interrupted
            told += book.take(event)
            assert book.unknown == []
            if book.ended:
                books.append(TurnBook(known))
    return books[:-1], told


@pytest.mark.parametrize("name", sorted(OUTCOMES))
def test_each_turn_of_a_recording_ends_as_it_did(name: str) -> None:
    wanted = OUTCOMES[name]
    books, _ = read(name, interrupted="cancelled" in wanted)
    ended = []
    for book in books:
        verdict = book.verdict
        repeat = "" if verdict.retryable or verdict.outcome != "failed" else ", no repeat"
        ended.append(verdict.outcome + repeat)
        assert (verdict.error is None) == (verdict.outcome in ("ok", "cancelled"))
    assert ended == wanted


def test_every_recording_that_is_kept_is_read() -> None:
    assert {path.name.removesuffix(".jsonl") for path in RECORDINGS.glob("claude*.jsonl")} == set(OUTCOMES)


def test_a_turn_that_nobody_interrupted_is_not_called_cancelled() -> None:
    books, _ = read("claude-sigint")
    assert [book.verdict.outcome for book in books] == ["failed"]


def test_live_words_add_up_to_the_whole() -> None:
    _, told = read("claude-text_partial")
    live = "".join(event.text for event in told if isinstance(event, TextDelta))
    assert [event.text for event in told if isinstance(event, Text)] == [live]


def test_thinking_is_kept_apart_from_words() -> None:
    _, told = read("claude-thinking")
    assert Thinking("Let me think about this. 2 + 2 is 4.") in told
    assert Text("The answer is 4.") in told


def test_tools_and_their_results_find_each_other() -> None:
    _, told = read("claude-tools")
    uses = {event.tool_use_id: event.tool for event in told if isinstance(event, ToolUse)}
    results = {event.tool_use_id: event.tool for event in told if isinstance(event, ToolResult)}
    assert uses == results
    assert sorted(uses.values()) == ["Bash", "Read"]


def test_a_tool_result_of_several_blocks_is_one_text() -> None:
    _, told = read("claude-sdk_mcp.io")
    assert [event.text for event in told if isinstance(event, ToolResult)] == ["delivered"]


def test_the_figures_of_a_turn_are_its_own_and_the_context_is_the_last_inferences() -> None:
    books, _ = read("claude197-stdin_compact")
    first, second, compacted, last = (book.usage() for book in books)
    assert (first.input_tokens, first.output_tokens, first.window) == (19076, 20, 1_000_000)
    assert second.last_input_tokens == 19120
    assert compacted.last_input_tokens is None
    assert last.input_tokens == 18302
    assert books[2].compacted


def test_a_usage_limit_tells_when_it_ends() -> None:
    books, told = read("claude-ratereject_oauth")
    limits = [event for event in told if isinstance(event, ConditionChanged)]
    assert [(limit.condition, limit.on, limit.until) for limit in limits] == [
        ("rate_limited", True, "2026-11-20T12:28:47.000Z")
    ]
    assert books[0].verdict.until == "2026-11-20T12:28:47.000Z"


def test_when_a_limit_ends_is_never_read_out_of_words() -> None:
    books, told = read("claude-ratelimit_exhausted")
    assert books[0].verdict.until is None
    assert not any(isinstance(event, ConditionChanged) for event in told)


def test_a_limit_that_comes_near_is_a_warning_and_no_condition() -> None:
    _, told = read("claude-ratewarn_oauth")
    warnings = [event for event in told if isinstance(event, Note)]
    assert [note.level for note in warnings] == ["warning"]
    assert "93% of the five hour limit" in warnings[0].text
    assert not any(isinstance(event, ConditionChanged) for event in told)


def test_retries_and_a_fallback_are_warnings() -> None:
    _, told = read("claude-overloaded_fallback")
    notes = [event.text for event in told if isinstance(event, Note)]
    assert len(notes) == 5
    assert any("Switched to Sonnet" in note for note in notes)


def test_a_compaction_is_a_note_with_its_figures() -> None:
    _, told = read("claude-autocompact")
    notes = [event.text for event in told if isinstance(event, Note)]
    assert notes == ["The conversation was compacted by itself: 196,350 tokens before, 2,706 after."]


def test_asks_and_their_withdrawal_are_read() -> None:
    events = [event for line in lines_of("claude-can_use_tool_interrupt") for event in parse_line(line)]
    asks = [event for event in events if isinstance(event, PermissionAsk)]
    withdrawn = [event for event in events if isinstance(event, RequestCancelled)]
    assert [ask.tool for ask in asks] == ["Bash", "Bash"]
    assert [cancel.request_id for cancel in withdrawn] == [asks[0].request_id]


def test_the_hives_tools_come_as_mcp_messages() -> None:
    events = [event for line in lines_of("claude-sdk_mcp.io") for event in parse_line(line)]
    methods = [event.message["method"] for event in events if isinstance(event, McpMessage)]
    assert methods == ["initialize", "notifications/initialized", "tools/list", "tools/call"]
