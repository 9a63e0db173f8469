"""`model.sock`: what an engine asks of its model goes to the one host that serves it, with TLS and the credentials added here.

Plain HTTP/1.1 comes in. Bodies go both ways as they come, unread; an engine that goes away ends its request there too.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentd.engines.base import EngineFailed
from agentd.network.credentials import Credentials
from agentd.network.http1 import (
    Gone,
    Head,
    Refused,
    answer_head,
    end_to_end,
    failure,
    read_body,
    read_head,
)
from agentd.network.listening import Client, Listening
from agentd.network.outside import Outside
from agentd.network.upstream import Upstream

if TYPE_CHECKING:
    import httpx

OWN_NAMES = frozenset({"model", "127.0.0.1", "localhost"})
"""How an engine may name this socket."""
CONNECT_SECONDS = 20.0
ANSWER_SECONDS = 900.0
"""Without a byte of the answer: engines themselves wait for 600 s."""
WRITE_SECONDS = 60.0
TAKE_SECONDS = 300.0
"""For the engine to take what has come."""
MOST_COMPLAINT_BYTES = 1024 * 1024
"""Of an answer that is an error, looked through for the key; more is no complaint, and goes out as it is."""
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
"""TRACE is none: it says back what it was asked, the key too."""
_BODILESS = frozenset({204, 304})


@dataclass(frozen=True, slots=True)
class Route:
    upstream: Upstream
    credentials: Credentials
    outside: Outside


class ModelForwarder:
    """`route` is asked for each request, so a key that was changed holds at once; it raises EngineFailed. `heard` is called for
    each piece of an answer."""

    def __init__(
        self,
        path: Path,
        uid: int | None,
        route: "Callable[[], Route]",
        heard: Callable[[], None],
        log: Callable[[str], None],
    ) -> None:
        self._route = route
        self._heard = heard
        self._log = log
        self._listening = Listening(path, uid, self._serve, log)
        self._client: httpx.AsyncClient | None = None
        self._loading = asyncio.Lock()

    async def start(self) -> None:
        """Raises OSError."""
        await self._listening.start()

    async def close(self) -> None:
        await self._listening.close()
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def _serve(self, client: Client) -> None:
        try:
            while (head := await read_head(client.reader)) is not None:
                if not await _unless_gone(client, self._forward(head, client)):
                    return
        except Refused as refused:
            client.writer.write(failure(refused.status, refused.message, "refused"))
            await self._taken(client)
        except (Gone, TimeoutError):
            return

    async def _forward(self, head: Head, client: Client) -> bool:
        """False: this connection ends. Raises Refused, Gone, OSError."""
        target = checked_target(head)
        try:
            route = self._route()
        except EngineFailed as error:
            raise Refused(502, error.message) from error
        upstream = route.upstream
        path = upstream.path(target, keyless=bool(route.credentials.keys))
        outside = await self._loaded(route)
        import httpx

        body = _Body(read_body(client.reader, head.length), has_any=head.length != 0)
        headers = route.credentials.added(head.passed_on())
        if head.length:
            headers.append((b"Content-Length", b"%d" % head.length))
        try:
            url = httpx.URL(scheme=upstream.scheme, host=upstream.host, port=upstream.port, raw_path=path.encode())
            content = body.pieces() if body.has_any else None
            request = outside.build_request(head.method, url, headers=headers, content=content)
            answer = await outside.send(request, stream=True)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            if body.fault is not None:
                raise body.fault from error
            message = f"{upstream.name} cannot be reached: {_words(error)}"
            self._log(message)
            client.writer.write(failure(502, f"{message}.", "model_unreachable"))
            await self._taken(client)
            return False
        try:
            return await self._answer(head, answer, client, route) and body.finished
        finally:
            await answer.aclose()

    async def _answer(self, head: Head, answer: "httpx.Response", client: Client, route: Route) -> bool:
        """The answer as it comes; one that is an error, without the key. True where another request may follow."""
        import httpx

        self._heard()
        name = route.upstream.name
        complaint = answer.status_code >= 400 and bool(route.credentials.keys) and _readable(answer)
        dropped = {b"content-encoding", b"content-length"} if complaint and head.method != "HEAD" else set()
        headers = [(key, route.credentials.hidden(value)) for key, value in end_to_end(answer.headers.raw, dropped)]
        bodiless = head.method == "HEAD" or answer.status_code in _BODILESS
        sized = bodiless or any(name.lower() == b"content-length" for name, _ in headers)
        chunked = not sized and head.minor == 1
        goes_on = head.keeps_alive and (sized or chunked)
        if chunked:
            headers.append((b"Transfer-Encoding", b"chunked"))
        headers.append((b"Connection", b"keep-alive" if goes_on else b"close"))
        client.writer.write(answer_head(answer.status_code, answer.reason_phrase, headers))
        try:
            async for piece in _complaint(answer, route.credentials) if complaint else answer.aiter_raw():
                self._heard()
                client.writer.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
                await self._taken(client)
        except httpx.HTTPError as error:
            self._log(f"{name} broke off its answer: {_words(error)}")
            client.writer.transport.abort()  # an end in good order would be taken for the answer's
            return False
        if chunked:
            client.writer.write(b"0\r\n\r\n")
        await self._taken(client)
        return goes_on

    async def _taken(self, client: Client) -> None:
        try:
            async with asyncio.timeout(TAKE_SECONDS):
                await client.writer.drain()
        except TimeoutError:
            client.writer.transport.abort()
            raise

    async def _loaded(self, route: "Route") -> "httpx.AsyncClient":
        """httpx costs 10 MB and 100 ms: an agent that never asks its model has none of it."""
        async with self._loading:
            if self._client is None:
                self._client = await asyncio.to_thread(_make_client, route)
            return self._client


def _readable(answer: "httpx.Response") -> bool:
    return answer.headers.get("content-encoding", "identity").strip().lower() in ("identity", "gzip", "deflate")


async def _complaint(answer: "httpx.Response", credentials: Credentials) -> AsyncIterator[bytes]:
    """Servers say which key they refuse, and what they say stands in the transcript."""
    held: list[bytes] = []
    size = 0
    async for piece in answer.aiter_bytes():
        held.append(piece)
        size += len(piece)
        if size > MOST_COMPLAINT_BYTES:
            yield credentials.hidden(b"".join(held))
            held, size = [], 0
    if held:
        yield credentials.hidden(b"".join(held))


class _Body:
    """The request's body on its way; httpx names what it raises by words of its own."""

    def __init__(self, pieces: AsyncIterator[bytes], *, has_any: bool) -> None:
        self._pieces = pieces
        self.has_any = has_any
        self.finished = not has_any
        self.fault: Exception | None = None

    async def pieces(self) -> AsyncIterator[bytes]:
        import httpx

        try:
            async for piece in self._pieces:
                yield piece
        except (Refused, Gone, TimeoutError, OSError) as error:
            self.fault = error
            raise httpx.WriteError("the engine broke off its request") from error
        self.finished = True


