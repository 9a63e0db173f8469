"""Every recording of the real CLI through the protocol's parser and the turn's book: how each turn in it ended, by name.

`X.jsonl` is its stdout, `X.io.jsonl` the same with what was written to it, `X.stderr.txt` what it said where it gave up.
"""

import json
from pathlib import Path

import pytest

from agentd.engines.base import (
    ConditionChanged,
    EngineEvent,
    EngineFailed,
    Note,
    Text,
    TextDelta,
    Thinking,
    ToolResult,
    ToolUse,
)
from agentd.engines.claude_costs import Costs
from agentd.engines.claude_events import ControlAnswer, McpMessage, PermissionAsk, RequestCancelled
from agentd.engines.claude_protocol import parse_line
from agentd.engines.claude_settings import Offer
from agentd.engines.claude_turn import Known, TurnBook
from tests.fakes.messages_api import MessagesApi
from tests.support.claude import MemoryFacts, Setting, done_of, played

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

STARTS = {
    "claude-resume_bad": (EngineFailed.RESUME_REFUSED, "has no conversation"),
    "claude-root_refused": (None, "cannot be used with root"),
    "claude-session_id_again": (None, "already in use"),
    "claude-stdin_badjson": (None, "SyntaxError"),
    "claude-model_not_found": ("no failure", ""),
    "claude-set_model": ("no failure", ""),
}
"""By what was said on stderr: the failure's code and its words, where the CLI did not come up."""


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


def ended(name: str) -> list[str]:
    wanted = OUTCOMES[name.removesuffix(".io")] if name not in OUTCOMES else OUTCOMES[name]
    books, _ = read(name, interrupted="cancelled" in wanted)
    found = []
    for book in books:
        verdict = book.verdict
        repeat = "" if verdict.retryable or verdict.outcome != "failed" else ", no repeat"
        found.append(verdict.outcome + repeat)
        assert (verdict.error is None) == (verdict.outcome in ("ok", "cancelled"))
    return found


def kept(suffix: str) -> set[str]:
    return {path.name.removesuffix(suffix) for path in RECORDINGS.glob(f"claude*{suffix}")}


@pytest.mark.parametrize("name", sorted(OUTCOMES))
def test_each_turn_of_a_recording_ends_as_it_did(name: str) -> None:
    assert ended(name) == OUTCOMES[name]


@pytest.mark.parametrize("name", sorted(kept(".io.jsonl") - {"claude-sdk_mcp"}))
def test_a_recording_of_both_directions_ends_as_the_one_of_its_output_did(name: str) -> None:
    assert ended(f"{name}.io") == OUTCOMES[name]


@pytest.mark.parametrize("name", sorted(STARTS))
async def test_what_it_said_where_it_gave_up_is_the_failure_or_no_failure_at_all(name: str, tmp_path: Path) -> None:
    code, words = STARTS[name]
    said = RECORDINGS / f"{name}.stderr.txt"
    setting = Setting(tmp_path, MessagesApi(), "sh")
    answer = (
        """read line; printf '{"type":"control_response","response":{"subtype":"success","request_id":"hive-1"}}\\n'"""
    )
    comes_up = f"{answer}; read line; exit 0" if code == "no failure" else "exit 1"
    setting.options["command"] = ["sh", "-c", f'cat "$0" >&2; {comes_up}', str(said)]
    async with setting.engine("11111111-2222-4333-8444-555555555555") as engine:
        if code == "no failure":
            assert done_of(await played(engine, "go")).outcome == "failed"  # it came up, and ended in mid-turn
            return
        with pytest.raises(EngineFailed) as failed:
            await played(engine, "go")
    assert failed.value.code == code
    assert words in failed.value.message


def test_every_recording_that_is_kept_is_read() -> None:
    assert kept(".jsonl") - {f"{name}.io" for name in kept(".io.jsonl")} == set(OUTCOMES) - {"claude-sdk_mcp.io"}
    assert kept(".io.jsonl") - {"claude-sdk_mcp"} <= set(OUTCOMES)
    assert kept(".stderr.txt") == set(STARTS)
    others = {path.name for path in RECORDINGS.glob("claude*")} - {
        path.name for path in RECORDINGS.glob("claude*.jsonl")
    }
    assert others == {f"{name}.stderr.txt" for name in STARTS}


@pytest.mark.parametrize(("name", "model"), [("claude-set_model", "opus"), ("claude197-set_model", "opus[1m]")])
def test_its_first_answer_says_what_it_offers(name: str, model: str) -> None:
    events = [event for line in lines_of(f"{name}.io") for event in parse_line(line)]
    answers = [event for event in events if isinstance(event, ControlAnswer)]
    offer = Offer.of_answer(answers[0].response)
    assert {"default", "sonnet", "haiku", model} <= {found.name for found in offer.models}
    assert offer.efforts == ("low", "medium", "high", "xhigh", "max")
    refused = [answer.error for answer in answers if answer.error is not None]
    assert refused == ["Unsupported control request subtype: no_such_subtype"]


@pytest.mark.parametrize(
    "name",
    [
        "claude-stdin_multi",
        "claude-stdin_compact",
        "claude197-stdin_compact",
        "claude-autocompact",
        "claude-reactive_compact",
    ],
)
def test_the_costs_of_a_sessions_turns_add_up_to_its_total(name: str) -> None:
    costs, each = Costs(MemoryFacts()), []
    books, _ = read(name)
    for book in books:
        usage = book.usage()
        costs.of_turn(book.results, usage)
        each.append(usage.cost_usd)
    total = books[-1].results[-1].total
    assert total is not None
    assert None not in each
    assert sum(cost or 0 for cost in each) == pytest.approx(total.usd)
    assert total.usd > 1.2 * max(cost or 0 for cost in each)


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
