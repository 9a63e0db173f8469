"""Server-Sent Events, however the bytes are chopped."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hived.client import sse
from hived.client.sse import ServerEvent, SseParser, StreamBroken

STREAM = (
    b": keep-alive\n\n"
    b"id: 7\nevent: agent\ndata: {\"a\": 1}\n\n"
    b"data: one\ndata: two\n\n"
    b"event: empty\n\n"
    b"data:tight\r\nid:9\r\n\r\n"
    b"data: \xc3\xbc\n\n"
)  # fmt: skip
EVENTS = [
    ServerEvent("agent", '{"a": 1}', "7"),
    ServerEvent("message", "one\ntwo"),
    ServerEvent("message", "tight", "9"),
    ServerEvent("message", "ü"),
]


@given(st.lists(st.integers(0, len(STREAM)), max_size=10))
def test_events_come_out_whole_wherever_the_stream_is_cut(cuts: list[int]) -> None:
    parser = SseParser()
    edges = sorted({0, len(STREAM), *cuts})
    found = [event for a, b in zip(edges, edges[1:], strict=False) for event in parser.feed(STREAM[a:b])]
    assert found == EVENTS


def test_an_unfinished_event_is_no_event() -> None:
    assert SseParser().feed(b"data: half\n") == []


def test_an_endless_event_is_not_buffered_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "MAX_EVENT_BYTES", 1000)
    parser = SseParser()
    assert parser.feed(b"data: " + b"x" * 900 + b"\n") == []
    with pytest.raises(StreamBroken):
        parser.feed(b"data: " + b"x" * 500 + b"\n")
    with pytest.raises(StreamBroken):
        SseParser().feed(b"x" * 2000)
