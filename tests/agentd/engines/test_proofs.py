"""Every engine comes up without a word to its model, stays up for the first turn, and says in a sentence why it does not."""

import asyncio
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import pytest

from agentd.engines.acp import AcpEngine
from agentd.engines.base import EngineFailed, Note, Prompt, Text
from agentd.engines.claude import ClaudeEngine
from agentd.engines.command import CommandEngine
from agentd.engines.scripted import ScriptedEngine
from agentd.runtimes.process_tree import marked
from hived.wire.launch import ENGINE_MARK_FILE
from tests.end_to_end.test_networkless_acp import CASES as ACP_CASES
from tests.end_to_end.test_networkless_acp import Case
from tests.end_to_end.test_networkless_acp import living as acp_behind_walls
from tests.end_to_end.test_networkless_claude import BASE
from tests.end_to_end.test_networkless_claude import living as claude_behind_walls
from tests.fakes.messages_api import MessagesApi
from tests.fakes.openai_api import OpenAiApi
from tests.support.acp import AcpSetting, of_kind
from tests.support.acp import played as acp_played
from tests.support.acp_agents import done
from tests.support.api import ApiSetting
from tests.support.api import played as api_played
from tests.support.claude import GENERATIONS, Setting, done_of, played, require_claude, until

NOWHERE = "http://127.0.0.1:9"
"""Nobody listens there."""


class Proves(Protocol):
    async def prove(self) -> None: ...


def pid_of(root: Path) -> int:
    return int(json.loads((root / "harness/engine.pid").read_text())["pid"])


def nothing_runs(root: Path) -> bool:
    """Nothing bears the mark of the engine that was started last."""
    file = root / "harness" / ENGINE_MARK_FILE
    return not file.exists() or not marked(file.read_text())


async def refused(engine: Proves, root: Path) -> EngineFailed:
    with pytest.raises(EngineFailed) as caught:
        await engine.prove()
    assert nothing_runs(root)
    return caught.value


async def broken_off(engine: Proves, root: Path, under_way: Callable[[], bool]) -> None:
    """Cancelled while it comes up: nothing of it is left."""
    proof = asyncio.create_task(engine.prove())
    await until(under_way)
    async with asyncio.timeout(20):
        proof.cancel()
        await asyncio.wait({proof})
    assert proof.cancelled()
    assert nothing_runs(root)


# Claude ------------------------------------------------------------------------------------------------------------


@pytest.mark.claude
@pytest.mark.timeout(200)
@pytest.mark.parametrize("generation", GENERATIONS)
async def test_claude_comes_up_behind_walls_without_a_model_call_and_its_first_turn_uses_that(generation: str) -> None:
    async with claude_behind_walls(generation, BASE, {"ANTHROPIC_API_KEY": "sk-a"}) as scene, scene.engine() as engine:
        await engine.prove()
        assert scene.api.requests == []
        assert engine.session_id is None, "a conversation without a word is none that can be resumed"
        assert engine.models
        first = pid_of(scene.setting.root)
        assert done_of(await played(engine, "@@text")).outcome == "ok"
        assert pid_of(scene.setting.root) == first
        assert engine.session_id is not None
        assert of_kind(scene.box.reported, Note) == []


@pytest.mark.claude
@pytest.mark.timeout(200)
@pytest.mark.parametrize("generation", GENERATIONS)
async def test_claude_comes_up_though_its_model_is_away_and_nobody_is_logged_in(
    generation: str, tmp_path: Path
) -> None:
    setting = Setting(tmp_path, MessagesApi(), require_claude(generation))
    for env in ({"ANTHROPIC_BASE_URL": NOWHERE}, {"ANTHROPIC_BASE_URL": NOWHERE, "ANTHROPIC_API_KEY": ""}):
        setting.env = env
        async with setting.engine() as engine:
            await engine.prove()
    assert nothing_runs(tmp_path)


@pytest.mark.claude
@pytest.mark.timeout(200)
async def test_claude_goes_on_with_its_conversation_and_says_where_there_is_none(tmp_path: Path) -> None:
    async with MessagesApi() as api:
        setting = Setting(tmp_path, api, require_claude())
        async with setting.engine() as engine:
            await played(engine, "@@text")
            session = engine.session_id
        asked = len(api.requests)
        async with setting.engine(session) as engine:
            await engine.prove()
            assert len(api.requests) == asked
            assert done_of(await played(engine, "@@text")).outcome == "ok"
            assert engine.session_id == session
        async with setting.engine("0b1f6b0e-0000-4000-8000-000000000000") as engine:
            assert (await refused(engine, tmp_path)).code == EngineFailed.RESUME_REFUSED


async def test_a_claude_that_dies_at_its_start_says_how(tmp_path: Path) -> None:
    setting = Setting(tmp_path, MessagesApi(), "sh", options={"command": ["sh", "-c", "echo no glibc >&2; exit 7"]})
    engine = ClaudeEngine(setting.context())
    await engine.start(None)
    assert (await refused(engine, tmp_path)).message == "Claude Code did not start (exit code 7: no glibc)."


async def test_a_claude_that_is_broken_off_while_it_comes_up_leaves_nothing(tmp_path: Path) -> None:
    setting = Setting(tmp_path, MessagesApi(), "sh", options={"command": ["sh", "-c", "sleep 600 & touch up; wait"]})
    engine = ClaudeEngine(setting.context())
    await engine.start(None)
    await broken_off(engine, tmp_path, lambda: (setting.workspace / "up").exists())


