"""Turns on the real Claude Code CLI against a loopback model: words, tools, figures, resume, errors."""

import pytest

from agentd.engines.base import (
    ConditionChanged,
    EngineFailed,
    ModelChanged,
    Note,
    Text,
    TextDelta,
    Thinking,
    ThinkingDelta,
    ToolResult,
    ToolUse,
    Usage,
)
from agentd.engines.claude_launch import PAST_THE_HIVE
from agentd.engines.claude_turn import Known
from tests.support.claude import Setting, done_of, played

pytestmark = [pytest.mark.claude]


async def test_a_text_turn_streams_its_words_and_then_gives_them_whole(setting: Setting) -> None:
    async with setting.engine() as engine:
        events = await played(engine, "@@text")
    deltas = "".join(event.text for event in events if isinstance(event, TextDelta))
    assert deltas == "Hello from the fake model. This is a plain text turn."
    assert [event.text for event in events if isinstance(event, Text)] == [deltas]
    assert done_of(events).outcome == "ok"
    assert ModelChanged("claude-haiku-4-5") in events


async def test_a_turn_reports_its_own_figures_and_the_last_inferences_context(setting: Setting) -> None:
    async with setting.engine() as engine:
        usage = done_of(await played(engine, "@@parallel")).usage
    assert usage.input_tokens is not None
    assert usage.last_input_tokens is not None
    assert usage.input_tokens > usage.last_input_tokens > 1000
    assert usage.last_output_tokens is not None
    assert usage.last_output_tokens > 1
    assert usage.window == 200_000
    assert usage.cost_usd is not None
    assert usage.cost_usd > 0


async def test_thinking_is_told_live_and_whole_and_hidden_thinking_is_said_to_be_hidden(setting: Setting) -> None:
    async with setting.engine() as engine:
        shown = await played(engine, "@@thinking")
        hidden = await played(engine, "@@hidden")
    assert any(isinstance(event, ThinkingDelta) for event in shown)
    assert Thinking("Let me think about this. 2 + 2 is 4.") in shown
    assert Thinking("", hidden=True) in hidden


async def test_a_tool_turn_runs_allowed_tools_for_real_without_asking(setting: Setting) -> None:
    setting.options["allowed_tools"] = ["Bash", "Read"]
    async with setting.engine() as engine:
        events = await played(engine, "@@tools")
    assert (setting.workspace / "hello.txt").read_text() == "hello-from-bash\n"
    assert [event.tool for event in events if isinstance(event, ToolUse)] == ["Bash", "Read"]
    results = [event for event in events if isinstance(event, ToolResult)]
    assert [result.tool for result in results] == ["Bash", "Read"]
    assert "hello-from-bash" in results[1].text
    assert setting.asked == []
    assert done_of(events).outcome == "ok"
    assert sum(isinstance(event, Usage) for event in events) == 3


async def test_one_process_serves_two_turns_and_the_second_costs_only_its_own(setting: Setting) -> None:
    async with setting.engine() as engine:
        first = done_of(await played(engine, "@@text")).usage
        pid, session = (setting.root / "harness/engine.pid").read_text(), engine.session_id
        second = done_of(await played(engine, "@@text again")).usage
        assert (setting.root / "harness/engine.pid").read_text() == pid
        assert engine.session_id == session
    assert first.cost_usd is not None
    assert second.cost_usd is not None
    assert second.cost_usd == pytest.approx(first.cost_usd, rel=0.2)
    assert "@@text again" in setting.api.requests[-1].user_text


async def test_a_restarted_engine_knows_its_models_window_from_its_first_inference_on(setting: Setting) -> None:
    windows: list[list[int | None]] = []
    for _ in range(2):
        async with setting.engine() as engine:
            events = await played(engine, "@@text")
        windows.append([event.window for event in events if isinstance(event, Usage)])
    assert windows == [[None], [200_000]]


async def test_a_restarted_engine_resumes_the_same_conversation_by_its_id(setting: Setting) -> None:
    async with setting.engine() as engine:
        first = done_of(await played(engine, "@@text remember the word heron")).usage
        session = engine.session_id
    assert session is not None
    async with setting.engine(session) as engine:
        events = await played(engine, "@@text go on")
        assert engine.session_id == session
    assert done_of(events).outcome == "ok"
    assert "heron" in setting.api.requests[-1].user_text
    cost = done_of(events).usage.cost_usd
    assert cost is not None
    assert first.cost_usd is not None
    assert cost == pytest.approx(first.cost_usd, rel=0.2)


@pytest.mark.parametrize("session_id", ["00000000-0000-4000-8000-000000000000", "a title", "--help"])
async def test_a_session_that_is_not_there_is_refused_and_nothing_is_begun(setting: Setting, session_id: str) -> None:
    async with setting.engine(session_id) as engine:
        with pytest.raises(EngineFailed) as failed:
            await played(engine, "@@text")
    assert failed.value.code == EngineFailed.RESUME_REFUSED
    assert failed.value.retryable is False
    assert setting.api.requests == []


async def test_a_program_that_is_missing_is_one_sentence_with_its_code(setting: Setting) -> None:
    setting.options["command"] = ["/nonexistent/claude"]
    async with setting.engine() as engine:
        with pytest.raises(EngineFailed) as failed:
            await played(engine, "@@text")
    assert failed.value.code == "command_missing"
    assert failed.value.retryable is False


