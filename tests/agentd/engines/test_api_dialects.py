"""What each dialect sends and reads: the prompt cache, thinking and effort, alternation, tool calls in odd pieces."""

import json
from pathlib import Path
from typing import Any

import pytest

from agentd.engines.api_anthropic import AnthropicReader, body
from agentd.engines.api_failures import ApiFailure
from agentd.engines.api_openai import OpenAiReader
from agentd.engines.api_openai import body as openai_body
from agentd.engines.api_options import make_server, read_options
from agentd.engines.api_sse import SseEvent
from agentd.engines.api_words import Ask, Figures, Record
from agentd.engines.base import Text, Thinking, ToolDefinition
from tests.fakes.messages_api import MessagesApi
from tests.support.api import KEY, ApiSetting, played
from tests.support.claude import done_of

SERVER = make_server(read_options({"provider": "anthropic"}), {"ANTHROPIC_API_KEY": KEY}, None)
OPENAI = make_server(read_options({"provider": "openai"}), {"OPENAI_API_KEY": KEY}, None)
TOOLS = [ToolDefinition(name, name, {"type": "object", "properties": {}}) for name in ("read", "bash")]
CACHED = {"type": "ephemeral"}


def ask(*records: Record, model: str = "claude-sonnet-4-5", **more: Any) -> Ask:
    return Ask(system="Be good.", records=records, tools=TOOLS, model=model, **more)


def user(text: str) -> Record:
    return {"kind": "user", "text": text}


def said(*blocks: dict[str, Any], model: str = "claude-sonnet-4-5") -> Record:
    return {"kind": "assistant", "model": model, "blocks": list(blocks)}


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


CALL = {"type": "call", "id": "call.1", "tool": "read", "input": {"path": "x"}}
RESULT = {"kind": "results", "results": [{"id": "call.1", "tool": "read", "text": "", "is_error": True}]}


def test_the_prompt_cache_has_its_points_on_tools_system_and_the_last_two_messages() -> None:
    found = body(ask(user("one"), said(text("two")), user("three"), said(text("four")), user("five")), SERVER)
    assert found["system"][-1]["cache_control"] == CACHED
    assert [tool.get("cache_control") for tool in found["tools"]] == [None, CACHED]
    marked = [message["content"][-1].get("cache_control") for message in found["messages"]]
    assert marked == [None, None, CACHED, None, CACHED]
    assert json.dumps(found).count("cache_control") == 4, "the API takes no more"


def test_what_follows_on_one_side_is_one_message_and_results_come_first() -> None:
    found = body(ask(user("a"), said(CALL), RESULT, user("b"), user("c")), SERVER)["messages"]
    assert [message["role"] for message in found] == ["user", "assistant", "user"]
    assert [block["type"] for block in found[2]["content"]] == ["tool_result", "text", "text"]
    assert found[2]["content"][0]["tool_use_id"] == found[1]["content"][0]["id"] == "call_1"
    assert found[2]["content"][0]["is_error"]
    assert found[2]["content"][0]["content"], "an empty result is refused by some"


def test_openai_gets_no_two_messages_of_the_user_in_a_row() -> None:
    summary = {"kind": "summary", "text": "S"}
    found = openai_body(ask(summary, user("a"), said(text("b"), CALL), RESULT, user("c"), user("d")), OPENAI)[
        "messages"
    ]
    assert [message["role"] for message in found] == ["system", "user", "assistant", "tool", "user"]
    assert (found[1]["content"], found[4]["content"]) == ("S\n\na", "c\n\nd")
    assert found[3]["content"].startswith("Error: ")


