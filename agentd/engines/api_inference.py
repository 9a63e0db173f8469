"""One inference: asked, asked again where that may help, and read to its end. The only place that knows both dialects."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from typing import Any

from agentd.engines import api_anthropic, api_openai
from agentd.engines.api_anthropic import AnthropicReader
from agentd.engines.api_failures import ApiFailure
from agentd.engines.api_http import ApiHttp
from agentd.engines.api_openai import OpenAiReader
from agentd.engines.api_options import Server
from agentd.engines.api_words import Ask, Block, Heard, Reply
from agentd.engines.base import Note

BACK_OFF_SECONDS = (0.5, 1.0, 2.0, 4.0)
"""Before each new attempt, where the server does not say how long."""
LIMIT_BACK_OFF_SECONDS = (1.0, 2.0, 4.0, 8.0, 16.0)
"""The same for 429."""
MOST_WAIT_SECONDS = 60.0
"""In all, for one inference; then it is the operator's business."""


def dialect_headers(server: Server) -> dict[str, str]:
    if server.preset.dialect == "anthropic":
        return api_anthropic.headers(server)
    return api_openai.headers(server)


class Inference:
    """Made for one Ask, and run once. After it `reply` is what the model said."""

    def __init__(self, http: ApiHttp, server: Server, ask: Ask) -> None:
        self._http = http
        self._server = server
        self._ask = ask
        self._dialect = api_anthropic if server.preset.dialect == "anthropic" else api_openai
        self._waited = 0.0
        self._attempts = 0
        self._reader = self._new_reader()

    @property
    def reply(self) -> Reply:
        return self._reader.reply

    def partial(self) -> list[Block]:
        """What can be kept where it was broken off."""
        return self._reader.partial()

    async def run(self) -> AsyncGenerator[Heard, None]:
        """Raises ApiFailure, its message fit to be shown."""
        while True:
            told = False
            try:
                async with contextlib.aclosing(self._attempt()) as heard:
                    async for piece in heard:
                        told = told or piece.whole
                        yield piece
                return
            except ApiFailure as failure:
                failure.message = self._server.redacted(failure.message)
                seconds = None if told else self._pause(failure)
                if seconds is None:
                    raise
                yield Heard([Note(f"{failure.message} It is asked again in {seconds:.2g} s.", "warning")])
                await asyncio.sleep(seconds)

    async def _attempt(self) -> AsyncGenerator[Heard, None]:
        self._reader = reader = self._new_reader()
        body = self._dialect.body(self._ask, self._server)
        stream = self._http.stream(self._dialect.PATH, body, self._ask.model)
        try:
            async with contextlib.aclosing(stream) as batches:
                async for events in batches:
                    for event in events:
                        yield reader.take(event)
            yield reader.finish()
        except ApiFailure as failure:
            if not failure.empty:
                raise
            yield await self._unstreamed()

    async def _unstreamed(self) -> Heard:
        """A stream without a word may be all that a server has to say of a prompt that is too long: unstreamed it says so.
        Where it answers instead, that is the answer."""
        body: dict[str, Any] = self._dialect.body(self._ask, self._server, stream=False)
        answer = await self._http.post(self._dialect.PATH, body, self._ask.model)
        self._reader = self._new_reader()
        heard = self._reader.take_whole(answer)
        note = Note(f"{self._server.host} streamed nothing; it was asked unstreamed.", "warning")
        return Heard([note, *heard.events], heard.whole)

    def _pause(self, failure: ApiFailure) -> float | None:
        """How long to wait before the next attempt; None: there is none."""
        steps = LIMIT_BACK_OFF_SECONDS if failure.outcome == "rate_limited" else BACK_OFF_SECONDS
        if not failure.again or self._attempts >= len(steps):
            return None
        seconds = steps[self._attempts] if failure.wait_seconds is None else max(failure.wait_seconds, 0.05)
        if self._waited + seconds > MOST_WAIT_SECONDS:
            return None
        self._attempts += 1
        self._waited += seconds
        return seconds

    def _new_reader(self) -> AnthropicReader | OpenAiReader:
        reader = AnthropicReader if self._server.preset.dialect == "anthropic" else OpenAiReader
        return reader(self._server.host, self._ask.model)
