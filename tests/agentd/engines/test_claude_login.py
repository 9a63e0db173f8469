"""Logging in: the real `claude auth login` against hosts that a loopback proxy plays, and programs that behave badly in its place."""

import asyncio
import json
import os
import re
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from agentd.engines import claude_found, claude_login
from agentd.engines.base import EngineContext, EngineFailed, Note
from agentd.engines.claude_account import Account, has_credentials
from agentd.engines.claude_login import ClaudeLogin, logged_in
from agentd.runtimes.process import LOGIN, ProcessRuntime, end_leftover
from hived.wire.times import from_text
from tests.fakes.claude_accounts import CODE, ClaudeAccounts
from tests.fakes.messages_api import MessagesApi
from tests.support.claude import Setting, require_claude, until

ROOT = Path(__file__).resolve().parents[3]


def without_key(setting: Setting) -> EngineContext:
    """An agent whose environment holds no credentials."""
    setting.env.update(ANTHROPIC_API_KEY="", ANTHROPIC_BASE_URL="")
    runtime = ProcessRuntime(setting.root / "harness", 1, setting.reported.append, name=LOGIN)
    return replace(setting.context(), runtime=runtime)


def all_that_was_written(setting: Setting) -> str:
    files = [path.read_text(errors="replace") for path in (setting.root / "harness").rglob("*") if path.is_file()]
    return "\n".join([*files, *setting.logged, *map(repr, setting.reported)])


def runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


# The real CLI ----------------------------------------------------------------------------------------------


@pytest.mark.claude
async def test_the_link_goes_out_the_code_comes_back_and_the_agent_is_logged_in(setting: Setting) -> None:
    async with ClaudeAccounts(setting.root) as accounts:
        setting.env.update(accounts.environment)
        context = without_key(setting)
        assert await logged_in(context) is False
        login = ClaudeLogin(context)
        link = await login.begin()
        assert re.fullmatch(r"https://claude\.(com|ai)/\S+", link)
        await login.finish(f" {CODE}\n")
        assert await logged_in(context) is True
    assert [asked["code"] for asked in accounts.exchanged] == ["the-code"]
    assert list((setting.root / "home" / ".claude").glob(".credentials.json"))
    assert "the-code" not in all_that_was_written(setting)
    assert "the-state" not in all_that_was_written(setting)
    await login.cancel()


@pytest.mark.claude
async def test_a_code_that_is_refused_is_one_sentence_without_the_code(setting: Setting) -> None:
    async with ClaudeAccounts(setting.root, refuses=True) as accounts:
        setting.env.update(accounts.environment)
        login = ClaudeLogin(without_key(setting))
        await login.begin()
        with pytest.raises(EngineFailed) as failed:
            await login.finish(CODE)
    assert failed.value.message.startswith("Claude Code did not take the code: ")
    assert "\n" not in failed.value.message
    assert "the-code" not in failed.value.message
    assert (failed.value.code, failed.value.retryable) == ("login_failed", False)


@pytest.mark.claude
async def test_a_login_with_no_network_fails_and_says_so(setting: Setting) -> None:
    setting.env["HTTPS_PROXY"] = "http://127.0.0.1:9"
    login = ClaudeLogin(without_key(setting))
    await login.begin()
    async with asyncio.timeout(60):
        with pytest.raises(EngineFailed) as failed:
            await login.finish(CODE)
    assert failed.value.message.startswith("Claude Code did not take the code: ")


@pytest.mark.claude
async def test_a_cancelled_login_leaves_no_process(setting: Setting) -> None:
    context = without_key(setting)
    login = ClaudeLogin(context)
    await login.begin()
    pid = int(json.loads((setting.root / "harness/login.pid").read_text())["pid"])
    assert runs(pid)
    await login.cancel()
    await login.cancel()
    assert not runs(pid)


HARNESS = """
import asyncio, os, sys
from pathlib import Path
from agentd.runtimes.process import LOGIN, ProcessRuntime
async def main():
    root, command = Path(sys.argv[1]), sys.argv[2:]
    runtime = ProcessRuntime(root / "harness", 1, print, name=LOGIN)
    env = {"PATH": os.environ["PATH"], "HOME": str(root / "home"), "BROWSER": "true"}
    process = await runtime.start(command, env=env, cwd=root)
    async for lines in process.lines():
        print("up", process.pid, flush=True)
        await asyncio.sleep(3600)
asyncio.run(main())
"""


