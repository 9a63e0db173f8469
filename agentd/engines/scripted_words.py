"""What a scenario's tables say, as the player's wire has it. Standard library only: the player loads it."""

from typing import Any

from hived.wire.times import from_text, in_seconds, to_text

Message = dict[str, Any]


def moment_of(value: Message) -> str | None:
    """When it ends, as the wire writes times."""
    if "until_seconds" in value:
        return in_seconds(value["until_seconds"])
    return to_text(from_text(value["until"])) if "until" in value else None


def figures_of(value: Message) -> Message:
    """What was shown, as figures; those that were not shown are not there."""
    ctx, cost = value.get("ctx"), value.get("cost")
    found: Message = {}
    if ctx is not None:
        found |= {"ctx": ctx["tokens"], "window": ctx["window"]}
    if cost is not None:
        found |= {"tokens": cost["tokens"], "cost_estimated": cost.get("estimated", False)}
        found |= {"cost_usd": cost["usd"]} if "usd" in cost else {}
    return found
