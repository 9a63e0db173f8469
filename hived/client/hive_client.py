"""hived's operator socket for a program that stays: typed calls that return wire models, and streams that say when they break.

Raises the HiveError that hived answered; NotRunning where nobody answers, ResyncNeeded where a stream's cursor is of no use
any more, ProtocolMismatch where the other side speaks another protocol.
"""

import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import httpx

from hived.client.decision_calls import DecisionCalls, Query
from hived.client.errors import error_from_wire
from hived.client.lifecycle_calls import LifecycleCalls, WhichLog
from hived.client.sse import ServerEvent, SseParser, StreamBroken
from hived.paths import checked_socket_path
from hived.wire import routes
from hived.wire.agents import AgentDetail, AgentView, EngineFound, ModelList, Rebuild, SpawnRequest
from hived.wire.approvals import Approval, Verdict
from hived.wire.doctor import DoctorReport
from hived.wire.errors import HiveError, Internal, NotRunning, ProtocolMismatch, ResyncNeeded, TookTooLong
from hived.wire.events import Event, TranscriptPage
from hived.wire.logs import LogLines
from hived.wire.messages import Message, MessageDraft, Sent
from hived.wire.protocol import BUILD_HEADER, CLIENT_HEADER, IDEMPOTENCY_HEADER, PROTOCOL, PROTOCOL_HEADER
from hived.wire.recordings import Recording
from hived.wire.snapshot import FeedRow, Snapshot, Version

CALL_SECONDS = 120.0
"""A call answers when the thing has happened: starting an agent may take a while."""
LONG_CALL_SECONDS = 330.0
"""Of what an engine must do first: compact a conversation, come up with a login's link, check its code."""
CONNECT_SECONDS = 3.0
SILENCE_SECONDS = 50.0
"""hived says something on every stream each 15 s; a stream that is silent for longer than three of these is dead."""


