"""A model server on loopback, without what it says: connections, requests, held answers, and a process of its own."""

import argparse
import asyncio
import json
import os
import signal
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

MAX_HEAD_BYTES = 64 * 1024
HELD_AT_MOST_SECONDS = 60


@dataclass(frozen=True)
class Asked:
    """One request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def user_text(self) -> str:
        """Every text that users wrote, joined."""
        found: list[str] = []
        for message in self.body.get("messages", []):
            content = message.get("content", "")
            if message.get("role") != "user":
                continue
            if isinstance(content, str):
                found.append(content)
            else:
                found += [str(block["text"]) for block in content if block.get("type") == "text"]
        return "\n".join(found)


class ModelServer:
    """`requests` holds every request for an answer of the model, oldest first."""

    def __init__(self) -> None:
        self.requests: list[Asked] = []
        self.port = 0
        self._server: asyncio.Server | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._released = asyncio.Event()
        self._asked = asyncio.Event()
        self._open: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def root(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=MAX_HEAD_BYTES)
        self._loop = asyncio.get_running_loop()
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    def release(self) -> None:
        """Lets every held step go on, those to come included. From any thread."""
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._released.set)

    async def wait_for_requests(self, count: int, seconds: float = 60) -> None:
        """Returns once that many requests for an answer have come."""
        async with asyncio.timeout(seconds):
            while len(self.requests) < count:
                self._asked.clear()
                await self._asked.wait()

    def note(self, asked: Asked) -> None:
        """A request for an answer has come."""
        self.requests.append(asked)
        self._asked.set()

    async def until_released(self) -> None:
        try:
            await asyncio.wait_for(self._released.wait(), HELD_AT_MOST_SECONDS)
        except TimeoutError:
            return

    async def answer(self, asked: Asked, writer: asyncio.StreamWriter) -> None:
        raise NotImplementedError

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            while (asked := await read_request(reader)) is not None:
                await self.answer(asked, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            return  # the client went away, as an interrupted or killed one does; or the server closes
        finally:
            self._open.discard(task)
            writer.close()


def tokens_of(value: Any) -> int:
    return len(json.dumps(value)) // 4


async def read_request(reader: asyncio.StreamReader) -> Asked | None:
    """The next request on the connection, or None at its end."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as ended:
        if ended.partial:
            raise
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ", 2)
    headers = {
        name.strip().lower(): value.strip() for name, colon, value in (line.partition(":") for line in lines) if colon
    }
    raw = await reader.readexactly(int(headers.get("content-length", 0)))
    try:
        body = json.loads(raw) if raw else {}
    except ValueError:
        body = {}
    return Asked(method, path, headers, body if isinstance(body, dict) else {})


async def begin_answer(writer: asyncio.StreamWriter, status: int, headers: dict[str, str], chunked: bool) -> None:
    lines = [f"HTTP/1.1 {status} X", f"request-id: req_fake_{uuid.uuid4().hex[:12]}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if chunked:
        lines.append("transfer-encoding: chunked")
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))
    await writer.drain()


async def answer_json(
    writer: asyncio.StreamWriter, status: int, body: dict[str, Any] | None, headers: dict[str, str] | None = None
) -> None:
    data = b"" if body is None else json.dumps(body).encode()
    sized = {"content-type": "application/json", "content-length": str(len(data)), **(headers or {})}
    await begin_answer(writer, status, sized, chunked=False)
    writer.write(data)
    await writer.drain()


async def serve_until_told(server: ModelServer, port_file: Path) -> None:
    """Run it until SIGTERM or SIGINT; its port is written to the file once it listens."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with server:
        scratch = port_file.with_name(port_file.name + ".new")
        scratch.write_text(f"{server.port}\n", encoding="ascii")
        os.replace(scratch, port_file)
        await stop.wait()


def command_line(what: str) -> argparse.ArgumentParser:
    """What every such server takes on its command line."""
    parser = argparse.ArgumentParser(description=f"A stand-in for {what} on 127.0.0.1.")
    parser.add_argument("--port-file", type=Path, required=True, help="where the port is written once it listens")
    return parser
