"""Streams by hand: one write for what is pending, a sign of life, and an end for every reason there is."""

import asyncio
from collections.abc import AsyncGenerator

import pytest
from starlette.types import Message

from hived.api import sse
from hived.api.sse import EventStream, cursor_of, ended, only, sse_event


class Reader:
    """The other end of a stream: what it was sent, and its going away."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.complete = False
        self.gone = asyncio.Event()
        self.heard = asyncio.Event()

    async def receive(self) -> Message:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.body":
            self.bodies.append(message.get("body", b""))
            self.complete = not message.get("more_body", False)
            self.heard.set()


async def test_a_quiet_stream_gives_a_sign_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "HEARTBEAT_SECONDS", 0.01)
    reader, news = Reader(), asyncio.Event()

    async def take() -> bytes | None:
        await news.wait()
        return None

    running = asyncio.create_task(EventStream(only(), take, news.set)({"type": "http"}, reader.receive, reader.send))
    async with asyncio.timeout(10):
        await reader.heard.wait()
        news.set()
        await running
    assert reader.bodies[0] == b": \n\n"
    assert reader.complete


async def test_a_reader_that_goes_away_ends_the_stream_and_lets_go() -> None:
    reader, closed, finished = Reader(), asyncio.Event(), asyncio.Event()

    async def take() -> bytes | None:
        await closed.wait()
        return None

    async def finish() -> None:
        finished.set()

    stream = EventStream(only(b"first"), take, closed.set, finish)
    running = asyncio.create_task(stream({"type": "http"}, reader.receive, reader.send))
    async with asyncio.timeout(10):
        await reader.heard.wait()
        reader.gone.set()
        await running
    assert closed.is_set()
    assert finished.is_set()


async def test_a_backlog_that_fails_lets_go_too() -> None:
    reader, closed = Reader(), asyncio.Event()

    async def backlog() -> AsyncGenerator[bytes, None]:
        yield b"one"
        raise ValueError("the disk is gone")

    with pytest.raises(ValueError, match="disk"):
        await EventStream(backlog(), ended, closed.set)({"type": "http"}, reader.receive, reader.send)
    assert closed.is_set()


def test_data_cannot_break_out_of_its_event() -> None:
    assert sse_event("text", b'{"a":\r\n1}', 7) == b'id: 7\nevent: text\ndata: {"a":  1}\n\n'


@pytest.mark.parametrize(
    ("header", "after", "cursor"), [(None, None, None), (None, 3, 3), ("9", 3, 9), ("x", 3, 3), ("", None, None)]
)
def test_what_a_stream_remembers_goes_before_what_it_first_asked(
    header: str | None, after: int | None, cursor: int | None
) -> None:
    assert cursor_of(header, after) == cursor
