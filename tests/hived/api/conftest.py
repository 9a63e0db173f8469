"""The two apps on books in this process, called without a socket."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from hived.api.agent import create_agent_app
from hived.api.host import create_host_app
from hived.wire.protocol import GENERATION_HEADER
from tests.support.books import Books

PEER = ("1000", 4242)


@pytest.fixture(autouse=True)
def _no_wait_for_a_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the test is the harness, nobody says unasked what its engine can do."""
    monkeypatch.setattr("hived.api.answers.REPORT_SECONDS", 0.0)


class Calls:
    """Calls one app; `agent` puts that agent's identity into the scope, as its socket's listener does."""

    def __init__(self, app: ASGIApp, agent: tuple[str, str] | None = None, generation: int = 1) -> None:
        async def with_caller(scope: Scope, receive: Receive, send: Send) -> None:
            if agent is not None:
                scope["hive_agent"] = agent
            scope["client"] = PEER
            await app(scope, receive, send)

        headers = {} if agent is None else {GENERATION_HEADER: str(generation)}
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(with_caller), base_url="http://hive", headers=headers
        )

    async def __call__(self, method: str, path: str, body: Any = None, **more: Any) -> tuple[int, Any]:
        """(status, parsed answer)."""
        if body is not None:
            more["json"] = body
        answer = await self.http.request(method, path, **more)
        return answer.status_code, answer.json() if answer.content else None


@pytest.fixture
async def host(books: Books) -> AsyncIterator[Calls]:
    """The operator's calls."""
    calls = Calls(create_host_app(books.hive))
    yield calls
    await calls.http.aclose()


@pytest.fixture
async def harness(books: Books) -> AsyncIterator[Calls]:
    """The calls of agent `ada`'s harness, generation 1."""
    ada = await books.agent("ada")
    calls = Calls(create_agent_app(books.hive), (ada, "ada"))
    yield calls
    await calls.http.aclose()
