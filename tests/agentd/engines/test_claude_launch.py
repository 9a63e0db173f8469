"""Claude's command line and environment, without starting it."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agentd.engines import claude_launch
from agentd.engines.base import EngineContext, EngineFailed
from agentd.engines.claude_launch import command_line, environment_defaults
from tests.fakes.messages_api import MessagesApi
from tests.support.claude import Setting


@pytest.fixture
def unstarted(tmp_path: Path) -> Setting:
    return Setting(tmp_path, MessagesApi(), "/opt/claude")


def option(command: list[str], name: str) -> str:
    return command[command.index(name) + 1]


def test_no_setting_source_is_loaded_and_no_server_but_the_given(unstarted: Setting) -> None:
    command = command_line(unstarted.context(), "haiku", None)
    assert command[0] == "/opt/claude"
    assert option(command, "--setting-sources") == ""
    assert "--strict-mcp-config" in command
    assert json.loads(option(command, "--mcp-config")) == {"mcpServers": {"hive": {"type": "sdk", "name": "hive"}}}
    assert "--resume" not in command
    assert "--continue" not in command
    assert not any("skip-permissions" in word for word in command)


def test_a_session_is_resumed_by_its_id(unstarted: Setting) -> None:
    assert option(command_line(unstarted.context(), "haiku", "an-id"), "--resume") == "an-id"


def test_the_hives_tools_are_allowed_beside_the_operators(unstarted: Setting) -> None:
    unstarted.options.update({"allowed_tools": ["Read", "Bash(git *)"], "disallowed_tools": "WebFetch"})
    command = command_line(unstarted.context(), "haiku", None)
    assert option(command, "--allowedTools") == "mcp__hive__send,mcp__hive__whoami,Read,Bash(git *)"
    assert option(command, "--disallowedTools").split(",")[-1] == "WebFetch"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("permission_mode", "anything"),
        ("allowed_tools", 5),
        ("allowed_tools", [5]),
        ("max_turns", 0),
        ("max_turns", True),
        ("command", []),
        ("command", 'claude "'),
        ("nonsense", 1),
    ],
)
def test_an_option_in_a_wrong_form_is_one_sentence(unstarted: Setting, name: str, value: Any) -> None:
    unstarted.options[name] = value
    with pytest.raises(EngineFailed) as failed:
        command_line(unstarted.context(), "haiku", None)
    assert failed.value.code == "invalid_option"
    assert name in failed.value.message
    assert failed.value.retryable is False


def test_a_command_is_split_as_a_shell_splits(unstarted: Setting) -> None:
    unstarted.options["command"] = "node 'my claude.js' --quiet"
    assert command_line(unstarted.context(), "haiku", None)[:3] == ["node", "my claude.js", "--quiet"]


def test_a_machine_without_claude_is_told_how_to_get_it(unstarted: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claude_launch, "claude_program", lambda: None)
    context = unstarted.context()
    del context.launch.spec.engine_options["command"]
    with pytest.raises(EngineFailed) as failed:
        command_line(context, "haiku", None)
    assert failed.value.code == "command_missing"
    assert "npm install" in failed.value.message


def test_an_agents_own_servers_are_kept_off_the_command_line(unstarted: Setting) -> None:
    server = {"name": "docs", "command": "docs-server", "env": {"TOKEN": "secret"}}
    command = command_line(with_servers(unstarted.context(), [server]), "haiku", None)
    assert "secret" not in " ".join(command)
    file = Path(option(command, "--mcp-config"))
    assert set(json.loads(file.read_text())["mcpServers"]) == {"hive", "docs"}
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_server_cannot_take_the_hives_name(unstarted: Setting) -> None:
    with pytest.raises(EngineFailed) as failed:
        command_line(with_servers(unstarted.context(), [{"name": "hive", "command": "x"}]), "haiku", None)
    assert failed.value.code == "invalid_option"


def with_servers(context: EngineContext, servers: list[dict[str, Any]]) -> EngineContext:
    spec = context.launch.spec.model_copy(update={"mcp_servers": servers})
    return replace(context, launch=context.launch.model_copy(update={"spec": spec}))


@pytest.mark.parametrize("size", [None, claude_launch.MOST_PROMPT_BYTES + 1])
def test_a_prompt_file_that_is_missing_or_too_long_is_said(unstarted: Setting, size: int | None) -> None:
    unstarted.prompt = "role.md"
    if size is not None:
        (unstarted.workspace / "role.md").write_text("x" * size)
    with pytest.raises(EngineFailed) as failed:
        command_line(unstarted.context(), "haiku", None)
    assert failed.value.code == "invalid_option"
    assert "role.md" in failed.value.message


def test_its_own_folder_and_few_retries_unless_the_agent_says_otherwise(unstarted: Setting) -> None:
    context = unstarted.context()
    environment = context.environment(environment_defaults(context))
    assert environment["HOME"] == str(context.home)
    assert environment["CLAUDE_CONFIG_DIR"] == str(context.home / ".claude")
    assert environment["CLAUDE_CODE_MAX_RETRIES"] == "1"  # what the setting's agent says
    assert environment["DISABLE_AUTOUPDATER"] == "1"
    assert environment_defaults(context)["CLAUDE_CODE_MAX_RETRIES"] == "3"