# acp ---------------------------------------------------------------------------------------------------------------


@pytest.mark.timeout(400)
@pytest.mark.parametrize("case", ACP_CASES, ids=lambda case: case.name)
async def test_an_acp_agent_comes_up_behind_walls_without_a_model_call_and_its_first_turn_uses_that(
    case: Case,
) -> None:
    async with acp_behind_walls(case) as (setting, box, api, engine), asyncio.timeout(300):
        await engine.prove()
        assert api.requests == []
        assert engine.session_id is None
        first = pid_of(setting.root)
        assert done(await acp_played(engine, "@@text")).outcome == "ok"
        assert pid_of(setting.root) == first
        assert engine.session_id is not None


@pytest.fixture
def acp(tmp_path: Path) -> AcpSetting:
    return AcpSetting(tmp_path)


async def test_an_acp_agent_is_asked_for_a_conversation_and_not_prompted(acp: AcpSetting) -> None:
    async with acp.does().engine() as engine:
        await engine.prove()
        assert [message["method"] for message in acp.received] == ["initialize", "session/new"]
        assert done(await acp_played(engine)).outcome == "ok"
        assert len(acp.sent("session/new")) == 1
        (prompt,) = acp.sent("session/prompt")
        assert "You are bee" in prompt["prompt"][0]["text"], "it is told of the hive with its first prompt"


async def test_an_acp_agent_says_what_stands_in_its_way(acp: AcpSetting) -> None:
    acp.options["command"] = ["sh", "-c", "exit 7"]
    engine = AcpEngine(acp.context())
    assert (await refused(engine, acp.root)).message == "The agent did not start (exit code 7)."
    engine = AcpEngine(acp.does(new={"error": {"code": -32000, "message": "log in"}}).context())
    assert (await refused(engine, acp.root)).outcome == "needs_login"
    engine = AcpEngine(acp.does(load={"error": {"code": -32603, "message": "gone"}}).context())
    await engine.start("old")
    assert (await refused(engine, acp.root)).code == EngineFailed.RESUME_REFUSED


async def test_an_acp_agent_that_is_broken_off_while_it_comes_up_leaves_nothing(acp: AcpSetting) -> None:
    acp.options["command"] = ["sh", "-c", "(setsid sleep 600 &); touch up; sleep 600"]
    await broken_off(AcpEngine(acp.context()), acp.root, lambda: (acp.workspace / "up").exists())
    assert "tools.sock" not in os.listdir(acp.root)


# api, scripted, command --------------------------------------------------------------------------------------------


async def test_an_api_agents_worker_comes_up_without_a_model_call(tmp_path: Path) -> None:
    async with OpenAiApi() as api:
        setting = ApiSetting(tmp_path, options={"provider": "openai", "base_url": api.url})
        async with setting.engine() as engine:
            await engine.prove()
            assert [request.path for request in api.requests if request.method == "POST"] == []
            first = engine._worker.pid
            assert first is not None
            assert done_of(await api_played(engine, "@@text")).outcome == "ok"
            assert engine._worker.pid == first
    assert nothing_runs(tmp_path)


async def test_an_api_agent_whose_model_is_away_comes_up(tmp_path: Path) -> None:
    async with ApiSetting(tmp_path, options={"provider": "openai", "base_url": NOWHERE}).engine() as engine:
        await engine.prove()


async def test_an_api_agent_whose_worker_does_not_come_up_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = (sys.executable, "-c", "import sys; sys.exit('no such module')")
    monkeypatch.setattr("agentd.engines.api_worker_client.COMMAND", broken)
    async with ApiSetting(tmp_path, options={"provider": "openai", "base_url": NOWHERE}).engine() as engine:
        assert "did not start: no such module" in (await refused(engine, tmp_path)).message


def scripted(setting: AcpSetting, text: str) -> ScriptedEngine:
    file = setting.root / "scenario.toml"
    file.write_text(text)
    setting.options = {"scenario": str(file)}
    return ScriptedEngine(setting.context())


async def test_a_scripted_agents_player_comes_up_and_plays_the_first_turn(acp: AcpSetting) -> None:
    engine = scripted(acp, '[[turn]]\nsteps = [{ say = "hello" }]\n')
    try:
        await engine.start(None)
        await engine.prove()
        first = pid_of(acp.root)
        assert [event async for event in engine.turn(Prompt("go", "turn", message_ids=("m",)))][0] == Text("hello")
        assert pid_of(acp.root) == first
    finally:
        await engine.close()


async def test_a_scripted_agents_player_that_does_not_come_up_says_so(acp: AcpSetting) -> None:
    engine = scripted(acp, '[[turn]]\nsteps = [{ say = "hello" }]\n')
    await engine.start(None)
    (acp.root / "scenario.toml").write_text("nonsense")
    failed = await refused(engine, acp.root)
    assert "The player ended before it could play with exit code 2" in failed.message


async def test_a_command_is_not_run_to_be_proven(acp: AcpSetting) -> None:
    acp.options = {"command": ["touch", "ran"]}
    await CommandEngine(acp.context()).prove()
    assert os.listdir(acp.workspace) == []
