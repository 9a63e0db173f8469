"""Compaction on the api engine: the model's own summary in place of what came before, or nothing changed."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from agentd.engines import api_inference
from agentd.engines.api_compact import HEAD, split, transcript
from agentd.engines.base import Note, ToolResult
from tests.fakes.messages_api import MessagesApi
from tests.fakes.openai_api import OpenAiApi
from tests.support.api import ApiSetting, compacted, played
from tests.support.claude import done_of


@pytest.fixture
async def api() -> AsyncIterator[OpenAiApi]:
    async with OpenAiApi() as found:
        yield found


@pytest.fixture
def setting(api: OpenAiApi, tmp_path: Path) -> ApiSetting:
    return ApiSetting(tmp_path, options={"base_url": api.url})


def script(*steps: dict[str, Any]) -> str:
    return f"@@script {json.dumps(list(steps))}"


LONG = "word " * 2000


async def a_long_conversation(engine: Any) -> None:
    """Ends with a scenario, which the stand-in then follows in the transcript too."""
    await played(engine, f"Remember the blue door. {script({'text': LONG})}")
    await played(engine, f"And go on. {script({'text': LONG})}")
    await played(engine, script({"text": "Short and last."}))


@pytest.mark.parametrize("dialect", ["anthropic", "openai"])
async def test_older_turns_become_a_summary_and_the_last_exchange_stays(dialect: str, tmp_path: Path) -> None:
    async with OpenAiApi() if dialect == "openai" else MessagesApi() as api:
        setting = ApiSetting(tmp_path, options={"provider": dialect, "base_url": api.url})
        async with setting.engine() as engine:
            await a_long_conversation(engine)
            session_id = engine.session_id
            events = await compacted(engine)
            assert done_of(events).outcome == "ok"
            assert any(isinstance(event, Note) and "compacted" in event.text for event in events)
            asked = api.requests[-1].body
            assert "blue door" in json.dumps(asked["messages"])
            assert not asked.get("tools")
            assert done_of(await played(engine, "@@text")).outcome == "ok"
            assert engine.session_id == session_id
        sent = json.dumps(api.requests[-1].body["messages"])
        assert json.dumps(HEAD)[1:-1] in sent
        assert "Short and last." in sent
        assert "blue door" not in sent
        async with setting.engine(session_id) as engine:
            assert done_of(await played(engine, "@@text")).outcome == "ok"
        assert json.dumps(HEAD)[1:-1] in json.dumps(api.requests[-1].body["messages"])


async def test_the_figures_of_a_compaction_are_counted_and_ctx_falls(setting: ApiSetting) -> None:
    async with setting.engine() as engine:
        await a_long_conversation(engine)
        before = done_of(await played(engine, "@@text")).usage
        usage = done_of(await compacted(engine)).usage
        after = done_of(await played(engine, "@@text")).usage
    assert usage.input_tokens
    assert usage.output_tokens
    assert usage.last_input_tokens is not None
    assert before.last_input_tokens is not None
    assert usage.last_input_tokens < before.last_input_tokens / 2
    assert after.last_input_tokens is not None
    assert after.last_input_tokens < before.last_input_tokens / 2


async def test_one_exchange_is_nothing_to_compact(setting: ApiSetting, api: OpenAiApi) -> None:
    async with setting.engine() as engine:
        assert done_of(await compacted(engine)).outcome == "failed"
        await played(engine, "@@text")
        done = done_of(await compacted(engine))
        assert (done.outcome, done.retryable) == ("failed", False)
        assert "nothing to compact" in (done.error or "")
    assert len(api.requests) == 1


@pytest.mark.parametrize(
    ("last", "outcome"),
    [
        ({"status": 500}, "failed"),
        ({"status": 401}, "needs_login"),
        ({"text": ""}, "failed"),
        ({"text": "I cannot.", "finish": "content_filter"}, "failed"),
        ({"text": "longer " * 10_000}, "failed"),
    ],
)
async def test_a_compaction_that_fails_changes_nothing(
    last: dict[str, Any], outcome: str, setting: ApiSetting, api: OpenAiApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_inference, "BACK_OFF_SECONDS", (0.01,))
    async with setting.engine() as engine:
        await played(engine, f"One. {script({'text': LONG})}")
        await played(engine, f"Two. {script({'text': 'Two.'})}")
        path = setting.conversation(engine.session_id)
        api.answers["<transcript>"] = [last]
        before = path.read_bytes()
        assert done_of(await compacted(engine)).outcome == outcome
        assert path.read_bytes() == before


async def test_a_conversation_that_no_window_holds_is_still_summarised(setting: ApiSetting, api: OpenAiApi) -> None:
    """The summariser's own prompt is refused as too long, twice; with less of the oldest it fits."""
    long = {"status": 400, "code": "context_length_exceeded", "message": "maximum context length is 9000 tokens"}
    async with setting.engine() as engine:
        for number in range(6):
            await played(engine, f"Part {number}. {script({'text': LONG})}")
        await played(engine, "Last. @@text")
        api.requests.clear()
        api.answers["<transcript>"] = [long, long, {"text": "The summary."}]
        events = await compacted(engine)
        assert done_of(events).outcome == "ok"
        sizes = [len(asked.user_text) for asked in api.requests]
        assert len(sizes) == 3
        assert sizes[0] > sizes[1] > sizes[2]
        assert done_of(events).usage.window == 9000


