"""Claude's command line and environment, without starting it."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agentd.engines import claude_launch, preamble
from agentd.engines.base import EngineContext, EngineFailed
from agentd.engines.claude_launch import check_spec, command_line, environment_defaults
from agentd.engines.claude_servers import ServerFile, server_config
from agentd.engines.claude_settings import Settings
from tests.fakes.messages_api import MessagesApi
from tests.support.claude import Setting

HAIKU = Settings("haiku", None, None)


@pytest.fixture
def unstarted(tmp_path: Path) -> Setting:
    return Setting(tmp_path, MessagesApi(), "/opt/claude")


def option(command: list[str], name: str) -> str:
    return command[command.index(name) + 1]


def test_no_setting_source_is_loaded_and_no_server_but_the_given(unstarted: Setting) -> None:
    command = command_line(unstarted.context(), HAIKU)
    assert command[0] == "/opt/claude"
    assert option(command, "--setting-sources") == ""
    assert "--strict-mcp-config" in command
    assert "--resume" not in command
    assert "--continue" not in command
    assert not any("skip-permissions" in word for word in command)


def test_a_session_is_resumed_by_its_id(unstarted: Setting) -> None:
    assert option(command_line(unstarted.context(), HAIKU, session_id="an-id"), "--resume") == "an-id"


def test_the_hives_tools_are_allowed_beside_the_operators(unstarted: Setting) -> None:
    unstarted.options.update({"allowed_tools": ["Read", "Bash(git *)"], "disallowed_tools": "WebFetch"})
    command = command_line(unstarted.context(), HAIKU)
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
        command_line(unstarted.context(), HAIKU)
    assert failed.value.code == "invalid_option"
    assert name in failed.value.message
    assert failed.value.retryable is False


def test_a_command_is_split_as_a_shell_splits(unstarted: Setting) -> None:
    unstarted.options["command"] = "node 'my claude.js' --quiet"
    assert command_line(unstarted.context(), HAIKU)[:3] == ["node", "my claude.js", "--quiet"]


def test_a_machine_without_claude_is_told_how_to_get_it(unstarted: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claude_launch, "claude_program", lambda: None)
    context = unstarted.context()
    del context.launch.spec.engine_options["command"]
    with pytest.raises(EngineFailed) as failed:
        command_line(context, HAIKU)
    assert failed.value.code == "command_missing"
    assert "npm install" in failed.value.message


def test_the_hives_tools_are_there_from_the_start(unstarted: Setting) -> None:
    config = json.loads(server_config(unstarted.context().launch.spec))
    assert config == {"mcpServers": {"hive": {"type": "sdk", "name": "hive", "alwaysLoad": True}}}


def test_a_model_an_effort_and_a_mode_are_named_to_it_and_its_own_model_is_not(unstarted: Setting) -> None:
    command = command_line(unstarted.context(), Settings("opus", "high", "plan"), effort="high")
    assert option(command, "--model") == "opus"
    assert option(command, "--effort") == "high"
    assert option(command, "--permission-mode") == "plan"
    own = command_line(unstarted.context(), Settings("default", None, None))
    assert "--model" not in own
    assert "--effort" not in own
    assert option(own, "--permission-mode") == "default"


def test_the_mode_of_the_options_holds_until_another_is_set(unstarted: Setting) -> None:
    unstarted.options["permission_mode"] = "plan"
    assert option(command_line(unstarted.context(), HAIKU), "--permission-mode") == "plan"
    set_anew = command_line(unstarted.context(), Settings("haiku", None, "acceptEdits"))
    assert option(set_anew, "--permission-mode") == "acceptEdits"


@pytest.mark.parametrize(("uid", "env", "refused"), [(0, {}, True), (0, {"IS_SANDBOX": "1"}, False), (1000, {}, False)])
def test_root_may_not_go_unasked_unless_something_walls_it_in(
    unstarted: Setting, monkeypatch: pytest.MonkeyPatch, uid: int, env: dict[str, str], refused: bool
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: uid)
    unstarted.options.update(permission_mode="bypassPermissions", command=["sh"])
    unstarted.env.update(env)
    context = unstarted.context()
    if not refused:
        check_spec(context.launch.spec)
        command_line(context, HAIKU, environment=env)
        return
    with pytest.raises(EngineFailed) as at_spawn:
        check_spec(context.launch.spec)
    with pytest.raises(EngineFailed) as at_start:
        command_line(context, HAIKU, environment=env)
    assert at_spawn.value.message == at_start.value.message
    assert (at_spawn.value.code, at_spawn.value.retryable) == ("invalid_option", False)
    assert "IS_SANDBOX=1" in at_spawn.value.message


def test_behind_walls_it_is_not_root_and_may_go_unasked(unstarted: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 0)
    unstarted.options.update(permission_mode="bypassPermissions", command=["sh"])
    context = unstarted.context()
    check_spec(context.launch.spec.model_copy(update={"runtime": "bwrap"}))
    walled = replace(context, launch=context.launch.model_copy(update={"engine_uid": 200001}))
    assert option(command_line(walled, HAIKU, environment={}), "--permission-mode") == "bypassPermissions"


DOCS = {"name": "docs", "command": "docs-server", "args": ["-q"], "env": {"TOKEN": "secret"}}


def test_an_agents_own_servers_are_kept_off_the_command_line_and_in_no_file_for_long(unstarted: Setting) -> None:
    context = with_servers(unstarted.context(), [DOCS, {"name": "web", "url": "http://127.0.0.1:9/mcp"}])
    file = ServerFile(context.launch.spec, context.home)
    assert "secret" not in file.word
    servers = json.loads(Path(file.word).read_text())["mcpServers"]
    assert servers["docs"] == {"type": "stdio", "command": "docs-server", "args": ["-q"], "env": {"TOKEN": "secret"}}
    assert servers["web"] == {"type": "http", "url": "http://127.0.0.1:9/mcp", "headers": {}}
    assert Path(file.word).stat().st_mode & 0o777 == 0o600
    file.remove()
    file.remove()
    assert list(Path(file.word).parent.iterdir()) == []


def test_the_file_that_a_killed_harness_left_goes_with_the_next_start(unstarted: Setting) -> None:
    context = with_servers(unstarted.context(), [DOCS])
    left = ServerFile(context.launch.spec, context.home)
    own = Path(left.word).with_name("hive-mcp-notes.json")
    own.write_text("the agent's own")
    file = ServerFile(context.launch.spec, context.home)
    assert not Path(left.word).exists()
    assert Path(file.word).exists()
    assert own.exists()


def test_a_folder_that_the_agent_put_a_link_in_is_not_written_to(unstarted: Setting) -> None:
    elsewhere = unstarted.root / "elsewhere"
    elsewhere.mkdir()
    (unstarted.root / "home" / ".claude").symlink_to(elsewhere)
    context = with_servers(unstarted.context(), [DOCS])
    with pytest.raises(EngineFailed) as failed:
        ServerFile(context.launch.spec, context.home)
    assert ".claude" in failed.value.message
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize(
    "bad", [{"name": "hive", "command": "x"}, {"name": "docs"}, {"name": "docs", "command": "x", "nonsense": 1}]
)
def test_a_server_that_cannot_be_one_is_refused_before_there_is_an_agent(
    unstarted: Setting, bad: dict[str, Any]
) -> None:
    unstarted.options["command"] = ["sh"]
    unstarted.servers.append(bad)
    with pytest.raises(EngineFailed) as failed:
        check_spec(unstarted.context().launch.spec)
    assert failed.value.code == "invalid_option"


def with_servers(context: EngineContext, servers: list[dict[str, Any]]) -> EngineContext:
    spec = context.launch.spec.model_copy(update={"mcp_servers": servers})
    return replace(context, launch=context.launch.model_copy(update={"spec": spec}))


@pytest.mark.parametrize("size", [None, preamble.MOST_PROMPT_BYTES + 1])
def test_a_prompt_file_that_is_missing_or_too_long_is_said(unstarted: Setting, size: int | None) -> None:
    unstarted.prompt = "role.md"
    if size is not None:
        (unstarted.workspace / "role.md").write_text("x" * size)
    with pytest.raises(EngineFailed) as failed:
        command_line(unstarted.context(), HAIKU)
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
