"""A turn's book: an agent's session/update notifications as events, its texts whole, its tools once, its figures. Pure."""

from typing import Any, Literal

from agentd.engines.acp_tools import ToolCall, ToolCalls
from agentd.engines.acp_words import block_text, plan_text, text_of
from agentd.engines.base import (
    EngineEvent,
    Note,
    Text,
    TextDelta,
    Thinking,
    ThinkingDelta,
    TurnUsage,
    Usage,
)

MOST_TEXT_CHARACTERS = 200_000
"""A text that is longer is told in pieces of this size, so that it is never held whole."""
KNOWN = frozenset({
    "agent_message_chunk", "agent_thought_chunk", "tool_call", "tool_call_update", "plan", "usage_update",
    "user_message_chunk", "available_commands_update", "current_mode_update", "config_option_update",
    "session_info_update",
})  # fmt: skip


class TurnBook:
    """`take` each update in order, then `finish`."""

    def __init__(self, *, titled: bool = False) -> None:
        """`titled`: a tool call's first title is the tool's name."""
        self.heard = False
        """The model, or a tool, has had its say: the conversation is more than our prompt."""
        self.used: int | None = None
        self.window: int | None = None
        self.cost_usd: float | None = None
        """Of the whole session so far, as the agent counts."""
        self.unknown: set[str] = set()
        self._kind: Literal["text", "thinking"] | None = None
        self._message: Any = None
        self._parts: list[str] = []
        self._size = 0
        self._tools = ToolCalls(titled=titled)
        self._plan = ""

    @property
    def untold(self) -> bool:
        """A tool call is begun whose use is not told yet."""
        return self._tools.untold

    def take(self, update: dict[str, Any]) -> list[EngineEvent]:
        kind = text_of(update.get("sessionUpdate"))
        match kind:
            case "agent_message_chunk":
                return self._chunk("text", update)
            case "agent_thought_chunk":
                return self._chunk("thinking", update)
            case "tool_call" | "tool_call_update":
                self.heard = True
                return [*self._whole(), *self._tools.take(update)]
            case "usage_update":
                return self._usage(update)
            case "plan":
                return self._planned(update)
            case _:
                if kind not in KNOWN:
                    self.unknown.add(kind[:60])
                return []

    def asked(self, tool_call: dict[str, Any]) -> tuple[ToolCall, list[EngineEvent]]:
        """Permission is asked for that call: what it is, and what is to be told before."""
        call, events = self._tools.asked(tool_call)
        return call, [*self._whole(), *events]

    def still(self) -> list[EngineEvent]:
        """Nothing has come for a while: what is begun is told as far as it is known."""
        return self._tools.tell()

    def finish(self) -> list[EngineEvent]:
        return [*self._whole(), *self._tools.finish()]

    def figures(self, answer: dict[str, Any]) -> TurnUsage:
        """The turn's, from the answer to its prompt; its cost left out, which needs the session's baseline."""
        usage = TurnUsage(window=self.window, last_input_tokens=self.used)
        counted = answer.get("usage")
        if isinstance(counted, dict):
            figures = [_count(counted.get(name)) for name in _USAGE]
        else:  # gemini
            meta = answer.get("_meta")
            quota = meta.get("quota") if isinstance(meta, dict) else None
            tokens = quota.get("token_count") if isinstance(quota, dict) else None
            found = tokens if isinstance(tokens, dict) else {}
            figures = [_count(found.get("input_tokens")), _count(found.get("output_tokens")), None, None]
        if any(figures):  # all of them 0: nothing was counted
            usage.input_tokens, usage.output_tokens = figures[0], figures[1]
            usage.cache_read_input_tokens, usage.cache_creation_input_tokens = figures[2], figures[3]
        return usage

    def _chunk(self, kind: Literal["text", "thinking"], update: dict[str, Any]) -> list[EngineEvent]:
        text = block_text(update.get("content"))
        if not text:
            return []
        self.heard = True
        message = update.get("messageId")
        events = self._tools.tell()
        if self._kind != kind or (message != self._message and kind == "text"):
            events += self._whole()
        self._kind, self._message = kind, message
        self._parts.append(text)
        self._size += len(text)
        events.append(TextDelta(text) if kind == "text" else ThinkingDelta(text))
        if self._size > MOST_TEXT_CHARACTERS:
            events += self._whole()
        return events

    def _whole(self) -> list[EngineEvent]:
        """The text or the thought that is now complete."""
        kind, text = self._kind, "".join(self._parts)
        self._kind, self._message, self._parts, self._size = None, None, [], 0
        if kind is None or not text.strip():
            return []
        return [Text(text) if kind == "text" else Thinking(text.strip())]

    def _usage(self, update: dict[str, Any]) -> list[EngineEvent]:
        used, window = _count(update.get("used")), _count(update.get("size"))
        cost = update.get("cost")
        if isinstance(cost, dict) and cost.get("currency") == "USD":
            amount = cost.get("amount")
            if isinstance(amount, int | float) and not isinstance(amount, bool) and 0 < amount < 1e9:
                self.cost_usd = float(amount)
        before = (self.used, self.window)
        self.used, self.window = used or self.used, window or self.window
        if self.used is None or (self.used, self.window) == before:
            return []
        return [Usage(ctx_tokens=self.used, window=self.window)]

    def _planned(self, update: dict[str, Any]) -> list[EngineEvent]:
        plan = plan_text(update.get("entries"))
        if not plan or plan == self._plan:
            return []
        self._plan = plan
        return [*self._whole(), Note(plan)]


_USAGE = ("inputTokens", "outputTokens", "cachedReadTokens", "cachedWriteTokens")


def _count(value: Any) -> int | None:
    """A count of tokens; None for what no database would take."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53 else None
