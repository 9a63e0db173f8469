"""A hived that answers as it is told, on a real Unix socket: for what a real one seldom says."""

import json
import socketserver
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, NamedTuple

from hived.wire.agents import AgentView, Lifecycle, TurnState
from hived.wire.errors import HiveError, UnknownRoute
from hived.wire.protocol import BUILD, BUILD_HEADER, IDEMPOTENCY_HEADER, PROTOCOL, PROTOCOL_HEADER

WHEN = "2026-11-20T14:32:00.000Z"
Given = HiveError | dict[str, Any]


class Asked(NamedTuple):
    method: str
    path: str
    """With its query."""
    body: Any
    key: str | None


class ToldHived:
    """`answers["POST /v1/agents/ada/nap"] = {...}` or a HiveError; a callable is given what was asked. All else is 404."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.answers: dict[str, Given | Callable[[Asked], Given]] = {}
        self.otherwise: HiveError | None = None
        """What every call gets that has no answer of its own."""
        self.asked: list[Asked] = []
        (home / "run").mkdir()
        self._server = _Server(str(home / "run" / "host.sock"), _Handler)
        self._server.told = self
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def answer(self, asked: Asked) -> Given:
        self.asked.append(asked)
        path = asked.path.partition("?")[0]
        given = self.answers.get(f"{asked.method} {path}")
        if given is None:
            return self.otherwise or UnknownRoute(method=asked.method, path=path)
        return given(asked) if callable(given) else given

    def changes(self) -> list[tuple[str, str, Any]]:
        """(method, path, body) of all that was asked but to look."""
        return [(asked.method, asked.path, asked.body) for asked in self.asked if asked.method != "GET"]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(socketserver.ThreadingUnixStreamServer):
    told: ToldHived
    daemon_threads = True


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        given = self.server.told.answer(Asked(self.command, self.path, body, self.headers.get(IDEMPOTENCY_HEADER)))
        failed = isinstance(given, HiveError)
        data = json.dumps(given.to_wire() if isinstance(given, HiveError) else given).encode()
        self.send_response(given.status if isinstance(given, HiveError) and failed else 200)
        for name, value in (
            ("content-type", "application/json"),
            ("content-length", str(len(data))),
            (PROTOCOL_HEADER, str(PROTOCOL)),
            (BUILD_HEADER, BUILD),
        ):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    do_POST = do_PUT = do_DELETE = do_GET

    def log_message(self, format: str, *args: object) -> None:
        """Nobody reads it."""


def view(name: str = "ada", **changes: Any) -> dict[str, Any]:
    """An agent that runs and is idle, as hived shows it."""
    agent = AgentView(
        id="0190",
        name=name,
        role="worker",
        engine="claude",
        model="haiku",
        runtime="process",
        parent=None,
        created_at=WHEN,
        lifecycle=Lifecycle(state="running", since=WHEN, cause="it was asked to start"),
        turn=TurnState(state="idle", since=WHEN),
        online=True,
    )
    return AgentView.model_validate({**agent.model_dump(), **changes}).model_dump()