@pytest.mark.claude
async def test_a_login_whose_harness_was_killed_is_found_and_ended_by_the_next(setting: Setting) -> None:
    harness = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HARNESS, str(setting.root), setting.program, "auth", "login", stdout=asyncio.subprocess.PIPE, cwd=ROOT,
    )  # fmt: skip
    try:
        assert harness.stdout is not None
        pid = int((await harness.stdout.readline()).split()[1])
    finally:
        harness.send_signal(signal.SIGKILL)
        await harness.wait()
    assert await end_leftover(setting.root / "harness") or not runs(pid)
    await until(lambda: not runs(pid))


@pytest.mark.claude
async def test_a_login_that_ends_within_a_day_is_a_warning_said_once(setting: Setting) -> None:
    async with ClaudeAccounts(setting.root, login_seconds=3600) as accounts:
        setting.env.update(accounts.environment)
        context = without_key(setting)
        login = ClaudeLogin(context)
        await login.begin()
        await login.finish(CODE)
        assert await logged_in(context) is True
        assert await logged_in(context) is True
    said = [event for event in setting.reported if isinstance(event, Note)]
    if "claude-new" in setting.program or said:  # 2.1.197 does not say when its login ends
        assert [note.level for note in said] == ["warning"]
        assert "log it in anew" in said[0].text


# What it says, and what else may stand in its place ----------------------------------------------------------


@pytest.fixture
def unstarted(tmp_path: Path) -> Setting:
    return Setting(tmp_path, MessagesApi(), sys.executable)


def acting(setting: Setting, script: str) -> EngineContext:
    setting.options["command"] = [sys.executable, "-c", "import sys, time\n" + script]
    return without_key(setting)


TERMINAL_LINES = r"""
print("Opening browser to sign in\u2026", flush=True)
print("\x1b[94mIf the browser didn't open, visit:\x1b[39m")
print("\x1b]8;;https://claude.ai/oauth/authorize?z-abc\x07\x1b[94mhttps://claude.ai/oauth/autho\x1b[39m\x1b]8;;\x07")
print("Paste code here if prompted > ", end="", flush=True)
"""


async def test_the_link_behind_a_terminals_words_is_the_whole_one(unstarted: Setting) -> None:
    login = ClaudeLogin(acting(unstarted, TERMINAL_LINES + "sys.stdin.readline()"))
    assert await login.begin() == "https://claude.ai/oauth/authorize?z-abc"
    await login.finish(CODE)


async def test_a_failure_that_repeats_the_code_is_told_without_it(unstarted: Setting) -> None:
    script = (
        TERMINAL_LINES + "code = sys.stdin.readline()\nprint('No: out of wax')\nprint('you said', code)\nsys.exit(1)"
    )
    login = ClaudeLogin(acting(unstarted, script))
    await login.begin()
    with pytest.raises(EngineFailed) as failed:
        await login.finish(CODE)
    assert failed.value.message == "Claude Code did not take the code: No: out of wax"


@pytest.mark.parametrize("code", ["", "half", "a#", "#b", "a#b#c", "a b#c", "a#b\nc", "a#\x1b[31m", "a#" + "x" * 3000])
async def test_what_is_no_whole_code_is_not_even_handed_over(unstarted: Setting, code: str) -> None:
    script = TERMINAL_LINES + "given = sys.stdin.readline()\nif given: open('given', 'w').write(given)"
    login = ClaudeLogin(acting(unstarted, script))
    await login.begin()
    with pytest.raises(EngineFailed) as failed:
        await login.finish(code)
    assert "whole code" in failed.value.message
    await login.cancel()
    assert not (unstarted.root / "home" / "given").exists()


async def test_a_program_that_ends_without_a_link_is_said_with_its_words(unstarted: Setting) -> None:
    login = ClaudeLogin(acting(unstarted, "print('there is no such command', file=sys.stderr); sys.exit(2)"))
    with pytest.raises(EngineFailed) as failed:
        await login.begin()
    assert "there is no such command" in failed.value.message


async def test_a_program_that_gives_no_link_is_ended_after_a_while(
    unstarted: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claude_login, "LINK_SECONDS", 0.3)
    login = ClaudeLogin(acting(unstarted, "print('thinking', flush=True); time.sleep(600)"))
    with pytest.raises(EngineFailed) as failed:
        await login.begin()
    assert "no link" in failed.value.message
    pid = int(json.loads((unstarted.root / "harness/login.pid").read_text())["pid"])
    assert not runs(pid)


