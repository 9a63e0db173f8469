"""The neutral form of a conversation, which both dialects are written from, and what one inference came to.

A record is a dict, so that it is a line on disk as it stands:
`{kind: "user", text}`, `{kind: "assistant", model, blocks}`, `{kind: "results", results: [{id, tool, text, is_error}]}`,
`{kind: "summary", text}` (what stands for all that came before it). A block is `{type: "text", text}`,
`{type: "thinking", text, signature?, data?}` or `{type: "call", id, tool, input, wrong?}`; `wrong` says why its input is none.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from agentd.engines.base import EngineEvent, ToolDefinition

Record = dict[str, Any]
Block = dict[str, Any]
Stop = Literal["end", "tools", "max_tokens", "refusal", "window_full"]

MOST_REPLY_CHARACTERS = 32 * 1024 * 1024
"""Of one inference, all its blocks together."""


@dataclass(slots=True)
class Figures:
    """Of one inference; None where the server gave none."""

    input: int | None = None
    """Neither read from the cache nor put into it."""
    output: int | None = None
    cache_read: int | None = None
    cache_creation: int | None = None
    cost_usd: float | None = None
    """What the server itself says that it cost."""


@dataclass(slots=True)
class Reply:
    """What the model said in one inference, as far as it has come."""

    blocks: list[Block] = field(default_factory=list)
    """The whole ones, in order."""
    stop: Stop | None = None
    """None: it has not come to its end."""
    figures: Figures = field(default_factory=Figures)
    model: str | None = None
    """What the server says that it used."""

    @property
    def calls(self) -> list[Block]:
        return [block for block in self.blocks if block["type"] == "call"]

    @property
    def text(self) -> str:
        return "\n".join(block["text"] for block in self.blocks if block["type"] == "text")


@dataclass(frozen=True, slots=True)
class Ask:
    """One inference to be made."""

    system: str
    records: Sequence[Record]
    tools: Sequence[ToolDefinition]
    model: str
    effort: str | None = None
    max_tokens: int | None = None
    temperature: float | None = None


@dataclass(frozen=True, slots=True)
class Heard:
    """What one piece of the stream brought."""

    events: list[EngineEvent]
    whole: bool = False
    """A block of it is complete, and told as such: it cannot be taken back."""


def tool_name(name: str) -> str:
    """As every server takes it: at most 64 letters, digits, `_` and `-`. A model may have made up another."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", name)[:64] or "_"


def sound(text: str) -> str:
    """Without lone surrogates; two halves that came apart are one character again."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
