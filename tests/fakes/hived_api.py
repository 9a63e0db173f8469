"""A hived of wire models on a real Unix socket, for the screen's tests: it says what it is told to, and remembers what it is asked.

async with FakeHived() as hived:
    await hived.say("agent", view)          # a feed row
    await hived.tell("alice", [event])      # live events of a transcript
"""

import asyncio
import contextlib
import json
import shutil
import socket
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from hived.wire import routes
from hived.wire.agents import AgentView, LoginState, LoginView, ModelList
from hived.wire.approvals import Approval, WaitingItem
from hived.wire.base import Answer
from hived.wire.doctor import DoctorReport
from hived.wire.errors import (
    AlreadyDecided,
    ApprovalNotFound,
    HiveError,
    LoginFailed,
    NoLogin,
)
from hived.wire.events import Event
from hived.wire.protocol import BUILD, BUILD_HEADER, IDEMPOTENCY_HEADER, PROTOCOL, PROTOCOL_HEADER
from hived.wire.recordings import Recording
from hived.wire.snapshot import FeedRow, Snapshot
from tests.fakes.hived_decisions import WHEN as WHEN
from tests.fakes.hived_decisions import DecisionsApi
from tests.fakes.hived_lives import LivesApi

Streams = dict[str, set[asyncio.Queue[bytes | None]]]


