"""The tools that a model on the api engine has: the worker's, the hive's, and the agent's own servers'; and who must be asked
before one runs."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from agentd.engines.api_options import Options, PermissionMode
from agentd.engines.api_words import tool_name
from agentd.engines.api_worker_client import ServerTool, WorkerClient
from agentd.engines.base import EngineContext, EngineFailed, ToolAnswer, ToolDefinition, ToolInput
from agentd.engines.remarks import remark_on

MOST_AT_ONCE = 8
"""Tools of one answer that run side by side; the others wait their turn."""
PLAN_DENIAL = "Plan mode: nothing may be changed or run now. Say what you would do, and why."
_ACCEPTED_EDITS = frozenset({"write", "edit"})
_READING = frozenset({"read", "glob", "grep"})


def _tool(name: str, description: str, required: Sequence[str], **properties: tuple[str, str]) -> ToolDefinition:
    """`properties`: (type, what it is)."""
    schema = {
        "type": "object",
        "properties": {key: {"type": kind, "description": words} for key, (kind, words) in properties.items()},
        "required": list(required),
        "additionalProperties": False,
    }
    return ToolDefinition(name, description, schema)


_PATH = ("string", "Relative to your workspace, or absolute within it or within your state folder.")
OWN_TOOLS = (
    _tool(
        "read",
        "Read a text file, with line numbers: at most 2000 lines at once. Go on with `offset`.",
        ["path"],
        path=_PATH,
        offset=("integer", "The first line, from 1."),
        limit=("integer", "How many lines."),
    ),
    _tool(
        "write",
        "Write a whole file. Its folders are made; what was there is gone.",
        ["path", "content"],
        path=_PATH,
        content=("string", "All of it."),
    ),
    _tool(
        "edit",
        "Replace a piece of a file that you have read. `old_string` must be there exactly once, unless `replace_all`.",
        ["path", "old_string", "new_string"],
        path=_PATH,
        old_string=("string", "What is there, white space and all, without line numbers."),
        new_string=("string", "What shall be there."),
        replace_all=("boolean", "Every place."),
    ),
    _tool(
        "bash",
        "Run a command in a shell, in your workspace, without a terminal. Standard output and error come back together.",
        ["command"],
        command=("string", "The command."),
        timeout=("integer", "Seconds until it is ended: 120 unless told, at most 600."),
    ),
    _tool(
        "glob",
        "Find files by name, newest first: `*.py`, `src/**/*.ts`.",
        ["pattern"],
        pattern=("string", "`*` and `?` within a name, `**` over folders."),
        path=("string", "The folder to look in; your workspace unless told."),
    ),
    _tool(
        "grep",
        "Find lines in text files by a Python regular expression. Answers path:line:text.",
        ["pattern"],
        pattern=("string", "The expression."),
        path=("string", "A folder or a file; your workspace unless told."),
        glob=("string", "Only files whose path fits."),
        ignore_case=("boolean", "Upper and lower case alike."),
        files_only=("boolean", "Only which files."),
        limit=("integer", "How many lines at most: 200 unless told."),
    ),
)


class Toolbox:
    """All of them, in one order that does not change, so that a prompt cache holds."""

    def __init__(self, context: EngineContext, options: Options, worker: WorkerClient, mode: PermissionMode) -> None:
        self.mode = mode
        self._context = context
        self._options = options
        self._worker = worker
        self._at_once = asyncio.Semaphore(MOST_AT_ONCE)
        self._hive = {tool.name for tool in context.tools.definitions}
        self._servers: dict[str, ServerTool] = {}
        self.definitions: tuple[ToolDefinition, ...] = ()
        self._collect()

    async def start_servers(self, names: Sequence[str]) -> list[str]:
        """Ask the agent's own servers for their tools. Answers with a sentence for each that has none."""
        if not names:
            return []
        try:
            await self._worker.start()
        except EngineFailed as failure:
            return [failure.message]
        missing = []
        for name in names:
            said = self._worker.started.get(name, {})
            if "error" in said:
                missing.append(f"The MCP server {name} did not start: {said['error']}.")
            for tool in said.get("tools", []):
                self._add_server_tool(name, tool)
        self._collect()
        return missing

    async def run(self, id: str, tool: str, given: ToolInput) -> ToolAnswer:
        """Ask where somebody must be asked, then do it. Never raises for what went wrong."""
        if tool not in {definition.name for definition in self.definitions}:
            names = ", ".join(definition.name for definition in self.definitions)
            return ToolAnswer(f"There is no tool {tool!r}; there are {names}.", is_error=True)
        changed = ""
        if self._denied_by_mode(tool):
            return ToolAnswer(PLAN_DENIAL, is_error=True)
        if self._must_ask(tool):
            permission = await self._context.ask_permission(tool, given, id)
            if not permission.allowed:
                return ToolAnswer(f"It was denied: {permission.note or 'no reason was given'}.", is_error=True)
            if permission.updated_input is not None and permission.updated_input != given:
                given = permission.updated_input
                changed = f"\n(The operator had it run with another input: {json.dumps(given)[:2000]})"
            if permission.note:
                changed += f"\n({remark_on(tool, permission.note)})"
        async with self._at_once:
            answer = await self._do(tool, given)
        return ToolAnswer(answer.text + changed, answer.is_error)

    async def _do(self, tool: str, given: ToolInput) -> ToolAnswer:
        if tool in self._hive:
            return await self._context.tools.call(tool, given)
        own = self._servers.get(tool)
        if own is not None:
            return await self._worker.call(own.tool, given, own.server)
        return await self._worker.call(tool, given)

    def _denied_by_mode(self, tool: str) -> bool:
        return self.mode == "plan" and tool not in self._hive and tool not in _READING

    def _must_ask(self, tool: str) -> bool:
        if tool in self._hive or tool in _READING or self.mode == "bypassPermissions":
            return False
        if self.mode == "acceptEdits" and tool in _ACCEPTED_EDITS:
            return False
        return not _fits(tool, self._options.allowed_tools)

    def _collect(self) -> None:
        own = [tool for tool in OWN_TOOLS if tool.name not in self._hive]
        every = [*own, *self._context.tools.definitions, *(tool.definition for tool in self._servers.values())]
        self.definitions = tuple(tool for tool in every if not _fits(tool.name, self._options.disallowed_tools))

    def _add_server_tool(self, server: str, tool: Mapping[str, Any]) -> None:
        plain = name = tool_name(f"mcp__{server}__{tool['name']}")
        number = 1
        while name in self._servers:
            number += 1
            name = f"{plain[:60]}_{number}"
        schema = tool["input_schema"] if isinstance(tool["input_schema"], dict) else {"type": "object"}
        definition = ToolDefinition(name, tool["description"], {"type": "object", "properties": {}, **schema})
        self._servers[name] = ServerTool(server, tool["name"], definition)


def _fits(tool: str, patterns: Sequence[str]) -> bool:
    """A name, or one with `*` in it: `mcp__github__*`."""
    return any(fnmatchcase(tool, pattern) for pattern in patterns)
