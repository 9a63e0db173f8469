"""The server's half of the Model Context Protocol over any transport: one JSON-RPC message in, at most one out.

Serves `initialize`, `ping`, `tools/list` and `tools/call` from one definition of tools. It is a class without I/O, so that
the same responder answers on Claude's control protocol and on stdio.
"""

from collections.abc import Callable
from typing import Any

from agentd.engines.base import HiveTools

PROTOCOL_VERSIONS = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
"""Newest first. A client that names another gets the newest, and decides whether it can go on."""

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603

JsonObject = dict[str, Any]


class McpResponder:
    """Answers for `tools` under the server's name. `log` takes one line where a tool broke."""

    def __init__(self, tools: HiveTools, name: str, version: str, log: Callable[[str], None]) -> None:
        self._tools = tools
        self._info = {"name": name, "version": version}
        self._log = log

    async def respond(self, message: Any) -> JsonObject | None:
        """The answer to one message; None for a notification and for an answer, which want none."""
        if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
            return error_answer(id_of(message), INVALID_REQUEST, "This is no JSON-RPC 2.0 message.")
        method = message.get("method")
        if method is None and ("result" in message or "error" in message):
            return None
        request_id = id_of(message)
        if not isinstance(method, str):
            return error_answer(request_id, INVALID_REQUEST, "The message names no method.")
        if "id" not in message:
            return None
        if request_id is None:
            return error_answer(None, INVALID_REQUEST, "An id is a string or a whole number.")
        params = message.get("params", {})
        if not isinstance(params, dict):
            return error_answer(request_id, INVALID_PARAMS, "params is no object.")
        return await self._answer(request_id, method, params)

    async def _answer(self, request_id: str | int, method: str, params: JsonObject) -> JsonObject:
        if method == "initialize":
            return _result(request_id, self._initialized(params))
        if method == "ping":
            return _result(request_id, {})
        if method == "tools/list":
            return _result(request_id, {"tools": self._listed()})
        if method == "tools/call":
            return await self._called(request_id, params)
        return error_answer(request_id, METHOD_NOT_FOUND, f"There is no method {method[:100]}.")

    def _initialized(self, params: JsonObject) -> JsonObject:
        wanted = params.get("protocolVersion")
        version = wanted if wanted in PROTOCOL_VERSIONS else PROTOCOL_VERSIONS[0]
        return {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": self._info}

    def _listed(self) -> list[JsonObject]:
        return [
            {"name": tool.name, "description": tool.description, "inputSchema": tool.input_schema}
            for tool in self._tools.definitions
        ]

    async def _called(self, request_id: str | int, params: JsonObject) -> JsonObject:
        name, arguments = params.get("name"), params.get("arguments")
        arguments = {} if arguments is None else arguments
        if not isinstance(name, str) or not isinstance(arguments, dict):
            return error_answer(request_id, INVALID_PARAMS, "tools/call wants a name and an object of arguments.")
        if all(tool.name != name for tool in self._tools.definitions):
            return error_answer(request_id, INVALID_PARAMS, f"There is no tool {name[:100]}.")
        try:
            answer = await self._tools.call(name, arguments)
        except Exception as error:  # the engine must hear of it, or it waits for ever
            self._log(f"The tool {name} broke: {type(error).__name__}: {error}")
            return error_answer(request_id, INTERNAL_ERROR, f"The tool {name} broke; the harness's log says more.")
        content = [{"type": "text", "text": answer.text}]
        return _result(request_id, {"content": content, "isError": answer.is_error})


def id_of(message: Any) -> str | int | None:
    found = message.get("id") if isinstance(message, dict) else None
    return found if isinstance(found, str | int) and not isinstance(found, bool) else None


def _result(request_id: str | int, result: JsonObject) -> JsonObject:
    return {"jsonrpc": "2.0", "id": request_id, "result": result}


def error_answer(request_id: str | int | None, code: int, message: str) -> JsonObject:
    """A JSON-RPC error; None where the request's id is not known."""
    return {"jsonrpc": "2.0", "id": request_id, "error": {"code": code, "message": message}}
