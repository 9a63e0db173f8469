"""The agent's process, its conversation, and the hive's tools beside it: all three are there, or none is."""

import asyncio
import contextlib
import importlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agentd.engines.acp_errors import AgentEnded, AgentSilent
from agentd.engines.acp_launch import environment_defaults
from agentd.engines.acp_outcome import says_away
from agentd.engines.acp_presets import Preset
from agentd.engines.acp_session import AcpSession
from agentd.engines.base import EngineContext, EngineFailed
from agentd.mcp_servers import HIVE_SERVER
from agentd.patience import patient
from agentd.tools.mcp_responder import McpResponder
from agentd.tools.patience import Patience
from agentd.tools.tools_socket import ToolsSocket
from hived.wire.protocol import VERSION

if TYPE_CHECKING:
    from agentd.engines.acp_pipe import AcpPipe, Serve

REPLAY_SECONDS = 0.2
"""gemini goes on replaying a conversation after it has said that it is loaded; this much silence ends it."""
REPLAY_MOST_SECONDS = 10.0

JsonObject = dict[str, Any]


class AcpHost:
    """`serve` answers what the agent asks; `outside` takes the updates that belong to no turn and to no old conversation."""

    def __init__(
        self,
        context: EngineContext,
        preset: Preset,
        command: Sequence[str],
        serve: "Serve",
        outside: Callable[[JsonObject], None],
    ) -> None:
        self.pipe: AcpPipe | None = None
        self.session: AcpSession | None = None
        self._context = context
        self._preset = preset
        self._command = command
        self._serve = serve
        self._outside = outside
        self._socket: ToolsSocket | None = None
        self._replayed: asyncio.Event | None = None
        """Set by each piece of the history that is replayed; None when none is awaited."""

    @property
    def alive(self) -> bool:
        return self.pipe is not None and self.session is not None and self.pipe.alive

    async def start(self, session_id: str | None, prepare: Callable[[AcpSession], Awaitable[None]]) -> None:
        """Start the agent, begin or go on with a conversation, and `prepare` it. Raises EngineFailed; then nothing runs."""
        environment = self._context.environment(environment_defaults(self._context))
        await self._open_socket()
        try:
            pipe = await self._started(environment)
            session = AcpSession(pipe, self._context, self._preset, environment)
            self._replayed = asyncio.Event() if session_id is not None else None
            await session.open(session_id)
            if self._replayed is not None:
                await self._silence(self._replayed)
                self._replayed = None
            self.session = session
            await prepare(session)
        except AgentSilent as failure:
            await self.drop()
            raise EngineFailed("failed", f"{self._preset.title} did not answer {failure}.", True) from failure
        except AgentEnded as failure:
            ending = await self.drop()
            said = f"{self._preset.title} did not start ({ending})."
            raise EngineFailed("failed", said, True, away=says_away(ending)) from failure
        except BaseException:
            await self.drop()
            raise

    async def close(self) -> None:
        """End it in good order. Harmless when it does not run."""
        pipe, self.pipe, self.session, self._replayed = self.pipe, None, None, None
        if pipe is not None:
            await pipe.close()
        await self._close_socket()

    async def drop(self) -> str:
        """End it at once, with whatever it has left running. How it ended, for a sentence."""
        pipe, self.pipe, self.session, self._replayed = self.pipe, None, None, None
        code = 0 if pipe is None else await pipe.terminate()
        await self._close_socket()
        how = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
        words = " ".join(pipe.process.last_words().split())[-500:] if pipe is not None else ""
        return f"{how}: {words}" if words else how

    async def _started(self, environment: Mapping[str, str]) -> "AcpPipe":
        module = await asyncio.to_thread(importlib.import_module, "agentd.engines.acp_pipe")
        try:
            process = await self._context.runtime.start(self._command, env=environment, cwd=self._context.workspace)
        except EngineFailed as failure:
            if failure.code != "command_missing" or not self._preset.install:
                raise
            message = f"{failure.message} Install it with: {self._preset.install}"
            raise EngineFailed(failure.outcome, message, failure.retryable, failure.code) from failure
        pipe: AcpPipe = module.AcpPipe(process, self._serve, self._between, self._context.report, self._context.log)
        self.pipe = pipe
        return pipe

    def _between(self, update: JsonObject) -> None:
        if self._replayed is None or update.get("sessionUpdate") in (
            "available_commands_update",
            "config_option_update",
        ):
            self._outside(update)
        else:
            self._replayed.set()

    async def _silence(self, replayed: asyncio.Event) -> None:
        with contextlib.suppress(TimeoutError):
            async with patient(REPLAY_MOST_SECONDS):
                while True:
                    replayed.clear()
                    async with patient(REPLAY_SECONDS):
                        await replayed.wait()

    async def _open_socket(self) -> None:
        path = Path(self._context.launch.tools_socket)
        tools, log = self._context.tools, self._context.log
        await self._close_socket()
        uid = self._context.launch.engine_uid
        served = ToolsSocket(path, lambda: McpResponder(Patience(tools), HIVE_SERVER, VERSION, log), log, uid)
        try:
            await served.start()
        except OSError as error:
            said = f"The hive's tools cannot be served on {path}: {error.strerror or error}."
            raise EngineFailed("failed", said, retryable=True) from error
        self._socket = served

    async def _close_socket(self) -> None:
        served, self._socket = self._socket, None
        if served is not None:
            await served.close()
