"""Claude Code's stream-json, both ways, without I/O: one line in, typed events out; encoders for what is written to it.

A line that is not JSON or of a kind not known here gives an `Unknown`, never an error: the CLI grows new kinds often.
What a subagent says is left out (its deeds are not), and so are the usage figures of its inferences.
"""

import json
import re
from dataclasses import replace
from typing import Any, cast

from agentd.engines.base import Note, Text, TextDelta, Thinking, ThinkingDelta, ToolResult, ToolUse
from agentd.engines.claude_events import (
    ApiFailure,
    Began,
    Compacting,
    ControlAnswer,
    Inference,
    JsonObject,
    McpMessage,
    ModeChanged,
    OtherRequest,
    PermissionAsk,
    ProtocolEvent,
    RateLimit,
    RequestCancelled,
    Result,
    Spent,
    TakenUp,
    Unknown,
)

_DELTA = re.compile(
    rb'\{"type":"stream_event","event":\{"type":"content_block_delta","index":\d+,"delta":\{'
    rb'"type":"(?:(text|thinking)_delta","(?:text|thinking)":("(?:[^"\\]|\\.)*+")\}\},'
    rb'"session_id":"[^"\\]*","parent_tool_use_id":null,|(?:input_json|signature)_delta")'
)
"""Most lines by far are words that come one by one: read without making an object of the line. What does not look exactly
so is read in full. Half-written tool input and signatures say nothing: the whole comes with its block."""
_SYNTHETIC = "<synthetic>"
"""The model of a message that the CLI wrote itself."""


def parse_line(line: bytes) -> list[ProtocolEvent]:
    """Everything that one line of the CLI's stdout says; empty where it says nothing that matters."""
    if not line or line.isspace():
        return []
    try:
        if (found := _DELTA.match(line)) is not None:
            return _delta(found)
        message = json.loads(line.decode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError):
        return [Unknown("a line that is not JSON")]
    if not isinstance(message, dict):
        return [Unknown("a line that is no JSON object")]
    kind = message.get("type")
    read = _READERS.get(kind) if isinstance(kind, str) else None
    if read is None:
        return [] if kind in _IGNORED else [Unknown(f"type {kind!s:.80}")]
    try:
        return read(message)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        return [Unknown(f"{kind} in a form not known: {type(error).__name__}")]


# Reading ---------------------------------------------------------------------------------------------------


def _delta(found: re.Match[bytes]) -> list[ProtocolEvent]:
    """Raises ValueError where its text is no JSON."""
    kind, literal = found.groups()
    if literal is None:
        return []
    text = json.loads(literal.decode()) if b"\\" in literal else literal[1:-1].decode()
    if not text:
        return []
    return [TextDelta(text) if kind == b"text" else ThinkingDelta(text)]


def _stream_event(message: JsonObject) -> list[ProtocolEvent]:
    event = message["event"]
    if message.get("parent_tool_use_id"):
        return []
    if event["type"] == "content_block_delta":
        delta = event["delta"]
        if delta["type"] == "text_delta":
            return [TextDelta(delta["text"])] if delta["text"] else []
        if delta["type"] == "thinking_delta":
            return [ThinkingDelta(delta["thinking"])] if delta["thinking"] else []
    elif event["type"] == "message_start":
        begun = event["message"]
        return _figures(begun.get("usage"), _text(begun.get("id")))
    elif event["type"] == "message_delta":
        return _figures(event.get("usage"), None)
    return []


def _figures(usage: Any, message_id: str | None) -> list[ProtocolEvent]:
    figures = _inference(usage, message_id)
    return [figures] if figures is not None and figures.ctx_tokens else []


def _assistant(message: JsonObject) -> list[ProtocolEvent]:
    of_subagent = bool(message.get("parent_tool_use_id"))
    body = message["message"]
    synthetic = body.get("model") == _SYNTHETIC
    error = _text(message.get("error"))
    if error is not None and synthetic:
        return [] if of_subagent else [ApiFailure(error)]
    events: list[ProtocolEvent] = []
    for block in body["content"]:
        kind = block["type"]
        if kind == "tool_use":
            events.append(ToolUse(str(block["id"]), str(block["name"]), _object(block.get("input"))))
        elif of_subagent:
            continue
        elif kind == "text":
            if block["text"]:
                events.append(Note(block["text"]) if synthetic else Text(block["text"]))
        elif kind == "thinking":
            events.append(Thinking(block.get("thinking") or "", hidden=not block.get("thinking")))
        elif kind == "redacted_thinking":
            events.append(Thinking("", hidden=True))
    figures = None if of_subagent or synthetic else _inference(body.get("usage"), _text(body.get("id")))
    if figures is not None:
        events.append(figures)
    return events


