"""How an agent of the Agent Client Protocol is started: its command line, its environment and its MCP servers. Pure."""

import shlex
import shutil
from pathlib import Path
from typing import Any

from agentd.engines.acp_presets import ANY, PRESETS, Preset
from agentd.engines.base import EngineContext, EngineFailed
from agentd.mcp_servers import HIVE_SERVER, McpServer, own_servers
from agentd.network.plan import bare_python
from agentd.tools import tools_bridge
from hived.wire.agents import AgentSpec, SpawnRequest

OPTIONS = frozenset({"agent", "command", "permission_mode"})
MOST_MODE_CHARACTERS = 100


def check_spec(spec: SpawnRequest) -> None:
    """Raises EngineFailed for an option that cannot be met, or where the agent's program is not there."""
    preset = preset_of(spec)
    command = command_line(spec)
    permission_mode(spec)
    own_servers(spec)
    relative = "/" in command[0] and not command[0].startswith("/")  # one below the workspace may still come
    if not relative and shutil.which(command[0], path=spec.env.get("PATH")) is None:
        message = f"{preset.title} is not on this machine: there is no program {command[0]!r}"
        raise EngineFailed(
            "failed",
            f"{message}; install it with: {preset.install}" if preset.install else f"{message}.",
            retryable=False,
            code="command_missing",
        )


def preset_of(spec: AgentSpec) -> Preset:
    """What is known of the agent that `engine_options.agent` names. Raises EngineFailed (not retryable)."""
    options = spec.engine_options
    unknown = sorted(set(options) - OPTIONS)
    if unknown:
        raise _invalid(unknown[0], f"acp has no such option; it has {', '.join(sorted(OPTIONS))}.")
    name = options.get("agent")
    if name is None:
        if "command" not in options:
            raise _invalid("agent", f"it is one of {', '.join(PRESETS)}; any other agent is given by `command`.")
        return ANY
    if not isinstance(name, str) or name not in PRESETS:
        raise _invalid("agent", f"it is one of {', '.join(PRESETS)}; any other agent is given by `command`.")
    return PRESETS[name]


def command_line(spec: AgentSpec) -> list[str]:
    """`command`, else the preset's own. Raises EngineFailed (not retryable)."""
    preset = preset_of(spec)
    given = spec.engine_options.get("command")
    if given is None:
        return [preset.program, *preset.arguments]
    try:
        words = shlex.split(given) if isinstance(given, str) else given
    except ValueError as error:
        raise _invalid("command", f"it cannot be split into words: {error}.") from error
    if not isinstance(words, list) or not words or not all(isinstance(word, str) and word for word in words):
        raise _invalid("command", "it is a string or a list of words.")
    return list(words)


def permission_mode(spec: AgentSpec) -> str | None:
    """The mode that the agent.toml asks for, else the one that asks; None: the agent's own."""
    mode = spec.engine_options.get("permission_mode")
    if mode is None:
        return preset_of(spec).mode
    if not isinstance(mode, str) or not mode or len(mode) > MOST_MODE_CHARACTERS:
        raise _invalid("permission_mode", "it is the name of one of the agent's own modes.")
    return mode


def environment_defaults(context: EngineContext) -> dict[str, str]:
    """Under what the agent.toml says, over the allow-list. Each agent's logins lie in its own home."""
    home = str(context.home)
    preset = preset_of(context.launch.spec)
    own = {name: value.replace("{home}", home) for name, value in preset.environment.items()}
    return {"HOME": home, **own}


def login_sentence(preset: Preset, home: Path) -> str:
    return f"{preset.title} is not logged in: {preset.login.replace('{home}', str(home))}"


def mcp_servers(context: EngineContext, capabilities: dict[str, Any]) -> list[dict[str, Any]]:
    """For session/new: the hive's tools by their bridge, then the agent's own servers.

    `capabilities` are the agent's mcpCapabilities. Raises EngineFailed (not retryable) for a server that it cannot use.
    """
    bridge = Path(tools_bridge.__file__).resolve()
    hive = {
        "name": HIVE_SERVER,
        "command": str(bare_python()),
        "args": ["-I", "-S", str(bridge), context.launch.tools_socket],
        "env": [],
    }
    return [hive, *(_server(server, capabilities, context) for server in own_servers(context.launch.spec))]


def _server(server: McpServer, capabilities: dict[str, Any], context: EngineContext) -> dict[str, Any]:
    if server.type == "stdio":
        assert server.command is not None
        # A path, as the protocol wants it; a program that is not found is named as it was given, for the agent to say so.
        program = shutil.which(server.command, path=context.environment({}).get("PATH")) or server.command
        return {"name": server.name, "command": program, "args": list(server.args), "env": _pairs(server.env)}
    if capabilities.get(server.type) is not True:
        title = preset_of(context.launch.spec).title
        raise EngineFailed(
            "failed",
            f"mcp_servers, {server.name}: {title} takes no server of type {server.type}.",
            retryable=False,
            code="invalid_option",
        )
    return {"type": server.type, "name": server.name, "url": server.url, "headers": _pairs(server.headers)}


def _pairs(table: Any) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for name, value in table.items()]


def _invalid(option: str, reason: str) -> EngineFailed:
    return EngineFailed("failed", f"{option}: {reason}", retryable=False, code="invalid_option")
