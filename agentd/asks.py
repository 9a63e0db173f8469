"""Asks of the operator that hold up a tool call: made under an id of ours, so a repeat is the same ask, and waited for."""

import asyncio
from collections.abc import Callable

from agentd.engines.base import Permission, ToolInput
from agentd.journal import Journal
from agentd.uplink import Uplink
from hived.client.agent_client import AgentClient
from hived.wire.approvals import ApprovalAsk
from hived.wire.control import Decision
from hived.wire.errors import HiveError, StaleGeneration
from hived.wire.ids import new_id

RETRY_SECONDS = 0.5


class Asks:
    """hived sends a decision again on every new control stream until the turn ends, so none is missed."""

    def __init__(
        self, client: AgentClient, journal: Journal, uplink: Uplink, turn_id: Callable[[], str | None]
    ) -> None:
        self._client = client
        self._journal = journal
        self._uplink = uplink
        self._turn_id = turn_id
        self._open: dict[str, asyncio.Future[Decision]] = {}

    async def permission(self, tool: str, input: ToolInput, tool_use_id: str) -> Permission:
        """May the engine use that tool so? Waits for as long as it takes; cancelling leaves the ask as it is."""
        ask = ApprovalAsk(id=new_id(), kind="tool_use", tool=tool, input=input, turn_id=self._turn_id())
        self._journal.append("permission_asked", {"approval_id": ask.id, "tool": tool, "input": input})
        future: asyncio.Future[Decision] = asyncio.get_running_loop().create_future()
        self._open[ask.id] = future
        try:
            refusal = await self._make(ask)
            decision = refusal or await future
        finally:
            del self._open[ask.id]
        self._journal.append(
            "permission_decided",
            {"approval_id": ask.id, "tool": tool, "status": decision.status, "note": decision.note},
        )
        return Permission(decision.status == "approved", decision.note, decision.updated_input)

    def decided(self, decision: Decision) -> None:
        future = self._open.get(decision.approval_id)
        if future is not None and not future.done():
            future.set_result(decision)

    async def _make(self, ask: ApprovalAsk) -> Decision | None:
        """None once hived has the row; a denial where it will not have it."""
        while True:
            await self._uplink.until_connected()
            try:
                await self._client.ask_approval(ask)
            except HiveError as error:
                if error.status >= 500 or isinstance(error, StaleGeneration):
                    await asyncio.sleep(RETRY_SECONDS)
                    continue
                return Decision(approval_id=ask.id, status="denied", note=error.message)
            else:
                return None
