"""How Claude Code is started: its command line, its environment, and what it is told of the hive. Reads, writes nothing.

No setting source is loaded at all: a repository's `.claude/settings.json` is written by whoever writes the repository, and
the one in the agent's home by the agent, so neither may allow a tool or run a hook past the operator's queue. The same
goes for a repository's `.mcp.json` (`--strict-mcp-config`).
"""

import shlex
import shutil
from collections.abc import Mapping
from typing import Any

from agentd.engines.base import EngineContext, EngineFailed
from agentd.engines.claude_found import INSTALL, claude_program
from agentd.engines.claude_servers import server_config
from agentd.engines.claude_settings import Settings, invalid, named_model
from agentd.engines.preamble import system_prompt
from agentd.mcp_servers import HIVE_SERVER
from hived.wire.agents import SpawnRequest
from hived.wire.errors import CommandMissing

UNWALLED = "process"
"""The runtime in which an engine is who agentd is."""
TOOL_PREFIX = f"mcp__{HIVE_SERVER}__"
OPTIONS = frozenset({"command", "permission_mode", "allowed_tools", "disallowed_tools", "max_turns"})
PAST_THE_HIVE = ("AskUserQuestion", "CronCreate", "ListAgents", "ScheduleWakeup", "SendMessage")
"""The CLI's own ways to ask, to write to other sessions and to wake itself: the operator would see none of it, no budget
would be asked and no sender stamped."""
RETRIES = "3"
"""The CLI's own default of 10 keeps a wrong key waiting for minutes."""


def command_line(
    context: EngineContext,
    settings: Settings,
    *,
    effort: str | None = None,
    servers: str = "{}",
    environment: Mapping[str, str] | None = None,
    session_id: str | None = None,
) -> list[str]:
    """Raises EngineFailed (not retryable) for an option or a setting that cannot be met.

    `servers`: for `--mcp-config`. `environment`: what it will run in; without it that is not looked at.
    """
    options = context.launch.spec.engine_options
    _check_names(options)
    if context.launch.engine_uid is not None:
        environment = None  # root may not go unasked, and it is not root there
    command = [
        *program(options.get("command")),
        "-p", "--output-format", "stream-json", "--input-format", "stream-json", "--verbose",
        "--include-partial-messages", "--replay-user-messages",
        "--permission-prompt-tool", "stdio",
        "--permission-mode", settings.checked_mode(options.get("permission_mode", "default"), environment),
        "--setting-sources", "",
        "--strict-mcp-config", "--mcp-config", servers,
        "--append-system-prompt", system_prompt(context),
    ]  # fmt: skip
    model = named_model(settings.model)
    if model is not None:
        command += ["--model", model]
    if effort is not None:
        command += ["--effort", effort]
    if session_id is not None:
        command += ["--resume", session_id]
    max_turns = options.get("max_turns")
    if max_turns is not None:
        if not isinstance(max_turns, int) or isinstance(max_turns, bool) or max_turns < 1:
            raise invalid("max_turns", "it is a whole number above 0.")
        command += ["--max-turns", str(max_turns)]
    hive_tools = [TOOL_PREFIX + tool.name for tool in context.tools.definitions]
    # Each list is joined by commas: the CLI would take the next word for another tool.
    command += ["--allowedTools", ",".join(hive_tools + _names(options, "allowed_tools"))]
    command += ["--disallowedTools", ",".join([*PAST_THE_HIVE, *_names(options, "disallowed_tools")])]
    return command


def environment_defaults(context: EngineContext) -> dict[str, str]:
    """Under what the agent.toml says, over the allow-list. Credentials come by `env_from` alone."""
    home = str(context.home)
    return {
        "HOME": home,
        "CLAUDE_CONFIG_DIR": str(context.home / ".claude"),
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "CLAUDE_CODE_MAX_RETRIES": RETRIES,
        "DISABLE_AUTOUPDATER": "1",
    }


def check_spec(spec: SpawnRequest) -> None:
    """Raises EngineFailed for an option that cannot be met, or where the CLI is not there."""
    _check_names(spec.engine_options)
    found = program(spec.engine_options.get("command"))[0]
    if shutil.which(found) is None:
        missing = CommandMissing(command=found)
        raise EngineFailed("failed", missing.message, retryable=False, code=missing.code)
    server_config(spec)
    walled = spec.runtime is not None and spec.runtime != UNWALLED
    held = {"IS_SANDBOX": "1"} if walled or "IS_SANDBOX" in spec.env_from else spec.env
    Settings("", None, None).checked_mode(spec.engine_options.get("permission_mode", "default"), held)


def _check_names(options: dict[str, Any]) -> None:
    unknown = sorted(set(options) - OPTIONS)
    if unknown:
        raise invalid(unknown[0], f"claude has no such option; it has {', '.join(sorted(OPTIONS))}.")


def program(command: Any) -> list[str]:
    """Of the option `command`, or Claude Code where it is found. Raises EngineFailed (not retryable)."""
    if command is None:
        found = claude_program()
        if found is None:
            message = f"Claude Code is not on this machine; install it with: {INSTALL}"
            raise EngineFailed("failed", message, retryable=False, code="command_missing")
        return [found]
    try:
        words = shlex.split(command) if isinstance(command, str) else command
    except ValueError as error:
        raise invalid("command", f"it cannot be split into words: {error}.") from error
    if not isinstance(words, list) or not words or not all(isinstance(word, str) for word in words):
        raise invalid("command", "it is a string or a list of words.")
    return list(words)


def _names(options: dict[str, Any], option: str) -> list[str]:
    names = options.get(option, [])
    if isinstance(names, str):
        names = [names]
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise invalid(option, "it is a list of tool names.")
    return list(names)
