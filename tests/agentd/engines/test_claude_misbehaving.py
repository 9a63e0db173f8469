"""A program in the CLI's place that breaks the protocol in ways the real one only may: the turn always ends, and is said."""

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from agentd.engines import claude
from agentd.engines.base import EngineEvent, EngineFailed, Prompt, Text
from agentd.engines.claude import ClaudeEngine
from tests.fakes.messages_api import MessagesApi
from tests.support.claude import Setting, done_of, played

PROGRAM = """
import json, sys
def say(**message): print(json.dumps(message), flush=True)
def text(words): say(type="assistant", message={"model": "m", "content": [{"type": "text", "text": words}]})
def result(): say(type="result", subtype="success", is_error=False, num_turns=1, stop_reason="end_turn", session_id="s")
def read(): return json.loads(sys.stdin.readline() or "{}")
def answered(message): say(type="control_response", response={"subtype": "success", "request_id": message["request_id"]})
"""
UP = "answered(read())\n"


@pytest.fixture
def setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Setting:
    monkeypatch.setattr(claude, "SAVED_SECONDS", 0.05)
    return Setting(tmp_path, MessagesApi(), sys.executable)


@contextlib.asynccontextmanager
async def program(setting: Setting, script: str) -> AsyncIterator[ClaudeEngine]:
    setting.options["command"] = [sys.executable, "-c", PROGRAM + script]
    async with setting.engine() as engine:
        yield engine


async def test_words_that_steer_and_are_never_taken_up_fail_the_turn(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claude, "TAKE_UP_SECONDS", 0.2)
    script = (
        UP
        + """
first = read()
text("one")
read()
say(type="user", isReplay=True, uuid=first["uuid"], message={"role": "user", "content": "x"})
result()
read()
"""
    )
    events: list[EngineEvent] = []
    async with program(setting, script) as engine, asyncio.timeout(120):
        async for event in engine.turn(Prompt("go", "turn")):
            events.append(event)
            if event == Text("one"):
                assert await engine.steer("and this")
    done = done_of(events)
    assert (done.outcome, done.retryable) == ("failed", True)
    assert "did not take up" in (done.error or "")


async def test_lines_that_are_no_protocol_are_logged_once_each_and_the_turn_goes_on(setting: Setting) -> None:
    script = (
        UP
        + """
first = read()
for _ in range(3):
    print("what is this", flush=True)
    say(type="brand_new")
say(type="user", isReplay=True, uuid=first["uuid"], message={"role": "user", "content": "x"})
text("fine")
result()
read()
"""
    )
    async with program(setting, script) as engine:
        events = await played(engine, "go")
    assert Text("fine") in events
    assert done_of(events).outcome == "ok"
    assert len([line for line in setting.logged if "not known here" in line]) == 2


async def test_a_request_that_is_not_served_is_refused_and_holds_nothing_up(setting: Setting) -> None:
    script = (
        UP
        + """
first = read()
say(type="control_request", request_id="r", request={"subtype": "hook_callback"})
answer = read()
say(type="user", isReplay=True, uuid=first["uuid"], message={"role": "user", "content": "x"})
text(json.dumps(answer["response"]))
result()
read()
"""
    )
    async with program(setting, script) as engine:
        events = await played(engine, "go")
    said = [json.loads(event.text) for event in events if isinstance(event, Text)]
    assert [(answer["subtype"], answer["request_id"]) for answer in said] == [("error", "r")]


async def test_a_cli_that_refuses_to_initialize_is_said(setting: Setting) -> None:
    script = """
asked = read()
say(type="control_response", response={"subtype": "error", "request_id": asked["request_id"], "error": "too old"})
read()
"""
    async with program(setting, script) as engine:
        with pytest.raises(EngineFailed) as failed:
            await played(engine, "go")
    assert "too old" in failed.value.message


async def test_a_cli_that_closes_its_output_in_mid_turn_fails_the_turn(setting: Setting) -> None:
    async with program(setting, UP + 'read()\ntext("half")\nsys.stderr.write("out of wax")\nsys.exit(4)\n') as engine:
        events = await played(engine, "go")
    done = done_of(events)
    assert (done.outcome, done.retryable) == ("failed", True)
    assert "exit code 4: out of wax" in (done.error or "")
