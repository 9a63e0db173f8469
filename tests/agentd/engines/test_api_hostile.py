"""A model server that means harm: what it sends stays bounded, and what it says is only taken where it makes sense."""

import json
import time
from typing import Any

import pytest

from agentd.engines.api_anthropic import AnthropicReader
from agentd.engines.api_failures import ApiFailure, failure_of
from agentd.engines.api_openai import OpenAiReader
from agentd.engines.api_reader import MOST_CALLS, MOST_DEPTH
from agentd.engines.api_sse import SseEvent, SseParser

Reader = AnthropicReader | OpenAiReader


def give(reader: Reader, *chunks: dict[str, Any]) -> None:
    for chunk in chunks:
        reader.take(SseEvent("", json.dumps(chunk).encode()))


def call(number: int, id: str, raw: str = "{}", tool: str = "read") -> dict[str, Any]:
    piece = {"index": number, "id": id, "function": {"name": tool, "arguments": raw}}
    return {"choices": [{"delta": {"tool_calls": [piece]}}]}


def block(**content: Any) -> list[dict[str, Any]]:
    return [{"type": "content_block_start", "content_block": content}, {"type": "content_block_stop"}]


def feed_for_ever(parser: SseParser, piece: bytes) -> None:
    for _ in range(1000):
        parser.feed(piece)


def calls_of(*chunks: dict[str, Any]) -> list[dict[str, Any]]:
    reader = OpenAiReader("server", "tiny")
    give(reader, *chunks, {"choices": [{"finish_reason": "tool_calls"}]})
    reader.finish()
    return reader.reply.calls


@pytest.mark.parametrize(
    "headers",
    [
        {"retry-after": "999999999999"},
        {"retry-after": "99999999999999"},
        {"retry-after": "1000000000"},
        {"retry-after": "Fri, 31 Dec 9999 23:59:59 -2359"},
        {"retry-after": "Fri, 31 Dec 9999 23:59:59 GMT"},
        {"retry-after-ms": "99999999999999"},
        {"x-ratelimit-reset": "99999999999999"},
    ],
)
def test_a_limit_until_the_end_of_time_is_one_whose_end_is_not_known(headers: dict[str, str]) -> None:
    failure = failure_of(429, headers, b"{}", "server", "tiny")
    assert (failure.outcome, failure.wait_seconds, failure.until) == ("rate_limited", None, None)


@pytest.mark.parametrize("cost", [float("inf"), float("nan"), 10**400, -1, True, "much"])
def test_a_cost_that_is_no_sum_of_money_is_none(cost: Any) -> None:
    reader = OpenAiReader("server", "tiny")
    give(reader, {"usage": {"prompt_tokens": 1, "cost": cost}})
    assert reader.reply.figures.cost_usd is None


def test_calls_of_the_same_id_are_told_apart_and_an_endless_id_is_none() -> None:
    ids = [found["id"] for found in calls_of(call(0, "x"), call(1, "x"), call(2, "x"), call(3, "y" * 10_000))]
    assert ids[0] == "x"
    assert len(set(ids)) == 4
    assert all(len(id) < 100 for id in ids)


def test_a_tool_of_an_endless_name_has_a_short_one() -> None:
    (found,) = calls_of(call(0, "x", tool="t" * 1_000_000))
    assert len(found["tool"]) == 200


@pytest.mark.parametrize("levels", [MOST_DEPTH + 2, 900, 100_000])
def test_an_input_nested_without_end_is_said_to_the_model_and_not_kept(levels: int) -> None:
    (found,) = calls_of(call(0, "x", '{"a":' + "[" * levels + "]" * levels + "}"))
    assert found["input"] == {}
    assert "its input is" in found["wrong"]


def test_calls_without_number_end_the_answer() -> None:
    reader = AnthropicReader("server", "tiny")
    calls = [chunk for number in range(MOST_CALLS + 1) for chunk in block(type="tool_use", id=str(number), name="read")]
    with pytest.raises(ApiFailure, match=f"more than {MOST_CALLS} tool calls"):
        give(reader, *calls)


def test_hidden_thinking_without_end_is_refused_in_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agentd.engines.api_reader.MOST_REPLY_CHARACTERS", 100_000)
    reader = AnthropicReader("server", "tiny")
    with pytest.raises(ApiFailure, match="more than 100000 characters"):
        give(reader, *block(type="redacted_thinking", data="x" * 1000) * 101)


def test_an_event_of_endless_empty_lines_is_refused_soon() -> None:
    parser = SseParser(limit=1_000_000)
    begun = time.process_time()
    with pytest.raises(ApiFailure, match="more than 1000000 bytes"):
        feed_for_ever(parser, b"data:\n" * 500)
    assert time.process_time() - begun < 2.0, "each chunk costs what it holds, not what came before"
