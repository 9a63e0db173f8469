"""The StatusReport once more, when something changed that no event carries: what the engine can do, the models it offers."""

import asyncio
from collections.abc import Callable

from agentd.journal import Journal
from agentd.status import Status
from agentd.uplink import Uplink
from hived.client.agent_client import AgentClient
from hived.wire.errors import HiveError, ProtocolMismatch, StaleGeneration


class StatusReports:
    """`ask` returns at once; `run` sends. A hello brings a report of its own, so none is sent while hived is away."""

    def __init__(
        self, client: AgentClient, journal: Journal, uplink: Uplink, status: Status, log: Callable[[str], None]
    ) -> None:
        self._client = client
        self._journal = journal
        self._uplink = uplink
        self._status = status
        self._log = log
        self._asked = asyncio.Event()

    def ask(self) -> None:
        self._asked.set()

    async def run(self) -> None:
        """Until cancelled. Raises StaleGeneration and ProtocolMismatch."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            if not self._uplink.connected:
                continue
            try:
                await self._send()
            except (StaleGeneration, ProtocolMismatch):
                raise
            except HiveError as error:
                self._log(f"the status was not taken: {error.message}")

    async def _send(self) -> None:
        """Events and reports go up on two connections: repeated until none has changed what was said in the meantime."""
        sent = None
        while self._status.report() != sent:
            await self._journal.flush()
            await self._uplink.flushed(self._journal.last_id)
            sent = self._status.report()
            await self._client.report_status(sent)
