"""The `hive` command as a shell meets it, where no hived runs: exit codes, one sentence, no traceback."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hived.cli.hive import COMMANDS, main
from hived.wire.protocol import PROTOCOL
from tests.support.hive import short_home

Done = subprocess.CompletedProcess[str]


@pytest.fixture
def home() -> Iterator[Path]:
    made = short_home()
    yield made
    assert list(made.iterdir()) == [], "a command that only asks must leave nothing behind"
    made.rmdir()


def hive(home: Path, *words: str, stdin: str = "") -> Done:
    env = {**os.environ, "HIVE_HOME": str(home)}
    command = [sys.executable, "-m", "hived.cli.hive", *words]
    return subprocess.run(command, env=env, input=stdin, capture_output=True, text=True, timeout=60, check=False)


def assert_fails(done: Done, exit_code: int, code: str) -> None:
    assert (done.returncode, done.stdout) == (exit_code, ""), done
    assert done.stderr.startswith(f"error[{code}]: ")
    assert done.stderr.count("\n") == 1, done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["status"],
        ["down"],
        ["ls"],
        ["ls", "--json"],
        ["show", "queen"],
        ["log", "queen"],
        ["spawn", "w", "--engine", "scripted"],
        ["start", "w"],
        ["stop", "--all"],
        ["wait", "w"],
        ["send", "*", "hello"],
        ["messages"],
        ["messages", "--follow"],
        ["inbox"],
        ["events", "w"],
        ["events", "a", "b", "--follow"],
        ["transcript", "w"],
        ["model", "w"],
        ["cancel", "w"],
        ["waiting"],
        ["approvals"],
        ["approve", "0190"],
        ["deny", "0190", "--note", "no"],
        ["engines"],
        ["effort", "w", "high"],
        ["permission-mode", "w"],
        ["compact", "w"],
        ["new-session", "w", "--yes"],
        ["nap", "w", "5m"],
        ["resume", "--all"],
        ["login", "w"],
        ["login", "w", "--code", "x"],
        ["rebuild", "w", "--model", "m"],
        ["record", "w"],
        ["doctor", "--hived"],
    ],
)
def test_without_hived_every_call_says_so_and_exits_3(home: Path, words: list[str]) -> None:
    assert_fails(hive(home, *words), 3, "not_running")


BAD_NAMES = ["..", "/", "", "a" * 33, "A", "9", "a_b", "a\n", "operator", "hived", "../queen", "-"]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_a_bad_name_is_refused_before_anyone_is_asked(home: Path, name: str) -> None:
    assert_fails(hive(home, "spawn", "--engine", "scripted", "--", name), 2, "invalid_name")


@pytest.mark.parametrize(
    "command",
    [
        "show",
        "log",
        "start",
        "stop",
        "restart",
        "wait",
        "events",
        "transcript",
        "cancel",
        "model",
        "effort",
        "permission-mode",
        "compact",
        "new-session",
        "resume",
        "login",
        "rebuild",
        "record",
    ],
)
def test_no_command_takes_a_path_for_a_name(capsys: pytest.CaptureFixture[str], command: str) -> None:
    assert main([command, "../../etc"]) == 2
    assert capsys.readouterr().err.startswith("error[invalid_name]: ")


@pytest.mark.parametrize(
    "words",
    [
        ["nonsense"],
        ["--nonsense"],
        ["spawn"],
        ["spawn", "w"],
        ["spawn", "w", "--engine", "scripted", "--env", "novalue"],
        ["spawn", "w", "--engine", "scripted", "--option", "=x"],
        ["spawn", "w", "--engine", "command", "--command", "unclosed '"],
        ["spawn", "w", "--engine", "command", "--command", ""],
        ["spawn", "w", "--engine", "scripted", "--role", "king"],
        ["start"],
        ["stop", "w", "--all"],
        ["restart"],
        ["wait"],
        ["wait", "w", "--until", "rich"],
        ["wait", "w", "--timeout", "-1"],
        ["wait", "w", "--timeout", "soon"],
        ["send", "w"],
        ["send", "w", " "],
        ["events"],
        ["events", "w", "--limit", "0"],
        ["ls", "--js"],
        ["approve"],
        ["paths", "NOSUCH"],
        ["paths", "queen", "nosuch"],
        ["model", "w", ""],
        ["model", "w", "m", "--list"],
        ["effort"],
        ["nap", "w"],
        ["nap", "w", "5"],
        ["resume"],
        ["resume", "w", "--all"],
        ["rebuild"],
        ["rebuild", "w", "--option", "=x"],
        ["login", "w", "--code", "x", "--cancel"],
        ["spawn", "w", "--agent-toml", "/etc/hostname", "extra"],
        ["tui"],
        [],
    ],
)
def test_wrong_usage_exits_2_with_one_sentence(capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    assert main(words) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(("error[usage]: ", "error[invalid_name]: "))
    assert said.err.count("\n") == 1


def test_an_unknown_command_names_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sttaus"]) == 2
    assert "did you mean 'status'?" in capsys.readouterr().err


def test_a_hostile_command_is_shown_harmless(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["\x1b[2J\x1b]0;x\x07evil"]) == 2
    assert "\x1b" not in capsys.readouterr().err


def test_a_message_over_256_kib_is_too_large_and_never_sent(home: Path) -> None:
    assert_fails(hive(home, "send", "w", "-", stdin="x" * (256 * 1024 + 1)), 1, "too_large")


def test_an_id_that_is_none_is_not_found(home: Path) -> None:
    assert_fails(hive(home, "approve", "../../x"), 4, "approval_not_found")


PROMISED = [
    "init", "up", "down", "status", "doctor", "paths", "version", "tui", "demo", "spawn", "ls", "show", "log", "start",
    "stop", "restart", "rebuild", "resume", "wait", "waiting", "send", "messages", "inbox", "events", "transcript",
    "model", "compact", "cancel", "new-session", "login", "approvals", "approve", "deny",
    "propose", "diff", "deployments", "rollback", "templates",
]  # fmt: skip
"""INTERFACE's commands, as far as there is something behind them: names that others script against."""


