"""The parser on what the CLI should not say, and the encoders."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agentd.engines import claude_protocol as protocol
from agentd.engines.base import TextDelta, ThinkingDelta, ToolResult, ToolUse
from agentd.engines.claude_events import Inference, OtherRequest, Unknown


def line(message: object) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode()


@pytest.mark.parametrize(
    "bad",
    [
        b"not json",
        b"[1,2]",
        b"\xff\xfe",
        b'{"type":7}',
        b'{"type":"a new kind"}',
        b'{"type":"assistant"}',
        b'{"type":"assistant","message":{"content":[{}]}}',
        b'{"type":"assistant","message":{"content":"text"}}',
        b'{"type":"user","message":{"content":[{"type":"tool_result"}]}}',
        b'{"type":"stream_event","event":{}}',
        b'{"type":"system","subtype":"a new one"}',
        b'{"type":"system","subtype":"init"}',
        b'{"type":"control_request"}',
        b'{"type":"control_response","response":{}}',
        b'{"type":"system","subtype":"api_retry","retry_delay_ms":"soon"}',
    ],
)
def test_a_line_in_a_form_not_known_is_told_and_never_an_error(bad: bytes) -> None:
    events = protocol.parse_line(bad)
    assert [type(event) for event in events] == [Unknown]


@pytest.mark.parametrize("nothing", [b"", b"  ", b'{"type":"keep_alive"}', b'{"type":"result"}'])
def test_a_line_that_says_little_is_no_error_either(nothing: bytes) -> None:
    assert not any(isinstance(event, Unknown) for event in protocol.parse_line(nothing))


def test_a_tool_use_cannot_hide_behind_the_words_that_let_half_written_input_pass() -> None:
    block = {"type": "tool_use", "id": "t", "name": "Bash", "input": {"input_json_delta": 1, "content_block_delta": 2}}
    events = protocol.parse_line(line({"type": "assistant", "message": {"content": [block]}}))
    assert [type(event) for event in events] == [ToolUse]


def test_half_written_tool_input_is_left_out() -> None:
    delta = {"type": "input_json_delta", "partial_json": "{"}
    event = {"type": "content_block_delta", "index": 0, "delta": delta}
    assert protocol.parse_line(line({"type": "stream_event", "event": event})) == []


@pytest.mark.parametrize(("kind", "event"), [("text", TextDelta), ("thinking", ThinkingDelta)])
@given(text=st.text(min_size=1), ascii=st.booleans(), newest=st.booleans())
def test_words_that_come_one_by_one_are_the_same_read_in_short_or_in_full(
    kind: str, event: type[TextDelta] | type[ThinkingDelta], text: str, ascii: bool, newest: bool
) -> None:
    delta = {"type": "content_block_delta", "index": 0, "delta": {"type": f"{kind}_delta", kind: text}}
    message = {"type": "stream_event", "event": delta, "session_id": "s", "parent_tool_use_id": None, "uuid": "u"}
    if newest:
        message["api_message_id"] = "m"
    short = json.dumps(message, separators=(",", ":"), ensure_ascii=ascii).encode("utf-8", "surrogatepass")
    in_full = json.dumps(message, ensure_ascii=ascii).encode("utf-8", "surrogatepass")
    assert protocol.parse_line(short) == protocol.parse_line(in_full) == [event(text)]


def test_words_in_a_broken_literal_are_no_words() -> None:
    good = line({"type": "stream_event", "event": {"type": "content_block_delta", "index": 0,
                 "delta": {"type": "text_delta", "text": "x"}}, "session_id": "s", "parent_tool_use_id": None})  # fmt: skip
    assert protocol.parse_line(good) == [TextDelta("x")]
    assert protocol.parse_line(good.replace(b'"x"', b'"\\x"')) == [Unknown("a line that is not JSON")]
    assert protocol.parse_line(good.replace(b'"x"', b'"\xff"')) == [Unknown("a line that is not JSON")]


def test_figures_are_said_when_a_message_begins_and_when_it_ends() -> None:
    usage = {"input_tokens": 3, "cache_read_input_tokens": 4, "output_tokens": 1}
    begins = {"type": "message_start", "message": {"id": "m", "usage": usage}}
    ends = {"type": "message_delta", "delta": {}, "usage": {**usage, "output_tokens": 9}}
    assert protocol.parse_line(line({"type": "stream_event", "event": begins})) == [Inference(3, 1, 4, 0, "m")]
    assert protocol.parse_line(line({"type": "stream_event", "event": ends})) == [Inference(3, 9, 4, 0)]


def test_a_subagents_words_are_left_out_and_its_deeds_are_not() -> None:
    blocks = [{"type": "text", "text": "mine"}, {"type": "tool_use", "id": "t", "name": "Bash", "input": {}}]
    message = {"content": blocks, "usage": {"input_tokens": 5}}
    events = protocol.parse_line(line({"type": "assistant", "parent_tool_use_id": "p", "message": message}))
    assert events == [ToolUse("t", "Bash", {})]
    delta = {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "mine"}}
    assert protocol.parse_line(line({"type": "stream_event", "parent_tool_use_id": "p", "event": delta})) == []
    assert protocol.parse_line(line({"type": "stream_event", "parent_tool_use_id": None, "event": delta})) == [
        TextDelta("mine")
    ]


def test_a_tool_results_blocks_are_joined_and_what_is_no_text_is_named() -> None:
    blocks = [{"type": "text", "text": "a"}, {"type": "image", "source": {}}, {"type": "text", "text": "b"}]
    content = [{"type": "tool_result", "tool_use_id": "t", "is_error": True, "content": blocks}]
    events = protocol.parse_line(line({"type": "user", "message": {"role": "user", "content": content}}))
    assert events == [ToolResult("t", "", True, "a\n[image]\nb")]


def test_the_figures_of_an_inference_leave_out_what_is_no_number() -> None:
    message = {"content": [], "usage": {"input_tokens": 3, "cache_read_input_tokens": 4, "output_tokens": "many"}}
    events = protocol.parse_line(line({"type": "assistant", "message": message}))
    assert events == [Inference(3, 0, 4, 0)]


def test_a_request_that_is_not_served_is_read_so_that_it_can_be_refused() -> None:
    events = protocol.parse_line(line({"type": "control_request", "request_id": "r", "request": {"subtype": "hook"}}))
    assert events == [OtherRequest("r", "hook")]


@pytest.mark.parametrize("text", ["/clear", "  /compact now", "\n/exit"])
def test_words_that_begin_like_a_command_are_not_sent_as_one(text: str) -> None:
    sent = json.loads(protocol.user_message(text, "u"))
    words = sent["message"]["content"][0]["text"]
    assert not words.lstrip().startswith("/")
    assert words.endswith(text)


def test_what_is_written_is_one_line_whatever_is_in_it() -> None:
    encoded = protocol.user_message("a\nb\u2028c\ud800 é", "u")
    assert encoded.count(b"\n") == 1
    assert json.loads(encoded)["message"]["content"][0]["text"].startswith("a\nb\u2028c")