async def test_a_program_that_dies_at_once_is_said_with_its_last_words(setting: Setting) -> None:
    setting.options["command"] = ["sh", "-c", "echo no luck today >&2; exit 3"]
    async with setting.engine() as engine:
        with pytest.raises(EngineFailed) as failed:
            await played(engine, "@@text")
    assert "exit code 3" in failed.value.message
    assert "no luck today" in failed.value.message


async def test_an_option_that_the_engine_does_not_know_is_refused(setting: Setting) -> None:
    setting.options["permision_mode"] = "plan"
    with pytest.raises(EngineFailed) as failed:
        async with setting.engine():
            pass
    assert failed.value.code == "invalid_option"
    assert failed.value.retryable is False


ENDS = [
    ("400", "failed", False),
    ("401", "needs_login", False),
    ("402", "failed", False),
    ("403", "failed", False),
    ("404", "failed", False),
    ("429", "rate_limited", True),
    ("retryafter", "rate_limited", True),
    ("retryafterx1", "ok", True),
    ("429x1", "ok", True),
    ("500", "failed", True),
    ("529", "failed", True),
    ("empty", "failed", True),
    ("emptyx1", "ok", True),
    ("drop", "ok", True),
    ("dropped", "failed", True),
    ("midstream", "failed", True),
    ("toolong", "prompt_too_long", True),
    ("refusal", "failed", False),
]


async def test_each_end_of_a_turn_has_its_outcome_and_the_next_turn_works(setting: Setting) -> None:
    async with setting.engine() as engine:
        for scenario, outcome, retryable in ENDS:
            done = done_of(await played(engine, f"@@{scenario}"))
            assert (done.outcome, done.retryable) == (outcome, retryable), scenario
            assert (done.error is None) == (outcome == "ok"), scenario
            assert done.until is None, scenario
            assert done_of(await played(engine, "@@text")).outcome == "ok", f"after {scenario}"


async def test_retries_are_told_while_they_happen(setting: Setting) -> None:
    async with setting.engine() as engine:
        events = await played(engine, "@@429x1")
    notes = [event for event in events if isinstance(event, Note)]
    assert [note.level for note in notes] == ["warning"]
    assert "429" in notes[0].text


async def test_a_login_that_is_needed_is_a_condition_until_a_turn_works(setting: Setting) -> None:
    async with setting.engine() as engine:
        failed = await played(engine, "@@401")
        worked = await played(engine, "@@text")
    on = [event for event in failed if isinstance(event, ConditionChanged)]
    off = [event for event in worked if isinstance(event, ConditionChanged)]
    assert [(change.condition, change.on) for change in on] == [("needs_login", True)]
    assert [(change.condition, change.on) for change in off] == [("needs_login", False)]


async def test_a_usage_limit_is_a_condition_with_its_reset_time(setting: Setting) -> None:
    setting.env.update({"ANTHROPIC_API_KEY": "", "CLAUDE_CODE_OAUTH_TOKEN": "sk-ant-oat01-dummy"})
    async with setting.engine() as engine:
        events = await played(engine, "@@ratereject")
    done = done_of(events)
    assert done.outcome == "rate_limited"
    assert done.until == "2030-03-17T17:46:40.000Z"
    limits = [event for event in events if isinstance(event, ConditionChanged)]
    assert [(change.condition, change.on, change.until) for change in limits] == [("rate_limited", True, done.until)]


async def test_a_usage_limit_that_the_cli_told_of_once_has_its_reset_time_in_later_turns_too(setting: Setting) -> None:
    setting.env.update({"ANTHROPIC_API_KEY": "", "CLAUDE_CODE_OAUTH_TOKEN": "sk-ant-oat01-dummy"})
    async with setting.engine() as engine:
        first, second = [done_of(await played(engine, "@@ratereject")) for _ in range(2)]
        assert [first.until, second.until] == ["2030-03-17T17:46:40.000Z"] * 2
        assert Known(setting.facts).limit_until == first.until
        assert done_of(await played(engine, "@@text")).outcome == "ok"
        assert Known(setting.facts).limit_until is None


async def test_compacting_reports_its_figures_and_the_conversation_goes_on(setting: Setting) -> None:
    async with setting.engine() as engine:
        await played(engine, "@@text one")
        await played(engine, "@@text two")
        session = engine.session_id
        events = [event async for event in engine.compact()]
        assert done_of(events).outcome == "ok"
        assert done_of(await played(engine, "@@text three")).outcome == "ok"
        assert engine.session_id == session
    assert any(isinstance(event, Note) and "compacted" in event.text for event in events)


async def test_the_prompt_file_and_who_it_is_stand_in_the_system_prompt(setting: Setting) -> None:
    (setting.workspace / "role.md").write_text("Speak like a heron.")
    setting.prompt = "role.md"
    async with setting.engine() as engine:
        await played(engine, "@@text")
    system = str(setting.api.requests[0].body["system"])
    assert "Speak like a heron." in system
    assert "You are bee, a worker" in system


async def test_the_model_is_offered_the_hives_tools_and_none_that_goes_past_the_hive(setting: Setting) -> None:
    async with setting.engine() as engine:
        await played(engine, "@@text")
    offered = {tool["name"] for tool in setting.api.requests[0].body["tools"]}
    assert {"mcp__hive__send", "mcp__hive__whoami", "Bash", "Read"} <= offered
    assert offered.isdisjoint(PAST_THE_HIVE)


async def test_words_that_look_like_a_command_of_the_clis_reach_the_model(setting: Setting) -> None:
    async with setting.engine() as engine:
        events = await played(engine, "/clear @@text")
    assert "/clear @@text" in setting.api.requests[0].user_text
    assert done_of(events).outcome == "ok"