async def test_a_program_that_never_says_whether_it_took_the_code_is_ended_after_a_while(
    unstarted: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claude_login, "CODE_SECONDS", 0.3)
    login = ClaudeLogin(acting(unstarted, TERMINAL_LINES + "sys.stdin.readline(); time.sleep(600)"))
    await login.begin()
    with pytest.raises(EngineFailed) as failed:
        await login.finish(CODE)
    assert "did not say" in failed.value.message


async def test_a_code_for_no_login_is_refused(unstarted: Setting) -> None:
    with pytest.raises(EngineFailed):
        await ClaudeLogin(without_key(unstarted)).finish(CODE)


@pytest.mark.parametrize(
    "script",
    ["print('no json')", "print('{}')", "print('[]')", "print('x' * 100000)", "sys.exit(3)", "time.sleep(600)"],
)
async def test_a_login_that_cannot_be_told_is_neither_in_nor_out(
    unstarted: Setting, monkeypatch: pytest.MonkeyPatch, script: str
) -> None:
    monkeypatch.setattr(claude_login, "STATUS_SECONDS", 0.5)
    began = time.monotonic()
    assert await logged_in(acting(unstarted, script)) is None
    assert time.monotonic() - began < 200


async def test_a_program_that_is_missing_cannot_be_asked(unstarted: Setting) -> None:
    unstarted.options["command"] = ["/nonexistent/claude"]
    assert await logged_in(without_key(unstarted)) is None
    assert any("/nonexistent/claude" in line for line in unstarted.logged)


@pytest.mark.parametrize(
    ("env", "held"),
    [
        ({"ANTHROPIC_API_KEY": "k"}, True),
        ({"ANTHROPIC_AUTH_TOKEN": "t"}, True),
        ({"CLAUDE_CODE_OAUTH_TOKEN": "t"}, True),
        ({"CLAUDE_CODE_USE_BEDROCK": "1"}, True),
        ({"CLAUDE_CODE_USE_VERTEX": "true"}, True),
        ({"CLAUDE_CODE_USE_BEDROCK": "0"}, False),
        ({"ANTHROPIC_API_KEY": ""}, False),
        ({}, False),
    ],
)
def test_credentials_in_the_environment_need_no_login(env: dict[str, str], held: bool) -> None:
    assert has_credentials(env) is held


async def test_an_agent_with_a_key_of_its_own_starts_nothing_to_know_it(unstarted: Setting) -> None:
    unstarted.options["command"] = ["/nonexistent/claude"]
    assert await logged_in(unstarted.context()) is True


@pytest.mark.parametrize(
    ("expires_at", "soon"),
    [
        (None, False),
        ("whenever", False),
        ("2026-11-22T11:00:00.000Z", True),
        ("2026-11-22T13:00:00.000Z", False),
        ("2026-11-01T00:00:00.000Z", True),
    ],
)
def test_a_login_that_ends_is_worth_a_word_a_day_before(expires_at: str | None, soon: bool) -> None:
    account = Account.read(json.dumps({"loggedIn": True, "loginExpiresAt": expires_at}))
    assert account is not None
    assert account.ends_soon(from_text("2026-11-21T12:00:00.000Z")) is soon


# The operator's own -------------------------------------------------------------------------------------------


@pytest.mark.claude
@pytest.mark.parametrize("generation", ["pinned", "newest"])
@pytest.mark.parametrize(("key", "login"), [("", "out"), ("dummy", "key")])
def test_what_is_found_says_its_version_its_login_and_what_it_can_do(
    generation: str, key: str, login: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = require_claude(generation)
    monkeypatch.setattr(claude_found, "claude_program", lambda: program)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / ".claude"))
    monkeypatch.setenv("ANTHROPIC_API_KEY", key)
    (found,) = claude_found.find()
    assert (found.found, found.login, found.path) == (True, login, program)
    assert found.version is not None
    assert re.fullmatch(r"\d+\.\d+\.\d+", found.version)
    assert found.abilities.login
    assert "high" in found.abilities.efforts
    assert "plan" in found.abilities.permission_modes
    assert "npm install" in found.install


def test_where_it_is_not_there_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claude_found, "claude_program", lambda: None)
    (found,) = claude_found.find()
    assert not found.found
    assert found.install.startswith("npm install")


@pytest.mark.parametrize("script", ["sleep 60", "exit 3", "echo what"])
def test_a_program_that_is_no_claude_is_not_found_and_says_why(
    script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "claude"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setattr(claude_found, "claude_program", lambda: str(program))
    monkeypatch.setattr(claude_found, "PROBE_SECONDS", 0.5)
    (found,) = claude_found.find()
    assert not found.found
    assert found.detail
