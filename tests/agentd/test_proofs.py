"""What a harness makes of an engine that is to be proven: before it connects, or not at all. On real harnesses."""

import asyncio
import errno
import json
import os
import shlex
import signal
import sys
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

from agentd.engines.base import EngineFailed
from agentd.journal import Journal
from agentd.proof import Proof
from agentd.runtimes.process_tree import marked
from agentd.sessions import Sessions
from agentd.settings import SettingFiles
from hived.wire.launch import ENGINE_MARK_FILE, EXIT_CONFIG
from hived.wire.process_identity import ProcessIdentity
from tests.agentd.rig import Rig, until
from tests.support.acp import FAKE_AGENT

HELLO = {"repeat": True, "steps": [{"say": "hello"}]}
SECONDS = 30.0


def acp(rig: Rig, *before: str, **script: Any) -> None:
    """The acp engine on a fake agent that does these shell commands first."""
    file = rig.home / "script.json"
    file.write_text(json.dumps(script))
    agent = shlex.join([sys.executable, str(FAKE_AGENT), "--script", str(file)])
    command = ["sh", "-c", "; ".join([*before, f"exec {agent}"])]
    rig.spec = {"engine": "acp", "engine_options": {"command": command}}


def methods(rig: Rig) -> list[str]:
    """What the fake agent was asked."""
    file = rig.workspace / "received.jsonl"
    lines = file.read_text().splitlines() if file.exists() else []
    return [message["method"] for message in map(json.loads, lines) if "method" in message]


def engine_pid(rig: Rig) -> int | None:
    found = ProcessIdentity.read(rig.harness / "engine.pid")
    return None if found is None else found.pid


def has_engine(rig: Rig, before: int) -> bool:
    return engine_pid(rig) not in (None, before)


def nothing_runs(rig: Rig) -> bool:
    file = rig.harness / ENGINE_MARK_FILE
    return not file.exists() or not marked(file.read_text())


def last_line(rig: Rig) -> str:
    return rig.log().splitlines()[-1]


async def proven(rig: Rig) -> None:
    rig.prove_seconds = SECONDS
    await rig.start()


async def not_proven(rig: Rig, seconds: float = SECONDS) -> str:
    """The last line of a harness that did not connect."""
    rig.prove_seconds = seconds
    rig.stub.statuses.clear()
    await rig.start(connected=False)
    assert await rig.ended() == EXIT_CONFIG
    assert rig.stub.statuses == []
    assert nothing_runs(rig)
    return last_line(rig)


async def a_turn(rig: Rig, count: int = 1) -> dict[str, Any]:
    await rig.stub.send("please")
    return (await rig.stub.turn_ends(count))[-1]


async def test_without_a_word_of_it_the_engine_starts_with_the_first_turn(rig: Rig) -> None:
    acp(rig)
    await rig.start()
    assert methods(rig) == []


async def test_the_engine_is_up_before_hived_hears_of_the_harness_and_takes_the_first_turn(rig: Rig) -> None:
    acp(rig)
    await proven(rig)
    assert methods(rig) == ["initialize", "session/new"]
    assert (rig.report()["session"]["state"], rig.report()["session"]["id"]) == ("none", None)
    assert (await a_turn(rig))["outcome"] == "ok"
    assert methods(rig) == ["initialize", "session/new", "session/prompt"]


async def test_one_that_ends_or_never_answers_keeps_the_harness_from_connecting(rig: Rig) -> None:
    acp(rig, "echo '\x1b[31mno\nlibrary' >&2", "exit 7")
    line = await not_proven(rig)
    assert "error[engine_failed]: The agent did not start (exit code 7:" in line
    assert line.endswith("no library).")
    assert "\x1b" not in line
    acp(rig, initialize="hang")
    assert "error[engine_failed]: The engine did not come up within 1 s." in await not_proven(rig, 1.0)
    assert rig.stub.kinds() == [], "nothing is journalled of it"
    rig.spec = {"engine": "acp", "engine_options": {"command": ["/nowhere/agent"]}}
    assert "error[command_missing]: " in await not_proven(rig)


async def test_what_the_agent_can_say_itself_is_no_failure(rig: Rig) -> None:
    acp(rig, new={"error": {"code": -32000, "message": "log in"}})
    await proven(rig)
    assert [found["kind"] for found in rig.report()["conditions"] if found["kind"] == "needs_login"]
    await rig.kill()
    acp(rig, new={"error": {"code": 429, "message": "later"}})
    await proven(rig)
    assert [found["kind"] for found in rig.report()["conditions"] if found["kind"] == "rate_limited"]
    await rig.kill()
    acp(rig, new={"error": {"code": -32603, "message": "getaddrinfo ENOTFOUND models.example.com"}})
    await proven(rig)
    assert "the engine was tried: getaddrinfo ENOTFOUND" in rig.log()
    await rig.kill()
    acp(rig, "echo 'connect ECONNREFUSED 127.0.0.1:1' >&2", "exit 1")
    await proven(rig)
    assert "the engine was tried: The agent did not start (exit code 1: connect ECONNREFUSED" in rig.log()


async def test_what_may_work_the_next_time_is_tried_once_more(rig: Rig) -> None:
    acp(rig, "test -e tried || { touch tried; exit 7; }")
    await proven(rig)
    assert "the engine is tried once more: The agent did not start (exit code 7)." in rig.log()
    assert methods(rig) == ["initialize", "session/new"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EAGAIN])
