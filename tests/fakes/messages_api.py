"""A loopback stand-in for Anthropic's Messages API, on asyncio alone: streams or not, scenarios by `@@name` in the prompt.

    async with MessagesApi() as api: ...  # api.url is ANTHROPIC_BASE_URL
    python -m tests.fakes.messages_api --port-file F

The model's words are invented; token counts are bytes / 4. `POST /release` (or `api.release()`) lets a held step go on.
"""

import argparse
import asyncio
import contextlib
import json
import os
import signal
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tests.fakes.messages_scenarios import ERRORS, Script, Step, working_folder

_MAX_HEAD = 64 * 1024
_HELD_AT_MOST_SECONDS = 60


@dataclass(frozen=True)
class Asked:
    """One request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def user_text(self) -> str:
        """Every text that users wrote, joined."""
        found: list[str] = []
        for message in self.body.get("messages", []):
            content = message.get("content", "")
            if message.get("role") != "user":
                continue
            if isinstance(content, str):
                found.append(content)
            else:
                found += [str(block["text"]) for block in content if block.get("type") == "text"]
        return "\n".join(found)


class MessagesApi:
    """The server. `requests` holds every `POST /v1/messages`, oldest first."""

    def __init__(self) -> None:
        self.requests: list[Asked] = []
        self.billed: list[tuple[int, int]] = []
        """(input, output) tokens of each message that was begun, as it was last said to be."""
        self._script = Script()
        self._server: asyncio.Server | None = None
        self._released = asyncio.Event()
        self._asked = asyncio.Event()
        self._open: set[asyncio.Task[None]] = set()
        self.port = 0

    @property
    def turns(self) -> list[Asked]:
        """Those of `requests` that are more than a look whether the model is there, as the newest Claude Code takes."""
        return [asked for asked in self.requests if asked.body.get("max_tokens") != 1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=_MAX_HEAD)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    def release(self) -> None:
        """Lets every held step go on, those to come included."""
        self._released.set()

    async def wait_for_requests(self, count: int, seconds: float = 20) -> None:
        """Returns once that many requests for a message have come."""
        async with asyncio.timeout(seconds):
            while len(self.requests) < count:
                self._asked.clear()
                await self._asked.wait()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            while (asked := await _read(reader)) is not None:
                await self._answer(asked, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            return  # the client went away, as an interrupted or killed CLI does
        except asyncio.CancelledError:
            return  # the server is closed; asyncio's own callback would log the cancelled task
        finally:
            self._open.discard(task)
            writer.close()

    async def _answer(self, asked: Asked, writer: asyncio.StreamWriter) -> None:
        route = asked.path.partition("?")[0]
        if asked.method == "POST" and route == "/v1/messages":
            self.requests.append(asked)
            self._asked.set()
            await self._message(asked.body, writer)
        elif asked.method == "POST" and route == "/v1/messages/count_tokens":
            await _plain(writer, 200, {"input_tokens": _tokens(asked.body)})
        elif asked.method == "POST" and route == "/release":
            self.release()
            await _plain(writer, 200, {})
        elif asked.method == "HEAD":
            await _plain(writer, 200, None)
        else:
            await _plain(writer, 404, {"type": "error", "error": {"type": "not_found_error", "message": "no route"}})

    async def _message(self, request: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        step = self._script.step_for(request)
        if "status" in step:
            kind, message = ERRORS.get(step["status"], ("api_error", "An error."))
            error = {"type": "error", "error": {"type": kind, "message": step.get("message", message)}}
            await _plain(writer, step["status"], error, step.get("headers"))
            return
        if step.get("empty"):
            await _head(writer, 200, {"content-type": "text/event-stream", "content-length": "0"}, chunked=False)
            return
        events = self._events(step, request)
        if not request.get("stream"):
            await _plain(writer, 200, await _whole(events), step.get("headers"))
            return
        await _head(writer, 200, {"content-type": "text/event-stream", **step.get("headers", {})}, chunked=True)
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
            "input_tokens": int(step.get("input_tokens", _tokens(request))),
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
            output += _tokens(block)
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
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._released.wait(), _HELD_AT_MOST_SECONDS)
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


def _tokens(value: Any) -> int:
    return len(json.dumps(value)) // 4


async def _read(reader: asyncio.StreamReader) -> Asked | None:
    """The next request on the connection, or None at its end."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as ended:
        if ended.partial:
            raise
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    method, path, _ = first.split(" ", 2)
    headers = {
        name.strip().lower(): value.strip() for name, colon, value in (line.partition(":") for line in lines) if colon
    }
    raw = await reader.readexactly(int(headers.get("content-length", 0)))
    try:
        body = json.loads(raw) if raw else {}
    except ValueError:
        body = {}
    return Asked(method, path, headers, body if isinstance(body, dict) else {})


async def _head(writer: asyncio.StreamWriter, status: int, headers: dict[str, str], chunked: bool) -> None:
    lines = [f"HTTP/1.1 {status} X", f"request-id: req_fake_{uuid.uuid4().hex[:12]}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if chunked:
        lines.append("transfer-encoding: chunked")
    writer.write(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))
    await writer.drain()


async def _plain(
    writer: asyncio.StreamWriter, status: int, body: dict[str, Any] | None, headers: dict[str, str] | None = None
) -> None:
    data = b"" if body is None else json.dumps(body).encode()
    sized = {"content-type": "application/json", "content-length": str(len(data)), **(headers or {})}
    await _head(writer, status, sized, chunked=False)
    writer.write(data)
    await writer.drain()


async def _run(port_file: Path) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with MessagesApi() as api:
        scratch = port_file.with_name(port_file.name + ".new")
        scratch.write_text(f"{api.port}\n", encoding="ascii")
        os.replace(scratch, port_file)
        await stop.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description="A stand-in for Anthropic's Messages API on 127.0.0.1.")
    parser.add_argument("--port-file", type=Path, required=True, help="where the port is written once it listens")
    asyncio.run(_run(parser.parse_args().port_file))


if __name__ == "__main__":
    main()
