"""The hive's tools for a client that waits for no tool as long as `inbox` may take.

Clients of the Model Context Protocol give up on a call after 30 to 60 s, some without saying so. What came in after that would
count as read, and nobody would have seen it.
"""

from collections.abc import Sequence

from agentd.engines.base import HiveTools, ToolAnswer, ToolDefinition, ToolInput
from agentd.tools.arguments import as_number
from hived.wire import messages

MOST_WAIT_SECONDS = 20.0
LONGEST = messages.MOST_WAIT_SECONDS


class Patience:
    """`tools`, with an `inbox` that answers within MOST_WAIT_SECONDS and says so where it was to wait longer."""

    def __init__(self, tools: HiveTools) -> None:
        self._tools = tools

    @property
    def definitions(self) -> Sequence[ToolDefinition]:
        return self._tools.definitions

    async def call(self, name: str, arguments: ToolInput) -> ToolAnswer:
        wait = as_number(arguments.get("wait")) if name == "inbox" else None
        if wait is None or not MOST_WAIT_SECONDS < wait <= LONGEST:
            return await self._tools.call(name, arguments)
        answer = await self._tools.call(name, {**arguments, "wait": MOST_WAIT_SECONDS})
        if answer.messages or answer.is_error:
            return answer
        return ToolAnswer(f"{answer.text} ({MOST_WAIT_SECONDS:g} s were waited; call it again to wait on.)")
