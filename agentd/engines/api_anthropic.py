"""Anthropic's Messages API: a request from the neutral form, and its stream back into it. Pure."""

import re
from collections.abc import Sequence
from typing import Any

from agentd.engines.api_failures import failure_in_stream
from agentd.engines.api_options import Server
from agentd.engines.api_reader import BlockReader, table, tables, text_of, whole_number
from agentd.engines.api_sse import SseEvent
from agentd.engines.api_words import Ask, Block, Heard, Record, Stop, tool_name

PATH = "/v1/messages"
MODELS_PATH = "/v1/models?limit=1000"
VERSION = "2023-06-01"
MOST_TOKENS = 32_000
"""Where nothing else is said. The older families take less: see `_most_tokens`."""
BUDGETS = {"low": 4_096, "medium": 12_288, "high": 24_576, "max": 31_999}
"""Tokens to think with, for models that take a budget."""
ADAPTIVE_SINCE = (4, 6)
_CACHED = {"type": "ephemeral"}
_STOPS: dict[str, Stop] = {
    "end_turn": "end", "stop_sequence": "end", "pause_turn": "end", "tool_use": "tools", "max_tokens": "max_tokens",
    "refusal": "refusal", "model_context_window_exceeded": "window_full",
}  # fmt: skip


def headers(server: Server) -> dict[str, str]:
    return {"anthropic-version": VERSION} | ({"x-api-key": server.key} if server.key else {})


def body(ask: Ask, server: Server, stream: bool = True) -> dict[str, Any]:
    """With cache breakpoints on the tools, the system prompt and the last two messages of the user's side."""
    messages = _messages(ask.records, ask.model)
    max_tokens = ask.max_tokens or _most_tokens(ask.model)
    found: dict[str, Any] = {
        "model": ask.model,
        "system": [{"type": "text", "text": ask.system, "cache_control": _CACHED}],
        "messages": messages,
        "stream": stream,
    }
    if ask.tools:
        found["tools"] = [
            {"name": tool.name, "description": tool.description, "input_schema": tool.input_schema}
            for tool in ask.tools
        ]
        found["tools"][-1]["cache_control"] = _CACHED
    for message in [message for message in messages if message["role"] == "user"][-2:]:
        message["content"][-1] = {**message["content"][-1], "cache_control": _CACHED}
    thinking, max_tokens = _thinking(ask, max_tokens)
    found |= {"max_tokens": max_tokens, **thinking}
    if ask.temperature is not None and not thinking:
        found["temperature"] = min(ask.temperature, 1.0)
    return found