async def test_a_single_turn_of_many_tools_is_compacted_to_its_words(setting: ApiSetting, api: OpenAiApi) -> None:
    many = [
        {"tool": "bash", "input": {"command": f"echo {number}; head -c 15000 /dev/zero | tr '\\0' x"}}
        for number in range(12)
    ]
    async with setting.engine() as engine:
        events = await played(engine, f"Find the red key. {script(*many, {'text': 'Found it under the mat.'})}")
        assert len([event for event in events if isinstance(event, ToolResult)]) == 12
        api.answers["<transcript>"] = [{"text": "The key was looked for."}]
        assert done_of(await compacted(engine)).outcome == "ok"
        await played(engine, "@@text")
    said = api.requests[-1].body["messages"]
    assert [message["role"] for message in said] == ["system", "user", "assistant", "user"]
    assert "Find the red key" in said[1]["content"]
    assert said[2]["content"] == "Found it under the mat."


async def test_a_compaction_can_be_interrupted(setting: ApiSetting, api: OpenAiApi) -> None:
    async with setting.engine() as engine, asyncio.timeout(120):
        await played(engine, f"One. {script({'text': LONG})}")
        await played(engine, "@@text")
        path = setting.conversation(engine.session_id)
        api.answers["<transcript>"] = [{"text": "Held.", "hold": True}]
        before = path.read_bytes()
        running = asyncio.create_task(compacted(engine))
        await api.wait_for_requests(3)
        assert not await engine.steer("Not now.")
        await engine.interrupt()
        assert done_of(await running).outcome == "cancelled"
        assert path.read_bytes() == before


def test_a_transcript_is_bounded_and_keeps_what_is_newest() -> None:
    records = [{"kind": "user", "text": f"number {number} " + "x" * 900} for number in range(100)]
    text = transcript(records, 5000)
    assert len(text) < 6000
    assert "number 99 " in text
    assert "number 1 " not in text
    assert "left out" in text


def test_a_huge_result_does_not_stay_whole() -> None:
    call = {"kind": "assistant", "model": "m", "blocks": [{"type": "call", "id": "1", "tool": "read", "input": {}}]}
    result = {"kind": "results", "results": [{"id": "1", "tool": "read", "text": "y" * 50_000, "is_error": False}]}
    first, last = {"kind": "user", "text": "first"}, {"kind": "user", "text": "last"}
    older, kept = split([first, call, result, last, call, result], room=100_000)
    assert older == [first, call, result]
    assert kept[:2] == [last, call]
    assert len(json.dumps(kept)) < 5000
