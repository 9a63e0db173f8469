"""OpenAI's chat completions, as Ollama, vLLM, llama.cpp and OpenRouter speak them too: a request from the neutral form, and
its stream back into it. Pure."""

import json
from collections.abc import Sequence
from typing import Any

from agentd.engines.api_failures import failure_in_stream
from agentd.engines.api_options import Server
from agentd.engines.api_reader import MOST_CALLS, BlockReader, table, tables, text_of, whole_number
from agentd.engines.api_sse import SseEvent
from agentd.engines.api_words import Ask, Figures, Heard, Record, Stop, tool_name

PATH = "/chat/completions"
MODELS_PATH = "/models"
_STOPS: dict[str, Stop] = {
    "stop": "end", "tool_calls": "tools", "function_call": "tools", "length": "max_tokens", "content_filter": "refusal",
}  # fmt: skip


def headers(server: Server) -> dict[str, str]:
    return {"authorization": f"Bearer {server.key}"} if server.key else {}


def body(ask: Ask, server: Server, stream: bool = True) -> dict[str, Any]:
    found: dict[str, Any] = {
        "model": ask.model,
        "messages": [{"role": "system", "content": ask.system}, *_messages(ask.records)],
        "stream": stream,
    }
    if stream:
        found["stream_options"] = {"include_usage": True}
    if ask.tools:
        found["tools"] = [
            {
                "type": "function",
                "function": {"name": tool.name, "description": tool.description, "parameters": tool.input_schema},
            }
            for tool in ask.tools
        ]
    if ask.max_tokens is not None:
        found["max_completion_tokens" if server.provider == "openai" else "max_tokens"] = ask.max_tokens
    if ask.temperature is not None:
        found["temperature"] = ask.temperature
    if ask.effort is not None:
        found["reasoning_effort"] = ask.effort
    if server.provider == "openrouter":
        found["usage"] = {"include": True}
    return found


def _messages(records: Sequence[Record]) -> list[dict[str, Any]]:
    """What follows of the user's words is one message: some models' templates take no two in a row."""
    found: list[dict[str, Any]] = []
    for record in records:
        if record["kind"] == "results":
            found += [_result(result) for result in record["results"]]
        elif record["kind"] == "assistant":
            message = _assistant(record)
            if message is not None:
                found.append(message)
        elif found and found[-1]["role"] == "user":
            found[-1]["content"] += f"\n\n{record['text']}"
        else:
            found.append({"role": "user", "content": record["text"]})
    return found


def _result(result: dict[str, Any]) -> dict[str, Any]:
    text = f"Error: {result['text']}" if result["is_error"] else result["text"]
    return {"role": "tool", "tool_call_id": result["id"], "content": text or "(nothing)"}


def _assistant(record: Record) -> dict[str, Any] | None:
    text = "\n".join(block["text"] for block in record["blocks"] if block["type"] == "text")
    calls = [
        {
            "id": block["id"],
            "type": "function",
            "function": {"name": tool_name(block["tool"]), "arguments": json.dumps(block["input"])},
        }
        for block in record["blocks"]
        if block["type"] == "call"
    ]
    if not text and not calls:
        return None
    return {"role": "assistant", "content": text or None} | ({"tool_calls": calls} if calls else {})


class _Call:
    """A tool call that comes in pieces."""

    def __init__(self, index: int) -> None:
        self.index = index
        self.id = ""
        self.tool = ""
        self.parts: list[str] = []
        self.whole: dict[str, Any] | None = None


class OpenAiReader(BlockReader):
    """One streamed answer."""

    def __init__(self, server: str, model: str) -> None:
        super().__init__(server, model)
        self._calls: list[_Call] = []
        self._done = False

    @property
    def began(self) -> bool:
        return super().began or bool(self._calls)

    def take(self, event: SseEvent) -> Heard:
        """Raises ApiFailure for an error in the stream, and for what is no JSON."""
        if event.data.strip() == b"[DONE]":
            self._done = True
        elif event.data.strip():
            self._chunk(self.parsed(event.data))
        return self.heard()

    def finish(self) -> Heard:
        """The stream has ended. Raises ApiFailure where it ended too early."""
        if not self.began:
            raise self.empty()
        if self.reply.stop is None and not self._done:
            raise self.cut_off()
        self.close_block()
        for call in self._calls:
            self.add_call(call.id, call.tool, call.whole if call.whole is not None else "".join(call.parts))
        self._calls = []
        self.reply.stop = self.reply.stop or "end"
        return self.heard()

    def take_whole(self, answer: dict[str, Any]) -> Heard:
        """The same of an answer that was not streamed."""
        choices = [{**choice, "delta": table(choice.get("message"))} for choice in tables(answer.get("choices"))]
        self._chunk({**answer, "choices": choices})
        self._done = True
        return self.finish()

    def _chunk(self, found: dict[str, Any]) -> None:
        if found.get("error"):
            raise failure_in_stream(found["error"], self._server, self._model)
        if self.reply.model is None:
            self.reply.model = text_of(found.get("model")) or None
        usage = table(found.get("usage"))
        if usage:
            self.reply.figures = _figures(usage)
        for choice in tables(found.get("choices"))[:1]:
            if choice.get("error"):
                raise failure_in_stream(choice["error"], self._server, self._model)
            self._delta(table(choice.get("delta")))
            reason = text_of(choice.get("finish_reason"))
            if reason == "error":
                raise self.cut_off()
            if reason and self.reply.stop != "refusal":
                self.reply.stop = _STOPS.get(reason, "end")

    def _delta(self, delta: dict[str, Any]) -> None:
        thought = text_of(delta.get("reasoning_content")) or text_of(delta.get("reasoning"))
        if thought:
            self.add("thinking", thought)
        for name in ("content", "refusal"):
            words = text_of(delta.get(name))
            if words:
                self.add("text", words)
        if text_of(delta.get("refusal")):
            self.reply.stop = "refusal"
        for call in tables(delta.get("tool_calls")):
            self._call_piece(call)

    def _call_piece(self, piece: dict[str, Any]) -> None:
        """Pieces belong together by their index. Some servers number every call 0 or not at all: a new id is a new call."""
        function = table(piece.get("function"))
        id, tool = text_of(piece.get("id")), text_of(function.get("name"))
        index = piece.get("index")
        index = index if isinstance(index, int) else (self._calls[-1].index if self._calls else 0)
        call = next((call for call in reversed(self._calls) if call.index == index), None)
        if call is None or (tool and call.tool and id != call.id):
            call = _Call(index)
            self._calls.append(call)
            if len(self._calls) > MOST_CALLS:
                raise self.too_many_calls()
        call.id = call.id or id
        call.tool = call.tool or tool
        arguments = function.get("arguments")
        if isinstance(arguments, dict):
            call.whole = arguments
        else:
            self.count(len(text_of(arguments)))
            call.parts.append(text_of(arguments))


def _figures(usage: dict[str, Any]) -> Figures:
    """Its prompt tokens hold the cached ones; ours do not."""
    prompt, output = whole_number(usage.get("prompt_tokens")), whole_number(usage.get("completion_tokens"))
    cached = whole_number(table(usage.get("prompt_tokens_details")).get("cached_tokens"))
    cost = usage.get("cost")
    return Figures(
        input=None if prompt is None else max(0, prompt - (cached or 0)),
        output=output,
        cache_read=cached,
        cost_usd=float(cost)
        if isinstance(cost, int | float) and not isinstance(cost, bool) and 0 <= cost < 1e9
        else None,
    )
