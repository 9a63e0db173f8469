"""Bytes on sockets, for what no client library would send: a Unix client, and a server whose every byte a test decides."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

MOMENT_SECONDS = 60.0


@dataclass
class Wire:
    """One connection's end. Nothing waits longer than MOMENT_SECONDS."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def until(self, end: bytes) -> bytes:
        async with asyncio.timeout(MOMENT_SECONDS):
            return await self.reader.readuntil(end)

    async def some(self) -> bytes:
        """What comes next; empty at the end."""
        async with asyncio.timeout(MOMENT_SECONDS):
            return await self.reader.read(65536)

    async def exactly(self, size: int) -> bytes:
        async with asyncio.timeout(MOMENT_SECONDS):
            return await self.reader.readexactly(size)

    async def all(self) -> bytes:
        """Until the other side ends; a reset is an end too."""
        found = b""
        try:
            while piece := await self.some():
                found += piece
        except ConnectionError:
            pass
        return found

    async def ends(self) -> None:
        """The other side is gone."""
        await self.all()

    def close(self) -> None:
        self.writer.close()


@asynccontextmanager
async def connected(path: Path) -> AsyncIterator[Wire]:
    wire = Wire(*await asyncio.open_unix_connection(str(path)))
    try:
        yield wire
    finally:
        wire.close()


@dataclass
class RawServer:
    """`accepted` gives each connection to the test, which plays the server."""

    port: int = 0
    accepted: asyncio.Queue[Wire] = field(default_factory=asyncio.Queue)
    count: int = 0

    async def next(self) -> Wire:
        async with asyncio.timeout(MOMENT_SECONDS):
            return await self.accepted.get()


@asynccontextmanager
async def raw_server() -> AsyncIterator[RawServer]:
    """On loopback."""
    found = RawServer()
    wires: list[Wire] = []

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        wire = Wire(reader, writer)
        wires.append(wire)
        found.count += 1
        found.accepted.put_nowait(wire)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    found.port = server.sockets[0].getsockname()[1]
    try:
        yield found
    finally:
        server.close()
        for wire in wires:
            wire.close()
