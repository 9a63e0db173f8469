"""An agent's tool calls: many updates make one use and one result. Pure.

A call comes in pieces: first its title, then its input bit by bit, then its status. The use is told once its input is
whole, which no update says: when it begins to run, when permission is asked for it, or when it has been still for a while.
"""

import re
import shlex
from typing import Any

from agentd.engines.acp_words import content_text, diff_text, one_line, output_text, text_of
from agentd.engines.base import EngineEvent, ToolInput, ToolResult, ToolUse
from agentd.mcp_servers import HIVE_SERVER

MOST_OPEN = 500
"""Calls that have not ended; beyond it the oldest is given up."""
MOST_NAME_CHARACTERS = 120
NO_END = "The turn ended, and the agent had not said how this went."
REFUSED = "It was refused."

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,119}")
_CODEX_SERVER_TOOL = re.compile(r"Tool: ([\w.-]{1,60})/([\w.-]{1,60})")
_NOISE = frozenset({
    "call_id", "process_id", "turn_id", "started_at_ms", "parsed_cmd", "source", "available_decisions",
    "proposed_execpolicy_amendment",
})  # fmt: skip
"""Codex's own bookkeeping, beside the command that it would run."""
_SHELLS = frozenset({"sh", "bash", "zsh"})


class ToolCall:
    """One call, as far as it is known."""

    def __init__(self, id: str, *, titled: bool = False) -> None:
        """`titled`: its first title is the tool's name."""
        self.id = id
        self.told = False
        self.refused = False
        """The operator refused it."""
        self.tool = ""
        self.input: ToolInput = {}
        self._title = ""
        self.stated_name = ""
        """The tool's name as the agent gives it in a field of its own; empty where it gives none."""
        self._own_name = ""
        self._titled = titled
        self._kind = ""
        self._raw: Any = None
        self._before: Any = None
        self._after: Any = None
        self._output: Any = None
        self.status = ""

    def merge(self, update: dict[str, Any]) -> None:
        """Take what an update says; what it leaves out stays as it was."""
        self._name_from(update)
        self.status = text_of(update.get("status")) or self.status
        raw = update.get("rawInput")
        if raw is not None and (raw != {} or self._raw is None):
            self._raw = raw
        if update.get("rawOutput") is not None:
            self._output = update["rawOutput"]
        if isinstance(update.get("content"), list) and update["content"]:
            if self.told or self.status in ("completed", "failed"):
                self._after = update["content"]
            else:
                self._before = update["content"]

    def use(self) -> ToolUse:
        self.told = True
        self.tool = self._tool()
        self.input = self._input()
        return ToolUse(self.id, self.tool, self.input)

    def result(self) -> ToolResult:
        failed = self.status == "failed" or (isinstance(self._output, dict) and self._output.get("isError") is True)
        said = output_text(self._output) if isinstance(self._output, str) else ""
        text = said or content_text(self._after) or output_text(self._output)
        return ToolResult(self.id, self.tool, failed, text)

    def _name_from(self, update: dict[str, Any]) -> None:
        meta = update.get("_meta")
        claude = meta.get("claudeCode") if isinstance(meta, dict) else None
        named = text_of(update.get("name")) or (text_of(claude.get("toolName")) if isinstance(claude, dict) else "")
        self.stated_name = named or self.stated_name
        title = text_of(update.get("title"))
        if self._titled and not named and not self._own_name and not self._title and _NAME.fullmatch(title):
            named = title
        self._own_name = named or self._own_name
        self._title = title or self._title
        self._kind = text_of(update.get("kind")) or self._kind

    def _tool(self) -> str:
        raw = self._raw if isinstance(self._raw, dict) else {}
        server, tool = text_of(raw.get("server")), text_of(raw.get("tool"))
        if not self._own_name and server and tool and _CODEX_SERVER_TOOL.fullmatch(self._title):
            return one_line(f"mcp__{server}__{tool}", MOST_NAME_CHARACTERS)
        if self._own_name:
            return one_line(self._own_name, MOST_NAME_CHARACTERS)
        if self._kind == "execute":
            return "shell"
        return one_line(self._kind if self._kind not in ("", "other") else self._title, MOST_NAME_CHARACTERS) or "tool"

    def _input(self) -> ToolInput:
        raw = self._raw
        if raw is not None and not isinstance(raw, dict):
            return {"input": raw}
        given: ToolInput = {name: value for name, value in (raw or {}).items() if name not in _NOISE}
        if self.tool.startswith("mcp__") and isinstance(given.get("arguments"), dict) and "server" in given:
            return dict(given["arguments"])
        words = given.get("command")
        if isinstance(words, list) and all(isinstance(word, str) for word in words):
            given |= _command(words)
        if not given and self._title and self._title != self._own_name:
            given["title"] = one_line(self._title, 4000)
            if said := content_text(self._before):
                given["content"] = said
        elif self._kind == "edit" and "content" not in given and (diffs := _diffs(self._before)):
            given["diff"] = diffs
        return given


