"""Turns on the api engine: inference and tools in turn, steering, interrupts, permissions, settings, figures."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from agentd.engines.api import ApiEngine
from agentd.engines.base import (
    EngineEvent,
    EngineFailed,
    ModelChanged,
    Note,
    Permission,
    Prompt,
    Text,
    TextDelta,
    Thinking,
    ThinkingDelta,
    ToolResult,
    ToolUse,
    Usage,
)
from tests.fakes.messages_api import MessagesApi
from tests.fakes.openai_api import OpenAiApi
from tests.support.api import ApiSetting, played, runs
from tests.support.claude import done_of, until


@pytest.fixture
async def api() -> AsyncIterator[OpenAiApi]:
    async with OpenAiApi() as found:
        yield found


@pytest.fixture
def setting(api: OpenAiApi, tmp_path: Path) -> ApiSetting:
    return ApiSetting(tmp_path, options={"base_url": api.url})


def script(*steps: dict[str, Any]) -> str:
    return f"@@script {json.dumps(list(steps))}"


def call(tool: str, **given: Any) -> dict[str, Any]:
    return {"tool": tool, "input": given}


def calls(*several: dict[str, Any]) -> dict[str, Any]:
    return {"tools": list(several)}


def has_ended(pid: int) -> bool:
    return not runs(pid)


def results(events: list[Any]) -> list[ToolResult]:
    return [event for event in events if isinstance(event, ToolResult)]


async def test_words_stream_and_come_whole(setting: ApiSetting) -> None:
    async with setting.engine() as engine:
        events = await played(engine, script({"reasoning": "Let me think.", "text": "The answer is 4."}))
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == "The answer is 4."
    assert "".join(event.text for event in events if isinstance(event, ThinkingDelta)) == "Let me think."
    whole = [event for event in events if isinstance(event, Text | Thinking)]
    assert whole == [Thinking("Let me think."), Text("The answer is 4.")]
    assert done_of(events).outcome == "ok"
    assert setting.heard > 0


@pytest.mark.parametrize("dialect", ["anthropic", "openai"])
async def test_tools_run_and_the_model_goes_on_with_their_results(dialect: str, tmp_path: Path) -> None:
    steps = script(
        {"text": "First a command.", **call("bash", command="echo hello > hello.txt && cat hello.txt")},
        call("read", path="$CWD/hello.txt"),
        {"text": "It says hello."},
    )
    async with OpenAiApi() if dialect == "openai" else MessagesApi() as api:
        setting = ApiSetting(tmp_path, options={"provider": dialect, "base_url": api.url})
        async with setting.engine() as engine:
            events = await played(engine, steps)
        assert len(api.requests) == 3
    assert [(use.tool, use.input) for use in events if isinstance(use, ToolUse)][0][0] == "bash"
    assert [(result.text.strip(), result.is_error) for result in results(events)] == [
        ("hello", False),
        ("1\thello", False),
    ]
    assert done_of(events).outcome == "ok"
    assert (setting.workspace / "hello.txt").read_text() == "hello\n"


async def test_parallel_calls_run_side_by_side_and_answer_in_order(setting: ApiSetting, api: OpenAiApi) -> None:
    both = calls(
        call("bash", command="until [ -e second ]; do sleep 0.02; done; echo one"),
        call("bash", command="touch second; echo two"),
    )
    async with setting.engine() as engine, asyncio.timeout(120):
        events = await played(engine, script(both, {"text": "Both."}))
    assert [result.text for result in results(events)] == ["one", "two"]
    sent = [message for message in api.requests[-1].body["messages"] if message["role"] == "tool"]
    asked = api.requests[-1].body["messages"][-3]["tool_calls"]
    assert [message["content"] for message in sent] == ["one", "two"]
    assert [message["tool_call_id"] for message in sent] == [each["id"] for each in asked]


async def test_arguments_in_many_pieces_are_one_input(setting: ApiSetting) -> None:
    step = {**call("write", path="x.txt", content="äöü " * 300), "pieces": 90}
    async with setting.engine() as engine:
        events = await played(engine, script(step, {"text": "Done."}))
    assert not results(events)[0].is_error
    assert (setting.workspace / "x.txt").read_text() == "äöü " * 300


@pytest.mark.parametrize("raw", ['{"command": "ec', "[1]", '"words"', "nonsense", "{" * 100_000])
async def test_arguments_that_are_none_go_back_to_the_model(raw: str, setting: ApiSetting, api: OpenAiApi) -> None:
    step = {"tool": "bash", "arguments": raw}
    async with setting.engine() as engine:
        events = await played(engine, script(step, {"text": "Sorry."}))
    assert results(events)[0].is_error
    assert "its input is not" in results(events)[0].text
    assert done_of(events).outcome == "ok"
    sent = api.requests[-1].body["messages"][-2]["tool_calls"][0]["function"]["arguments"]
    assert sent == "{}", "a server that parses what it is sent back must be able to"


@pytest.mark.parametrize("tool", ["launch_missiles", "", "no such\ntool\x1b[31m", "mcp__x__y"])
async def test_a_tool_that_is_not_there_is_an_answer_to_the_model(tool: str, setting: ApiSetting) -> None:
    async with setting.engine() as engine:
        events = await played(engine, script(call(tool), {"text": "Oh."}))
    assert results(events)[0].is_error
    assert "There is no tool" in results(events)[0].text
    assert done_of(events).outcome == "ok"


async def test_the_hives_tools_are_called_natively_and_nobody_is_asked(setting: ApiSetting) -> None:
    setting.permission_mode = "default"
    async with setting.engine() as engine:
        events = await played(engine, script(call("send", to="ada", body="hi"), call("whoami"), {"text": "Sent."}))
    assert setting.tools.calls == [("send", {"to": "ada", "body": "hi"}), ("whoami", {})]
    assert [(result.text, result.is_error) for result in results(events)] == [
        ("sent to ada", False),
        ("You are nobody.", True),
    ]
    assert setting.asked == []


# Interrupts and steering -----------------------------------------------------------------------------------


async def test_an_interrupt_in_mid_answer_keeps_what_was_said(setting: ApiSetting, api: OpenAiApi) -> None:
    async with setting.engine() as engine, asyncio.timeout(120):
        stream = engine.turn(Prompt("@@hold", "turn"))
        events = []
        async for event in stream:
            events.append(event)
            if len([each for each in events if isinstance(each, TextDelta)]) == 3:
                await engine.interrupt()
        assert done_of(events).outcome == "cancelled"
        await played(engine, "@@text")
    said = api.requests[-1].body["messages"]
    assert [message["role"] for message in said] == ["system", "user", "assistant", "user"]
    assert said[2]["content"].startswith("Held until the")


async def test_an_interrupt_ends_the_tools_that_run(setting: ApiSetting, api: OpenAiApi) -> None:
    two = calls(
        call("bash", command="echo done"), call("bash", command="echo $$ > pid; sleep 600 & echo $! > child; wait")
    )
    async with setting.engine() as engine, asyncio.timeout(120):
        events: list[EngineEvent] = []

        async def listen() -> None:
            async for event in engine.turn(Prompt(script(two, {"text": "Never."}), "turn")):
                events.append(event)

        turn = asyncio.create_task(listen())
        await until(lambda: len(results(events)) == 1)
        await until(lambda: (setting.workspace / "child").exists() and (setting.workspace / "child").read_text() != "")
        await engine.interrupt()
        await turn
        assert done_of(events).outcome == "cancelled"
        assert [result.is_error for result in results(events)] == [False, True]
        assert "interrupted" in results(events)[1].text
        for name in ("pid", "child"):
            number = int((setting.workspace / name).read_text())
            await until(partial(has_ended, number))
        await played(engine, "@@text")
    roles = [message["role"] for message in api.requests[-1].body["messages"]]
    assert roles == ["system", "user", "assistant", "tool", "tool", "user"]


async def test_an_interrupt_ends_the_wait_for_the_operator(setting: ApiSetting) -> None:
    setting.permission_mode = "default"
    asked = asyncio.Event()
    context = setting.context()

    async def never(tool: str, input: Any, tool_use_id: str) -> Permission:
        asked.set()
        await asyncio.Event().wait()
        raise AssertionError

    engine = ApiEngine(replace(context, ask_permission=never))
    await engine.start(None)
    try:
        async with asyncio.timeout(120):
            turn = asyncio.create_task(played(engine, script(call("write", path="w.txt", content="x"), {"text": "."})))
            await asked.wait()
            await engine.interrupt()
            assert done_of(await turn).outcome == "cancelled"
    finally:
        await engine.close()


async def test_an_interrupt_without_a_turn_is_harmless(setting: ApiSetting) -> None:
    async with setting.engine() as engine:
        await engine.interrupt()
        assert done_of(await played(engine, "@@text")).outcome == "ok"


async def test_words_steered_in_reach_the_next_inference_of_the_turn(setting: ApiSetting, api: OpenAiApi) -> None:
    async with setting.engine() as engine, asyncio.timeout(120):
        wait = call("bash", command="until [ -e go ]; do sleep 0.02; done")
        turn = asyncio.create_task(played(engine, script(wait, {"text": "Seen."})))
        await api.wait_for_requests(1)
        assert await engine.steer("Use the blue one.")
        (setting.workspace / "go").touch()
        assert done_of(await turn).outcome == "ok"
        assert not await engine.steer("Too late.")
    assert api.requests[1].body["messages"][-1] == {"role": "user", "content": "Use the blue one."}


async def test_words_steered_into_the_last_answer_make_another(setting: ApiSetting, api: OpenAiApi) -> None:
    async with setting.engine() as engine, asyncio.timeout(120):
        turn = asyncio.create_task(played(engine, "@@hold"))
        await api.wait_for_requests(1)
        assert await engine.steer("And @@text")
        api.release()
        events = await turn
    assert len([event for event in events if isinstance(event, Text)]) == 2
    assert [message["role"] for message in api.requests[1].body["messages"]] == ["system", "user", "assistant", "user"]


# Ends, figures, settings -----------------------------------------------------------------------------------


async def test_too_many_steps_end_the_turn(setting: ApiSetting) -> None:
    setting.options["max_steps"] = 3
    steps = script(*[call("glob", pattern="*")] * 10)
    async with setting.engine() as engine:
        done = done_of(await played(engine, steps))
        assert (done.outcome, done.retryable) == ("failed", False)
        assert "max_steps" in (done.error or "")
        assert done_of(await played(engine, "@@text")).outcome == "ok"


async def test_an_answer_cut_at_max_tokens_is_said_and_kept(setting: ApiSetting) -> None:
    async with setting.engine() as engine:
        events = await played(engine, script({"text": "Half of it", "finish": "length"}))
        assert done_of(events).outcome == "ok"
        assert any(isinstance(event, Note) and "max_tokens" in event.text for event in events)
        nothing = done_of(await played(engine, script({"text": "", "finish": "length"})))
        assert (nothing.outcome, nothing.retryable) == ("failed", False)


async def test_a_refusal_is_a_failure_that_is_not_kept(setting: ApiSetting, api: OpenAiApi) -> None:
    async with setting.engine() as engine:
        done = done_of(await played(engine, script({"text": "I cannot.", "finish": "content_filter"})))
        assert (done.outcome, done.retryable) == ("failed", False)
        assert "refused" in (done.error or "")
        await played(engine, "@@text")
    assert "I cannot" not in json.dumps(api.requests[-1].body)


async def test_figures_are_the_last_inference_and_the_whole_turn(setting: ApiSetting) -> None:
    setting.options |= {"price": {"input": 10, "output": 100, "cache_read": 1}, "context_window": 5000}
    first = {"prompt_tokens": 1000, "completion_tokens": 10, "prompt_tokens_details": {"cached_tokens": 400}}
    second = {"prompt_tokens": 2000, "completion_tokens": 20, "prompt_tokens_details": {"cached_tokens": 1500}}
    steps = script({**call("glob", pattern="*"), "usage": first}, {"text": "Done.", "usage": second})
    async with setting.engine() as engine:
        events = await played(engine, steps)
    usage = done_of(events).usage
    assert (usage.input_tokens, usage.output_tokens, usage.cache_read_input_tokens) == (1100, 30, 1900)
    assert (usage.last_input_tokens, usage.last_cache_read_input_tokens, usage.window) == (500, 1500, 5000)
    assert usage.cost_usd == pytest.approx((1100 * 10 + 30 * 100 + 1900 * 1) / 1e6)
    assert usage.cost_estimated
    told = [event for event in events if isinstance(event, Usage)]
    assert [(event.ctx_tokens, event.window, event.tokens) for event in told] == [
        (1000, 5000, 1010),
        (2000, 5000, 3030),
    ]


async def test_what_the_server_says_it_cost_is_exact(setting: ApiSetting) -> None:
    async with setting.engine() as engine:
        usage = done_of(await played(engine, script({"text": "Dear.", "usage": {"cost": 0.25}}))).usage
    assert (usage.cost_usd, usage.cost_estimated) == (0.25, False)


async def test_without_figures_there_are_none(setting: ApiSetting) -> None:
    async with setting.engine() as engine:
        usage = done_of(await played(engine, script({"text": "No idea.", "usage": False}))).usage
    assert (usage.input_tokens, usage.last_input_tokens, usage.cost_usd) == (None, None, None)


async def test_model_and_effort_change_from_the_next_inference_on(setting: ApiSetting, api: OpenAiApi) -> None:
    setting.options["provider"] = "openai"
    async with setting.engine() as engine, asyncio.timeout(120):
        turn = asyncio.create_task(
            played(engine, script({"text": "Wait", "hold": True, **call("whoami")}, {"text": "."}))
        )
        await api.wait_for_requests(1)
        assert await engine.set_model("other")
        assert await engine.set_effort("high")
        assert not await engine.set_effort("maximal")
        api.release()
        await turn
    assert [(asked.body["model"], asked.body.get("reasoning_effort")) for asked in api.requests] == [
        ("tiny", None),
        ("other", "high"),
    ]


async def test_options_reach_the_server(setting: ApiSetting, api: OpenAiApi) -> None:
    setting.options |= {"provider": "vllm", "max_tokens": 77, "temperature": 0.5}
    async with setting.engine() as engine:
        await played(engine, "@@text")
    body = api.requests[0].body
    assert (body["max_tokens"], body["temperature"], body["stream_options"]) == (77, 0.5, {"include_usage": True})
    assert "You are bee" in body["messages"][0]["content"]
    assert f"Working directory: {setting.workspace}" in body["messages"][0]["content"]


async def test_the_conversation_goes_on_with_another_provider(tmp_path: Path) -> None:
    async with MessagesApi() as anthropic, OpenAiApi() as openai:
        first = ApiSetting(tmp_path, options={"provider": "anthropic", "base_url": anthropic.url}, effort="high")
        thought = script({"thinking": "Hm.", "text": "Looking.", **call("glob", pattern="*")}, {"text": "Nothing."})
        async with first.engine() as engine:
            await played(engine, thought)
            session_id = engine.session_id
        second = ApiSetting(tmp_path, options={"base_url": openai.url})
        async with second.engine(session_id) as engine:
            assert done_of(await played(engine, "@@text")).outcome == "ok"
            assert engine.session_id == session_id
        sent = openai.requests[0].body["messages"]
        assert [message["role"] for message in sent] == ["system", "user", "assistant", "tool", "assistant", "user"]
        async with first.engine(session_id) as engine:
            assert done_of(await played(engine, "@@text")).outcome == "ok"
        assert len(anthropic.requests[-1].body["messages"]) == 7


async def test_hostile_words_go_through_as_they_are(setting: ApiSetting) -> None:
    words = "\x1b[2J [bold]no markup[/] \ud83d\ude00 \ud800 <script> \u202e"
    async with setting.engine() as engine:
        events = await played(engine, script({"text": words}))
    text = next(event.text for event in events if isinstance(event, Text))
    assert text == words.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    text.encode()


async def test_an_engine_that_was_not_started_says_so(setting: ApiSetting) -> None:
    engine = ApiEngine(setting.context())
    with pytest.raises(EngineFailed):
        await played(engine, "@@text")
    await engine.close()


async def test_the_servers_own_choice_of_a_model_is_named(setting: ApiSetting) -> None:
    setting.model = "default"
    async with setting.engine() as engine:
        events = await played(engine, "@@text")
    assert events[0] == ModelChanged("tiny")
