"""What an acp agent may be asked to be, how each preset is started, and what of them is found on a machine."""

import json
import os
import shlex
from pathlib import Path
from typing import Any

import pytest

from agentd.engines.acp import AcpEngine
from agentd.engines.acp_found import find
from agentd.engines.acp_launch import check_spec, command_line, environment_defaults
from agentd.engines.acp_presets import PRESETS
from agentd.engines.base import EngineFailed
from agentd.engines.registry import check_spec as check_any
from agentd.engines.registry import make_engine
from hived.wire.agents import SpawnRequest
from tests.support.acp import AcpSetting


def asked(**options: Any) -> SpawnRequest:
    return SpawnRequest(name="bee", engine="acp", engine_options=options)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({}, "agent: it is one of claude-agent-acp, codex-acp, gemini, opencode, goose; any other agent"),
        ({"agent": "claude"}, "agent: it is one of"),
        ({"agent": ["codex-acp"]}, "agent: it is one of"),
        ({"comand": "x"}, "comand: acp has no such option; it has agent, command, permission_mode."),
        ({"command": ""}, "command: it is a string or a list of words."),
        ({"command": []}, "command: it is a string or a list of words."),
        ({"command": ["cat", 3]}, "command: it is a string or a list of words."),
        ({"command": "'"}, "command: it cannot be split into words"),
        ({"command": "cat", "permission_mode": ["x"]}, "permission_mode: it is the name of one"),
    ],
)
def test_an_option_that_cannot_be_met_is_named(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(EngineFailed) as failed:
        check_any(asked(**options))
    assert failed.value.message.startswith(sentence)
    assert (failed.value.code, failed.value.retryable) == ("invalid_option", False)


@pytest.mark.parametrize("options", [{"agent": "nobody"}, {"command": "cat", "x": 1}])
def test_the_engine_is_not_even_made_of_wrong_options(tmp_path: Path, options: dict[str, Any]) -> None:
    with pytest.raises(EngineFailed):
        make_engine("acp", AcpSetting(tmp_path, options=options).context())


def test_a_server_of_its_own_that_is_wrong_is_refused_before_anybody_is_asked() -> None:
    spec = asked(command="cat")
    spec.mcp_servers = [{"name": "hive", "command": "x"}]
    with pytest.raises(EngineFailed, match="mcp_servers, hive"):
        check_spec(spec)


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_an_agent_that_is_not_on_this_machine_is_named_with_how_to_get_it(
    preset: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EngineFailed) as failed:
        check_spec(asked(agent=preset))
    assert failed.value.code == "command_missing"
    assert failed.value.message.endswith(f"install it with: {PRESETS[preset].install}")
    (tmp_path / PRESETS[preset].program).write_text("#!/bin/sh\n")
    (tmp_path / PRESETS[preset].program).chmod(0o755)
    check_spec(asked(agent=preset))


def test_a_command_is_split_as_a_shell_splits_and_takes_the_place_of_the_presets() -> None:
    assert command_line(asked(agent="gemini")) == ["gemini", "--acp"]
    assert command_line(asked(command="npx 'my agent' --acp")) == ["npx", "my agent", "--acp"]
    assert command_line(asked(agent="gemini", command=["/opt/gemini", "--acp", "--debug"]))[0] == "/opt/gemini"


def test_every_presets_login_lies_in_the_agents_own_home(tmp_path: Path) -> None:
    for name in PRESETS:
        defaults = environment_defaults(AcpSetting(tmp_path, options={"agent": name}).context())
        home = str(tmp_path / "home")
        assert defaults["HOME"] == home
        assert all(
            value.startswith(home) for key, value in defaults.items() if key in ("CLAUDE_CONFIG_DIR", "CODEX_HOME")
        )
        assert not any("{home}" in value for value in defaults.values())


def test_what_changes_something_is_asked_for_by_every_preset(tmp_path: Path) -> None:
    def environment(name: str) -> dict[str, str]:
        return environment_defaults(AcpSetting(tmp_path, options={"agent": name}).context())

    permissions = json.loads(environment("opencode")["OPENCODE_PERMISSION"])
    assert list(permissions)[0] == "*", "the last one that fits counts"
    assert permissions["*"] == "ask"
    assert not {"bash", "edit", "webfetch", "external_directory"} & set(permissions)
    assert environment("opencode")["OPENCODE_DISABLE_PROJECT_CONFIG"] == "1"
    assert 'approval_policy="untrusted"' in command_line(asked(agent="codex-acp"))
    assert environment("goose")["GOOSE_MODE"] == "approve"
    assert PRESETS["claude-agent-acp"].session_meta["claudeCode"]["options"]["settingSources"] == []
    assert PRESETS["claude-agent-acp"].mode == PRESETS["gemini"].mode == "default"


def test_what_the_agent_toml_says_stands_over_the_presets_own(tmp_path: Path) -> None:
    setting = AcpSetting(tmp_path, options={"agent": "opencode"}, env={"OPENCODE_PERMISSION": "{}"})
    context = setting.context()
    assert context.environment(environment_defaults(context))["OPENCODE_PERMISSION"] == "{}"


def test_an_engine_that_nobody_has_asked_anything_knows_what_its_preset_can(tmp_path: Path) -> None:
    engine = AcpEngine(AcpSetting(tmp_path, options={"agent": "codex-acp"}).context())
    assert engine.abilities.compact
    assert engine.abilities.resume
    assert engine.abilities.set_model
    assert not engine.abilities.closed_models


# What is found ---------------------------------------------------------------------------------------------


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with an empty home, nothing on its PATH and no keys."""
    for folder in ("bin", "home", "hive"):
        (tmp_path / folder).mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HIVE_HOME", str(tmp_path / "hive"))
    for preset in PRESETS.values():
        for key in preset.keys:
            monkeypatch.delenv(key, raising=False)
    return tmp_path


def put(machine: Path, program: str, answer: str = "exit 1") -> Path:
    path = machine / "bin" / program
    path.write_text(f"#!/bin/sh\n{answer}\n")
    path.chmod(0o755)
    return path


def test_a_machine_without_any_says_how_to_get_each(machine: Path) -> None:
    found = find()
    assert [one.preset for one in found] == list(PRESETS)
    assert not any(one.found for one in found)
    assert all(one.install and one.detail for one in found)


def test_a_version_is_read_from_the_package_beside_the_program(machine: Path) -> None:
    package = machine / "node_modules/@zed-industries/codex-acp"
    (package / "bin").mkdir(parents=True)
    (package / "package.json").write_text('{"version": "0.16.0"}')
    marker = machine / "started"
    (package / "bin/codex-acp.js").write_text(f"#!/bin/sh\n/usr/bin/touch {shlex.quote(str(marker))}\n")
    (package / "bin/codex-acp.js").chmod(0o755)
    (machine / "bin/codex-acp").symlink_to(package / "bin/codex-acp.js")
    (codex,) = [one for one in find() if one.preset == "codex-acp"]
    assert (codex.found, codex.version, codex.path) == (True, "0.16.0", str(machine / "bin/codex-acp"))
    assert not marker.exists(), "it was not started for that"


@pytest.mark.parametrize(
    ("answer", "version"),
    [("echo goose 1.9.3", "1.9.3"), ("echo what", None), ("exit 3", None), ("kill -9 $$", None)],
)
def test_a_program_without_a_package_is_asked(machine: Path, answer: str, version: str | None) -> None:
    put(machine, "goose", answer)
    (goose,) = [one for one in find() if one.preset == "goose"]
    assert (goose.found, goose.version) == (True, version)


def test_a_program_that_hangs_is_not_waited_for(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agentd.engines.acp_found.PROBE_SECONDS", 0.2)
    put(machine, "goose", "exec /bin/sleep 60")
    (goose,) = [one for one in find() if one.preset == "goose"]
    assert (goose.found, goose.version) == (True, None)


@pytest.mark.parametrize("package", ["{", "[]", '{"version": 3}', '{"version": "; rm -rf"}'])
def test_a_package_that_makes_no_sense_names_no_version(machine: Path, package: str) -> None:
    put(machine, "gemini", "echo 0.61.0")
    (machine / "bin/package.json").write_text(package)
    (gemini,) = [one for one in find() if one.preset == "gemini"]
    assert gemini.version == "0.61.0"


def test_a_login_is_told_by_its_key_or_by_what_it_left_behind(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(machine, "codex-acp")

    def login() -> tuple[str, str]:
        (codex,) = [one for one in find() if one.preset == "codex-acp"]
        return codex.login, codex.login_detail

    state, detail = login()
    assert state == "out"
    assert "codex login" in detail
    (machine / "home/.codex").mkdir()
    (machine / "home/.codex/auth.json").write_text("{}")
    assert login() == ("in", "~/.codex/auth.json")
    (machine / "hive/secrets.toml").write_text('CODEX_API_KEY = "very-secret"')
    assert login() == ("key", "CODEX_API_KEY in secrets.toml")
    monkeypatch.setenv("OPENAI_API_KEY", "very-secret")
    assert login() == ("key", "CODEX_API_KEY in secrets.toml")
    (machine / "hive/secrets.toml").write_text("not = toml = ")
    assert login() == ("key", "OPENAI_API_KEY in the environment")
    assert "very-secret" not in str(find())


def test_opencode_needs_no_login(machine: Path) -> None:
    put(machine, "opencode")
    (opencode,) = [one for one in find() if one.preset == "opencode"]
    assert opencode.login == "not_needed"


def test_a_path_that_is_no_folder_is_no_reason_to_fail(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", os.pathsep.join(["", "/nowhere", str(machine / "bin")]))
    assert len(find()) == len(PRESETS)