class FakeHived(DecisionsApi, LivesApi):
    """State it serves is public: a test sets it, then says so on the feed."""

    def __init__(self, snapshot: Snapshot) -> None:
        LivesApi.__init__(self)
        self.home = Path(tempfile.mkdtemp(prefix="hv", dir="/tmp"))
        self.socket = self.home / "host.sock"
        self.snapshot = snapshot
        self.journals: dict[str, list[Event]] = {}
        self.engines: list[dict[str, Any]] = []
        self.models: dict[str, ModelList] = {}
        """What each agent's engine offers; nothing where an agent is not named."""
        self.report = DoctorReport(state="ok", build=BUILD, checks=[])
        self.login_url = "https://login.example/oauth?code=true"
        self.right_code = "right"
        """The only one that a login takes."""
        self.protocol = PROTOCOL
        self.asked: list[tuple[str, str, Any]] = []
        """(method, path, body) of each call that changes something."""
        self.keys: list[str] = []
        self.refuse: HiveError | None = None
        """Raised by the next calls that change something, until it is set to None."""
        self.act_with: Callable[[Request], Awaitable[Response]] | None = None
        """Answers what is done to an agent."""
        self.presence: list[bool] = []
        """What a screen has said of its focus: with each feed that it opened, and in between."""
        self.pages: list[dict[str, str]] = []
        self.proposals = {}
        self.whole = {}
        self._streams: Streams = {}
        self._server: uvicorn.Server | None = None
        self._serving: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "FakeHived":
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
        shutil.rmtree(self.home, ignore_errors=True)

    async def start(self) -> None:
        """Answer from now on: callers wait in the socket's backlog until the server runs."""
        self._listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listening.bind(str(self.socket))
        self._listening.listen(64)
        config = uvicorn.Config(
            self._app(), lifespan="off", log_level="warning", timeout_graceful_shutdown=1, ws="none"
        )
        self._server = uvicorn.Server(config)
        self._server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign, assignment]
        self._serving = asyncio.create_task(self._server.serve([self._listening]))

    async def stop(self) -> None:
        """Go away: every stream ends, the socket is gone."""
        for queues in self._streams.values():
            for queue in queues:
                queue.put_nowait(None)
        if self._server is not None and self._serving is not None:
            self._server.should_exit = True
            await self._serving
            self._listening.close()
        self._server = self._serving = None
        self.socket.unlink(missing_ok=True)

    # What it says ------------------------------------------------------------------------------------------

    def say(self, kind: Any, thing: Answer | dict[str, Any]) -> None:
        """One feed row; the snapshot's seq moves with it."""
        seq = self.snapshot.seq + 1
        self.snapshot = self.snapshot.model_copy(update={"seq": seq})
        payload = thing if isinstance(thing, dict) else thing.model_dump()
        row = FeedRow(seq=seq, ts=WHEN, kind=kind, payload=payload)
        self._put("feed", f"id: {seq}\nevent: {kind}\ndata: {row.model_dump_json()}\n\n".encode())

    def resync(self) -> None:
        self._put("feed", b"event: resync\ndata: {}\n\n")
        self._end("feed")

    def tell(self, agent: str, events: list[Event]) -> None:
        """Live events of an agent; those with an id are in its journal from now on."""
        for event in events:
            if event.id is not None:
                self.journals.setdefault(agent, []).append(event)
            line = f"event: {event.kind}\ndata: {event.model_dump_json()}\n\n"
            self._put(agent, (line if event.id is None else f"id: {event.id}\n{line}").encode())

    def cut(self, agent: str) -> None:
        """End that agent's streams, as a reader that is too slow is cut off."""
        self._end(agent)

    def followers(self, name: str) -> int:
        return len(self._streams.get(name, ()))

    def _put(self, name: str, data: bytes) -> None:
        for queue in self._streams.get(name, ()):
            queue.put_nowait(data)

    def _end(self, name: str) -> None:
        for queue in self._streams.get(name, ()):
            queue.put_nowait(None)

    # What it is asked --------------------------------------------------------------------------------------

    def _app(self) -> Starlette:
        return Starlette(
            routes=[
                *self._decision_routes(),
                *self._life_routes(),
                Route(routes.SNAPSHOT, self._get_snapshot),
                Route(routes.FEED, self._get_feed),
                Route(routes.VERSION, self._get_version),
                Route(routes.PRESENCE, self._post_presence, methods=["POST"]),
                Route(routes.ENGINES, self._get_engines),
                Route(routes.TRANSCRIPT, self._get_transcript),
                Route(routes.TRANSCRIPT_STREAM, self._get_stream),
                Route(routes.AGENTS, self._post_agent, methods=["POST"]),
                Route(routes.APPROVE, self._post_approve, methods=["POST"]),
                Route(routes.DENY, self._post_deny, methods=["POST"]),
                Route(routes.MESSAGES, self._post_message, methods=["POST"]),
                Route(routes.MESSAGE_RETRY, self._post_held, methods=["POST"]),
                Route(routes.MESSAGE_DROP, self._post_held, methods=["POST"]),
                Route(routes.AGENT_MODELS, self._get_models),
                Route(routes.AGENT_MODEL, self._noted, methods=["PUT"]),
                Route(routes.AGENT_RECORDING, self._get_recording),
                Route(routes.AGENT_LOGIN, self._start_login, methods=["POST"]),
                Route(routes.AGENT_LOGIN, self._cancel_login, methods=["DELETE"]),
                Route(routes.AGENT_LOGIN_CODE, self._give_code, methods=["POST"]),
                Route(routes.DOCTOR, self._get_doctor),
                Route(routes.AGENT_EFFORT, self._noted, methods=["PUT"]),
                Route(routes.AGENT_PERMISSION_MODE, self._noted, methods=["PUT"]),
                Route(routes.AGENT_ACTION, self._act, methods=["POST"]),
            ],
            exception_handlers={HiveError: self._fault},
        )

    def _headers(self) -> dict[str, str]:
        return {PROTOCOL_HEADER: str(self.protocol), BUILD_HEADER: BUILD}

    def _json(self, body: Any, status: int = 200) -> Response:
        shown = body.model_dump() if isinstance(body, Answer) else body
        return JSONResponse(shown, status, headers=self._headers())

    async def _fault(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HiveError)
        return self._json(error.to_wire(), error.status)

    async def _remember(self, request: Request) -> Any:
        raw = await request.body()
        body = json.loads(raw) if raw else None
        self.asked.append((request.method, request.url.path, body))
        self.keys.append(request.headers.get(IDEMPOTENCY_HEADER, ""))
        if self.refuse is not None:
            raise self.refuse
        return body

    async def _get_snapshot(self, request: Request) -> Response:
        return self._json(self.snapshot)

    async def _get_version(self, request: Request) -> Response:
        return self._json({"protocol": self.protocol, "build": BUILD, "version": "0.1.0"})

    async def _get_engines(self, request: Request) -> Response:
        return self._json({"engines": self.engines, "runtimes": []})

    async def _post_presence(self, request: Request) -> Response:
        said = await request.json()
        self.presence.append(said["focused"])
        return self._json({**said, "attached": True, "somebody": said["focused"]})

    async def _get_feed(self, request: Request) -> Response:
        if (focused := request.query_params.get("focused")) is not None:
            self.presence.append(focused == "true")
        return self._stream("feed")

    async def _get_stream(self, request: Request) -> Response:
        return self._stream(request.path_params["name"])

    def _stream(self, name: str, *first: bytes) -> Response:
        queue: asyncio.Queue[bytes | None] = asyncio.Queue()

        async def body() -> AsyncGenerator[bytes, None]:
            self._streams.setdefault(name, set()).add(queue)
            try:
                yield b": \n\n"
                for known in first:
                    yield known
                while (data := await queue.get()) is not None:
                    yield data
            finally:
                self._streams[name].discard(queue)

        return StreamingResponse(body(), media_type="text/event-stream", headers=self._headers())

    async def _get_transcript(self, request: Request) -> Response:
        query = dict(request.query_params)
        self.pages.append(query)
        events = self.journals.get(request.path_params["name"], [])
        limit, before = int(query.get("limit", 200)), int(query.get("before", 1 << 60))
        chosen = [event for event in events if (event.id or 0) < before][-limit:]
        return self._json(
            {
                "journal_uuid": f"journal-of-{request.path_params['name']}",
                "first_id": events[0].id if events else None,
                "last_id": events[-1].id if events else None,
                "events": [event.model_dump() for event in chosen],
            }
        )

    async def _post_agent(self, request: Request) -> Response:
        body = await self._remember(request)
        approval = Approval(
            id=f"approval-of-{body['name']}", kind="spawn", status="pending", requester="operator",
            subject=body["name"], payload=self._completed(body), created_at=WHEN,
        )  # fmt: skip
        self._ask(approval)
        return self._json(approval, 202)

    def _ask(self, approval: Approval) -> None:
        self.snapshot.approvals.append(approval)
        item = WaitingItem(id=approval.id, kind="spawn", agent=None, subject=approval.subject, since=WHEN)
        self.snapshot.waiting.append(item)
        self.say("approval", approval)
        self.say("waiting", item)

    async def _post_approve(self, request: Request) -> Response:
        return await self._decide(request, "approved")

    async def _post_deny(self, request: Request) -> Response:
        return await self._decide(request, "denied")

    async def _decide(self, request: Request, status: str) -> Response:
        body = await self._remember(request)
        return self._json(
            self.decide(request.path_params["id"], status, "operator", "hivetui", (body or {}).get("note"))
        )

    def decide(self, id: str, status: str, who: str, client: str | None = None, note: str | None = None) -> Approval:
        """Somebody decides it; the second one is told who won."""
        held = next((approval for approval in self.snapshot.approvals if approval.id == id), None)
        if held is None:
            raise ApprovalNotFound(id=id)
        if held.status != "pending":
            raise AlreadyDecided(id=id, status=held.status, by=held.decided_by.who if held.decided_by else "?", at=WHEN)
        found = held.model_dump() | {"status": status, "decided_at": WHEN, "note": note}
        found["decided_by"] = {"who": who, "client": client}
        decided = Approval.model_validate(found)
        self.snapshot.approvals[self.snapshot.approvals.index(held)] = decided
        self.snapshot.waiting[:] = [item for item in self.snapshot.waiting if item.id != id]
        self.say("approval", decided)
        self.say("waiting_removed", {"id": id, "kind": decided.kind})
        return decided

    async def _post_held(self, request: Request) -> Response:
        """A held message is sent again or dropped: it no longer waits."""
        await self._remember(request)
        id, status = request.path_params["id"], "queued" if request.url.path.endswith("/retry") else "undeliverable"
        held = next(message for message in self.snapshot.messages if message.id == id)
        self._no_longer(id, "held_message")
        return self._json(held.model_copy(update={"status": status}))

    async def _post_message(self, request: Request) -> Response:
        body = await self._remember(request)
        message = {
            "id": f"message-{len(self.asked)}", "sender": "operator", "recipient": body["to"], "body": body["body"],
            "thread": "t", "sent_at": WHEN, "when": body["when"],
        }  # fmt: skip
        return self._json({"messages": [message]})

    async def _get_models(self, request: Request) -> Response:
        name = request.path_params["name"]
        view = self._view(name)
        return self._json(self.models.get(name, ModelList(current=view.model, closed=view.abilities.closed_models)))

    async def _get_recording(self, request: Request) -> Response:
        name = request.path_params["name"]
        return self._json(Recording(scenario=f"# {name}\n", turns=3, events=40))

    async def _get_doctor(self, request: Request) -> Response:
        return self._json(self.report)

    async def _start_login(self, request: Request) -> Response:
        await self._remember(request)
        number = sum(path.endswith("/login") for _, path, _ in self.asked)
        return self._json(self.log_in(request.path_params["name"], "open", f"login-{number}", url=self.login_url))

    async def _give_code(self, request: Request) -> Response:
        body = await self._remember(request)
        name = request.path_params["name"]
        if self._view(name).login is None:
            raise NoLogin(name=name)
        if body["code"] != self.right_code:
            self.log_in(name, "failed", detail="The code is not the right one.")
            raise LoginFailed(name=name, reason="The code is not the right one.")
        self.update(name, conditions=[])
        self.say("waiting_removed", {"id": self._view(name).id, "kind": "needs_login"})
        return self._json(self.log_in(name, "done"))

    async def _cancel_login(self, request: Request) -> Response:
        await self._remember(request)
        return self._json(self.log_in(request.path_params["name"], "cancelled"))

    def log_in(
        self, name: str, state: LoginState, id: str | None = None, *, url: str | None = None, detail: str = ""
    ) -> AgentView:
        """That agent's login is now in this state; the link stays."""
        before = self._view(name).login
        login_id = id or (before.login_id if before else "login-1")
        link = url or (before.url if before else None)
        return self.update(name, login=LoginView(login_id=login_id, state=state, since=WHEN, url=link, detail=detail))

    def update(self, name: str, **given: Any) -> AgentView:
        """Change that agent and say so on the feed."""
        view = self._view(name).model_copy(update=given)
        self.snapshot.agents[:] = [view if known.name == name else known for known in self.snapshot.agents]
        self.say("agent", view)
        return view

    def _view(self, name: str) -> AgentView:
        return next(view for view in self.snapshot.agents if view.name == name)

    async def _noted(self, request: Request) -> Response:
        await self._remember(request)
        return self._json({})

    async def _act(self, request: Request) -> Response:
        await self._remember(request)
        if self.act_with is not None:
            return await self.act_with(request)
        return self._json(self._view(request.path_params["name"]))