class HiveClient(DecisionCalls, LifecycleCalls):
    """Close it, or use it as an async context."""

    def __init__(self, socket: Path, *, name: str = "hivetui") -> None:
        self.socket = checked_socket_path(socket)
        self.client_id = uuid4().hex
        self._http = httpx.AsyncClient(
            transport=httpx.AsyncHTTPTransport(
                uds=str(socket), limits=httpx.Limits(max_connections=None, max_keepalive_connections=4)
            ),
            base_url="http://hive",
            headers={CLIENT_HEADER: name},
            timeout=httpx.Timeout(CALL_SECONDS, connect=CONNECT_SECONDS),
            trust_env=False,
        )

    async def __aenter__(self) -> "HiveClient":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        await self._http.aclose()

    # Calls -------------------------------------------------------------------------------------------------

    async def fetch_version(self) -> Version:
        return Version.model_validate(await self._call("GET", routes.VERSION))

    async def fetch_snapshot(self) -> Snapshot:
        return Snapshot.model_validate(await self._call("GET", routes.SNAPSHOT))

    async def list_engines(self) -> list[EngineFound]:
        """What engines are on this machine; a list, or one under `engines`."""
        answer = await self._call("GET", routes.ENGINES)
        found = answer.get("engines", []) if isinstance(answer, dict) else answer
        return [EngineFound.model_validate(engine) for engine in found]

    async def show_agent(self, name: str) -> AgentDetail:
        return AgentDetail.model_validate(await self._call("GET", _path(routes.AGENT, name=name)))

    async def create_agent(self, request: SpawnRequest, *, key: str | None = None) -> Approval:
        """Asks for it: the approval is pending. The engine of a SpawnDraft may be its template's."""
        body = request.model_dump(exclude_defaults=True) | {"name": request.name}
        if request.engine:
            body["engine"] = request.engine
        return Approval.model_validate(await self._call("POST", routes.AGENTS, body, key=key))

    async def approve(self, id: str, verdict: Verdict | None = None) -> Approval:
        return await self._decide(routes.APPROVE, id, verdict)

    async def deny(self, id: str, verdict: Verdict | None = None) -> Approval:
        return await self._decide(routes.DENY, id, verdict)

    async def send_message(self, draft: MessageDraft, *, key: str | None = None) -> Sent:
        return Sent.model_validate(await self._call("POST", routes.MESSAGES, draft.model_dump(), key=key))

    async def retry_message(self, id: str, body: str | None = None) -> Message:
        """Send a held message again, in these words where some are given."""
        given = {"body": body} if body else None
        return Message.model_validate(await self._call("POST", _path(routes.MESSAGE_RETRY, id=id), given))

    async def drop_message(self, id: str) -> Message:
        """Give a held message up."""
        return Message.model_validate(await self._call("POST", _path(routes.MESSAGE_DROP, id=id)))

    async def list_models(self, name: str) -> ModelList:
        """What its engine offers."""
        return ModelList.model_validate(await self._call("GET", _path(routes.AGENT_MODELS, name=name)))

    async def set_model(self, name: str, model: str) -> None:
        await self._call("PUT", _path(routes.AGENT_MODEL, name=name), {"model": model})

    async def set_effort(self, name: str, effort: str | None) -> None:
        """None: back to the engine's own."""
        await self._call("PUT", _path(routes.AGENT_EFFORT, name=name), {"effort": effort})

    async def set_permission_mode(self, name: str, mode: str | None) -> None:
        """None: back to its agent.toml's."""
        await self._call("PUT", _path(routes.AGENT_PERMISSION_MODE, name=name), {"permission_mode": mode})

    async def cancel_turn(self, name: str) -> None:
        await self._call("POST", _path(routes.AGENT_ACTION, name=name, action="cancel-turn"))

    async def compact(self, name: str) -> None:
        """Make its conversation shorter; answers when that is done."""
        path = _path(routes.AGENT_ACTION, name=name, action="compact")
        await self._call("POST", path, seconds=LONG_CALL_SECONDS)

    async def new_session(self, name: str, *, primer: bool) -> None:
        """Its next turn begins a new conversation, with what the journal remembers or without."""
        await self._call("POST", _path(routes.AGENT_ACTION, name=name, action="new-session"), {"primer": primer})

    async def nap(self, name: str, seconds: float) -> None:
        """0 ends the nap."""
        await self._call("POST", _path(routes.AGENT_ACTION, name=name, action="nap"), {"seconds": seconds})

    async def resume(self, name: str) -> None:
        """End its nap and its rate limit, and let it look at what waits."""
        await self._call("POST", _path(routes.AGENT_ACTION, name=name, action="resume"))

    async def rebuild(self, name: str, change: Rebuild) -> AgentView:
        """Put it on another engine, model or options; answers when it is online again."""
        path = _path(routes.AGENT_ACTION, name=name, action="rebuild")
        return AgentView.model_validate(await self._call("POST", path, change.model_dump(exclude_none=True)))

    async def start_login(self, name: str) -> AgentView:
        """Begin to log its engine in; answers when there is a link to open."""
        answer = await self._call("POST", _path(routes.AGENT_LOGIN, name=name), seconds=LONG_CALL_SECONDS)
        return AgentView.model_validate(answer)

    async def give_login_code(self, name: str, code: str) -> AgentView:
        """The code that the link gave. Never with an idempotency key: what was sent with one is remembered."""
        path = _path(routes.AGENT_LOGIN_CODE, name=name)
        return AgentView.model_validate(await self._call("POST", path, {"code": code}, seconds=LONG_CALL_SECONDS))

    async def cancel_login(self, name: str) -> AgentView:
        return AgentView.model_validate(await self._call("DELETE", _path(routes.AGENT_LOGIN, name=name)))

    async def fetch_recording(self, name: str) -> Recording:
        """All that its journal keeps of it, as a scenario."""
        return Recording.model_validate(await self._call("GET", _path(routes.AGENT_RECORDING, name=name)))

    async def examine(self) -> DoctorReport:
        """What hived finds on its machine, each check run now."""
        return DoctorReport.model_validate(await self._call("GET", routes.DOCTOR))

    async def start_agent(self, name: str) -> AgentView:
        return await self._act(name, "start")

    async def stop_agent(self, name: str) -> AgentView:
        return await self._act(name, "stop")

    async def restart_agent(self, name: str) -> AgentView:
        return await self._act(name, "restart")

    async def fetch_transcript(
        self, name: str, *, before: int | None = None, after: int | None = None, limit: int = 200
    ) -> TranscriptPage:
        """The newest events before `before`, the oldest after `after`, else the newest; oldest first."""
        query: Query = {"limit": limit}
        if before is not None:
            query["before"] = before
        if after is not None:
            query["after"] = after
        answer = await self._call("GET", _path(routes.TRANSCRIPT, name=name), query=query)
        return TranscriptPage.model_construct(
            journal_uuid=answer.get("journal_uuid"),
            first_id=answer.get("first_id"),
            last_id=answer.get("last_id"),
            events=[_event(event) for event in answer.get("events", [])],
        )

    # Streams -----------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def feed(self, after: int, *, focused: bool | None = None) -> AsyncIterator[AsyncIterator[list[FeedRow]]]:
        """Every change of state after that seq, in batches as they arrive. Entered once the stream is open.

        `focused`: this client is a screen, and somebody looks at it or not (`say_presence`); None: it is none.

        The batches end where hived ended the stream: open another one after the last seq.
        """
        query: Query = {"after": after}
        if focused is not None:
            query |= {"client_id": self.client_id, "focused": "true" if focused else "false"}
        async with self._stream(routes.FEED, query) as batches:
            yield _feed_rows(batches, after)

    @asynccontextmanager
    async def transcript_stream(self, name: str, after: int | None = None) -> AsyncIterator[AsyncIterator[list[Event]]]:
        """An agent's events after that id (None: from now on) as they happen, deltas included, in batches."""
        query: Query = {} if after is None else {"after": after}
        async with self._stream(_path(routes.TRANSCRIPT_STREAM, name=name), query) as batches:
            yield _events(batches)

    @asynccontextmanager
    async def log_stream(self, name: str, which: WhichLog, lines: int) -> AsyncIterator[AsyncIterator[list[LogLines]]]:
        """The newest lines of one of its logs, then what is written to it, in batches as they arrive."""
        query: Query = {"which": which, "lines": lines}
        async with self._stream(_path(routes.AGENT_LOG_STREAM, name=name), query) as batches:
            yield ([LogLines.model_validate_json(event.data) for event in batch] async for batch in batches)

    @asynccontextmanager
    async def _stream(self, path: str, query: Query) -> AsyncIterator[AsyncIterator[list[ServerEvent]]]:
        timeout = httpx.Timeout(SILENCE_SECONDS, connect=CONNECT_SECONDS)
        try:
            async with self._http.stream(
                "GET", path, params=query, headers={"accept": "text/event-stream"}, timeout=timeout
            ) as response:
                _check_protocol(response)
                if response.status_code >= 400:
                    raise error_from_wire(response.status_code, await response.aread())
                yield _server_events(response)
        except (httpx.TransportError, StreamBroken) as error:
            raise NotRunning(socket=str(self.socket)) from error

    # One call ----------------------------------------------------------------------------------------------

    async def _decide(self, route: str, id: str, verdict: Verdict | None) -> Approval:
        body = (verdict or Verdict()).model_dump(exclude_none=True)
        return Approval.model_validate(await self._call("POST", _path(route, id=id), body))

    async def _act(self, name: str, action: str) -> AgentView:
        answer = await self._call("POST", _path(routes.AGENT_ACTION, name=name, action=action))
        return AgentView.model_validate(answer)

    async def _call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Query | None = None,
        key: str | None = None,
        seconds: float = CALL_SECONDS,
    ) -> Any:
        headers = {IDEMPOTENCY_HEADER: key} if key else {}
        timeout = httpx.Timeout(seconds, connect=CONNECT_SECONDS)
        try:
            response = await self._http.request(method, path, json=body, params=query, headers=headers, timeout=timeout)
        except httpx.ReadTimeout as error:
            raise TookTooLong(what=f"{method} {path}", seconds=seconds) from error
        except httpx.TransportError as error:
            raise NotRunning(socket=str(self.socket)) from error
        _check_protocol(response)
        if response.status_code >= 400:
            raise error_from_wire(response.status_code, response.content)
        if not response.content:
            return None
        try:
            return response.json()
        except json.JSONDecodeError as error:
            raise Internal(f"hived answered {method} {path} with something that is no JSON.") from error


