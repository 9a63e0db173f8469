"""Server-Sent Events written by hand: bytes that are encoded already, whatever is pending in one write.

A stream is a backlog, then news. It ends when its reader is gone, when its source is (cut off, resync, shutdown), and says
a comment when there was nothing to say for HEARTBEAT_SECONDS.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

HEARTBEAT_SECONDS = 15.0
"""A reader that hears nothing for a few of these may take the connection for dead."""
HEARTBEAT = b": \n\n"

_HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]


class EventStream(Response):
    """`backlog` gives what was before, `take` waits for news (None: the end), `close` lets go of the subscription, `finish`
    is awaited last.

    `take` may be cancelled while it waits and must lose nothing by it. Each chunk is whole SSE events.
    """

    media_type = "text/event-stream"

    def __init__(
        self,
        backlog: AsyncGenerator[bytes, None],
        take: Callable[[], Awaitable[bytes | None]],
        close: Callable[[], None],
        finish: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        super().__init__()
        self._finish = finish
        self._backlog = backlog
        self._take = take
        self._close = close

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        watch = asyncio.create_task(self._until_gone(receive), name="stream's reader")
        try:
            await send({"type": "http.response.start", "status": 200, "headers": [*_HEADERS, *self._extra_headers()]})
            async for chunk in self._backlog:
                if watch.done():
                    return
                if chunk:
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
            while not watch.done():
                news = await self._next()
                if news is None:
                    break
                if news:
                    await send({"type": "http.response.body", "body": news, "more_body": True})
            await send({"type": "http.response.body", "body": b""})
        finally:
            self._close()
            watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watch
            await self._backlog.aclose()
            if self._finish is not None:
                await self._finish()

    def _extra_headers(self) -> list[tuple[bytes, bytes]]:
        own = {name for name, _ in _HEADERS} | {b"content-length"}
        return [(name, value) for name, value in self.raw_headers if name not in own]

    async def _next(self) -> bytes | None:
        try:
            async with asyncio.timeout(HEARTBEAT_SECONDS):
                return await self._take()
        except TimeoutError:
            return HEARTBEAT

    async def _until_gone(self, receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self._close()


def sse_event(event: str, data: bytes, id: int | None = None) -> bytes:
    """One SSE event. A line break in `data` can only be JSON's white space, and becomes a blank."""
    if b"\n" in data or b"\r" in data:
        data = data.replace(b"\r", b" ").replace(b"\n", b" ")
    if id is None:
        return b"event: %s\ndata: %s\n\n" % (event.encode(), data)
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (id, event.encode(), data)


RESYNC = sse_event("resync", b"{}")
"""The reader's cursor is of no use any more: it takes a new snapshot. The last event of its stream."""


async def only(*chunks: bytes) -> AsyncGenerator[bytes, None]:
    """A backlog of these."""
    for chunk in chunks:
        yield chunk


async def ended() -> bytes | None:
    """The `take` of a stream that has no news."""
    return None


def cursor_of(last_event_id: str | None, after: int | None) -> int | None:
    """Where the reader was: what its client remembers of this stream goes before what its first request asked for."""
    if last_event_id is not None and last_event_id.strip().isdecimal():
        return int(last_event_id)
    return after
