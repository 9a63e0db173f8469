"""A loopback stand-in for Anthropic's Messages API, on asyncio alone: streams or not, scenarios by `@@name` in the prompt.

    async with MessagesApi() as api: ...  # api.url is ANTHROPIC_BASE_URL
    python -m tests.fakes.messages_api --port-file F

The model's words are invented; token counts are bytes / 4. `POST /release` (or `api.release()`) lets a held step go on.
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


class MessagesApi(ModelServer):
    """The server. `requests` holds every `POST /v1/messages`, oldest first."""

    def __init__(self) -> None:
        super().__init__()
        self.billed: list[tuple[int, int]] = []
        """(input, output) tokens of each message that was begun, as it was last said to be."""
        self._script = Script()

    @property
    def turns(self) -> list[Asked]:
        """Those of `requests` that are more than a look whether the model is there, as the newest Claude Code takes."""
        return [asked for asked in self.requests if asked.body.get("max_tokens") != 1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def answer(self, asked: Asked, writer: asyncio.StreamWriter) -> None:
        route = asked.path.partition("?")[0]
        if asked.method == "POST" and route == "/v1/messages":
            self.note(asked)
            await self._message(asked.body, writer)
        elif asked.method == "POST" and route == "/v1/messages/count_tokens":
            await answer_json(writer, 200, {"input_tokens": tokens_of(asked.body)})
        elif asked.method == "POST" and route == "/release":
            self.release()
            await answer_json(writer, 200, {})
        elif asked.method == "HEAD":
            await answer_json(writer, 200, None)
        else:
            await answer_json(
                writer, 404, {"type": "error", "error": {"type": "not_found_error", "message": "no route"}}
            )

    async def _message(self, request: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        step = self._script.step_for(request)
        if "status" in step:
            kind, message = ERRORS.get(step["status"], ("api_error", "An error."))
            error = {"type": "error", "error": {"type": kind, "message": step.get("message", message)}}
            await answer_json(writer, step["status"], error, step.get("headers"))
            return
        if step.get("empty"):
            await begin_answer(writer, 200, {"content-type": "text/event-stream", "content-length": "0"}, chunked=False)
            return
        events = self._events(step, request)
        if not request.get("stream"):
            await answer_json(writer, 200, await _whole(events), step.get("headers"))
            return
        await begin_answer(writer, 200, {"content-type": "text/event-stream", **step.get("headers", {})}, chunked=True)
        async for event in events:
            data = f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()
            writer.write(b"%x\r\n%b\r\n" % (len(data), data))
            await writer.drain()
        if step.get("drop"):
            raise ConnectionResetError  # closed without the last chunk, which is what a cut connection looks like
        writer.write(b"0\r\n\r\n")
        await writer.drain()

    async def _events(self, step: Step, request: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
        usage = {
            "input_tokens": int(step.get("input_tokens", tokens_of(request))),
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "output_tokens": 1,
        }
        message: dict[str, Any] = {
            "id": f"msg_{uuid.uuid4().hex[:22]}", "type": "message", "role": "assistant", "model": request.get("model"),
            "content": [], "stop_reason": None, "stop_sequence": None, "usage": usage,
        }  # fmt: skip
        self.billed.append((usage["input_tokens"], 1))
        number = len(self.billed) - 1
        yield {"type": "message_start", "message": message}
        output = 0
        for index, block in enumerate(_blocks(step, working_folder(request))):
            output += tokens_of(block)
            async for event in self._block(index, block, step):
                yield event
        if step.get("cut"):
            yield {"type": "error", "error": {"type": "api_error", "message": "Internal server error"}}
            return
        if step.get("drop"):
            return
        tools = "tool" in step or "tools" in step
        stop = step.get("stop_reason", "tool_use" if tools else "end_turn")
        self.billed[number] = (usage["input_tokens"], max(1, output))
        yield {
            "type": "message_delta",
            "delta": {"stop_reason": stop, "stop_sequence": None},
            "usage": {**usage, "output_tokens": max(1, output)},
        }
        yield {"type": "message_stop"}

    async def _block(self, index: int, block: dict[str, Any], step: Step) -> AsyncIterator[dict[str, Any]]:
        if block["type"] == "tool_use":
            yield {"type": "content_block_start", "index": index, "content_block": {**block, "input": {}}}
            part = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
            yield {"type": "content_block_delta", "index": index, "delta": part}
            yield {"type": "content_block_stop", "index": index}
            return
        kind = block["type"]
        empty = {"type": kind, kind: ""} | ({"signature": ""} if kind == "thinking" else {})
        yield {"type": "content_block_start", "index": index, "content_block": empty}
        words = block[kind].split(" ") if block[kind] else []
        for number, word in enumerate(words):
            if step.get("delay"):
                await asyncio.sleep(float(step["delay"]))
            if step.get("hold") and number == len(words) - 1:
                await self.until_released()
            part = {"type": f"{kind}_delta", kind: word if number == 0 else f" {word}"}
            yield {"type": "content_block_delta", "index": index, "delta": part}
        if kind == "thinking":
            signature = {"type": "signature_delta", "signature": "ZmFrZS1zaWduYXR1cmU="}
            yield {"type": "content_block_delta", "index": index, "delta": signature}
        if not step.get("cut") and not step.get("drop"):
            yield {"type": "content_block_stop", "index": index}


def _blocks(step: Step, folder: str) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    if "thinking" in step:
        blocks.append({"type": "thinking", "thinking": step["thinking"]})
    if step.get("text"):
        blocks.append({"type": "text", "text": step["text"]})
    for call in step.get("tools", [step] if "tool" in step else []):
        given = json.loads(json.dumps(call.get("input", {})).replace("$CWD", folder))
        blocks.append(
            {"type": "tool_use", "id": f"toolu_{uuid.uuid4().hex[:22]}", "name": call["tool"], "input": given}
        )
    return blocks


async def _whole(events: AsyncIterator[dict[str, Any]]) -> dict[str, Any]:
    """The message that a stream of events adds up to."""
    message: dict[str, Any] = {}
    async for event in events:
        if event["type"] == "message_start":
            message = event["message"]
        elif event["type"] == "content_block_start":
            message["content"].append(dict(event["content_block"]))
        elif event["type"] == "content_block_delta":
            block, delta = message["content"][event["index"]], event["delta"]
            if delta["type"] == "input_json_delta":
                block["input"] = json.loads(delta["partial_json"])
            else:
                key = delta["type"].removesuffix("_delta")
                block[key] = block.get(key, "") + delta[key]
        elif event["type"] == "message_delta":
            message["stop_reason"] = event["delta"]["stop_reason"]
            message["usage"] = event["usage"]
    return message


def main() -> None:
    asked = command_line("Anthropic's Messages API").parse_args()
    asyncio.run(serve_until_told(MessagesApi(), asked.port_file))


if __name__ == "__main__":
    main()
