"""What both dialects' readers share: pieces become whole blocks, in order and in bounded memory. Pure."""

import json
from typing import Any

from agentd.engines.api_failures import ApiFailure
from agentd.engines.api_words import MOST_REPLY_CHARACTERS, Block, Heard, Reply, sound
from agentd.engines.base import EngineEvent, Text, TextDelta, Thinking, ThinkingDelta
from hived.wire.ids import new_id

MOST_QUOTED_CHARACTERS = 200
MOST_CALLS = 128
"""In one answer."""
MOST_NAME_CHARACTERS = 200
"""Of a tool's name, and of a call's id."""
MOST_DEPTH = 100
"""Of a tool's input: it is written down several times, each time deeper in something else."""


class BlockReader:
    """One inference's answer. `heard` hands over what has come since it was last called."""

    def __init__(self, server: str, model: str) -> None:
        self.reply = Reply()
        self._server = server
        self._model = model
        self._events: list[EngineEvent] = []
        self._whole = False
        self._characters = 0
        self._kind: str | None = None
        """Of the text or thinking block that is open."""
        self._parts: list[str] = []

    @property
    def began(self) -> bool:
        """Something of an answer has come."""
        return bool(self.reply.blocks or self._parts or self.reply.stop)

    def heard(self) -> Heard:
        events, self._events = self._events, []
        whole, self._whole = self._whole, False
        return Heard(events, whole)

    def partial(self) -> list[Block]:
        """What can be kept of an answer that was broken off: its whole blocks but for calls, and the text so far."""
        blocks = [block for block in self.reply.blocks if block["type"] == "text"]
        if self._kind == "text" and self._parts:
            blocks.append({"type": "text", "text": sound("".join(self._parts))})
        return blocks

    def add(self, kind: str, piece: str) -> None:
        """More of a `text` or `thinking` block; the one of the other kind ends with it."""
        if self._kind != kind:
            self.close_block()
            self._kind = kind
        if not piece:
            return
        self.count(len(piece))
        self._parts.append(piece)
        self._events.append(TextDelta(sound(piece)) if kind == "text" else ThinkingDelta(sound(piece)))

    def count(self, characters: int) -> None:
        self._characters += characters
        if self._characters > MOST_REPLY_CHARACTERS:
            message = f"{self._server} sent an answer of more than {MOST_REPLY_CHARACTERS} characters."
            raise ApiFailure("failed", message)

    def close_block(self, **more: Any) -> None:
        """The open block is whole. `more` stays with it in the conversation."""
        kind, self._kind = self._kind, None
        text = sound("".join(self._parts))
        self._parts = []
        if kind == "text" and text:
            self.reply.blocks.append({"type": "text", "text": text})
            self._tell(Text(text))
        elif kind == "thinking" and (text or more):
            self.reply.blocks.append({"type": "thinking", "text": text, **more})
            self._tell(Thinking(text, hidden=not text))

    def add_call(self, id: str, tool: str, raw: str | dict[str, Any]) -> None:
        """A tool call, whole. An id that is none, or another call's, is replaced: results are told apart by it."""
        calls = self.reply.calls
        if len(calls) >= MOST_CALLS:
            raise self.too_many_calls()
        given, wrong = read_input(raw)
        id = sound(id)
        if not id or len(id) > MOST_NAME_CHARACTERS or any(call["id"] == id for call in calls):
            id = f"call_{new_id()}"
        block: Block = {"type": "call", "id": id, "tool": sound(tool)[:MOST_NAME_CHARACTERS], "input": given}
        self.reply.blocks.append(block | ({"wrong": wrong} if wrong else {}))

    def parsed(self, data: bytes) -> dict[str, Any]:
        """Raises ApiFailure where it is no JSON object."""
        try:
            found = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise self.garbage(data) from error
        if not isinstance(found, dict):
            raise self.garbage(data)
        return found

    def garbage(self, data: bytes) -> ApiFailure:
        quoted = " ".join(data[:MOST_QUOTED_CHARACTERS].decode("utf-8", "replace").split())
        return ApiFailure("failed", f"{self._server} sent what no model server sends: {quoted}")

    def too_many_calls(self) -> ApiFailure:
        return self.garbage(f"more than {MOST_CALLS} tool calls in one answer".encode())

    def cut_off(self) -> ApiFailure:
        return ApiFailure("failed", f"{self._server} broke off in the middle of its answer.", again=True)

    def empty(self) -> ApiFailure:
        message = f"{self._server} answered with an empty stream, and did not say why."
        return ApiFailure("failed", message, again=True, empty=True)

    def _tell(self, event: EngineEvent) -> None:
        self._events.append(event)
        self._whole = True


def read_input(raw: str | dict[str, Any]) -> tuple[dict[str, Any], str | None]:
    """(a tool's input, what is wrong with it). Nothing at all is an empty input."""
    if isinstance(raw, dict):
        found: Any = raw
    elif not raw.strip():
        found = {}
    else:
        try:
            found = json.loads(raw)
        except (ValueError, RecursionError) as error:
            return {}, f"its input is not JSON ({str(error)[:100]}): {sound(raw[:MOST_QUOTED_CHARACTERS])}"
    if not isinstance(found, dict):
        return {}, f"its input is not a JSON object: {sound(str(raw)[:MOST_QUOTED_CHARACTERS])}"
    if _deeper(found, MOST_DEPTH):
        return {}, f"its input is nested deeper than {MOST_DEPTH} levels."
    return found, None


def _deeper(value: Any, levels: int) -> bool:
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return levels < 0 or any(_deeper(item, levels - 1) for item in items)


def whole_number(value: Any) -> int | None:
    """A count of tokens as a server states it; None for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53 else None


def table(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def tables(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def text_of(value: Any) -> str:
    return value if isinstance(value, str) else ""
