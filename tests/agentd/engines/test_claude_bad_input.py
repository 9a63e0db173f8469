"""A CLI that goes wrong once, each in its own way: a typed outcome, something to see, an agent that answers the next turn, and
memory that stays within bounds."""

import asyncio
import gc
import json
import sys
from pathlib import Path

import psutil
import pytest

from agentd.engines import claude
from agentd.engines.base import EngineFailed, Note, Text, ToolResult
from agentd.engines.claude import ClaudeEngine
from agentd.runtimes.line_splitter import MAX_LINE_BYTES
from tests.fakes.messages_api import MessagesApi
from tests.support.claude import Setting, done_of, played, until
from tests.support.claude_turns import engine_pid, running

PROGRAM = r"""
import json, os, sys, time
first = not os.path.exists("ran")
open("ran", "a").close()
out = sys.stdout.buffer
def put(data): out.write(data); out.flush()
def say(**message): put(json.dumps(message).encode() + b"\n")
def text(words): say(type="assistant", message={"model": "m", "content": [{"type": "text", "text": words}]})
def result(): say(type="result", subtype="success", is_error=False, num_turns=1, stop_reason="end_turn", session_id="s")
def read():
    line = sys.stdin.readline()
    return json.loads(line) if line else sys.exit(0)
def up():
    asked = read()
    say(type="control_response", response={"subtype": "success", "request_id": asked["request_id"]})
def begun():
    message = read()
    while message["type"] != "user":
        message = read()
    say(type="user", isReplay=True, uuid=message["uuid"], message={"role": "user", "content": "x"})
def go_wrong():
    SCRIPT
up()
while True:
    begun()
    if first:
        go_wrong()
        first = False
    text("fine")
    result()
"""
MEGABYTE = 1024 * 1024


@pytest.fixture
def setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Setting:
    monkeypatch.setattr(claude, "SAVED_SECONDS", 0.05)
    return Setting(tmp_path, MessagesApi(), sys.executable)


def going_wrong(setting: Setting, *script: str) -> None:
    setting.options["command"] = [sys.executable, "-c", PROGRAM.replace("SCRIPT", "\n    ".join(script))]


def resident() -> int:
    gc.collect()
    return int(psutil.Process().memory_info().rss)


async def answers(engine: ClaudeEngine) -> bool:
    events = await played(engine, "and on")
    return Text("fine") in events and done_of(events).outcome == "ok"


async def test_a_result_of_20_megabytes_in_one_line_is_read_whole_and_let_go_again(setting: Setting) -> None:
    going_wrong(
        setting,
        "say(type='assistant', message={'content': [{'type': 'tool_use', 'id': 't', 'name': 'Bash', 'input': {}}]})",
        f"block = {{'type': 'tool_result', 'tool_use_id': 't', 'content': 'x' * {20 * MEGABYTE}}}",
        "say(type='user', message={'role': 'user', 'content': [block]})",
    )
    before = resident()
    async with setting.engine() as engine:
        events = await played(engine, "go")
        sizes = [len(event.text) for event in events if isinstance(event, ToolResult)]
        assert (sizes, done_of(events).outcome) == ([20 * MEGABYTE], "ok")
        del events
        assert await answers(engine)
        assert resident() - before < 60 * MEGABYTE


async def test_a_line_that_is_longer_than_any_is_dropped_and_said(setting: Setting) -> None:
    going_wrong(setting, f"put(b'x' * {2 * MAX_LINE_BYTES} + b'\\n')")
    before = resident()
    async with setting.engine() as engine:
        assert done_of(await played(engine, "go")).outcome == "ok"
        assert await answers(engine)
        assert resident() - before < 100 * MEGABYTE
    said = [event for event in setting.reported if isinstance(event, Note)]
    assert [note.level for note in said] == ["error"]
    assert str(2 * MAX_LINE_BYTES) in said[0].text


@pytest.mark.parametrize(
    "line",
    [
        rb"b'\xff\xfe\xfa\n'",
        rb"b'{\"type\":\"stream_event\",\"event\":{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":'"
        rb" + b'\"text_delta\",\"text\":\"\xff\"}},\"session_id\":\"s\",\"parent_tool_use_id\":null,\"uuid\":\"u\"}\n'",
        rb"b'no json\n'",
        rb"b'[' * 100000 + b'\n'",
        rb"b'{\"type\":\"assistant\",\"message\":{\"content\":[null]}}\n'",
    ],
    ids=["no UTF-8", "no UTF-8 in a delta", "no JSON", "too deep", "no known form"],
)
async def test_a_line_that_cannot_be_read_is_logged_and_passed_over(setting: Setting, line: bytes) -> None:
    going_wrong(setting, f"for _ in range(50): put({line.decode()})")
    async with setting.engine() as engine:
        assert await answers(engine)
        assert await answers(engine)
    assert len([said for said in setting.logged if "not known here" in said]) == 1


