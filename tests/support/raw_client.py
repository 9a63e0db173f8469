"""HTTP/1.1 on a bare Unix socket, one connection kept open: a client that costs nothing beside what it measures or races."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any


class RawClient:
    """`send` and `answer` apart, so that several can ask at the same instant."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, headers: dict[str, str]) -> None:
        self._reader = reader
        self._writer = writer
        self._headers = "".join(f"{name}: {value}\r\n" for name, value in headers.items())

    def send(self, method: str, path: str, body: Any = None) -> None:
        data = b"" if body is None else json.dumps(body).encode()
        head = f"{method} {path} HTTP/1.1\r\nhost: hive\r\n{self._headers}content-length: {len(data)}\r\n"
        kind = "content-type: application/json\r\n" if data else ""
        self._writer.write(f"{head}{kind}\r\n".encode() + data)

    async def answer(self) -> tuple[int, Any]:
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode().lower()
        status = int(head.split(" ", 2)[1])
        length = int(head.partition("content-length:")[2].partition("\r\n")[0] or 0)
        body = await self._reader.readexactly(length)
        return status, json.loads(body) if body else None

    async def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        self.send(method, path, body)
        return await self.answer()

    async def events(self, path: str) -> AsyncIterator[tuple[str, Any]]:
        """(event, data) of an SSE stream, for as long as it is read; the connection is used up by it."""
        self.send("GET", path)
        await self._reader.readuntil(b"\r\n\r\n")
        event = ""
        while line := await self._reader.readline():
            name, _, value = line.decode().strip().partition(": ")
            if name == "event":
                event = value
            elif name == "data":
                yield event, json.loads(value)

    def close(self) -> None:
        self._writer.close()


@asynccontextmanager
async def connected(path: Path, **headers: str) -> AsyncIterator[RawClient]:
    """One connection to that socket; `hive_client="one"` is the header `hive-client`."""
    reader, writer = await asyncio.open_unix_connection(str(path), limit=2**24)
    client = RawClient(reader, writer, {name.replace("_", "-"): value for name, value in headers.items()})
    try:
        yield client
    finally:
        client.close()
