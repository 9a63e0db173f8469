"""`POST /v1/events` on an agent's socket: a batch of events as NDJSON, taken in order, then published as it came.

A plain route with a raw body: this is the hot path, so each line is parsed once and never validated as a model. An empty
body asks for the cursor. A batch of live events alone is published without a write.
"""

import asyncio
import contextlib
import json
import re
import sys
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

from fastapi import APIRouter, Request
from fastapi.responses import Response

from hived.api.sse import sse_event
from hived.core.events import take_batch
from hived.core.fault_points import reach
from hived.core.hive import Hive, LiveEvents
from hived.store.database import Tx
from hived.wire import routes
from hived.wire.errors import EventGap, InvalidRequest, NotJson, TooLarge
from hived.wire.events import LIVE_KINDS, STATE_KINDS, EventsTaken
from hived.wire.messages import RefusedMessage
from hived.wire.protocol import (
    GENERATION_HEADER,
    JOURNAL_HEADER,
    MAX_PAYLOAD_BYTES,
    MAX_REQUEST_BYTES,
    OLDEST_HEADER,
)
from hived.wire.times import utc_now

MAX_LINE_BYTES = MAX_PAYLOAD_BYTES + 4096
"""A payload at its limit with its id, time and kind."""

MOST_AT_ONCE = 500
"""Events that one change takes."""
LARGE_BYTES = 64 * 1024
LARGE_AT_ONCE = 1
"""Large batches taken apart at a time: parsed they are many times their size, and twenty agents flood at once."""
MAX_JOURNAL_UUID = 64
MAX_DIGITS = 18

agent_router = APIRouter()


class Batch(NamedTuple):
    """A body taken apart. Of an event that hived does not act on only id, ts and kind are kept: a flood is many of them."""

    stored: list[dict[str, Any]]
    """The events with ids, without a gap."""
    shown: list[tuple[int | None, str, bytes]]
    """(id or None, kind, line) of all of them, as they came."""


@dataclass(slots=True)
class _Lane:
    """One batch of an agent at a time, first come first served, so that what is published keeps its order."""

    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    known: tuple[int, str] | None = None
    """Generation and journal of the last batch that was taken, so that live events cost no look at the database."""
    cursor: int = 0


@dataclass(slots=True)
class _Lanes:
    of: dict[str, _Lane] = field(default_factory=dict)
    large: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(LARGE_AT_ONCE))


_UNBOUNDED: AbstractAsyncContextManager[None] = contextlib.nullcontext()


async def post_events(request: Request) -> Response:
    """EventsTaken: all up to its cursor is hived's now. 409 on a gap or a stale generation, 413 where it is too large."""
    hive: Hive = request.app.state.hive
    agent_id: str = request.scope["hive_agent"][0]
    generation = generation_of(request)
    journal_uuid = journal_of(request)
    oldest = _number(request, OLDEST_HEADER)
    body = await _body(request)
    lanes = _lanes(request)
    lane = lanes.of.setdefault(agent_id, _Lane())
    async with lane.turn, lanes.large if len(body) > LARGE_BYTES else _UNBOUNDED:
        batch = parse_batch(body)
        hive.heard_at[agent_id] = utc_now()
        if batch.shown and not batch.stored and lane.known == (generation, journal_uuid):
            _publish(hive, agent_id, journal_uuid, batch)
        else:
            taken = await _take(hive, agent_id, generation, journal_uuid, oldest, batch)
            lane.known, lane.cursor = (generation, journal_uuid), taken.cursor
            return Response(taken.model_dump_json(), media_type="application/json")
    return Response(EventsTaken(cursor=lane.cursor).model_dump_json(), media_type="application/json")


agent_router.add_route(routes.EVENTS, post_events, methods=["POST"], include_in_schema=False)


async def _take(
    hive: Hive, agent_id: str, generation: int, journal_uuid: str, oldest: int | None, batch: Batch
) -> EventsTaken:
    """In changes of a bounded length, so that one agent's backlog lets others in between; all of it is shown after the last."""
    if batch.stored:
        reach("hived_batch")
    pieces = [batch.stored[start : start + MOST_AT_ONCE] for start in range(0, len(batch.stored) or 1, MOST_AT_ONCE)]
    begins = batch.stored[0]["id"] if batch.stored else None
    refused: list[RefusedMessage] = []
    for number, piece in enumerate(pieces, 1):

        def change(tx: Tx, piece: list[dict[str, Any]] = piece, last: bool = number == len(pieces)) -> EventsTaken:
            taken = take_batch(tx, agent_id, generation, journal_uuid, oldest, piece, hive.config, begins=begins)
            if batch.shown and last:
                tx.after_commit(partial(_publish, hive, agent_id, journal_uuid, batch))
            return taken

        taken = await hive.database.write(change)
        refused += taken.refused
    if batch.stored:
        reach("hived_batch_taken")
    return EventsTaken(cursor=taken.cursor, refused=refused)


