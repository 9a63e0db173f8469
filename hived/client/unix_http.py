"""HTTP/1.1 over a Unix socket on asyncio and httptools: one request at a time on a kept connection, and streams of their own."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import httptools

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
            with contextlib.suppress(OSError, httptools.HttpParserError):
                return await self._on(kept, method, target, headers, body)
            self._drop()
        self._open = await _connect(self._socket)
        try:
            return await self._on(self._open, method, target, headers, body)
        except (OSError, httptools.HttpParserError) as error:
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
        except (OSError, TimeoutError, httptools.HttpParserError) as error:
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
    """One connection, one answer at a time. The methods named `on_…` are httptools' callbacks."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._parser = httptools.HttpResponseParser(self)
        self._headers: dict[str, str] = {}
        self._parts: list[bytes] = []
        self._has_head = self._complete = self._kept_alive = False

    async def send(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> None:
        self._headers, self._parts = {}, []
        self._has_head = self._complete = False
        lines = [f"{method} {target} HTTP/1.1", "host: hive", *[f"{name}: {value}" for name, value in headers.items()]]
        if body or method != "GET":
            lines.append(f"content-length: {len(body)}")
        if any("\r" in line or "\n" in line for line in lines):
            raise ValueError("a line break in a request's head")
        self._writer.write("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)
        await self._writer.drain()

    async def head(self) -> tuple[int, dict[str, str]]:
        while not self._has_head:
            await self._receive()
        return self._parser.get_status_code(), self._headers

    async def body(self) -> AsyncIterator[bytes]:
        while True:
            parts, self._parts = self._parts, []
            for part in parts:
                yield part
            if self._complete and not self._parts:
                return
            if not self._parts:
                await self._receive()

    async def tolerant_body(self) -> AsyncIterator[bytes]:
        """A stream may end at any byte."""
        with contextlib.suppress(OSError, httptools.HttpParserError):
            async for part in self.body():
                yield part

    def reusable(self) -> bool:
        return self._complete and self._kept_alive

    def drop(self) -> None:
        self._writer.close()

    async def _receive(self) -> None:
        data = await self._reader.read(READ_BYTES)
        if not data:
            raise OSError("the server closed the connection")
        self._parser.feed_data(data)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self._has_head = True

    def on_body(self, part: bytes) -> None:
        self._parts.append(part)

    def on_message_complete(self) -> None:
        self._complete = True
        self._kept_alive = self._parser.should_keep_alive()