def _path(template: str, **parts: str) -> str:
    return template.format_map({name: quote(value, safe="") for name, value in parts.items()})


def _check_protocol(response: httpx.Response) -> None:
    theirs = response.headers.get(PROTOCOL_HEADER)
    if theirs is not None and theirs != str(PROTOCOL):
        raise ProtocolMismatch(theirs=theirs, build=response.headers.get(BUILD_HEADER, "?"), ours=PROTOCOL)


async def _server_events(response: httpx.Response) -> AsyncGenerator[list[ServerEvent], None]:
    parser = SseParser()
    async for chunk in response.aiter_raw():
        events = parser.feed(chunk)
        if events:
            yield events


async def _feed_rows(batches: AsyncIterator[list[ServerEvent]], cursor: int) -> AsyncGenerator[list[FeedRow], None]:
    async for batch in batches:
        rows = [FeedRow.model_validate_json(event.data) for event in batch if event.event != "resync"]
        if rows:
            cursor = rows[-1].seq
            yield rows
        _raise_on_resync(batch, cursor)


async def _events(batches: AsyncIterator[list[ServerEvent]]) -> AsyncGenerator[list[Event], None]:
    cursor = 0
    async for batch in batches:
        events = [_event(json.loads(event.data)) for event in batch if event.event != "resync"]
        if events:
            cursor = events[-1].id or cursor
            yield events
        _raise_on_resync(batch, cursor)


def _raise_on_resync(batch: list[ServerEvent], cursor: int) -> None:
    if any(event.event == "resync" for event in batch):
        raise ResyncNeeded(cursor=cursor)


def _event(found: Any) -> Event:
    """Made without checking each field: hived checked it, and there may be thousands a second."""
    return Event.model_construct(
        id=found.get("id"), ts=found.get("ts") or "", kind=found.get("kind") or "", payload=found.get("payload") or {}
    )


__all__ = ["HiveClient", "HiveError"]