def test_every_promised_command_is_there() -> None:
    assert [command for command in PROMISED if command not in COMMANDS] == []


@pytest.mark.parametrize("command", [*COMMANDS])
def test_every_command_has_help_and_json(capsys: pytest.CaptureFixture[str], command: str) -> None:
    assert main([command, "--help"]) == 0
    said = capsys.readouterr()
    assert f"usage: hive {command}" in said.out
    assert "--json" in said.out
    assert said.err == ""


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    said = capsys.readouterr().out
    assert [command for command in COMMANDS if f"  {command} " not in said] == []


def test_no_command_but_the_demo_loads_what_is_heavy() -> None:
    modules = sorted({module for module, _ in COMMANDS.values()} - {"demo"})
    code = f"import sys, {', '.join(f'hived.cli.{module}' for module in modules)}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    heavy = {"pydantic", "httpx", "asyncio", "fastapi", "textual", "aiosqlite", "subprocess", "sqlite3"}
    assert heavy.isdisjoint(loaded)


def test_version_works_without_hived(home: Path) -> None:
    done = hive(home, "version", "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout) == {
        "protocol": PROTOCOL,
        "build": "hivetui 0.1.0",
        "version": "0.1.0",
        "hived": None,
    }


def test_paths_prints_one_path_alone_for_curl(home: Path) -> None:
    assert hive(home, "paths", "host-socket").stdout == f"{home}/run/host.sock\n"
    assert hive(home, "paths", "queen", "workspace").stdout == f"{home}/agents/queen/work\n"
    assert json.loads(hive(home, "paths", "--json").stdout)["host-socket"] == f"{home}/run/host.sock"


def test_too_long_a_home_is_one_sentence(home: Path) -> None:
    assert_fails(hive(home / ("x" * 120), "ls"), 1, "path_too_long")


def test_a_closed_pipe_is_no_error(home: Path) -> None:
    script = f'"{sys.executable}" -m hived.cli.hive paths | true; echo "${{PIPESTATUS[0]}}"'
    done = subprocess.run(
        ["bash", "-c", script], env={**os.environ, "HIVE_HOME": str(home)}, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    assert done.stdout.strip() in ("0", "141")
