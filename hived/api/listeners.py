"""One HTTP server on many Unix sockets: the operator's, and one per agent, opened and closed while it runs.

Which socket a call came in on is who is calling: an agent's carries `scope["hive_agent"] = (id, name)`. The peer's uid and
pid (SO_PEERCRED) stand in `scope["client"]`. Sockets are 0600 before they listen, in folders of 0700.

uvicorn's protocol class is used without its Server (semi-private: the minor is pinned, tests keep the contract), so the
sockets are closed here.
"""

import asyncio
import errno
import json
import logging
import os
import socket
import stat
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from hived.paths import checked_socket_path
from hived.wire.errors import EngineOnHostSocket, SocketInUse
from hived.workspace.folders import private_folder

SOCKET_MODE = 0o600
BACKLOG = 128
PROBE_SECONDS = 1.0
"""How long a connect to a socket file may take to tell a live one from a stale one."""
FINISH_SECONDS = 3.0
"""How long requests under way may take to finish at shutdown; then they are cancelled."""
CANCEL_SECONDS = 1.0
"""How long cancelled requests may take to unwind; then their connections are cut."""
MAX_ANCESTORS = 64
"""Bounds the walk from a caller up to init."""

AgentPids = Callable[[], Mapping[int, str]]
"""The pids of the harnesses that run, each with its agent's name."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Door:
    """A socket that listens."""

    path: Path
    server: asyncio.Server
    inode: int


class Listeners:
    """Open with `open_host` and `open_agent`; `close` ends everything, bounded."""

    def __init__(self, host_app: ASGIApp, agent_app: ASGIApp, agent_pids: AgentPids) -> None:
        self._host_app = host_app
        self._agent_app = agent_app
        self._agent_pids = agent_pids
        self._state = ServerState()
        self._config = Config(
            app=_nothing_here, lifespan="off", http="httptools", ws="none", interface="asgi3", log_config=None,
            access_log=False, proxy_headers=False, server_header=False, date_header=False, timeout_keep_alive=75,
        )  # fmt: skip
        self._config.load()
        self._host: _Door | None = None
        self._agents: dict[str, _Door] = {}

    async def open_host(self, path: Path) -> None:
        """Listen for the operator. Raises PathTooLong or SocketInUse."""
        pids = self._agent_pids

        def connected() -> asyncio.Protocol:
            return _HostProtocol(self._config, self._state, self._host_app, pids)

        self._host = await _open(path, connected)

    async def open_agent(self, agent_id: str, name: str, path: Path) -> None:
        """Listen for that agent's harness; nothing to do where it listens already. Raises PathTooLong or SocketInUse."""
        if agent_id in self._agents:
            return
        app = self._agent_app

        async def as_agent(scope: Scope, receive: Receive, send: Send) -> None:
            scope["hive_agent"] = (agent_id, name)
            await app(scope, receive, send)

        def connected() -> asyncio.Protocol:
            return _PeerProtocol(self._config, self._state, as_agent)

        self._agents[agent_id] = await _open(path, connected)

    def close_agent(self, agent_id: str) -> None:
        """Stop listening for that agent; connections that are open go on until their harness ends."""
        door = self._agents.pop(agent_id, None)
        if door is not None:
            _shut(door)

    @property
    def agent_ids(self) -> frozenset[str]:
        return frozenset(self._agents)

    async def close(self) -> None:
        """Take no more calls, let those under way finish within FINISH_SECONDS, then cut what is left."""
        for door in (*self._agents.values(), *((self._host,) if self._host else ())):
            _shut(door)
        self._agents.clear()
        self._host = None
        for connection in tuple(self._state.connections):
            connection.shutdown()
        tasks = set(self._state.tasks)
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=FINISH_SECONDS)
            for task in late:
                task.cancel()
            if late:
                log.warning("%d requests did not finish within %g s and were cancelled", len(late), FINISH_SECONDS)
                await asyncio.wait(late, timeout=CANCEL_SECONDS)
        for connection in tuple(self._state.connections):
            transport = connection.transport
            if isinstance(transport, asyncio.WriteTransport):
                transport.abort()