@pytest.mark.parametrize(
    ("model", "effort", "thinking", "adaptive"),
    [
        ("claude-sonnet-4-5", None, None, None),
        ("claude-sonnet-4-5-20250929", "low", 4096, None),
        ("claude-haiku-4-5", "high", 24_576, None),
        ("claude-opus-4-6", "high", None, "high"),
        ("claude-sonnet-5", "max", None, "max"),
        ("claude-3-5-haiku-20241022", "high", None, None),
        ("claude-3-7-sonnet-20250219", "medium", 12_288, None),
        ("some-proxy-model", "medium", 12_288, None),
    ],
)
def test_effort_is_a_budget_or_adaptive_as_the_model_takes_it(
    model: str, effort: str | None, thinking: int | None, adaptive: str | None
) -> None:
    found = body(ask(user("x"), model=model, effort=effort, temperature=0.5), SERVER)
    assert found.get("thinking", {}).get("budget_tokens") == thinking
    assert found.get("output_config", {}).get("effort") == adaptive
    assert ("temperature" in found) == ("thinking" not in found)
    if thinking is not None:
        assert found["max_tokens"] > thinking


def test_thinking_goes_back_signed_and_to_its_own_model_only() -> None:
    signed = {"type": "thinking", "text": "Hm.", "signature": "s"}
    records = (user("x"), said(signed, {"type": "thinking", "text": "", "data": "d"}, CALL), RESULT)
    kinds = [block["type"] for block in body(ask(*records, effort="low"), SERVER)["messages"][1]["content"]]
    assert kinds == ["thinking", "redacted_thinking", "tool_use"]
    other = body(ask(*records, model="claude-haiku-4-5", effort="low"), SERVER)
    assert [block["type"] for block in other["messages"][1]["content"]] == ["tool_use"]
    assert "thinking" not in other, "in the middle of a tool loop that began without it, the API refuses it"
    again = body(ask(*records, said(text("done")), user("more"), model="claude-haiku-4-5", effort="low"), SERVER)
    assert "thinking" in again


async def test_thinking_of_a_turn_is_kept_with_its_signature(tmp_path: Path) -> None:
    async with MessagesApi() as api:
        options = {"provider": "anthropic", "base_url": api.url}
        setting = ApiSetting(tmp_path, options=options, model="claude-sonnet-4-5", effort="low")
        async with setting.engine() as engine:
            events = await played(engine, "@@thinking")
            assert Thinking("Let me think about this. 2 + 2 is 4.") in events
            hidden = await played(engine, "@@hidden")
            assert Thinking("", hidden=True) in hidden
            assert done_of(hidden).outcome == "ok"
        sent = api.requests[1].body["messages"][1]["content"]
        assert api.requests[0].headers["anthropic-version"]
    assert sent[0]["thinking"] == "Let me think about this. 2 + 2 is 4."
    assert sent[0]["signature"] == "ZmFrZS1zaWduYXR1cmU="


def read(*chunks: dict[str, Any]) -> OpenAiReader:
    reader = OpenAiReader("host", "m")
    for chunk in chunks:
        reader.take(SseEvent("", json.dumps(chunk).encode()))
    reader.finish()
    return reader


