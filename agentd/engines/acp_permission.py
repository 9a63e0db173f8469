"""A permission that an agent asks for: decided by the operator, answered by one of its own options.

An option is chosen by its kind, never by its id or its name: those differ from agent to agent.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from agentd.engines.acp_presets import Preset
from agentd.engines.acp_tools import ToolCall, is_hive_tool
from agentd.engines.acp_turn import TurnBook
from agentd.engines.acp_words import text_of
from agentd.engines.base import EngineContext, Note, Permission
from agentd.engines.remarks import untold

CANNOT_CHANGE = (
    "The operator allowed this with another input, which the Agent Client Protocol cannot carry: it is refused instead."
)
# An "always" is the agent's own standing answer: from then on it would ask no more, past the hive's rules and its audit. So
# it is given only where nothing else says the same, and said aloud.
_ALLOW = ("allow_once", "allow_always")
_REJECT = ("reject_once", "reject_always")

ASK = " ask"
"""Where a permission's params hold its Ask, which the pipe puts there."""
CANCELLED: dict[str, Any] = {"outcome": {"outcome": "cancelled"}}


@dataclass(slots=True)
class RunningTurn:
    """What is going on while a prompt is with the agent."""

    book: TurnBook
    interrupted: bool = False
    refused: bool = False
    """A permission was refused in it."""
    sent: bool = False
    broken: asyncio.Event = field(default_factory=asyncio.Event)
    """No permission is waited for any more: it was interrupted, or is over."""


@dataclass(slots=True)
class Ask:
    """A permission in line with the agent's updates, so that what led to it is told before."""

    tool_call: dict[str, Any]
    seen: asyncio.Event = field(default_factory=asyncio.Event)
    call: ToolCall | None = None


class PermissionDesk:
    """Answers session/request_permission."""

    def __init__(self, context: EngineContext, preset: Preset) -> None:
        self._context = context
        self._preset = preset

    async def answer(self, params: dict[str, Any], turn: RunningTurn | None) -> dict[str, Any]:
        ask = params.get(ASK)
        if turn is None or not isinstance(ask, Ask):
            self._context.report(Note("The agent asked for a permission outside of a turn; it got none.", "warning"))
            return CANCELLED
        await _either(ask.seen, turn.broken)
        if ask.call is None or turn.broken.is_set():
            return CANCELLED
        permission = await self._decided(turn, ask, ask.call)
        if permission is None:
            return CANCELLED
        if (words := untold(ask.call.tool, ask.call.input, permission)) is not None:
            self._context.notice(words)
        answer, note = answered(permission, params.get("options"), ask.call.tool)
        if not permission.allowed or permission.updated_input is not None:
            turn.refused = ask.call.refused = True
        if note is not None:
            self._context.report(Note(note, "warning"))
        return answer

    async def _decided(self, turn: RunningTurn, ask: Ask, call: ToolCall) -> Permission | None:
        """None where the turn was broken off before anybody decided."""
        names = {tool.name for tool in self._context.tools.definitions}
        if is_hive_tool(call, ask.tool_call, names, by_server=self._preset.asks_by_server):
            return Permission(True)
        asking = asyncio.create_task(self._context.ask_permission(call.tool, call.input, call.id))
        broken = asyncio.create_task(turn.broken.wait())
        try:
            await asyncio.wait({asking, broken}, return_when=asyncio.FIRST_COMPLETED)
            return asking.result() if asking.done() else None
        finally:
            await _ended(asking, broken)


def answered(permission: Permission, options: Any, tool: str) -> tuple[dict[str, Any], str | None]:
    """(the answer to session/request_permission, a note for the transcript or None)."""
    found = [option for option in options if isinstance(option, dict)] if isinstance(options, list) else []
    note = None
    allowed = permission.allowed
    if allowed and permission.updated_input is not None:
        allowed, note = False, CANNOT_CHANGE
    kinds = _ALLOW if allowed else _REJECT
    option = _first(found, kinds)
    if option is None:
        said = "allow" if allowed else "refuse"
        offered = ", ".join(sorted({text_of(one.get("kind"))[:40] for one in found if one.get("kind")})) or "none"
        missing = (
            f"The agent offered no way to {said} {tool} (its options: {offered}), so it was told that it is cancelled."
        )
        return CANCELLED, f"{note} {missing}" if note else missing
    if option["kind"] == kinds[1]:
        always = f"The agent offered no other way to {'allow' if allowed else 'refuse'} {tool} than for always."
        note = f"{note} {always}" if note else always
    return {"outcome": {"outcome": "selected", "optionId": option["optionId"]}}, note


def _first(options: Sequence[dict[str, Any]], kinds: Sequence[str]) -> dict[str, Any] | None:
    for kind in kinds:
        for option in options:
            if option.get("kind") == kind and isinstance(option.get("optionId"), str):
                return option
    return None


async def _either(first: asyncio.Event, second: asyncio.Event) -> None:
    tasks = [asyncio.create_task(event.wait()) for event in (first, second)]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await _ended(*tasks)


async def _ended(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