def _user(message: JsonObject) -> list[ProtocolEvent]:
    if message.get("isReplay"):
        return [TakenUp(str(message.get("uuid", "")))]
    content = message["message"]["content"]
    if isinstance(content, str):
        return []
    return [
        ToolResult(str(block["tool_use_id"]), "", bool(block.get("is_error")), _joined(block.get("content")))
        for block in content
        if block["type"] == "tool_result"
    ]


def _joined(content: Any) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    parts: list[str] = []
    for block in content:
        if block["type"] == "text":
            parts.append(block["text"])
        elif block["type"] == "tool_reference":
            parts.append(str(block.get("tool_name", "")))
        else:
            parts.append(f"[{block['type']}]")
    return "\n".join(parts)


def _result(message: JsonObject) -> list[ProtocolEvent]:
    status = message.get("api_error_status")
    models = {name: _object(figures) for name, figures in _object(message.get("modelUsage")).items()}
    windows = {
        str(model): figures["contextWindow"]
        for model, figures in models.items()
        if isinstance(figures.get("contextWindow"), int)
    }
    turns = message.get("num_turns")
    num_turns = turns if isinstance(turns, int) else 0
    return [
        Result(
            session_id=str(message.get("session_id", "")),
            subtype=str(message.get("subtype", "")),
            is_error=bool(message.get("is_error")),
            terminal_reason=_text(message.get("terminal_reason")),
            api_error=_text(message.get("api_error")),
            api_error_status=status if isinstance(status, int) else None,
            cut_off=num_turns > 0 and message.get("stop_reason", "") is None,
            text=_text(message.get("result")) or "",
            errors=tuple(str(error) for error in message.get("errors") or ()),
            num_turns=num_turns,
            usage=_inference(message.get("usage")),
            total=_spent(models, message.get("total_cost_usd")),
            since_last=_spent(_object(message.get("model_usage_since_last_result")), None),
            windows=windows,
        )
    ]


def _spent(models: JsonObject, usd: Any) -> Spent | None:
    """Summed over models; `usd` where the whole is known better. None where there is nothing."""
    each = [
        Spent(
            usd=float(used["costUSD"]) if isinstance(used.get("costUSD"), int | float) else 0.0,
            input_tokens=_figure(used.get("inputTokens")),
            output_tokens=_figure(used.get("outputTokens")),
            cache_read_input_tokens=_figure(used.get("cacheReadInputTokens")),
            cache_creation_input_tokens=_figure(used.get("cacheCreationInputTokens")),
        )
        for used in map(_object, models.values())
    ]
    if not each and not isinstance(usd, int | float):
        return None
    whole = sum(each, Spent())
    return replace(whole, usd=float(usd)) if isinstance(usd, int | float) else whole


def _system(message: JsonObject) -> list[ProtocolEvent]:
    subtype = message.get("subtype")
    if subtype == "init":
        version = str(message.get("claude_code_version", ""))
        return [Began(str(message["session_id"]), str(message.get("model", "")), version)]
    if subtype == "status":
        mode = _text(message.get("permissionMode"))
        moved: list[ProtocolEvent] = [] if mode is None else [ModeChanged(mode)]
        return [*moved, *([Compacting(True)] if message.get("status") == "compacting" else _compacted(message))]
    if subtype == "compact_boundary":
        figures = _object(message.get("compact_metadata"))
        before, after = figures.get("pre_tokens"), figures.get("post_tokens")
        how = "by itself" if figures.get("trigger") == "auto" else "as asked"
        return [Note(f"The conversation was compacted {how}: {_count(before)} tokens before, {_count(after)} after.")]
    if subtype == "api_retry":
        return [Note(_retry(message), "warning")]
    if subtype == "model_fallback":
        return [Note(_text(message.get("content")) or "The CLI fell back to another model.", "warning")]
    if subtype == "permission_denied":
        return [Note(f"{message.get('tool_name')} was refused: {message.get('message', '')}", "warning")]
    return [] if subtype in _IGNORED_SYSTEM else [Unknown(f"system {subtype!s:.80}")]


def _compacted(message: JsonObject) -> list[ProtocolEvent]:
    if "compact_result" not in message:
        return []
    if message["compact_result"] == "success":
        return [Compacting(False, worked=True)]
    return [Compacting(False), Note("The conversation could not be compacted.", "warning")]


def _retry(message: JsonObject) -> str:
    status = message.get("error_status")
    why = f"HTTP {status}" if status is not None else "no connection"
    seconds = float(message.get("retry_delay_ms") or 0) / 1000
    attempt, most = message.get("attempt"), message.get("max_retries")
    return f"The model's API did not answer ({why}); try {attempt} of {most} follows in {seconds:.1f} s."


