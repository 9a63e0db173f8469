"""HTTP to one model server. httpx loads here, at an agent's first turn, and not before. Nothing is kept beyond its bounds."""

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import TYPE_CHECKING, Any

from agentd.engines.api_failures import ApiFailure, failure_of
from agentd.engines.api_options import Server
from agentd.engines.api_sse import SseEvent, SseParser

if TYPE_CHECKING:
    import httpx

CONNECT_SECONDS = 10.0
SILENCE_SECONDS = 600.0
"""A local model may think for minutes before its first word. Who waits can see since when nothing has come."""
MOST_ERROR_BYTES = 64 * 1024
MOST_BODY_BYTES = 32 * 1024 * 1024


class ApiHttp:
    """One connection pool. Every error is an ApiFailure whose message holds no key."""

    def __init__(self, server: Server, headers: Mapping[str, str], heard: Callable[[], None]) -> None:
        # Its command line would load rich, pygments and click into every agent: 5 MB that nobody uses.
        sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]  # what the import system takes for "not there"
        import httpx

        self._server = server
        self._heard = heard
        self._client = httpx.AsyncClient(
            headers={"accept-encoding": "identity", "user-agent": "hivetui", **headers},
            timeout=httpx.Timeout(SILENCE_SECONDS, connect=CONNECT_SECONDS),
            trust_env=not server.loopback,
            verify=server.base_url.startswith("https://"),
            follow_redirects=False,
        )

    async def stream(self, path: str, body: dict[str, Any], model: str) -> AsyncGenerator[list[SseEvent], None]:
        """POST it, and the events of the answer, as many as came at once. Raises ApiFailure."""
        import httpx

        parser = SseParser()
        try:
            async with self._answer("POST", self._url(path), _sent(body)) as response:
                await self._check(response, model)
                async for chunk in response.aiter_bytes():
                    self._heard()
                    if events := parser.feed(chunk):
                        yield events
            if events := parser.rest():
                yield events
        except httpx.HTTPError as error:
            raise self._broken(error) from error
        except ApiFailure as failure:
            raise self._redacted(failure) from failure

    async def post(self, path: str, body: dict[str, Any], model: str) -> dict[str, Any]:
        """The answer in one piece. Raises ApiFailure."""
        return await self._whole("POST", self._url(path), model, _sent(body), None)

    async def get(self, url: str, seconds: float) -> dict[str, Any]:
        """`url`: a path below the server's address, or a whole one. Raises ApiFailure."""
        return await self._whole("GET", url if "://" in url else self._url(url), "", {}, seconds)

    async def post_for(self, url: str, body: dict[str, Any], seconds: float) -> dict[str, Any]:
        """A short question to the server itself. Raises ApiFailure."""
        return await self._whole("POST", url, "", _sent(body), seconds)

    async def close(self) -> None:
        await self._client.aclose()

    def _redacted(self, failure: ApiFailure) -> ApiFailure:
        failure.message = self._server.redacted(failure.message)
        return failure

    async def _whole(
        self, method: str, url: str, model: str, sent: dict[str, Any], seconds: float | None
    ) -> dict[str, Any]:
        import httpx

        try:
            async with asyncio.timeout(seconds), self._answer(method, url, sent) as response:
                await self._check(response, model)
                data = await self._read(response, MOST_BODY_BYTES)
            found = json.loads(data)
        except httpx.HTTPError as error:
            raise self._broken(error) from error
        except TimeoutError as error:
            raise ApiFailure("failed", f"{self._server.host} did not answer within {seconds:g} s.") from error
        except (ValueError, RecursionError) as error:
            raise ApiFailure("failed", f"{self._server.host} answered with what is not JSON.") from error
        except ApiFailure as failure:
            raise self._redacted(failure) from failure
        if not isinstance(found, dict):
            raise ApiFailure("failed", f"{self._server.host} answered with what is no JSON object.")
        return found

    @contextlib.asynccontextmanager
    async def _answer(self, method: str, url: str, sent: dict[str, Any]) -> "AsyncGenerator[httpx.Response, None]":
        """A connection that was kept may end just as it is used again; then the request goes out once more, on a new one."""
        import httpx

        request = self._client.build_request(method, url, **sent)
        try:
            response = await self._client.send(request, stream=True)
        except httpx.RemoteProtocolError:
            response = await self._client.send(request, stream=True)
        try:
            yield response
        finally:
            await response.aclose()

    async def _check(self, response: "httpx.Response", model: str) -> None:
        self._heard()
        if response.status_code == 200:
            return
        data = await self._read(response, MOST_ERROR_BYTES)
        raise failure_of(response.status_code, response.headers, data, self._server.host, model)

    async def _read(self, response: "httpx.Response", limit: int) -> bytes:
        """At most `limit` bytes; what lies beyond is not even waited for."""
        parts: list[bytes] = []
        size = 0
        async for chunk in response.aiter_bytes():
            self._heard()
            parts.append(chunk)
            size += len(chunk)
            if size > limit:
                break
        return b"".join(parts)[:limit]

    def _url(self, path: str) -> str:
        return self._server.base_url + path

    def _broken(self, error: "httpx.HTTPError") -> ApiFailure:
        import httpx

        host = self._server.host
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
            reason = "no answer" if isinstance(error, httpx.ConnectTimeout) else str(error) or "refused"
            return self._redacted(ApiFailure("failed", f"{host} cannot be reached: {reason}."))
        if isinstance(error, httpx.ReadTimeout):
            return ApiFailure("failed", f"{host} sent nothing for {SILENCE_SECONDS:g} s.")
        reason = str(error) or type(error).__name__
        return self._redacted(ApiFailure("failed", f"The connection to {host} broke: {reason}.", again=True))


def _sent(body: dict[str, Any]) -> dict[str, Any]:
    """Encoded once, so that what the conversation holds can never fail half-way."""
    return {"content": json.dumps(body).encode(), "headers": {"content-type": "application/json"}}