async def test_a_flood_on_stderr_stops_nothing_and_fills_nothing(setting: Setting) -> None:
    going_wrong(setting, f"for _ in range(30): sys.stderr.write('no wax ' * {MEGABYTE // 7})", "sys.stderr.flush()")
    before = resident()
    async with setting.engine() as engine:
        assert await answers(engine)
        assert await answers(engine)
        assert resident() - before < 30 * MEGABYTE
    kept = sum(path.stat().st_size for path in (setting.root / "harness").glob("engine.log*"))
    assert 0 < kept < 6 * MEGABYTE


async def test_half_a_line_and_then_nothing_is_quiet_and_can_be_cancelled(setting: Setting) -> None:
    going_wrong(setting, "text('one')", 'put(b\'{"type":"assist\')', "time.sleep(600)")
    async with setting.engine() as engine:
        async with running(engine, "go") as turn:
            await turn.until(lambda event: event == Text("one"))
            # The half line is all that is heard: its time is that of the last byte, and stays so.
            heard = await quiet(setting)
            asked = asyncio.create_task(engine.interrupt())
            await asyncio.sleep(0)
            assert len(setting.heard) == heard
            await engine.terminate()  # as the harness does once an interrupt had its time
            done = await turn.done()
            await asked
            assert done.outcome == "cancelled"
        assert await answers(engine)


async def quiet(setting: Setting) -> int:
    """How often it was heard, once the program sleeps with its half line written: a look at the pipe reads what is there."""
    process = psutil.Process(engine_pid(setting))
    await until(lambda: process.status() == psutil.STATUS_SLEEPING)
    for _ in range(100):
        await asyncio.sleep(0)
    return len(setting.heard)


@pytest.mark.parametrize(
    "script", ["os._exit(7)", "os.kill(os.getpid(), 9)", "out.close(); os._exit(0)", "os._exit(0)"]
)
async def test_one_that_ends_in_mid_turn_is_a_failed_turn_that_may_be_repeated(setting: Setting, script: str) -> None:
    going_wrong(setting, "text('half')", script)
    async with setting.engine() as engine:
        events = await played(engine, "go")
        assert Text("half") in events
        assert (done_of(events).outcome, done_of(events).retryable) == ("failed", True)
        assert await answers(engine)


async def test_one_that_ends_at_once_is_said_each_time_and_works_when_it_does_again(setting: Setting) -> None:
    broken = setting.root / "broken"
    broken.touch()
    going_wrong(setting)
    setting.options["command"][2] = (
        f"import os, sys\nif os.path.exists({json.dumps(str(broken))}): sys.exit('out of wax')\n"
        + PROGRAM.replace("SCRIPT", "pass")
    )
    async with setting.engine() as engine:
        for _ in range(2):
            with pytest.raises(EngineFailed) as failed:
                await played(engine, "go")
            assert (failed.value.outcome, failed.value.retryable) == ("failed", True)
            assert "exit code 1: out of wax" in failed.value.message
        broken.unlink()
        assert await answers(engine)


async def test_words_without_end_are_read_as_fast_as_they_are_followed_and_no_faster(setting: Setting) -> None:
    delta = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "word " * 200}}
    line = json.dumps(
        {"type": "stream_event", "event": delta, "session_id": "s", "parent_tool_use_id": None, "uuid": "u"}
    )
    going_wrong(setting, f"line = {line!r}.encode() + b'\\n'", "while True: put(line * 200)")
    before = resident()
    async with setting.engine() as engine, running(engine, "go", each=0.02) as turn:
        await until(lambda: len(turn.events) > 20)
        process = psutil.Process(engine_pid(setting))
        written = [0]

        def stands_still() -> bool:
            written.append(process.io_counters().write_chars)
            return len(written) > 50 and written[-50] == written[-1]

        await until(stands_still)
        assert written[-1] < 100 * MEGABYTE
        assert resident() - before < 250 * MEGABYTE
        await engine.terminate()