def _publish(hive: Hive, agent_id: str, journal_uuid: str, batch: Batch) -> None:
    topic = hive.live(agent_id)
    if not len(topic):
        return
    first = batch.stored[0]["id"] if batch.stored else None
    last = batch.stored[-1]["id"] if batch.stored else None
    data = b"".join([sse_event(kind, line, event_id) for event_id, kind, line in batch.shown])
    topic.publish([LiveEvents(first, last, data, journal_uuid)], weight=len(data))


def parse_batch(body: bytes) -> Batch:
    """The events of an NDJSON body. Raises NotJson, InvalidRequest, TooLarge, each naming the line."""
    stored: list[dict[str, Any]] = []
    shown: list[tuple[int | None, str, bytes]] = []
    expected = 0
    for number, line in enumerate(body.split(b"\n"), 1):
        if not line.strip():
            continue
        if len(line) > MAX_LINE_BYTES:
            raise TooLarge(what=f"event on line {number}", bytes=len(line), limit=MAX_LINE_BYTES)
        event = _event(number, line)
        kind = sys.intern(event["kind"])
        if kind in LIVE_KINDS:
            shown.append((None, kind, line))
            continue
        event_id = event.get("id")
        if type(event_id) is not int or event_id < 1:
            raise InvalidRequest(reason=f"The event on line {number} has no id.")
        if expected and event_id != expected:
            raise EventGap(first=event_id, expected=expected)
        expected = event_id + 1
        stored.append(event if kind in STATE_KINDS else {"id": event_id, "ts": event["ts"], "kind": kind})
        shown.append((event_id, kind, line))
    return Batch(stored, shown)


def _event(number: int, line: bytes) -> dict[str, Any]:
    try:
        event = _decode(line.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise NotJson(reason=f"line {number}: {error}") from None
    if (
        not isinstance(event, dict)
        or not isinstance(event.get("payload"), dict)
        or not isinstance(event.get("ts"), str)
    ):
        raise InvalidRequest(reason=f"Line {number} is no event: it needs ts, kind and payload.")
    kind = event.get("kind")
    if not isinstance(kind, str) or not _KIND.fullmatch(kind):
        raise InvalidRequest(reason=f"The event on line {number} has no kind that could be one.")
    return event


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


_decode = json.JSONDecoder(parse_constant=_refuse_constant).decode
_KIND = re.compile(r"[a-z][a-z_]{0,63}")
"""A kind becomes an SSE event's name. Of one that this hived does not know, only the cursor moves."""


async def _body(request: Request) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > MAX_REQUEST_BYTES:
            raise TooLarge(what="event batch", bytes=size, limit=MAX_REQUEST_BYTES)
        chunks.append(chunk)
    return b"".join(chunks)


def generation_of(request: Request) -> int:
    """Which generation of its harness calls. Raises InvalidRequest."""
    generation = _number(request, GENERATION_HEADER)
    if generation is None:
        raise InvalidRequest(reason=f"The header {GENERATION_HEADER} is missing.")
    return generation


def journal_of(request: Request) -> str:
    """Which journal the call is about. Raises InvalidRequest."""
    journal_uuid = request.headers.get(JOURNAL_HEADER, "")
    if not 0 < len(journal_uuid) <= MAX_JOURNAL_UUID:
        raise InvalidRequest(reason=f"The header {JOURNAL_HEADER} is missing.")
    return journal_uuid


def _number(request: Request, header: str) -> int | None:
    value = request.headers.get(header)
    if value is None:
        return None
    if not (value.isascii() and value.isdecimal() and len(value) <= MAX_DIGITS):
        raise InvalidRequest(reason=f"The header {header} is no number.")
    return int(value)


def _lanes(request: Request) -> _Lanes:
    state = request.app.state
    if not hasattr(state, "event_lanes"):
        state.event_lanes = _Lanes()
    lanes: _Lanes = state.event_lanes
    return lanes