def _thinking(ask: Ask, max_tokens: int) -> tuple[dict[str, Any], int]:
    if ask.effort is None:
        return {}, max_tokens
    if _adaptive(ask.model):
        return {"thinking": {"type": "adaptive"}, "output_config": {"effort": ask.effort}}, max_tokens
    if not _may_think(ask):
        return {}, max_tokens
    budget = BUDGETS.get(ask.effort, BUDGETS["medium"])
    if ask.max_tokens is not None:
        budget = min(budget, ask.max_tokens // 2)
    if budget < 1024:  # the API takes no smaller one
        return {}, max_tokens
    return {"thinking": {"type": "enabled", "budget_tokens": budget}}, max(max_tokens, budget + 1)


def _may_think(ask: Ask) -> bool:
    """In the middle of a tool loop the API wants the loop's own signed thinking back; without it, no more of it."""
    if re.search(r"claude-(?:3-5|3-(?:opus|sonnet|haiku)|2)", ask.model):
        return False
    for record in reversed(ask.records):
        if record["kind"] in ("user", "summary"):
            return True
        if record["kind"] == "assistant":
            first = _blocks(record, ask.model)[:1]
            return bool(first) and first[0]["type"] in ("thinking", "redacted_thinking")
    return True


def _family(model: str) -> tuple[int, int] | None:
    found = re.search(r"claude-(?:opus|sonnet|haiku|[a-z]+)-(\d)(?:-(\d{1,2})(?!\d))?", model)
    return (int(found[1]), int(found[2] or 0)) if found else None


def _adaptive(model: str) -> bool:
    family = _family(model)
    return family is not None and family >= ADAPTIVE_SINCE


def _most_tokens(model: str) -> int:
    if re.search(r"claude-(?:3-(?:opus|sonnet|haiku)|2)", model):
        return 4_096
    return 8_192 if "claude-3" in model else MOST_TOKENS


def _messages(records: Sequence[Record], model: str) -> list[dict[str, Any]]:
    """User and assistant in turn: what follows on one side is one message, a result before any text."""
    found: list[dict[str, Any]] = []
    for record in records:
        role = "assistant" if record["kind"] == "assistant" else "user"
        blocks = _blocks(record, model)
        if not blocks:
            continue
        if found and found[-1]["role"] == role:
            found[-1]["content"] += blocks
        else:
            found.append({"role": role, "content": blocks})
    return found


def _blocks(record: Record, model: str) -> list[dict[str, Any]]:
    if record["kind"] == "results":
        return [_result(result) for result in record["results"]]
    if record["kind"] != "assistant":
        return [{"type": "text", "text": record["text"] or "."}]
    same = record.get("model") == model
    return [written for block in record["blocks"] if (written := _block(block, same)) is not None]


def _result(result: dict[str, Any]) -> dict[str, Any]:
    found = {"type": "tool_result", "tool_use_id": _call_id(result["id"]), "content": result["text"] or "(nothing)"}
    return found | ({"is_error": True} if result["is_error"] else {})


def _block(block: Block, same_model: bool) -> dict[str, Any] | None:
    """A model's thinking is signed for that model alone."""
    if block["type"] == "text":
        return {"type": "text", "text": block["text"]} if block["text"].strip() else None
    if block["type"] == "call":
        return {
            "type": "tool_use",
            "id": _call_id(block["id"]),
            "name": tool_name(block["tool"]),
            "input": block["input"],
        }
    if not same_model:
        return None
    if block.get("data"):
        return {"type": "redacted_thinking", "data": block["data"]}
    if block.get("signature"):
        return {"type": "thinking", "thinking": block["text"], "signature": block["signature"]}
    return None


def _call_id(id: str) -> str:
    """The API takes letters, digits, `_` and `-` alone; another dialect's ids may hold more."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", id)


class AnthropicReader(BlockReader):
    """One streamed answer."""

    def __init__(self, server: str, model: str) -> None:
        super().__init__(server, model)
        self._call: tuple[str, str] | None = None
        self._input: list[str] = []
        self._signature = ""
        self._data = ""

    def take(self, event: SseEvent) -> Heard:
        """Raises ApiFailure for an error in the stream, and for what is no JSON."""
        found = self.parsed(event.data)
        kind = found.get("type") or event.name
        if kind == "error":
            raise failure_in_stream(found.get("error"), self._server, self._model)
        if kind == "message_start":
            message = table(found.get("message"))
            self.reply.model = text_of(message.get("model")) or None
            self._figures(table(message.get("usage")))
        elif kind == "content_block_start":
            self._begin(table(found.get("content_block")))
        elif kind == "content_block_delta":
            self._more(table(found.get("delta")))
        elif kind == "content_block_stop":
            self._end()
        elif kind == "message_delta":
            self._figures(table(found.get("usage")))
            reason = text_of(table(found.get("delta")).get("stop_reason"))
            if reason:
                self.reply.stop = _STOPS.get(reason, "end")
        return self.heard()

    def finish(self) -> Heard:
        """The stream has ended. Raises ApiFailure where it ended too early."""
        if self.reply.stop is None:
            raise self.cut_off() if self.began or self.reply.model else self.empty()
        self._end()
        return self.heard()

    def take_whole(self, answer: dict[str, Any]) -> Heard:
        """The same of an answer that was not streamed."""
        if answer.get("type") == "error":
            raise failure_in_stream(answer.get("error"), self._server, self._model)
        self.reply.model = text_of(answer.get("model")) or None
        self._figures(table(answer.get("usage")))
        for block in tables(answer.get("content")):
            self._begin(block)
            if block.get("type") == "tool_use":
                self.add_call(text_of(block.get("id")), text_of(block.get("name")), table(block.get("input")))
                self._call = None
            self._end()
        self.reply.stop = _STOPS.get(text_of(answer.get("stop_reason")), "end")
        return self.heard()

    def _begin(self, block: dict[str, Any]) -> None:
        self._end()
        kind = block.get("type")
        if kind == "tool_use":
            self._call = (text_of(block.get("id")), text_of(block.get("name")))
        elif kind == "text":
            self.add("text", text_of(block.get("text")))
        elif kind == "thinking":
            self._signature = text_of(block.get("signature"))
            self.add("thinking", text_of(block.get("thinking")))
        elif kind == "redacted_thinking":
            self._data = text_of(block.get("data"))
            self.count(len(self._data))
            self.add("thinking", "")

    def _more(self, delta: dict[str, Any]) -> None:
        kind = delta.get("type")
        if kind == "text_delta":
            self.add("text", text_of(delta.get("text")))
        elif kind == "thinking_delta":
            self.add("thinking", text_of(delta.get("thinking")))
        elif kind == "signature_delta":
            self._signature += text_of(delta.get("signature"))
            self.count(len(self._signature))
        elif kind == "input_json_delta":
            piece = text_of(delta.get("partial_json"))
            self.count(len(piece))
            self._input.append(piece)

    def _end(self) -> None:
        if self._call is not None:
            (id, tool), raw = self._call, "".join(self._input)
            self._call, self._input = None, []
            self.add_call(id, tool, raw)
            return
        signed = {"signature": self._signature} if self._signature else {}
        hidden = {"data": self._data} if self._data else {}
        self._signature = self._data = ""
        self.close_block(**signed, **hidden)

    def _figures(self, usage: dict[str, Any]) -> None:
        """The last word counts: the end of the stream repeats the beginning's figures, with the output whole."""
        figures = self.reply.figures
        for name, key in (
            ("input", "input_tokens"),
            ("output", "output_tokens"),
            ("cache_read", "cache_read_input_tokens"),
            ("cache_creation", "cache_creation_input_tokens"),
        ):
            value = whole_number(usage.get(key))
            if value is not None:
                setattr(figures, name, value)