def _control_request(message: JsonObject) -> list[ProtocolEvent]:
    request_id, request = str(message["request_id"]), message["request"]
    subtype = str(request.get("subtype", ""))
    if subtype == "can_use_tool":
        tool_use_id = str(request.get("tool_use_id") or request_id)
        return [PermissionAsk(request_id, str(request["tool_name"]), _object(request.get("input")), tool_use_id)]
    if subtype == "mcp_message":
        return [McpMessage(request_id, str(request.get("server_name", "")), request.get("message"))]
    return [OtherRequest(request_id, subtype)]


def _control_response(message: JsonObject) -> list[ProtocolEvent]:
    answer = message["response"]
    error = None if answer.get("subtype") == "success" else str(answer.get("error") or "it was refused")
    return [ControlAnswer(str(answer["request_id"]), error, _object(answer.get("response")))]


def _control_cancel(message: JsonObject) -> list[ProtocolEvent]:
    return [RequestCancelled(str(message["request_id"]))]


def _rate_limit(message: JsonObject) -> list[ProtocolEvent]:
    info = _object(message.get("rate_limit_info"))
    resets, utilization = info.get("resetsAt"), info.get("utilization")
    return [
        RateLimit(
            status=str(info.get("status", "")),
            resets_at=int(resets) if isinstance(resets, int | float) else None,
            kind=str(info.get("rateLimitType", "")),
            utilization=float(utilization) if isinstance(utilization, int | float) else None,
        )
    ]


def _inference(usage: Any, message_id: str | None = None) -> Inference | None:
    if not isinstance(usage, dict):
        return None
    return Inference(
        message_id=message_id,
        input_tokens=_figure(usage.get("input_tokens")),
        output_tokens=_figure(usage.get("output_tokens")),
        cache_read_input_tokens=_figure(usage.get("cache_read_input_tokens")),
        cache_creation_input_tokens=_figure(usage.get("cache_creation_input_tokens")),
    )


def _figure(value: Any) -> int:
    return value if isinstance(value, int) else 0


def _count(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else "?"


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _object(value: Any) -> JsonObject:
    return cast(JsonObject, value) if isinstance(value, dict) else {}


_READERS = {
    "stream_event": _stream_event,
    "assistant": _assistant,
    "user": _user,
    "result": _result,
    "system": _system,
    "control_request": _control_request,
    "control_response": _control_response,
    "control_cancel_request": _control_cancel,
    "rate_limit_event": _rate_limit,
}
_IGNORED = frozenset({"keep_alive", "conversation_reset", "tool_progress", "tool_use_summary", "auth_status"})
_IGNORED_SYSTEM = frozenset(
    {
        "thinking_tokens", "task_started", "task_progress", "task_updated", "task_notification", "hook_started",
        "hook_progress", "hook_response", "background_tasks_changed", "informational", "model_refusal_no_fallback",
        "session_state_changed", "files_persisted", "commands_changed", "post_turn_summary", "notification",
    }
)  # fmt: skip


# Writing ---------------------------------------------------------------------------------------------------


def user_message(text: str, uuid: str) -> bytes:
    """A user message. One that begins with `/` would be taken for a command of the CLI's, so a line is put before it."""
    words = f"The message says:\n{text}" if text.lstrip().startswith("/") else text
    return _user_line(words, uuid)


def slash_command(command: str, uuid: str) -> bytes:
    """One of the CLI's own commands, such as `/compact`."""
    return _user_line(command, uuid)


def _user_line(text: str, uuid: str) -> bytes:
    content = [{"type": "text", "text": text}]
    return _line({"type": "user", "message": {"role": "user", "content": content}, "uuid": uuid})


def control_request(request_id: str, subtype: str, **details: Any) -> bytes:
    request = {"subtype": subtype, **details}
    return _line({"type": "control_request", "request_id": request_id, "request": request})


def answer(request_id: str, response: JsonObject) -> bytes:
    """The answer to one of the CLI's control requests."""
    body = {"subtype": "success", "request_id": request_id, "response": response}
    return _line({"type": "control_response", "response": body})


def refusal(request_id: str, error: str) -> bytes:
    body = {"subtype": "error", "request_id": request_id, "error": error}
    return _line({"type": "control_response", "response": body})


def allowed(input: JsonObject) -> JsonObject:
    """The answer to a PermissionAsk: run it, with this input."""
    return {"behavior": "allow", "updatedInput": input}


def denied(message: str) -> JsonObject:
    """The answer to a PermissionAsk: do not run it; the model is told why."""
    return {"behavior": "deny", "message": message}


def _line(message: JsonObject) -> bytes:
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace") + b"\n"
