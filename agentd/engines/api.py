"""The api engine: a model server over HTTP, with a tool loop of its own. No process of an engine runs for it; its tools run
in one worker that the runtime surrounds. Keys stay in this process.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Mapping

from agentd.engines.api_compact import Compaction
from agentd.engines.api_conversation import Conversation
from agentd.engines.api_found import abilities, find_ollama
from agentd.engines.api_inference import dialect_headers
from agentd.engines.api_options import (
    PRESETS,
    Server,
    checked_mode,
    environment_of_tools,
    make_server,
    own_environment,
    read_options,
)
from agentd.engines.api_session import ApiSession
from agentd.engines.api_tools import Toolbox
from agentd.engines.api_turn import ApiTurn, Interruptible
from agentd.engines.api_worker_client import WorkerClient
from agentd.engines.base import EngineContext, EngineEvent, EngineFailed, Note, Prompt, TurnDone
from agentd.mcp_servers import own_servers
from hived.wire.agents import EngineAbilities, ModelOffered

NOT_STARTED = "The api engine was not started."


class ApiEngine:
    """See engines.base.Engine. An interrupted turn keeps what was said in it; a failed one leaves no word that goes unanswered."""

    kind = "api"

    def __init__(self, context: EngineContext) -> None:
        """Raises EngineFailed (not retryable) for an option that cannot be met."""
        self._options = read_options(context.launch.spec.engine_options)
        self._servers = own_servers(context.launch.spec)
        self._mode = checked_mode(context.permission_mode or self._options.permission_mode)
        self._context = context
        self._server: Server | None = None
        self._session: ApiSession | None = None
        self._running: Interruptible | None = None
        self._worker = WorkerClient(context, self._environment_of_tools, self._servers)
        provider = self._options.provider
        self.abilities: EngineAbilities = _abilities(provider or "openai", known=provider is not None)
        self.session_id: str | None = None
        self.models: tuple[ModelOffered, ...] = ()

    async def start(self, session_id: str | None) -> None:
        """Raises EngineFailed: `needs_login` without a key, RESUME_REFUSED for a conversation that is not there."""
        from agentd.engines.api_http import ApiHttp

        context = self._context
        folder = context.harness / "api"
        resumed = Conversation.resume(folder, session_id) if session_id is not None else None
        self._server = server = await self._find_server()
        self.abilities = _abilities(server.provider, known=True)
        http = ApiHttp(server, dialect_headers(server), context.heard)
        try:
            toolbox = Toolbox(context, self._options, self._worker, self._mode)
            conversation = resumed or Conversation.begin(folder)
            session = ApiSession(context, self._options, server, http, conversation, toolbox)
            missing, _ = await asyncio.gather(
                toolbox.start_servers([own.name for own in self._servers]), session.learn_models()
            )
        except BaseException:
            await http.close()
            raise
        for sentence in missing:
            context.report(Note(server.redacted(sentence), "error"))
        self._session = session
        self.models = session.models
        self.session_id = conversation.session_id

    async def prove(self) -> None:
        """Its worker alone: nobody but a model's answer says whether the model's server takes its key."""
        try:
            await self._worker.start()
        except BaseException:
            await self._worker.terminate()
            raise

    async def turn(self, prompt: Prompt) -> AsyncGenerator[EngineEvent, None]:
        turn = ApiTurn(self._started(), prompt.text)
        async with contextlib.aclosing(self._run(turn, turn.events())) as events:
            async for event in events:
                yield event

    async def compact(self) -> AsyncGenerator[EngineEvent, None]:
        compaction = Compaction(self._started())
        async with contextlib.aclosing(self._run(compaction, compaction.events())) as events:
            async for event in events:
                yield event

    async def interrupt(self) -> None:
        if self._running is not None:
            self._running.interrupt()

    async def steer(self, text: str) -> bool:
        return isinstance(self._running, ApiTurn) and self._running.steer(text)

    async def set_model(self, model: str) -> bool:
        if self._session is None:
            return False
        self._session.model = model
        return True

    async def set_effort(self, effort: str | None) -> bool:
        if self._session is None or effort not in (None, *self.abilities.efforts):
            return False
        self._session.effort = effort
        return True

    async def set_permission_mode(self, mode: str | None) -> bool:
        if self._session is None:
            return False
        try:
            self._session.toolbox.mode = checked_mode(mode or self._options.permission_mode)
        except EngineFailed:
            return False
        return True

    async def terminate(self) -> None:
        """The worker's tree; and the running turn is over."""
        await self.interrupt()
        await self._worker.terminate()

    async def close(self) -> None:
        await self.interrupt()
        await self._worker.close()
        session, self._session = self._session, None
        if session is not None:
            await session.http.close()

    async def _run(
        self, running: Interruptible, events: AsyncGenerator[EngineEvent, None]
    ) -> AsyncGenerator[EngineEvent, None]:
        self._running = running
        try:
            async with contextlib.aclosing(events):
                async for event in events:
                    if isinstance(event, TurnDone):
                        self._running = None
                        self.models = self._started().models
                    yield event
        finally:
            self._running = None

    async def _find_server(self) -> Server:
        environment = self._context.environment({})
        ollama = None
        if self._options.provider is None and self._options.base_url is None:
            asked: Mapping[str, str] = own_environment() | environment
            found = await asyncio.to_thread(find_ollama, asked)
            ollama = found.address if found is not None else None
        return make_server(self._options, environment, ollama)

    def _environment_of_tools(self) -> Mapping[str, str]:
        return environment_of_tools(self._context, self._server)

    def _started(self) -> ApiSession:
        if self._session is None:
            raise EngineFailed("failed", NOT_STARTED, retryable=True)
        return self._session


def _abilities(provider: str, *, known: bool) -> EngineAbilities:
    preset = PRESETS[provider]
    return abilities(preset.efforts if known else (), local=known and preset.local)
