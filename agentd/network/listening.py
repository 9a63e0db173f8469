"""A Unix socket in `io` that agentd serves to its own engine: who may connect, how many at once, and its end."""

import asyncio
import contextlib
import os
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

from agentd.network.http1 import MOST_HEAD_BYTES

MOST_CONNECTIONS = 64
BACKLOG = 128


class Client:
    """One connection of the engine."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, gone: asyncio.Event) -> None:
        self.reader = reader
        self.writer = writer
        self.gone = gone
        """It has closed its side: whatever is done for it is in vain."""


Serve = Callable[[Client], Awaitable[None]]


class Listening:
    """`serve` is called for each connection and ends with it; what it raises of OSError is the connection's end."""

    def __init__(
        self, path: Path, uid: int | None, serve: Serve, log: Callable[[str], None], most: int = MOST_CONNECTIONS
    ) -> None:
        self._path = path
        self._most = most
        self._uid = uid
        self._serve = serve
        self._log = log
        self._server: asyncio.Server | None = None
        self._serving: dict[asyncio.Task[None], Client] = {}

    async def start(self) -> None:
        """A socket that an earlier harness left there is replaced. Raises OSError."""
        listener = open_socket(self._path, self._uid)
        try:
            loop = asyncio.get_running_loop()
            self._server = await loop.create_unix_server(self._protocol, sock=listener, backlog=BACKLOG)
        except BaseException:
            listener.close()
            raise

    async def close(self) -> None:
        """End every connection and take the socket away. Harmless when it does not listen."""
        server, self._server = self._server, None
        if server is None:
            return
        server.close()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)

    def _protocol(self) -> asyncio.StreamReaderProtocol:
        reader = asyncio.StreamReader(limit=MOST_HEAD_BYTES)
        gone = asyncio.Event()
        return _Protocol(reader, lambda reader, writer: self._connected(Client(reader, writer, gone)), gone)

    async def _connected(self, client: Client) -> None:
        task = asyncio.current_task()
        assert task is not None
        if len(self._serving) >= self._most:
            self._log(f"a connection to {self._path.name} was refused: there are {self._most} already")
            client.writer.close()
            return
        self._serving[task] = client
        try:
            await self._serve(client)
        except (OSError, asyncio.CancelledError):
            return  # it has ended, from whichever side; a task that `close` cancelled asyncio before 3.11.8 would log as a fault
        finally:
            self._serving.pop(task, None)
            client.writer.close()


class _Protocol(asyncio.StreamReaderProtocol):
    """asyncio's own, which also tells at once that the other side has ended."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        connected: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
        gone: asyncio.Event,
    ) -> None:
        super().__init__(reader, connected)
        self._gone = gone

    def eof_received(self) -> bool | None:
        self._gone.set()
        return super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._gone.set()
        super().connection_lost(exc)


def open_socket(path: Path, uid: int | None) -> socket.socket:
    """Bound, 0600, `uid`'s where agentd is root; nobody can connect before it listens. Raises OSError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        path.unlink(missing_ok=True)
        listener.bind(str(path))
        os.chmod(path, 0o600)
        if uid is not None:
            os.chown(path, uid, uid)
        listener.setblocking(False)
    except BaseException:
        listener.close()
        raise
    return listener
