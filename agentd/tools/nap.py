"""The tool `nap`: the agent says itself how long nothing but what is urgent should wake it."""

from collections.abc import Callable
from typing import Any

from agentd.engines.base import ToolAnswer, ToolDefinition
from agentd.tools.arguments import WrongArguments
from hived.wire.times import in_seconds

MOST_SECONDS = 7 * 24 * 3600

NAP = ToolDefinition(
    name="nap",
    description="Rest, from the end of this turn on, for that many seconds: no turn begins meanwhile, unless for a message"
    " marked `now`. What comes in waits for you. 0 ends a nap.",
    input_schema={
        "type": "object",
        "properties": {
            "seconds": {"type": "number", "minimum": 0, "maximum": MOST_SECONDS, "description": "At most seven days."}
        },
        "required": ["seconds"],
        "additionalProperties": False,
    },
)


async def nap(rest: Callable[[str | None], None], arguments: dict[str, Any]) -> ToolAnswer:
    """`rest` takes the moment until which it naps."""
    seconds = arguments.get("seconds")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds <= MOST_SECONDS:
        raise WrongArguments(f"`seconds` is a number from 0 to {MOST_SECONDS}.")
    until = in_seconds(seconds) if seconds else None
    rest(until)
    return ToolAnswer("You nap no more." if until is None else f"You nap from the end of this turn until {until}.")
