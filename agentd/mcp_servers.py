"""The agent's own MCP servers, `[[mcp_servers]]` of its agent.toml, read once for every engine. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agentd.engines.base import EngineFailed
from hived.wire.agents import AgentSpec

HIVE_SERVER = "hive"
"""The name under which an engine knows the hive's own tools; no other server may have it."""
_KEYS = {"name", "type", "command", "args", "env", "url", "headers"}


@dataclass(frozen=True, slots=True)
class McpServer:
    """One server: a program on stdio (`command`), or an address (`url`)."""

    name: str
    type: str
    """stdio, http or sse."""
    command: str | None = None
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    url: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


def own_servers(spec: AgentSpec) -> list[McpServer]:
    """Raises EngineFailed (`invalid_option`) with the server and what is wrong with it."""
    found = [_server(number, table) for number, table in enumerate(spec.mcp_servers, 1)]
    names = [server.name for server in found]
    for name in names:
        if name == HIVE_SERVER or names.count(name) > 1:
            raise _wrong(name, f"each has a name of its own, and {HIVE_SERVER!r} is taken")
    return found


def _server(number: int, table: Mapping[str, Any]) -> McpServer:
    name = table.get("name")
    if not isinstance(name, str) or not name:
        raise _wrong(f"number {number}", "it has no name")
    unknown = sorted(set(table) - _KEYS)
    if unknown:
        raise _wrong(name, f"there is no key {unknown[0]!r}; there are {', '.join(sorted(_KEYS))}")
    command, url = table.get("command"), table.get("url")
    if (command is None) == (url is None):
        raise _wrong(name, "it has either a command or a url")
    kind = table.get("type", "stdio" if command is not None else "http")
    if kind not in (("stdio",) if command is not None else ("http", "sse")):
        raise _wrong(name, "type is stdio with a command, http or sse with a url")
    given = command if command is not None else url
    if not isinstance(given, str) or not given:
        raise _wrong(name, "its command or url is a text")
    return McpServer(
        name=name,
        type=kind,
        command=command,
        args=tuple(_texts(name, "args", table.get("args", []))),
        env=_table(name, "env", table.get("env", {})),
        url=url,
        headers=_table(name, "headers", table.get("headers", {})),
    )


def _texts(name: str, key: str, value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise _wrong(name, f"{key} is a list of texts")
    return value


def _table(name: str, key: str, value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(item, str) for pair in value.items() for item in pair):
        raise _wrong(name, f"{key} is a table of texts")
    return value


def _wrong(name: str, reason: str) -> EngineFailed:
    return EngineFailed("failed", f"mcp_servers, {name}: {reason}.", retryable=False, code="invalid_option")
