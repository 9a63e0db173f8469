"""An engine's events into the journal: one kind each, in order; what is live only is passed on and never stored."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from agentd.context import badges_of
from agentd.engines.base import (
    ConditionChanged,
    EngineEvent,
    ModelChanged,
    Note,
    Text,
    TextDelta,
    Thinking,
    ThinkingDelta,
    ToolResult,
    ToolUse,
    TurnDone,
    Usage,
)
from agentd.journal import Journal
from agentd.prices import Prices
from agentd.status import Status


class Recorder:
    """`record` takes any EngineEvent, in a turn or outside one; a TurnDone is the turn loop's own business."""

    def __init__(self, journal: Journal, status: Status, prices: Prices) -> None:
        self._journal = journal
        self._prices = prices
        self._status = status
        self._by_type: dict[type[Any], Callable[[Any], object]] = {
            Text: self._text,
            TextDelta: lambda event: journal.live("text_delta", {"text": event.text}),
            Thinking: lambda event: journal.append("thinking", {"text": event.text, "hidden": event.hidden}),
            ThinkingDelta: lambda event: journal.live("thinking_delta", {"text": event.text}),
            ToolUse: self._tool_use,
            ToolResult: self._tool_result,
            Note: lambda event: journal.append("note", {"text": event.text, "level": event.level, "by": "engine"}),
            ConditionChanged: lambda event: status.conditions.set(event.condition, event.on, event.detail, event.until),
            ModelChanged: lambda event: status.set_model(event.model),
            Usage: self._usage,
            TurnDone: lambda event: None,
        }

    def record(self, event: EngineEvent) -> None:
        self._by_type[type(event)](event)

    def note(self, text: str, level: str = "info") -> None:
        """The harness's own word."""
        self._journal.append("note", {"text": text, "level": level})

    def _text(self, event: Text) -> None:
        self._journal.append("text", {"text": event.text})

    def _tool_use(self, event: ToolUse) -> None:
        self._journal.append("tool_use", {"tool_use_id": event.tool_use_id, "tool": event.tool, "input": event.input})

    def _tool_result(self, event: ToolResult) -> None:
        payload = {"tool_use_id": event.tool_use_id, "tool": event.tool, "is_error": event.is_error}
        self._journal.append("tool_result", {**payload, "text": event.text})

    def _usage(self, event: Usage) -> None:
        if event.cost_usd is None:
            usd = self._prices.of_tokens(self._status.model, event.tokens)
            event = replace(event, cost_usd=usd, cost_estimated=usd is not None)
        ctx, cost = badges_of(event)
        self._journal.append(
            "token_usage_changed",
            {"ctx": ctx.model_dump() if ctx else None, "cost": cost.model_dump() if cost else None},
        )