async def test_what_the_machine_cannot_do_just_now_says_nothing_of_the_engine(rig: Rig, number: int) -> None:
    class Seat:
        async def prove(self, settings: object, *, anew: bool) -> None:
            try:
                raise OSError(number, os.strerror(number))
            except OSError as error:
                if number == errno.ENOSPC:
                    raise
                raise EngineFailed("failed", "No process can be started now.", retryable=True) from error

    said: list[str] = []
    async with asyncio.timeout(SECONDS):
        journal = await Journal.open(rig.harness / "proof.sqlite", rig.harness / "overflow")
        sessions = Sessions(journal)
        proof = Proof(
            Seat(),  # type: ignore[arg-type]
            SimpleNamespace(sessions=sessions),  # type: ignore[arg-type]
            SettingFiles(rig.harness / "model", rig.harness),
            "acp", _unknown, _unknown, said.append,
        )  # fmt: skip
        assert await proof.failure(SECONDS, asyncio.Event()) is None
        await journal.close()
    assert len(said) == 1


async def _unknown() -> None:
    return None


async def test_a_conversation_is_gone_on_with_or_said_to_be_refused(rig: Rig) -> None:
    acp(rig)
    await rig.start()
    session = (await a_turn(rig))["session_id"]
    await rig.kill()
    await proven(rig)
    assert methods(rig)[-1] == "session/load"
    assert (await a_turn(rig, 2))["session_id"] == session
    await rig.kill()
    acp(rig, load={"error": {"code": -32603, "message": "it is gone"}})
    await proven(rig)
    assert (rig.report()["session"]["state"], rig.report()["session"]["id"]) == ("refused", session)
    asked = methods(rig).count("session/load")
    await rig.kill()
    await proven(rig)
    assert methods(rig).count("session/load") == asked, "what is refused is not asked for again"
    assert methods(rig)[-1] == "session/new"
    assert rig.report()["session"]["id"] == session


async def test_a_new_conversation_that_is_armed_is_begun_by_its_turn_and_not_before(rig: Rig) -> None:
    acp(rig)
    await rig.start()
    session = (await a_turn(rig))["session_id"]
    await rig.stub.ring("new_session", {"primer": False})
    await rig.stub.until(lambda: rig.stub.payloads("session_changed")[-1]["state"] == "armed", "its being armed")
    await rig.kill()
    acp(rig, new={"sessionId": "session-2"})
    await proven(rig)
    assert methods(rig)[-1] == "session/new"
    assert (rig.report()["session"]["state"], rig.report()["session"]["id"]) == ("armed", session)
    assert (await a_turn(rig, 2))["session_id"] == "session-2"


async def test_another_engine_that_does_not_come_up_leaves_the_conversation_to_the_one_before(rig: Rig) -> None:
    acp(rig)
    await rig.start()
    session = (await a_turn(rig))["session_id"]
    before = rig.spec
    await rig.kill()
    rig.spec = {"engine": "acp", "engine_options": {"command": ["false"]}}
    await not_proven(rig)
    rig.stub.next_generation()
    rig.spec = before
    rig.prove_seconds = None
    await rig.start()
    assert (rig.report()["session"]["state"], rig.report()["session"]["id"]) == ("kept", session)
    assert (await a_turn(rig, 2))["session_id"] == session


async def test_a_model_that_it_does_not_offer_is_a_failure_where_it_is_logged_in(rig: Rig) -> None:
    offers = {"currentModelId": "a", "availableModels": [{"modelId": "a", "name": "A"}]}
    acp(rig, new={"sessionId": "session-1", "models": offers})
    (rig.harness / "model").write_text("b\n")
    assert "error[unknown_model]: The agent has no model 'b'; it offers a." in await not_proven(rig)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_a_harness_that_is_ended_in_the_middle_leaves_nothing(rig: Rig, number: int) -> None:
    acp(rig, "setsid sleep 600 & touch up", "sleep 600")
    rig.prove_seconds = SECONDS
    await rig.start(connected=False)
    await until((rig.workspace / "up").exists, "the engine coming up")
    assert rig.process is not None
    rig.process.send_signal(number)
    code = await rig.ended()
    if number == signal.SIGTERM:
        assert (code, last_line(rig).endswith("ended")) == (0, True)
        assert nothing_runs(rig)
    else:
        rig.stub.next_generation()
        rig.scripted(HELLO)
        mark = (rig.harness / ENGINE_MARK_FILE).read_text()
        await proven(rig)
        assert marked(mark) == []


async def test_an_engine_that_is_killed_in_the_middle_is_said(rig: Rig) -> None:
    acp(rig, "touch up", "sleep 600")
    rig.prove_seconds = SECONDS
    await rig.start(connected=False)
    killed = 0
    for _ in range(2):  # it is tried once more
        await until(partial(has_engine, rig, killed), "the engine coming up")
        killed = engine_pid(rig) or 0
        os.kill(killed, signal.SIGKILL)
    assert await rig.ended() == EXIT_CONFIG
    assert "did not start (killed by signal 9)" in last_line(rig)
    assert nothing_runs(rig)


@pytest.mark.parametrize("point", ["engine_proving", "engine_proved"])
async def test_a_harness_killed_at_either_end_of_the_proof_is_as_if_it_had_not_been(rig: Rig, point: str) -> None:
    acp(rig)
    rig.prove_seconds = SECONDS
    await rig.start(connected=False, HIVE_FAULT_POINT=point)
    assert await rig.ended() == -signal.SIGKILL
    rig.stub.next_generation()
    await proven(rig)
    assert rig.report()["session"]["state"] == "none"
    assert (await a_turn(rig))["outcome"] == "ok"
    assert len([method for method in methods(rig) if method == "session/prompt"]) == 1