def delta(finish: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": fields, "finish_reason": finish}]}


def piece(id: str | None = None, name: str | None = None, arguments: Any = "", index: Any = 0) -> dict[str, Any]:
    return {"index": index, "id": id, "function": {"name": name, "arguments": arguments}}


@pytest.mark.parametrize(
    "pieces",
    [
        [piece("a", "read", "{}", 0), piece("b", "bash", "{}", 1)],
        [piece("a", "read", "{}", 0), piece("b", "bash", "{}", 0)],
        [piece("a", "read", "{}", None), piece("b", "bash", "{}", None)],
        [piece("a", "read", "", 0), piece(None, None, "{", 0), piece("b", "bash", {}, 1), piece(None, None, "}", 0)],
    ],
)
def test_two_calls_are_two_however_a_server_numbers_them(pieces: list[dict[str, Any]]) -> None:
    calls = read(delta(tool_calls=pieces), delta("tool_calls")).reply.calls
    assert [(call["id"], call["tool"], call["input"]) for call in calls] == [("a", "read", {}), ("b", "bash", {})]
    assert not any("wrong" in call for call in calls)


def test_a_call_without_an_id_gets_one() -> None:
    calls = read(delta(tool_calls=[piece(None, "read", "{}")]), delta("stop")).reply.calls
    assert calls[0]["id"].startswith("call_")


def test_thinking_and_words_are_blocks_of_their_own_in_order() -> None:
    reader = OpenAiReader("host", "m")
    events = []
    for chunk in (
        delta(reasoning_content="a"), delta(reasoning="b", content=None), delta(content="c"), delta(content="d"),
        delta(reasoning="e"), delta("stop"),
    ):  # fmt: skip
        events += reader.take(SseEvent("", json.dumps(chunk).encode())).events
    events += reader.finish().events
    whole = [event for event in events if isinstance(event, Text | Thinking)]
    assert whole == [Thinking("ab"), Text("cd"), Thinking("e")]


@pytest.mark.parametrize("reader", [OpenAiReader, AnthropicReader])
@pytest.mark.parametrize(
    "chunk",
    [
        {"choices": None}, {"choices": [None]}, {"choices": [{"delta": "x"}]}, {"choices": [{"delta": {"content": 7}}]},
        {"choices": [{"delta": {"tool_calls": [{}]}}]}, {"choices": [{"delta": {"tool_calls": {"a": 1}}}]},
        {"usage": "many"}, {"usage": {"prompt_tokens": -1, "input_tokens": "x", "cost": "free"}}, {},
        {"type": "message_start"}, {"type": "message_start", "message": 7}, {"type": "content_block_delta"},
        {"type": "content_block_start", "content_block": []}, {"type": "message_delta", "delta": {"stop_reason": 7}},
        {"type": "content_block_stop"}, {"type": 9}, {"type": "ping"},
    ],
)  # fmt: skip
def test_a_chunk_of_the_wrong_shape_breaks_nothing(chunk: dict[str, Any], reader: type[Any]) -> None:
    found = reader("host", "m")
    found.take(SseEvent("", json.dumps(chunk).encode()))
    with pytest.raises(ApiFailure):
        found.finish()


def test_an_answer_without_end_is_refused_in_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agentd.engines.api_reader.MOST_REPLY_CHARACTERS", 1000)
    reader = OpenAiReader("host", "m")
    event = SseEvent("", json.dumps(delta(content="x" * 100)).encode())
    for _ in range(10):
        reader.take(event)
    with pytest.raises(ApiFailure):
        reader.take(event)


def test_cached_tokens_are_counted_apart_and_the_last_word_counts() -> None:
    reader = AnthropicReader("host", "m")
    begun = {"input_tokens": 5, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 20, "output_tokens": 1}
    for event in (
        {"type": "message_start", "message": {"model": "claude-x", "usage": begun}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi."}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 40}},
        {"type": "message_stop"},
    ):
        reader.take(SseEvent(str(event["type"]), json.dumps(event).encode()))
    reader.finish()
    assert reader.reply.figures == Figures(input=5, output=40, cache_read=100, cache_creation=20)
    assert (reader.reply.model, reader.reply.stop, reader.reply.text) == ("claude-x", "end", "Hi.")


def test_an_answer_in_one_piece_is_read_like_a_streamed_one() -> None:
    reader = AnthropicReader("host", "m")
    content = [
        {"type": "thinking", "thinking": "Hm.", "signature": "s"},
        {"type": "text", "text": "Look."},
        {"type": "tool_use", "id": "t1", "name": "read", "input": {"path": "x"}},
    ]
    heard = reader.take_whole({"type": "message", "content": content, "stop_reason": "tool_use", "usage": {}})
    assert [event for event in heard.events if isinstance(event, Text | Thinking)] == [Thinking("Hm."), Text("Look.")]
    assert [block["type"] for block in reader.reply.blocks] == ["thinking", "text", "call"]
    assert reader.reply.calls[0]["input"] == {"path": "x"}
    assert reader.reply.blocks[0]["signature"] == "s"


async def test_an_anthropic_stream_without_a_word_is_an_error_that_is_looked_into(tmp_path: Path) -> None:
    async with MessagesApi() as api:
        setting = ApiSetting(tmp_path, options={"provider": "anthropic", "base_url": api.url})
        async with setting.engine() as engine:
            await played(engine, "@@empty")
            assert [asked.body["stream"] for asked in api.requests[:2]] == [True, False]
            assert done_of(await played(engine, "@@text")).outcome == "ok"
