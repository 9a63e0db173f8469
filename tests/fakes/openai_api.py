"""A loopback stand-in for OpenAI-compatible servers: chat completions, responses, models; as Ollama and llama.cpp if told.

    async with OpenAiApi() as api: ...  # api.url ends in /v1
    python -m tests.fakes.openai_api --port-file F [--ollama]

Scenarios are named `@@name` in the prompt, as in messages_scenarios, whose steps it speaks in its own dialect. Beside theirs a
step may have: `reasoning`, `arguments` (a tool's raw text), `usage` (a dict, or false for none), `empty` (HTTP 200 and not one
event, unless asked unstreamed), `no_done`, `error` (an error object in mid-stream), `finish`, `raw` (bytes sent as they are),
`huge` (so many bytes of text in one event), `pieces` (into how many a tool's arguments are cut), `model`.
"""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from typing import Any

from tests.fakes.messages_scenarios import ERRORS, Script, Step, working_folder
from tests.fakes.model_server import (
    Asked,
    ModelServer,
    answer_json,
    begin_answer,
    command_line,
    serve_until_told,
    tokens_of,
)

_KINDS = {400: "invalid_request_error", 401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded"}


class OpenAiApi(ModelServer):
    """The server. `requests` holds every request for an answer, oldest first; `others` every other."""

    def __init__(
        self, models: list[dict[str, Any]] | None = None, ollama: bool = False, n_ctx: int | None = None
    ) -> None:
        super().__init__()
        self.models = models if models is not None else [{"id": "tiny"}]
        self.others: list[Asked] = []
        self.answers: dict[str, list[Step]] = {}
        """Words in a prompt, and the steps that answer it whatever else it says: one each time, the last for ever."""
        self._ollama = ollama
        self._n_ctx = n_ctx
        self._script = Script()

    @property
    def url(self) -> str:
        return f"{self.root}/v1"

    async def answer(self, asked: Asked, writer: asyncio.StreamWriter) -> None:
        route = asked.path.partition("?")[0]
        if asked.method == "POST" and route in ("/v1/chat/completions", "/v1/responses"):
            self.note(asked)
            step = self._told_to(asked) or self._script.step_for(_as_messages(asked.body))
            if route == "/v1/responses":
                await self._respond(asked.body, step, writer)
            else:
                await self._complete(asked.body, step, writer)
            return
        self.others.append(asked)
        if asked.method == "POST" and route == "/release":
            self.release()
            await answer_json(writer, 200, {})
        elif (found := self._told(asked.method, route)) is not None:
            await answer_json(writer, 200, found)
        else:
            await answer_json(writer, 404, {"error": {"message": "no route", "type": "invalid_request_error"}})

    def _told_to(self, asked: Asked) -> Step | None:
        text = json.dumps(asked.body)
        steps = next((steps for words, steps in self.answers.items() if words in text), None)
        if not steps:
            return None
        return steps.pop(0) if len(steps) > 1 else steps[0]

    def _told(self, method: str, route: str) -> dict[str, Any] | None:
        if route == "/v1/models":
            return {"object": "list", "data": self.models}
        if route == "/props" and self._n_ctx is not None:
            return {"default_generation_settings": {"n_ctx": self._n_ctx}}
        if not self._ollama:
            return None
        routes: dict[str, dict[str, Any]] = {
            "/api/version": {"version": "0.20.0"},
            "/api/tags": {"models": [{"name": model["id"]} for model in self.models]},
            "/api/ps": {"models": [{"name": self.models[0]["id"], "context_length": 4096}] if self.requests else []},
            "/api/show": {"model_info": {"general.architecture": "llama", "llama.context_length": 131072}},
        }
        return routes.get(route)

    async def _complete(self, request: dict[str, Any], step: Step, writer: asyncio.StreamWriter) -> None:
        stream = bool(request.get("stream"))
        if "status" in step:
            await answer_json(writer, step["status"], _error(step), step.get("headers"))
            return
        if step.get("empty") and not stream:
            refusal = {**step, "status": 400, "message": step.get("message", "It is empty."), "code": step.get("code")}
            await answer_json(writer, 400, _error(refusal))
            return
        if not stream:
            await answer_json(writer, 200, _whole([chunk async for chunk in self._chunks(step, request)]))
            return
        await begin_answer(writer, 200, {"content-type": "text/event-stream", **step.get("headers", {})}, chunked=True)
        if "raw" in step:
            await _piece(writer, step["raw"].encode())
        elif not step.get("empty"):
            async for chunk in self._chunks(step, request):
                await _piece(writer, b"data: " + json.dumps(chunk).encode() + b"\n\n")
            if step.get("drop"):
                raise ConnectionResetError  # closed without the last chunk, as a cut connection is
            if "error" in step:
                await _piece(writer, b"data: " + json.dumps({"error": step["error"]}).encode() + b"\n\n")
            elif not step.get("no_done"):
                await _piece(writer, b"data: [DONE]\n\n")
        writer.write(b"0\r\n\r\n")
        await writer.drain()

    async def _chunks(self, step: Step, request: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
        model = step.get("model", request.get("model"))
        base = {"id": f"chatcmpl-{uuid.uuid4().hex[:12]}", "object": "chat.completion.chunk", "model": model}

        def chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
            return {**base, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}

        yield chunk({"role": "assistant", "content": ""})
        for name in ("reasoning", "reasoning_content"):
            for word in _words(step.get(name, "")):
                yield chunk({name: word})
        words = _words(step.get("text", "")) + (["x" * step["huge"]] if "huge" in step else [])
        for number, word in enumerate(words):
            if step.get("delay"):
                await asyncio.sleep(float(step["delay"]))
            if step.get("hold") and number == len(words) - 1:
                await self.until_released()
            yield chunk({"content": word})
        calls = _calls(step, request)
        for index, (id, tool, arguments) in enumerate(calls):
            size = max(1, len(arguments) // int(step.get("pieces", 2)) + 1)
            first = {"index": index, "id": id, "type": "function", "function": {"name": tool, "arguments": ""}}
            yield chunk({"tool_calls": [first]})
            for start in range(0, len(arguments), size):
                piece = {"arguments": arguments[start : start + size]}
                yield chunk({"tool_calls": [{"index": index, "function": piece}]})
        if step.get("drop") or "error" in step or step.get("cut"):
            return
        yield chunk({}, step.get("finish", "tool_calls" if calls else "stop"))
        usage = step.get("usage", {})
        if usage is not False and (not request.get("stream") or request.get("stream_options", {}).get("include_usage")):
            output = max(1, tokens_of(step.get("text", "")))
            yield {**base, "choices": [], "usage": _usage(request, output) | usage}

    async def _respond(self, request: dict[str, Any], step: Step, writer: asyncio.StreamWriter) -> None:
        """The Responses API, as far as a plain agent needs it."""
        if "status" in step:
            await answer_json(writer, step["status"], _error(step), step.get("headers"))
            return
        await begin_answer(writer, 200, {"content-type": "text/event-stream", **step.get("headers", {})}, chunked=True)
        async for event in self._response_events(request, step):
            data = json.dumps(event).encode()
            await _piece(writer, b"event: " + event["type"].encode() + b"\ndata: " + data + b"\n\n")
        writer.write(b"0\r\n\r\n")
        await writer.drain()

    async def _response_events(self, request: dict[str, Any], step: Step) -> AsyncIterator[dict[str, Any]]:
        response: dict[str, Any] = {
            "id": f"resp_{uuid.uuid4().hex[:16]}", "object": "response", "model": request.get("model"),
            "status": "in_progress", "output": [],
        }  # fmt: skip
        yield {"type": "response.created", "response": response}
        text = step.get("text", "")
        if text:
            item: dict[str, Any] = {"type": "message", "id": f"msg_{uuid.uuid4().hex[:16]}", "role": "assistant"}
            yield {"type": "response.output_item.added", "output_index": 0, "item": {**item, "content": []}}
            words = _words(text)
            for number, word in enumerate(words):
                if step.get("delay"):
                    await asyncio.sleep(float(step["delay"]))
                if step.get("hold") and number == len(words) - 1:
                    await self.until_released()
                delta = {"item_id": item["id"], "output_index": 0, "content_index": 0, "delta": word}
                yield {"type": "response.output_text.delta", **delta}
            item = {
                **item,
                "status": "completed",
                "content": [{"type": "output_text", "text": text, "annotations": []}],
            }
            response["output"].append(item)
            yield {"type": "response.output_item.done", "output_index": 0, "item": item}
        for id, tool, arguments in _calls(step, request):
            call = {
                "type": "function_call", "id": f"fc_{id}", "call_id": id, "name": tool, "arguments": arguments,
                "status": "completed",
            }  # fmt: skip
            index = len(response["output"])
            response["output"].append(call)
            yield {"type": "response.output_item.added", "output_index": index, "item": call}
            yield {"type": "response.output_item.done", "output_index": index, "item": call}
        used = _usage(request, max(1, tokens_of(text)))
        usage = {
            "input_tokens": used["prompt_tokens"], "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": used["completion_tokens"], "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": used["total_tokens"],
        }  # fmt: skip
        yield {"type": "response.completed", "response": {**response, "status": "completed", "usage": usage}}


def _as_messages(request: dict[str, Any]) -> dict[str, Any]:
    """The request as messages_scenarios read one: what the model said is an assistant's message, one for each answer."""
    if "messages" in request:
        return {**request, "messages": [_plain_message(message) for message in request["messages"]]}
    messages: list[dict[str, Any]] = []
    for item in request.get("input", []) if isinstance(request.get("input"), list) else []:
        if item.get("type", "message") == "message":
            texts = item.get("content", [])
            text = texts if isinstance(texts, str) else "\n".join(str(part.get("text", "")) for part in texts)
            messages.append({"role": item.get("role"), "content": text})
        elif item.get("type") == "function_call" and (not messages or messages[-1]["role"] != "assistant"):
            messages.append({"role": "assistant", "content": ""})
        elif item.get("type") == "function_call_output":
            messages.append({"role": "tool", "content": ""})
    return {**request, "messages": messages}


def _plain_message(message: dict[str, Any]) -> dict[str, Any]:
    return {**message, "content": message.get("content") or ""}


def _calls(step: Step, request: dict[str, Any]) -> list[tuple[str, str, str]]:
    """(id, tool, its input as text) of each."""
    messages = request.get("messages") or [{"content": request.get("instructions", "")}]
    folder = working_folder({"system": str(messages[0].get("content", ""))})
    found = []
    for call in step.get("tools", [step] if "tool" in step else []):
        given = json.dumps(call.get("input", {})).replace("$CWD", folder)
        found.append((f"call_{uuid.uuid4().hex[:16]}", str(call["tool"]), str(call.get("arguments", given))))
    return found


def _whole(chunks: list[dict[str, Any]]) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": ""}
    finish, usage = None, None
    for chunk in chunks:
        usage = chunk.get("usage", usage)
        for choice in chunk["choices"]:
            message["content"] += choice["delta"].get("content", "")
            finish = choice["finish_reason"] or finish
    return {**chunks[0], "choices": [{"index": 0, "message": message, "finish_reason": finish}], "usage": usage}


def _words(text: str) -> list[str]:
    words = text.split(" ") if text else []
    return [word if number == 0 else f" {word}" for number, word in enumerate(words)]


def _usage(request: dict[str, Any], output: int) -> dict[str, Any]:
    prompt = tokens_of(request.get("messages") or request.get("input"))
    return {"prompt_tokens": prompt, "completion_tokens": output, "total_tokens": prompt + output}


def _error(step: Step) -> dict[str, Any]:
    status = int(step["status"])
    message = step.get("message", ERRORS.get(status, ("", "An error."))[1])
    return {"error": {"message": message, "type": _KINDS.get(status, "server_error"), "code": step.get("code")}}


async def _piece(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(b"%x\r\n%b\r\n" % (len(data), data))
    await writer.drain()


def main() -> None:
    parser = command_line("OpenAI-compatible servers")
    parser.add_argument("--ollama", action="store_true", help="answer Ollama's own routes too")
    asked = parser.parse_args()
    asyncio.run(serve_until_told(OpenAiApi(ollama=asked.ollama), asked.port_file))


if __name__ == "__main__":
    main()