class ToolCalls:
    """All of a turn's."""

    def __init__(self, *, titled: bool) -> None:
        self._titled = titled
        self._open: dict[str, ToolCall] = {}
        self._ended: dict[str, None] = {}

    @property
    def untold(self) -> bool:
        return any(not call.told for call in self._open.values())

    def take(self, update: dict[str, Any]) -> list[EngineEvent]:
        """A tool_call or a tool_call_update."""
        id = text_of(update.get("toolCallId"))
        if not id or id in self._ended:
            return []
        events: list[EngineEvent] = []
        call = self._open.get(id)
        if call is None:
            call = self._open[id] = ToolCall(id, titled=self._titled)
            if len(self._open) > MOST_OPEN:
                events += self._end(next(iter(self._open.values())), NO_END)
        call.merge(update)
        if call.status in ("in_progress", "completed", "failed") and not call.told:
            events.append(call.use())
        if call.status in ("completed", "failed"):
            events += self._end(call)
        return events

    def asked(self, update: dict[str, Any]) -> tuple[ToolCall, list[EngineEvent]]:
        """Permission is asked for that call: what it is, and what is to be told before."""
        id = text_of(update.get("toolCallId"))
        call = self._open.get(id)
        if call is None:
            call = ToolCall(id, titled=self._titled)
            if id and id not in self._ended:
                self._open[id] = call
        if not call.told:
            call.merge({**update, "status": None})
        events: list[EngineEvent] = [] if call.told else [call.use()]
        return call, events

    def tell(self) -> list[EngineEvent]:
        """The uses of all that were begun and not told yet."""
        return [call.use() for call in self._open.values() if not call.told]

    def finish(self) -> list[EngineEvent]:
        """The turn is over: what has no end gets one, so that nobody waits for it."""
        return [event for call in list(self._open.values()) for event in self._end(call, NO_END)]

    def _end(self, call: ToolCall, said: str | None = None) -> list[EngineEvent]:
        del self._open[call.id]
        self._ended[call.id] = None
        if len(self._ended) > MOST_OPEN:
            del self._ended[next(iter(self._ended))]
        events: list[EngineEvent] = [] if call.told else [call.use()]
        if said is None:
            return [*events, call.result()]
        return [*events, ToolResult(call.id, call.tool, True, REFUSED if call.refused else said)]


def is_hive_tool(call: ToolCall, ask: dict[str, Any], names: set[str], *, by_server: bool) -> bool:
    """Whether that permission is for a tool of the hive itself, which needs none.

    Only what the agent itself says of the call counts: titles and inputs are the model's own words. The whole name must
    fit, since another server's name could begin like ours. `by_server`: Codex, whose ask names the server in its record.
    """
    if call.stated_name in {f"mcp__{HIVE_SERVER}__{name}" for name in names}:
        return True
    raw = ask.get("rawInput")
    return by_server and isinstance(raw, dict) and raw.get("server_name") == HIVE_SERVER and "command" not in raw


def _command(words: list[str]) -> dict[str, str]:
    """A command's words as one line; what a shell is given as a script is that script."""
    if len(words) == 3 and words[0].rpartition("/")[2] in _SHELLS and words[1] in ("-c", "-lc"):
        return {"command": words[2], "shell": f"{words[0]} {words[1]}"}
    return {"command": shlex.join(words)}


def _diffs(content: Any) -> str:
    found = [item for item in content if isinstance(item, dict)] if isinstance(content, list) else []
    return "\n".join(diff_text(item) for item in found if item.get("type") == "diff")
