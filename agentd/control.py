"""The control stream: what hived tells this harness, reopened for as long as hived is away. It is what makes us online."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

from pydantic import ValidationError

from agentd.journal import Journal
from agentd.uplink import Uplink
from hived.client.agent_client import AgentClient
from hived.client.sse import StreamBroken
from hived.wire.base import Answer
from hived.wire.control import Hello, StatusReport
from hived.wire.errors import HiveError, NotRunning, ProtocolMismatch, StaleGeneration
from hived.wire.protocol import PROTOCOL

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 1.0
"""So that we are back within 2 s of hived's return."""

Handler = Callable[[Answer], Awaitable[None]]


class Control:
    """`handle` gets every event, each Hello after hived has our status and the uplink is connected."""

    def __init__(
        self,
        client: AgentClient,
        journal: Journal,
        uplink: Uplink,
        status: Callable[[], StatusReport],
        handle: Handler,
        log: Callable[[str], None],
    ) -> None:
        self._client = client
        self._journal = journal
        self._uplink = uplink
        self._status = status
        self._handle = handle
        self._log = log

    async def run(self) -> None:
        """Until cancelled. Raises StaleGeneration and ProtocolMismatch: then there is nothing left to wait for."""
        pause = FIRST_PAUSE_SECONDS
        last_reason = ""
        while True:
            greeted = False
            try:
                async with self._client.control(self._journal.uuid) as events:
                    greeted = await self._follow(events)
                reason = "hived closed the control stream"
            except (StaleGeneration, ProtocolMismatch):
                raise
            except HiveError as error:
                reason = error.message
            except (ValidationError, StreamBroken) as error:
                reason = f"the control stream cannot be read: {type(error).__name__}"
            finally:
                self._uplink.disconnect()
            if reason != last_reason or greeted:
                self._log(reason)
            last_reason = reason
            pause = FIRST_PAUSE_SECONDS if greeted else min(LONGEST_PAUSE_SECONDS, pause * 2)
            await asyncio.sleep(pause)

    async def _follow(self, events: AsyncIterator[Answer]) -> bool:
        greeted = False
        async for event in events:
            if isinstance(event, Hello):
                await self._greet(event)
                greeted = True
            await self._handle(event)
        return greeted

    async def _greet(self, hello: Hello) -> None:
        if hello.protocol != PROTOCOL:
            raise ProtocolMismatch(theirs=hello.protocol, build=hello.build, ours=PROTOCOL)
        try:
            await self._client.report_status(self._status())
        except NotRunning:
            return
        self._uplink.connect(hello.cursor, hello.refused)
        self._log(f"connected to hived ({hello.build}), which has events up to {hello.cursor}")