def checked_target(head: Head) -> str:
    """Raises Refused for what is not asked of this host."""
    hosts = head.all(b"host")
    name = hosts[0].decode("latin-1").rpartition(":") if len(hosts) == 1 else ("", "", "")
    if (name[0] or name[2]).lower() not in OWN_NAMES:
        raise Refused(421, "This socket leads to the model's host alone.")
    if not head.target.startswith("/"):
        raise Refused(421, "This socket leads to the model's host alone: ask it for a path.")
    if head.method not in METHODS:
        raise Refused(405, f"{head.method} is no method that a model is asked by.")
    return head.target


async def _unless_gone(client: Client, doing: Coroutine[Any, Any, bool]) -> bool:
    """Its answer; where the engine goes away meanwhile it is cancelled, which ends its connection to the model too."""
    task, gone = asyncio.ensure_future(doing), asyncio.ensure_future(client.gone.wait())
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise Gone
        return task.result()
    finally:
        for one in (task, gone):
            one.cancel()
        await asyncio.wait({task, gone})
        if not task.cancelled():
            task.exception()  # nobody waits for it any more


def _make_client(route: Route) -> "httpx.AsyncClient":
    from http.cookiejar import DefaultCookiePolicy

    import httpx

    outside, upstream = route.outside, route.upstream

    limits = httpx.Limits(max_connections=None, max_keepalive_connections=8, keepalive_expiry=60)
    timeout = httpx.Timeout(connect=CONNECT_SECONDS, read=ANSWER_SECONDS, write=WRITE_SECONDS, pool=None)
    client = httpx.AsyncClient(
        verify=outside.tls(),
        proxy=outside.proxy_for(upstream.scheme, upstream.host),
        trust_env=False,
        timeout=timeout,
        limits=limits,
    )
    client.headers.clear()
    client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=()))  # an engine keeps its own
    return client


def _words(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