class _PeerProtocol(HttpToolsProtocol):
    """uvicorn's protocol that knows who called, with an app of its own."""

    def __init__(self, config: Config, state: ServerState, app: Any) -> None:
        super().__init__(config=config, server_state=state, app_state={})
        self.app = app

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.client = peer_of(transport.get_extra_info("socket"))


class _HostProtocol(_PeerProtocol):
    """The operator's: a caller that runs under one of our harnesses is told no, whatever it asks."""

    def __init__(self, config: Config, state: ServerState, app: Any, agent_pids: AgentPids) -> None:
        super().__init__(config, state, app)
        self._agent_pids = agent_pids

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if self.client is None:
            return
        agent = agent_above(self.client[1], self._agent_pids())
        if agent is not None:
            self.app = _Refusal(EngineOnHostSocket(pid=self.client[1], agent=agent))


class _Refusal:
    """An app that answers everything with one error."""

    def __init__(self, error: EngineOnHostSocket) -> None:
        self._status = error.status
        self._body = json.dumps(error.to_wire()).encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(self._body)).encode())]
        await send({"type": "http.response.start", "status": self._status, "headers": headers})
        await send({"type": "http.response.body", "body": self._body})


async def _nothing_here(scope: Scope, receive: Receive, send: Send) -> None:
    raise RuntimeError("every protocol is given its own app")


def peer_of(sock: Any) -> tuple[str, int] | None:
    """(uid as text, pid) of who is at the other end, where the system says; as uvicorn types a client."""
    if sock is None or not hasattr(socket, "SO_PEERCRED"):
        return None
    try:
        size = struct.calcsize("3i")
        pid, uid, _ = struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, size))
    except OSError:
        return None
    return (str(uid), pid)


def agent_above(pid: int, harnesses: Mapping[int, str]) -> str | None:
    """The name of the agent under whose harness that process runs, itself included; None if under none."""
    if not harnesses:
        return None
    for _ in range(MAX_ANCESTORS):
        if pid in harnesses:
            return harnesses[pid]
        if pid <= 1:
            return None
        parent = _parent_of(pid)
        if parent is None:
            return None
        pid = parent
    return None


def _parent_of(pid: int) -> int | None:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return int(file.read().rpartition(b")")[2].split()[1])
    except (OSError, ValueError, IndexError):
        return None


async def _open(path: Path, connected: Callable[[], asyncio.Protocol]) -> _Door:
    sock = bound_socket(path)
    try:
        server = await asyncio.get_running_loop().create_unix_server(connected, sock=sock, backlog=BACKLOG)
    except BaseException:
        sock.close()
        raise
    return _Door(path, server, os.stat(path).st_ino)


def bound_socket(path: Path) -> socket.socket:
    """A socket bound at `path`, 0600, that does not listen yet. Raises PathTooLong or SocketInUse.

    A socket file that nobody answers on is what a killed hived left: it is replaced.
    """
    checked_socket_path(path)
    private_folder(path.parent)
    _clear_stale(path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        # Linux makes the file with the mode of the socket itself, so it is never wider, not even for a moment.
        # Elsewhere this is refused, and the folder's 0700 stands in until the chmod.
        try:
            os.fchmod(sock.fileno(), SOCKET_MODE)
        except OSError as error:
            log.debug("fchmod on an unbound socket: %s", error)
        sock.bind(str(path))
        path.chmod(SOCKET_MODE)
    except BaseException:
        sock.close()
        raise
    return sock


def _clear_stale(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise SocketInUse(f"{path} is there and is no socket, so hived does not replace it.", path=str(path))
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(PROBE_SECONDS)
        try:
            probe.connect(str(path))
        except OSError as error:
            if error.errno not in (errno.ECONNREFUSED, errno.ENOENT):
                raise SocketInUse(path=str(path)) from error
        else:
            raise SocketInUse(path=str(path))
    path.unlink(missing_ok=True)


def _shut(door: _Door) -> None:
    door.server.close()
    try:
        if door.path.stat().st_ino == door.inode:
            door.path.unlink()
    except FileNotFoundError:
        return
