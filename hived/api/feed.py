"""`GET /v1/feed`: every change of state after a cursor, then as it happens. SSE; `id:` is the seq, `Last-Event-ID` resumes.

A cursor that is older than what is kept, or newer than anything given out, gets one `resync` event and the end. A reader
that falls behind is cut off and resumes by itself.
"""

from collections.abc import AsyncGenerator
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from starlette.types import Receive, Scope, Send

from hived.api.callers import hive_of
from hived.api.sse import RESYNC, EventStream, cursor_of, ended, only, sse_event
from hived.core.hive import Hive
from hived.store import feed as store
from hived.store.database import Fed
from hived.wire import routes
from hived.wire.presence import CLIENT_ID

PAGE_ROWS = 500
"""Rows per read and write while a reader catches up."""

host_router = APIRouter()


@host_router.get(routes.FEED, response_class=EventStream, response_model=None, status_code=200)
async def get_feed(
    request: Request,
    after: Annotated[int | None, Query(ge=0)] = None,
    client_id: Annotated[
        str | None, Query(pattern=CLIENT_ID, description="Whose presence ends with this feed.")
    ] = None,
    focused: Annotated[
        bool, Query(description="With client_id: its screen has the focus (POST /v1/presence).")
    ] = False,
    last_event_id: Annotated[str | None, Header()] = None,
) -> EventStream:
    """Feed rows with a higher seq than `after` (absent: only what comes from now on), and those to come."""
    hive = hive_of(request)
    present = None if client_id is None else hive.presence.attached(client_id, focused=focused)
    return await feed_stream(hive, cursor_of(last_event_id, after), present)


class FeedStream(EventStream):
    """Meanwhile its client is `present`."""

    present: AbstractContextManager[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self.present or nullcontext():
            await super().__call__(scope, receive, send)


async def feed_stream(
    hive: Hive, after: int | None, present: AbstractContextManager[None] | None = None
) -> EventStream:
    subscription = hive.feed.subscribe()
    oldest, newest = await hive.database.read(store.select_bounds)
    if hive.stopping.is_set():
        subscription.close()
    start = newest if after is None else after
    if not oldest - 1 <= start <= newest:
        subscription.close()
        return EventStream(only(RESYNC), ended, subscription.close)
    sent = start
    lost = False

    async def backlog() -> AsyncGenerator[bytes, None]:
        nonlocal sent, lost
        while sent < newest:
            rows = await hive.database.read(partial(store.select_after, seq=sent, limit=PAGE_ROWS))
            if not rows or rows[0].seq != sent + 1:
                lost = True
                yield RESYNC
                return
            sent = rows[-1].seq
            yield b"".join(map(_encoded, rows))

    async def take() -> bytes | None:
        nonlocal sent
        frames = None if lost else await subscription.take()
        if frames is None:
            return None
        fresh = [frame for frame in frames if frame.seq > sent]
        if fresh:
            sent = fresh[-1].seq
        return b"".join([frame.data for frame in fresh])

    stream = FeedStream(backlog(), take, subscription.close)
    stream.present = present
    return stream


def _encoded(row: Fed) -> bytes:
    return sse_event(row.kind, row.to_json().encode(), row.seq)
