"""One call to hived, or one stream from it, on the standard library alone: what the `hive` command speaks with.

Raises the HiveError that hived answered; NotRunning where nobody answers on the socket; ProtocolMismatch where the other
side says another protocol. A stream resumes by itself after `Last-Event-ID`.
"""

import contextlib
import http.client
import json
import os
import socket
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from hived.client.errors import error_from_wire
from hived.client.sse import ServerEvent, SseParser, StreamBroken
from hived.paths import checked_socket_path, hive_paths
from hived.wire.errors import HiveError, Internal, NotRunning, ProtocolMismatch, TookTooLong
from hived.wire.protocol import BUILD_HEADER, CLIENT_HEADER, IDEMPOTENCY_HEADER, PROTOCOL, PROTOCOL_HEADER

CLIENT = "hive"

CALL_SECONDS = 120.0
"""A call answers when the thing has happened: a start or a stop of an agent may take a while."""
LOST_ANSWER_SECONDS = 10.0
"""How long a call with an idempotency key is repeated when the answer was lost on the way (hived was restarted)."""
AWAY_SECONDS = 30.0
"""How long a stream waits for a hived that went away to come back."""
RETRY_SECONDS = 0.1
READ_BYTES = 65536

Query = Mapping[str, str | int | bool | None]

_LOST = (ConnectionError, http.client.HTTPException)


class _UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket; the host name is there for the header alone."""

    def __init__(self, path: Path, timeout: float | None) -> None:
        super().__init__("hive", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        unix = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        unix.settimeout(self.timeout)
        try:
            unix.connect(os.fspath(self._path))
        except OSError as error:
            unix.close()
            raise NotRunning(socket=str(self._path)) from error
        self.sock = unix


def path_of(template: str, **parts: str) -> str:
    """A route's path with its parts quoted: `path_of(routes.AGENT, name="queen")`."""
    return template.format_map({name: quote(value, safe="") for name, value in parts.items()})


def new_key() -> str:
    """A fresh idempotency key."""
    return os.urandom(16).hex()


def call(
    method: str,
    path: str,
    body: Any = None,
    *,
    query: Query | None = None,
    idempotency_key: str | None = None,
    timeout: float = CALL_SECONDS,
    socket_path: Path | None = None,
) -> Any:
    """The parsed JSON of the answer (None where it is empty; text where it is not JSON).

    With an `idempotency_key` a call whose answer was lost is made again, so that a restart of hived goes unnoticed.
    """
    where = checked_socket_path(socket_path or hive_paths().host_socket)
    payload = None if body is None else json.dumps(body).encode()
    headers = {} if payload is None else {"content-type": "application/json"}
    if idempotency_key is not None:
        headers[IDEMPOTENCY_HEADER] = idempotency_key
    deadline = time.monotonic() + LOST_ANSWER_SECONDS
    lost = False
    while True:
        try:
            return _once(method, _with_query(path, query), payload, headers, where, timeout)
        except TimeoutError as error:
            raise TookTooLong(what=f"{method} {path}", seconds=f"{timeout:g}") from error
        except (*_LOST, NotRunning) as error:
            lost = lost or not isinstance(error, NotRunning)
            if idempotency_key is None or not lost or time.monotonic() > deadline:
                raise _as_not_running(error, where) from error
        time.sleep(RETRY_SECONDS)


def stream(
    path: str,
    *,
    last_event_id: str | int | None = None,
    query: Query | None = None,
    deadline: float | None = None,
    socket_path: Path | None = None,
) -> Iterator[ServerEvent]:
    """The events of an SSE route, endlessly; after a break it goes on behind the last id it saw.

    `deadline` is a moment of `time.monotonic()`; TimeoutError is raised when it passes. NotRunning is raised at once
    where nobody answers the first call, and after AWAY_SECONDS where hived went away later.
    """
    where = checked_socket_path(socket_path or hive_paths().host_socket)
    seen = None if last_event_id is None else str(last_event_id)
    opened = False
    away_since: float | None = None
    while True:
        headers = {"accept": "text/event-stream"}
        if seen is not None:
            headers["last-event-id"] = seen
        try:
            for event in _events(_with_query(path, query), headers, where, deadline):
                if event is None:
                    opened, away_since = True, None
                    continue
                if event.id is not None:
                    seen = event.id
                yield event
        except (*_LOST, StreamBroken):
            pass
        except NotRunning:
            if not opened:
                raise
        now = time.monotonic()
        away_since = away_since or now
        if now - away_since > AWAY_SECONDS:
            raise NotRunning(socket=str(where))
        if deadline is not None and now > deadline:
            raise TimeoutError
        time.sleep(RETRY_SECONDS)


def _once(method: str, target: str, payload: bytes | None, headers: dict[str, str], where: Path, timeout: float) -> Any:
    connection = _UnixConnection(where, timeout)
    try:
        with contextlib.suppress(BrokenPipeError):  # An answer may come before all was sent: a body too large.
            connection.request(method, target, payload, {**headers, CLIENT_HEADER: CLIENT})
        response = connection.getresponse()
        raw = response.read()
        _check_protocol(response)
        if response.status >= 400:
            raise error_from_wire(response.status, raw)
        if not raw:
            return None
        if "json" not in (response.getheader("content-type") or ""):
            return raw.decode("utf-8", "replace")
        return json.loads(raw)
    except json.JSONDecodeError as error:
        raise Internal(f"hived answered {method} {target} with something that is no JSON.") from error
    finally:
        connection.close()


def _events(target: str, headers: dict[str, str], where: Path, deadline: float | None) -> Iterator[ServerEvent | None]:
    """One connection's events until it ends; None first, once it is open."""
    connection = _UnixConnection(where, _left(deadline))
    try:
        connection.request("GET", target, headers={**headers, CLIENT_HEADER: CLIENT})
        unix = connection.sock
        response = connection.getresponse()
        _check_protocol(response)
        if response.status >= 400:
            raise error_from_wire(response.status, response.read())
        yield None
        parser = SseParser()
        while True:
            unix.settimeout(_left(deadline))
            chunk = response.read1(READ_BYTES)
            if not chunk:
                return
            yield from parser.feed(chunk)
    finally:
        connection.close()


def _left(deadline: float | None) -> float | None:
    if deadline is None:
        return None
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _check_protocol(response: http.client.HTTPResponse) -> None:
    theirs = response.getheader(PROTOCOL_HEADER)
    if theirs is not None and theirs != str(PROTOCOL):
        raise ProtocolMismatch(theirs=theirs, build=response.getheader(BUILD_HEADER) or "?", ours=PROTOCOL)


def _with_query(path: str, query: Query | None) -> str:
    given = {} if query is None else {name: value for name, value in query.items() if value is not None}
    if not given:
        return path
    return f"{path}?{urlencode({name: _as_text(value) for name, value in given.items()})}"


def _as_text(value: str | int | bool | None) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _as_not_running(error: Exception, where: Path) -> HiveError:
    return error if isinstance(error, HiveError) else NotRunning(socket=str(where))
