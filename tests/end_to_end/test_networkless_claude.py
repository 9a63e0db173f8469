"""The real Claude Code behind real walls, with no network and no key: its model is reached over agentd's socket alone."""

import asyncio
import contextlib
import json
import os
import signal
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
import pytest

from agentd.engines.base import EngineContext, EngineFailed, Permission, Text, ToolResult
from agentd.engines.claude import ClaudeEngine
from agentd.engines.claude_login import ClaudeLogin, logged_in
from agentd.environment import engine_environment
from agentd.network.plan import LOGIN
from agentd.runtimes.registry import make_runtime
from tests.fakes.claude_accounts import CODE, ClaudeAccounts
from tests.fakes.messages_api import MessagesApi
from tests.support.boxes import Box, served
from tests.support.claude import GENERATIONS, Setting, done_of, played, require_claude, until
from tests.support.claude_turns import running
from tests.support.kept import kept

pytestmark = pytest.mark.claude

SECRET = "sk-ant-a-real-secret"


@dataclass
class Scene:
    setting: Setting
    box: Box
    context: EngineContext
    api: MessagesApi

    @asynccontextmanager
    async def engine(self, session_id: str | None = None) -> AsyncIterator[ClaudeEngine]:
        engine = ClaudeEngine(self.context)
        await engine.start(session_id)
        try:
            yield engine
        finally:
            await engine.close()


@asynccontextmanager
async def living(
    generation: str, env: Mapping[str, str], env_from: Mapping[str, str] | None = None
) -> AsyncIterator[Scene]:
    """`env_from`: what secrets.toml holds of it."""
    program = require_claude(generation)
    with tempfile.TemporaryDirectory(prefix="hv", dir="/tmp", ignore_cleanup_errors=True) as root:
        async with MessagesApi() as api:
            setting = Setting(Path(root), api, program)
            context = setting.context()
            told = {name: value.replace("{api}", api.url) for name, value in env.items()}
            told["CLAUDE_CODE_MAX_RETRIES"] = "1"
            names = list(env_from or {})
            spec = context.launch.spec.model_copy(update={"env": told, "env_from": names})
            async with served(Path(root), spec) as box:
                keep_secrets(box, env_from or {})
                yield Scene(setting, box, box.context(context), api)


def keep_secrets(box: Box, values: Mapping[str, str]) -> None:
    lines = [f"{name} = {json.dumps(value)}\n" for name, value in values.items()]
    Path(box.launch.secrets_file).write_text("".join(lines))


BASE = {"ANTHROPIC_BASE_URL": "{api}"}


def bash(command: str) -> str:
    steps = [{"tool": "Bash", "input": {"command": command, "description": "look"}}, {"text": "Looked."}]
    return f"@@script {json.dumps(steps)}"


def results(events: Sequence[object]) -> str:
    return "\n".join(event.text for event in events if isinstance(event, ToolResult))


@pytest.mark.parametrize("generation", GENERATIONS)
async def test_a_whole_life_without_a_network_and_without_a_key(generation: str) -> None:
    async with living(generation, BASE, {"ANTHROPIC_API_KEY": SECRET}) as scene:
        scene.setting.decide = lambda tool, given: Permission("forbidden" not in json.dumps(given), "not that")
        async with scene.engine() as engine:
            events = await played(engine, "@@tools")
            assert done_of(events).outcome == "ok", done_of(events).error
            assert "hello-from-bash" in results(events)
            assert Text("The file contains hello-from-bash. Done.") in events
            assert [tool for tool, _ in scene.setting.asked] == ["Bash"]
            assert scene.box.heard

            keys = {asked.headers.get("x-api-key") for asked in scene.api.requests}
            assert keys == {SECRET}, "what went out has the key"
            looks = (
                "cat /proc/*/environ /proc/*/cmdline 2>/dev/null | tr '\\0' '\\n' > seen.txt; env >> seen.txt;"
                " echo interfaces: $(tail -n +3 /proc/net/dev | cut -d: -f1)"
            )
            assert "interfaces: lo" in results(await played(engine, bash(looks))).splitlines()
            seen = (scene.setting.workspace / "seen.txt").read_text(errors="replace")
            assert SECRET not in seen
            assert "held-by-the-hive-anthropic-api-key" in seen
            assert all(SECRET.encode() not in found for found in kept(scene.setting.root / "home").values())
            reached = results(await played(engine, bash("curl -sS -m 5 https://1.1.1.1/ || echo no way out")))
            assert "no way out" in reached
            assert scene.box.notes == [
                "No network: a connection to 1.1.1.1:443 was refused: allow_hosts does not name it."
            ]

            refused = await played(engine, bash("touch forbidden"))
            assert "not that" in results(refused)
            assert not (scene.setting.workspace / "forbidden").exists()

            async with running(engine, "@@sleep") as turn:
                await turn.until(lambda event: type(event).__name__ == "ToolUse")
                await until(lambda: "python3" in [process.name() for process in psutil.process_iter()])
                await engine.interrupt()
                assert (await turn.done()).outcome == "cancelled"
            session = engine.session_id
        assert session is not None
        async with scene.engine(session) as engine:
            events = await played(engine, "@@text and what came before")
            assert done_of(events).outcome == "ok"
            assert engine.session_id == session
            assert "@@tools" in json.dumps(scene.api.turns[-1].body)


