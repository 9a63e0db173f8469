"""An agent's journal as its readers get it: pages, and a stream that follows (SSE, `id:` = event id).

The stream subscribes, then pages, then follows and drops doubles by id, so nothing is missed and nothing comes twice.
Deltas are live only and carry no `id:`. A journal that is not the one the reader knew gets one `resync` and the end.
"""

import asyncio
from collections.abc import AsyncGenerator
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import Response

from hived.api.callers import hive_of
from hived.api.sse import RESYNC, EventStream, cursor_of, ended, only, sse_event
from hived.core.agent_views import find_any_agent
from hived.core.hive import Hive, LiveEvents
from hived.paths import AgentPaths
from hived.store.transcripts import JournalPage, select_events
from hived.wire import routes
from hived.wire.events import TranscriptPage

PAGE_EVENTS = 500
"""Events per read and write while a reader catches up."""
MAX_LIMIT = 1000

host_router = APIRouter()


@host_router.get(routes.TRANSCRIPT, response_model=TranscriptPage)
async def get_transcript(
    request: Request,
    name: str,
    after: Annotated[int | None, Query(ge=0)] = None,
    before: Annotated[int | None, Query(ge=0)] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 200,
) -> Response:
    """The oldest events after `after`, else the newest before `before`, else the newest; oldest first."""
    hive = hive_of(request)
    _, paths = await _agent(hive, name)
    page = await asyncio.to_thread(select_events, name, paths.events_db, after=after, before=before, limit=limit)
    return Response(page.to_json(), media_type="application/json")


@host_router.get(routes.TRANSCRIPT_STREAM, response_class=EventStream, response_model=None, status_code=200)
async def get_transcript_stream(
    request: Request,
    name: str,
    after: Annotated[int | None, Query(ge=0)] = None,
    journal: str | None = None,
    last_event_id: Annotated[str | None, Header()] = None,
) -> EventStream:
    """Events with a higher id than `after` (0: all; absent: only what comes from now on), and those to come.

    `journal` is the journal_uuid that `after` belongs to, where the reader knows it.
    """
    hive = hive_of(request)
    agent_id, paths = await _agent(hive, name)
    return await transcript_stream(hive, agent_id, paths, cursor_of(last_event_id, after), journal)


async def transcript_stream(
    hive: Hive, agent_id: str, paths: AgentPaths, after: int | None, journal: str | None = None
) -> EventStream:
    subscription = hive.live(agent_id).subscribe()
    try:
        found = await asyncio.to_thread(select_events, paths.name, paths.events_db, after=after, limit=PAGE_EVENTS)
    except BaseException:
        subscription.close()
        raise
    if hive.stopping.is_set():
        subscription.close()
    newest = found.last_id or 0
    other_journal = journal is not None and found.journal_uuid is not None and journal != found.journal_uuid
    if other_journal or (after is not None and after > newest):
        subscription.close()
        return EventStream(only(RESYNC), ended, subscription.close)
    follower = _Follower(newest if after is None else after, found.journal_uuid)

    async def backlog() -> AsyncGenerator[bytes, None]:
        page = found
        while after is not None and page.events and not follower.over:
            yield follower.page(page)
            if follower.sent >= (page.last_id or 0):
                return
            page = await asyncio.to_thread(
                select_events, paths.name, paths.events_db, after=follower.sent, limit=PAGE_EVENTS
            )

    async def take() -> bytes | None:
        if follower.over:
            return None
        news = await subscription.take()
        return None if news is None else follower.news(news)

    return EventStream(backlog(), take, subscription.close)


class _Follower:
    """Where one reader is in one journal."""

    def __init__(self, sent: int, journal_uuid: str | None) -> None:
        self.sent = sent
        self.over = False
        self._journal_uuid = journal_uuid

    def page(self, page: JournalPage) -> bytes:
        if self._is_other(page.journal_uuid):
            return RESYNC
        self.sent = page.events[-1].id
        return b"".join([sse_event(event.kind, event.line, event.id) for event in page.events])

    def news(self, batches: list[LiveEvents]) -> bytes:
        chunks: list[bytes] = []
        for batch in batches:
            if self._is_other(batch.journal_uuid):
                chunks.append(RESYNC)
                break
            chunks.append(batch.above(self.sent))
            self.sent = max(self.sent, batch.last_id or 0)
        return b"".join(chunks)

    def _is_other(self, journal_uuid: str | None) -> bool:
        if not journal_uuid or journal_uuid == self._journal_uuid:
            return False
        if self._journal_uuid is None:
            self._journal_uuid = journal_uuid
            return False
        self.over = True
        return True


async def _agent(hive: Hive, name: str) -> tuple[str, AgentPaths]:
    row = await hive.database.read(lambda connection: find_any_agent(connection, name))
    return row["id"], hive.paths.agent(row["name"])
