"""`proxy.sock`: an HTTP proxy out of a sandbox without a network, to the hosts that its agent.toml allows and to no other.

CONNECT, and plain requests with the whole address. The name is looked up here, once, and the address that was looked at is the one
that is dialled, so a name cannot lead to this machine's own services by turning into another address later.
"""

import asyncio
import base64
import contextlib
import ipaddress
import socket
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from agentd.engines.base import EngineFailed
from agentd.network.hosts import Entry, InvalidHost, entry_for, is_address, parse_authority
from agentd.network.http1 import (
    PIECE_BYTES,
    Gone,
    Head,
    Refused,
    plain_answer,
    read_body,
    read_head,
)
from agentd.network.listening import Client, Listening
from agentd.network.outside import Outside

CONNECT_SECONDS = 20.0
IDLE_SECONDS = 1800.0
"""Without a byte in either direction."""
ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"
MOST_LOOKUPS = 4
MOST_PROXY_HEAD_BYTES = 16 * 1024

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Proxy:
    """`entries`: for everybody. `known`: more of them, for whoever shows that password. `refused(host, port, why)` is told of
    each connection that is refused; `host` is then a checked one, or what stood there made harmless."""

    def __init__(
        self,
        path: Path,
        uid: int | None,
        entries: Sequence[Entry],
        known: Mapping[str, Sequence[Entry]],
        outside: Callable[[], Outside],
        refused: Callable[[str, int, str], None],
        heard: Callable[[], None],
        log: Callable[[str], None],
    ) -> None:
        self._entries = entries
        self._known = known
        self._outside = outside
        self._refused = refused
        self._heard = heard
        self._listening = Listening(path, uid, self._serve, log)
        # Threads of its own: names that take long hold up nothing else of agentd.
        self._names = ThreadPoolExecutor(MOST_LOOKUPS, thread_name_prefix="proxy names")

    async def start(self) -> None:
        """Raises OSError."""
        await self._listening.start()

    async def close(self) -> None:
        await self._listening.close()
        self._names.shutdown(wait=False, cancel_futures=True)

    async def _serve(self, client: Client) -> None:
        try:
            head = await read_head(client.reader)
            if head is None:
                return
            if head.method == "CONNECT":
                await self._tunnel(head, client)
            else:
                await self._request(head, client)
        except Refused as refused:
            body = f"{refused.message}\n".encode()
            client.writer.write(plain_answer(refused.status, body, b"text/plain; charset=utf-8"))
            await client.writer.drain()
        except (Gone, TimeoutError):
            return

    async def _tunnel(self, head: Head, client: Client) -> None:
        try:
            host, port = parse_authority(head.target)
        except InvalidHost as error:
            raise self._no(head.target, 0, str(error)) from error
        reader, writer = await self._reached(self._entry(head, host, port), host, port)
        try:
            client.writer.write(ESTABLISHED)
            await self._both_ways(client, reader, writer)
        finally:
            writer.close()

    async def _request(self, head: Head, client: Client) -> None:
        """One request, after which the connection ends: what follows is never taken for the same host's."""
        host, port, path = _split(head.target)
        if host is None:
            raise Refused(400, "This is a proxy: it takes CONNECT, and requests with a whole http:// address.")
        entry = self._entry(head, host, port)
        reader, writer = await self._reached(entry, host, port)
        try:
            lines = [f"{head.method} {path} HTTP/1.1".encode()]
            shown = f"[{host}]" if ":" in host else host
            headers = [(b"Host", (shown if port == 80 else f"{shown}:{port}").encode()), *head.passed_on()]
            if head.length is None:
                headers.append((b"Transfer-Encoding", b"chunked"))
            elif head.length or head.all(b"content-length"):
                headers.append((b"Content-Length", b"%d" % head.length))
            headers.append((b"Connection", b"close"))
            lines += [b"%b: %b" % header for header in headers]
            writer.write(b"\r\n".join(lines) + b"\r\n\r\n")
            sending = asyncio.ensure_future(_send(client, head, writer))
            try:
                await self._copy(reader, client.writer)
            finally:
                sending.cancel()
                await asyncio.wait({sending})
        finally:
            writer.close()

    def _entry(self, head: Head, host: str, port: int) -> Entry:
        """Raises Refused for a host that is not allowed."""
        entries = [*self._entries, *self._known.get(_password(head) or "", ())]
        entry = entry_for(entries, host, port)
        if entry is None:
            raise self._no(host, port, "allow_hosts does not name it")
        return entry

    def _no(self, host: str, port: int, why: str) -> Refused:
        self._refused(host, port, why)
        shown = f"{host[:300]}:{port}" if port else repr(host[:300])
        return Refused(403, f"There is no network here, and {shown} is refused: {why}.")

    async def _reached(self, entry: Entry, host: str, port: int) -> Stream:
        """Raises Refused: 403 for an address that it must not have, 502 where nobody answers."""
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                proxy = self._outside().proxy_for("https", host)
                if proxy is not None:
                    return await _by_proxy(proxy, host, port)
                return await self._dialled(entry, host, port)
        except EngineFailed as failure:
            raise Refused(502, failure.message) from failure
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError) as error:
            raise Refused(502, f"{host}:{port} does not answer: {_words(error)}.") from error

    async def _dialled(self, entry: Entry, host: str, port: int) -> Stream:
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._names, _looked_up, host, port)
        addresses = [ipaddress.ip_address(str(one[4][0]).partition("%")[0]) for one in found]
        allowed = [address for address in dict.fromkeys(addresses) if entry.bears(address)]
        if not allowed:
            raise self._no(host, port, f"its address {addresses[0]} is not a public one")
        trouble: OSError | None = None
        for address in allowed:
            try:
                return await asyncio.open_connection(str(address), port, limit=PIECE_BYTES)
            except OSError as error:
                trouble = error
        assert trouble is not None
        raise trouble

    async def _both_ways(self, client: Client, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Until both have said their last. An end of one side is told to the other: some wait for it."""
        out = asyncio.ensure_future(self._copy(client.reader, writer))
        back = asyncio.ensure_future(self._copy(reader, client.writer))
        try:
            await asyncio.wait({out, back}, return_when=asyncio.FIRST_EXCEPTION)
        finally:
            for one in (out, back):
                one.cancel()
            await asyncio.wait({out, back})
            for one in (out, back):
                if not one.cancelled():
                    one.exception()

    async def _copy(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while True:
            async with asyncio.timeout(IDLE_SECONDS):
                piece = await source.read(PIECE_BYTES)
            if not piece:
                break
            self._heard()
            sink.write(piece)
            async with asyncio.timeout(IDLE_SECONDS):
                await sink.drain()
        with contextlib.suppress(OSError):
            sink.write_eof()


async def _send(client: Client, head: Head, writer: asyncio.StreamWriter) -> None:
    async for piece in read_body(client.reader, head.length):
        writer.write(b"%x\r\n%b\r\n" % (len(piece), piece) if head.length is None else piece)
        await writer.drain()
    if head.length is None:
        writer.write(b"0\r\n\r\n")


async def _by_proxy(proxy: str, host: str, port: int) -> Stream:
    """Through the operator's own proxy, which looks the name up."""
    parts = urlsplit(proxy)
    if parts.scheme != "http" or parts.hostname is None:
        raise OSError(f"the proxy on the way there is no http:// address: {parts.scheme}")
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port or 80, limit=MOST_PROXY_HEAD_BYTES)
    try:
        target = f"[{host}]:{port}" if is_address(host) and ":" in host else f"{host}:{port}"
        lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
        if parts.username is not None:
            pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            lines.append(f"Proxy-Authorization: Basic {base64.b64encode(pair.encode()).decode()}")
        writer.write("\r\n".join([*lines, "", ""]).encode())
        answer = await reader.readuntil(b"\r\n\r\n")
        if answer.split(b" ", 2)[1:2] != [b"200"]:
            raise OSError(f"the proxy on the way there says {answer[:80].split(bytes([13]))[0].decode('latin-1')}")
    except BaseException:
        writer.close()
        raise
    return reader, writer


def _looked_up(host: str, port: int) -> list[Any]:
    """Blocking. Raises OSError."""
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)


def _split(target: str) -> tuple[str | None, int, str]:
    """Host, port and path of an address; no host where it is none. Raises Refused."""
    scheme, separator, rest = target.partition("://")
    if not separator or scheme.lower() != "http":
        return None, 0, ""
    at = min((rest.index(mark) for mark in "/?" if mark in rest), default=len(rest))
    authority, path = rest[:at], rest[at:]
    try:
        host, port = parse_authority(authority, 80)
    except InvalidHost as error:
        raise Refused(400, str(error)) from error
    return host, port, path if path.startswith("/") else f"/{path}"


def _password(head: Head) -> str | None:
    for value in head.all(b"proxy-authorization"):
        kind, _, given = value.partition(b" ")
        if kind.lower() == b"basic":
            with contextlib.suppress(ValueError):
                return base64.b64decode(given, validate=True).decode("utf-8", "replace").partition(":")[2]
    return None


def _words(error: BaseException) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
