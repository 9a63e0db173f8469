"""Asks of the operator that hold up a tool call: made under an id of ours, so a repeat is the same ask, and waited for."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from agentd.engines.base import Permission, ToolInput
from agentd.journal import Journal
from agentd.uplink import Uplink
from hived.client.agent_client import AgentClient
from hived.wire.approvals import Approval, ApprovalAsk
from hived.wire.control import Decision
from hived.wire.errors import HiveError, StaleGeneration
from hived.wire.ids import new_id

RETRY_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class _Answer:
    decision: Decision
    by: str = ""
    """`rule` or `grant` and which one, where no person was asked."""


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
        self.closing = False
        """The harness ends: what is asked stays asked, for the next one."""

    async def permission(self, tool: str, input: ToolInput, tool_use_id: str) -> Permission:
        """May the engine use that tool so? Waits for as long as it takes.

        Cancelling takes the ask back, and hived closes its row; unless the harness itself is being ended.
        """
        try:
            ask = ApprovalAsk(id=new_id(), kind="tool_use", tool=tool, input=input, turn_id=self._turn_id())
        except ValidationError as error:
            return Permission(False, f"Nobody can be asked about such an input: {error.errors()[0]['msg']}.")
        self._journal.append("permission_asked", {"approval_id": ask.id, "tool": tool, "input": input})
        future: asyncio.Future[Decision] = asyncio.get_running_loop().create_future()
        self._open[ask.id] = future
        try:
            answer = await self._make(ask) or _Answer(await future)
        except asyncio.CancelledError:
            if not self.closing:
                # Even where an answer has just come: the engine did not hear it, and what the journal says is what it heard.
                self._say(ask, Decision(approval_id=ask.id, status="cancelled"))
            raise
        finally:
            del self._open[ask.id]
        decision = answer.decision
        self._say(ask, decision, answer.by)
        allowed = decision.status == "approved"
        note = (
            None if allowed and answer.by else decision.note
        )  # a rule's words on what it allows are not the operator's
        return Permission(allowed, note, decision.updated_input)

    def decided(self, decision: Decision) -> None:
        future = self._open.get(decision.approval_id)
        if future is not None and not future.done():
            future.set_result(decision)

    def _say(self, ask: ApprovalAsk, decision: Decision, by: str = "") -> None:
        said: dict[str, Any] = {
            "approval_id": ask.id,
            "tool": ask.tool,
            "status": decision.status,
            "note": decision.note,
        }
        if by:
            said["by"] = by
        if decision.updated_input is not None:
            said["updated_input"] = decision.updated_input
        self._journal.append("permission_decided", said)

    async def _make(self, ask: ApprovalAsk) -> _Answer | None:
        """None once hived has the row and the operator is asked; else the answer that stands already: a rule's, a grant's,
        one that came while ours was lost, or a denial where hived will not have the ask."""
        while True:
            await self._uplink.until_connected()
            try:
                return _standing(await self._client.ask_approval(ask))
            except HiveError as error:
                if error.status >= 500 or isinstance(error, StaleGeneration):
                    await asyncio.sleep(RETRY_SECONDS)
                    continue
                return _Answer(Decision(approval_id=ask.id, status="denied", note=error.message))


def _standing(approval: Approval) -> _Answer | None:
    if approval.status == "pending" or approval.status == "orphaned":
        return None
    by = f"rule {approval.rule}" if approval.rule else f"grant {approval.grant}" if approval.grant else ""
    decision = Decision(
        approval_id=approval.id,
        status="denied" if approval.status == "failed" else approval.status,
        note=approval.note,
        updated_input=approval.updated_input,
    )
    return _Answer(decision, by)
