"""HTTP/1.1 over a Unix socket on asyncio and h11: one request at a time on a kept connection, and streams of their own."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import h11

from hived.wire.errors import NotRunning, TookTooLong

READ_BYTES = 64 * 1024
MAX_ANSWER_BYTES = 64 * 1024 * 1024
"""A claim of 32 messages of 256 KiB is 8 MiB; an answer over this is no answer of hived's."""
CONNECT_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes


class KeptConnection:
    """One connection that is opened when needed and kept. Calls wait for each other."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self._lock = asyncio.Lock()
        self._open: _Connection | None = None

    async def request(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes, *, seconds: float
    ) -> HttpAnswer:
        """Raises NotRunning where nobody answers, TookTooLong after `seconds`.

        A kept connection that the server has closed meanwhile is opened anew, once: so send only what may be repeated.
        """
        try:
            async with asyncio.timeout(seconds), self._lock:
                try:
                    return await self._request(method, target, headers, body)
                except asyncio.CancelledError:
                    self._drop()
                    raise
        except TimeoutError:
            raise TookTooLong(what=f"{method} {target}", seconds=seconds) from None

    async def _request(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> HttpAnswer:
        kept = self._open
        if kept is not None:
            with contextlib.suppress(OSError, h11.RemoteProtocolError):
                return await self._on(kept, method, target, headers, body)
            self._drop()
        self._open = await _connect(self._socket)
        try:
            return await self._on(self._open, method, target, headers, body)
        except (OSError, h11.RemoteProtocolError) as error:
            self._drop()
            raise NotRunning(socket=str(self._socket)) from error

    async def _on(
        self, connection: "_Connection", method: str, target: str, headers: Mapping[str, str], body: bytes
    ) -> HttpAnswer:
        await connection.send(method, target, headers, body)
        status, answer_headers = await connection.head()
        received = bytearray()
        async for part in connection.body():
            received += part
            if len(received) > MAX_ANSWER_BYTES:
                raise OSError("the answer is too long")
        if not connection.reusable():
            self._drop()
        return HttpAnswer(status, answer_headers, bytes(received))

    def _drop(self) -> None:
        if self._open is not None:
            self._open.drop()
            self._open = None

    async def close(self) -> None:
        self._drop()


@contextlib.asynccontextmanager
async def streamed(
    socket: Path, target: str, headers: Mapping[str, str]
) -> AsyncIterator[tuple[HttpAnswer, AsyncIterator[bytes]]]:
    """GET a stream on a connection of its own: (the head, its bytes as they come). An answer that is no 200 is read whole.

    Raises NotRunning where nobody answers; the stream just ends where the connection does.
    """
    connection = await _connect(socket)
    try:
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await connection.send("GET", target, headers, b"")
                status, found = await connection.head()
                body = b"" if status == 200 else b"".join([part async for part in connection.body()])
        except (OSError, TimeoutError, h11.RemoteProtocolError) as error:
            raise NotRunning(socket=str(socket)) from error
        yield HttpAnswer(status, found, body), connection.tolerant_body()
    finally:
        connection.drop()


async def _connect(socket: Path) -> "_Connection":
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            reader, writer = await asyncio.open_unix_connection(str(socket))
    except (OSError, TimeoutError) as error:
        raise NotRunning(socket=str(socket)) from error
    return _Connection(reader, writer)


class _Connection:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._http = h11.Connection(h11.CLIENT)

    async def send(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> None:
        sent = [("host", "hive"), *headers.items()]
        if body or method != "GET":
            sent.append(("content-length", str(len(body))))
        data = self._http.send(h11.Request(method=method, target=target, headers=sent)) or b""
        if body:
            data += self._http.send(h11.Data(data=body)) or b""
        data += self._http.send(h11.EndOfMessage()) or b""
        self._writer.write(data)
        await self._writer.drain()

    async def head(self) -> tuple[int, dict[str, str]]:
        while True:
            event = await self._next()
            if isinstance(event, h11.Response):
                return event.status_code, {
                    name.decode("latin-1"): value.decode("latin-1") for name, value in event.headers
                }
            if not isinstance(event, h11.InformationalResponse):
                raise OSError("the server closed the connection")

    async def body(self) -> AsyncIterator[bytes]:
        while True:
            event = await self._next()
            if isinstance(event, h11.Data):
                yield bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                return
            else:
                raise OSError("the server closed the connection")

    async def tolerant_body(self) -> AsyncIterator[bytes]:
        """A stream may end at any byte."""
        with contextlib.suppress(OSError, h11.RemoteProtocolError):
            async for part in self.body():
                yield part

    def reusable(self) -> bool:
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            self._http.start_next_cycle()
            return True
        return False

    def drop(self) -> None:
        self._writer.close()

    async def _next(self) -> h11.Event | type[h11.PAUSED]:
        while True:
            event = self._http.next_event()
            if event is not h11.NEED_DATA:
                return event  # type: ignore[return-value]
            self._http.receive_data(await self._reader.read(READ_BYTES))