async def test_a_killed_engine_and_the_next_one_are_served_by_the_same_sockets() -> None:
    async with living("pinned", BASE, {"ANTHROPIC_API_KEY": SECRET}) as scene:
        async with scene.engine() as engine:
            assert done_of(await played(engine, "@@text")).outcome == "ok"
            session = engine.session_id
            async with running(engine, "@@hold") as turn:
                await scene.api.wait_for_requests(len(scene.api.requests) + 1)
                outer = psutil.Process(json.loads((scene.setting.root / "harness/engine.pid").read_text())["pid"])
                for process in [*outer.children(recursive=True), outer]:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(process.pid, signal.SIGKILL)
                with contextlib.suppress(EngineFailed):
                    assert (await turn.done()).outcome == "failed"
        scene.api.release()
        async with scene.engine(session) as engine:
            assert done_of(await played(engine, "@@text")).outcome == "ok"


async def test_a_model_that_is_away_is_a_failed_turn_and_no_hang() -> None:
    nowhere = {"ANTHROPIC_BASE_URL": "http://127.0.0.1:1"}
    async with living("pinned", nowhere, {"ANTHROPIC_API_KEY": SECRET}) as scene, scene.engine() as engine:
        done = done_of(await played(engine, "@@text"))
    assert done.outcome == "failed"
    assert done.retryable


async def test_a_long_lived_token_is_a_bearer_that_only_agentd_has() -> None:
    async with living("newest", BASE, {"CLAUDE_CODE_OAUTH_TOKEN": "sk-ant-oat01-secret"}) as scene:
        async with scene.engine() as engine:
            assert done_of(await played(engine, "@@text")).outcome == "ok"
        asked = scene.api.turns[-1]
    assert asked.headers["authorization"] == "Bearer sk-ant-oat01-secret"
    assert "oauth" in asked.headers["anthropic-beta"]


@pytest.mark.parametrize("generation", GENERATIONS)
async def test_a_login_is_made_inside_and_its_conversation_goes_through_the_proxy(
    generation: str, tmp_path: Path
) -> None:
    """The login's hosts are played by a loopback proxy, as an operator's own would stand on the way to them."""
    async with living(generation, {}) as scene, ClaudeAccounts(tmp_path, messages_port=scene.api.port) as accounts:
        os.chmod(tmp_path, 0o755)
        scene.box.launch.spec.env.update(accounts.environment)
        login = login_context(scene)
        assert await logged_in(login) is False
        attempt = ClaudeLogin(login)
        assert (await attempt.begin()).startswith("https://")
        await attempt.finish(CODE)
        assert len(accounts.exchanged) == 1
        assert await logged_in(login) is True
        credentials = (scene.setting.root / "home/.claude/.credentials.json").read_text()
        assert "sk-ant-oat01-not-real" in credentials, "they lie in the agent's own home"
        async with scene.engine() as engine:
            events = await played(engine, "@@tools")
            assert done_of(events).outcome == "ok" or "Bash" in str(events), done_of(events).error
        assert scene.api.turns[-1].headers["authorization"] == "Bearer sk-ant-oat01-not-real"
        assert scene.box.notes == []


async def test_the_logins_hosts_are_open_to_the_login_alone(tmp_path: Path) -> None:
    """Of an agent that has a key: its engine reaches them with no trick, while its login does."""
    script = (
        "import socket, os, urllib.parse, base64\n"
        "proxy = urllib.parse.urlsplit(os.environ['HTTPS_PROXY'])\n"
        "s = socket.create_connection((proxy.hostname, proxy.port))\n"
        "mark = base64.b64encode(f'{proxy.username}:{proxy.password}'.encode()).decode()\n"
        "s.sendall(f'CONNECT platform.claude.com:443 HTTP/1.1\\r\\nProxy-Authorization: Basic {mark}\\r\\n\\r\\n'.encode())\n"
        "print(s.recv(100).split(b'\\r')[0].decode())\n"
    )
    async with living("pinned", BASE, {"ANTHROPIC_API_KEY": SECRET}) as scene, ClaudeAccounts(tmp_path) as accounts:
        scene.box.launch.spec.env.update(accounts.environment)
        assert (await scene.box.python(script, process=LOGIN))[1] == "HTTP/1.1 200 Connection established"
        assert (await scene.box.python(script))[1] == "HTTP/1.1 403 Forbidden"
        assert SECRET not in (await scene.box.run(["env"], process=LOGIN))[1]


def login_context(scene: Scene) -> EngineContext:
    launch = scene.box.launch
    return replace(
        scene.context,
        environment=lambda defaults: engine_environment(launch, defaults, LOGIN),
        runtime=make_runtime(launch, scene.box.reported.append, lambda: None, LOGIN),
    )


async def test_nothing_waits_where_agentd_itself_was_killed(tmp_path: Path) -> None:
    """Its sockets stay behind, and nobody answers; the next agentd's replace them."""
    async with living("pinned", BASE, {"ANTHROPIC_API_KEY": SECRET}) as scene:
        socket = scene.box.launch.model_socket
        left = os.stat(socket).st_ino
        again = scene.box.servers()
        await again.start()
        try:
            assert os.stat(socket).st_ino != left
            async with scene.engine() as engine:
                assert done_of(await played(engine, "@@text")).outcome == "ok"
        finally:
            await asyncio.wait_for(again.close(), 30)
