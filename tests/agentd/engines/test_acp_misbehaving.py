"""Agents that misbehave: each ends in a typed outcome and a clear sentence, the next turn works, and memory stays bounded."""

import asyncio
import resource
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from agentd.engines import acp_host, acp_session
from agentd.engines.acp_offers import Offers
from agentd.engines.acp_pipe import MOST_OWED
from agentd.engines.acp_turn import TurnBook
from agentd.engines.base import EngineEvent, EngineFailed, Note, Prompt, Text, TextDelta, ToolResult, ToolUse, TurnDone
from tests.fakes.acp_agent import chunk
from tests.support.acp import AcpSetting, of_kind, played
from tests.support.claude import until

FINE = [{"update": chunk("fine")}, {"stop": "end_turn"}]


@pytest.fixture
def setting(tmp_path: Path) -> AcpSetting:
    return AcpSetting(tmp_path)


def done(events: list[EngineEvent]) -> TurnDone:
    (found,) = of_kind(events, TurnDone)
    return found


async def failure(setting: AcpSetting) -> EngineFailed:
    """How the first turn fails to begin; nothing of it is left, and an agent that is mended then works."""
    async with setting.engine() as engine:
        with pytest.raises(EngineFailed) as failed:
            await played(engine)
    assert not (setting.root / "tools.sock").exists()
    return failed.value


async def test_a_program_that_is_missing_is_named_with_how_to_get_it(setting: AcpSetting) -> None:
    setting.options = {"agent": "opencode", "command": "no-such-agent acp"}
    failed = await failure(setting)
    assert (failed.code, failed.retryable) == ("command_missing", False)
    assert "'no-such-agent'" in failed.message
    assert "npm install -g opencode-ai" in failed.message


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("raise SystemExit('no home')", "did not start (exit code 1: no home)"),
        ("pass", "did not start (exit code 0)"),
        ("import os; os.kill(os.getpid(), 9)", "did not start (killed by signal 9)"),
    ],
)
async def test_an_agent_that_exits_at_once_says_how(setting: AcpSetting, program: str, said: str) -> None:
    setting.options["command"] = [sys.executable, "-c", program]
    failed = await failure(setting)
    assert failed.message == f"The agent {said}."
    assert failed.retryable


async def test_an_agent_that_is_silent_from_the_start_is_given_up(
    setting: AcpSetting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acp_session, "START_SECONDS", 0.3)
    failed = await failure(setting.does(initialize="hang"))
    assert failed.message == "The agent did not answer initialize."


@pytest.mark.parametrize("version", [2, "1", None, {}])
async def test_another_version_of_the_protocol_is_not_spoken(setting: AcpSetting, version: Any) -> None:
    failed = await failure(setting.does(initialize={"protocolVersion": version}))
    assert "speaks version" in failed.message
    assert not failed.retryable


@pytest.mark.parametrize("answer", [{}, {"sessionId": ""}, {"sessionId": 7}, {"sessionId": None}])
async def test_a_session_without_a_name_is_none(setting: AcpSetting, answer: dict[str, Any]) -> None:
    assert (await failure(setting.does(new=answer))).message == "The agent named no session."


@pytest.mark.parametrize(
    "answer",
    [
        {"sessionId": "s", "modes": 3, "models": [], "configOptions": "x"},
        {
            "sessionId": "s",
            "configOptions": [None, 1, {"id": 3}, {"id": "model", "options": {"a": 1}, "currentValue": []}],
        },
        {"sessionId": "s", "models": {"availableModels": [{"modelId": 3}, {}, "x"], "currentModelId": {}}},
        {"sessionId": "s", "configOptions": [{"id": "model", "options": [{"name": "g", "options": [{"value": "m"}]}]}]},
    ],
)
async def test_offers_that_make_no_sense_are_none(setting: AcpSetting, answer: dict[str, Any]) -> None:
    async with setting.does(new=answer).engine() as engine:
        assert done(await played(engine)).outcome == "ok"
        assert [model.name for model in engine.models] in ([], ["m"])


async def test_lines_that_are_no_messages_are_left_out_and_said_once(setting: AcpSetting) -> None:
    rubbish = ["starting up…", "{", "[1]", "null", "7", '"x"', "", "[" * 50_000, '{"jsonrpc": "2.0"}', '{"id": null}']
    rubbish += ['{"id": [1], "result": {}}', '{"id": true, "result": {}}', '{"id": 99, "error": 3}', '{"id": 0}']
    rubbish += ['{"method": 7, "id": 1}', '{"method": "session/update"}', '{"method": "session/update", "params": [1]}']
    rubbish += ['{"method": "session/update", "params": {"update": {"sessionUpdate": ["x"]}}}', '{"method": "x/y"}']
    steps = [*({"raw": line} for line in rubbish), *FINE]
    async with setting.does(steps, FINE).engine() as engine:
        events = await played(engine)
        assert (done(events).outcome, of_kind(events, Text)) == ("ok", [Text("fine")])
        assert done(await played(engine)).outcome == "ok"
    (note,) = of_kind(setting.reported, Note)
    assert "no message of its protocol" in note.text


async def test_bytes_that_are_no_utf8_are_replaced(setting: AcpSetting) -> None:
    line = b'{"jsonrpc":"2.0","method":"session/update","params":{"update":{"sessionUpdate":"agent_message_chunk",'
    line += b'"content":{"type":"text","text":"a\xff\xfeb\\ud800c"}}}}\n'
    async with setting.does([{"bytes": line.hex()}, {"stop": "end_turn"}]).engine() as engine:
        (text,) = of_kind(await played(engine), Text)
    assert text.text == "a\ufffd\ufffdb?c"


@pytest.mark.parametrize(
    "update",
    [
        {"sessionUpdate": "agent_message_chunk", "content": "plain"},
        {"sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": 3}},
        {"sessionUpdate": "agent_message_chunk"},
        {"sessionUpdate": "tool_call"},
        {"sessionUpdate": "tool_call", "toolCallId": 3},
        {"sessionUpdate": "tool_call_update", "toolCallId": "x", "content": [1, {"type": "diff"}, {"type": "content"}]},
        {"sessionUpdate": "tool_call", "toolCallId": "x", "title": 3, "kind": [], "status": "completed", "rawOutput": [[]]},
        {"sessionUpdate": "tool_call", "toolCallId": "x", "_meta": {"claudeCode": 3}, "rawInput": "words"},
        {"sessionUpdate": "plan", "entries": [3, {"content": 4}]},
        {"sessionUpdate": "usage_update", "used": "many", "size": -1, "cost": {"amount": "free"}},
        {"sessionUpdate": "usage_update", "used": True, "cost": {"amount": 1e999, "currency": "USD"}},
        {"sessionUpdate": "available_commands_update", "availableCommands": [3, {"name": []}]},
        {"sessionUpdate": "current_mode_update", "currentModeId": 3},
        {"sessionUpdate": "config_option_update", "configOptions": {"a": 1}},
        {"sessionUpdate": "something_new"},
        {"sessionUpdate": None},
        {},
    ],
)  # fmt: skip
async def test_an_update_that_makes_no_sense_breaks_nothing(setting: AcpSetting, update: dict[str, Any]) -> None:
    async with setting.does([{"update": update}, *FINE]).engine() as engine:
        events = await played(engine)
    assert done(events).outcome == "ok"
    assert done(events).usage.cost_usd is None
    assert of_kind(events, Text)[-1] == Text("fine")


async def test_a_line_of_20_mb_is_read_and_told_in_pieces(setting: AcpSetting) -> None:
    async with setting.does([{"big": 20_000_000}, {"stop": "end_turn"}], FINE).engine() as engine:
        events = await played(engine)
        assert sum(len(text.text) for text in of_kind(events, Text)) == 20_000_000
        assert done(await played(engine)).outcome == "ok"


async def test_a_line_beyond_the_limit_is_dropped_and_the_turn_goes_on(setting: AcpSetting) -> None:
    async with setting.does([{"big": 33 * 1024 * 1024}, *FINE]).engine() as engine:
        events = await played(engine)
    assert of_kind(events, Text) == [Text("fine")]
    assert "was dropped" in of_kind(setting.reported, Note)[0].text


async def test_a_flood_is_not_held_in_memory(setting: AcpSetting) -> None:
    """200 MB of words and half as many tool outputs, to a reader that is slower than the agent."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    words = [{"big": 1_000_000}] * 200
    async with setting.does([*words, {"stop": "end_turn"}], FINE).engine() as engine:
        count = 0
        async for event in engine.turn(Prompt("go", "turn")):
            if isinstance(event, TextDelta):
                count += len(event.text)
                await asyncio.sleep(0)
        assert count == 200_000_000
        assert done(await played(engine)).outcome == "ok"
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 150_000, "kB"


async def test_a_text_that_never_ends_is_told_in_pieces(setting: AcpSetting) -> None:
    async with setting.does([*[{"big": 150_000}] * 4, {"stop": "end_turn"}]).engine() as engine:
        texts = of_kind(await played(engine), Text)
    assert [len(text.text) for text in texts] == [300_000, 300_000]


async def test_tools_that_never_end_are_given_up(setting: AcpSetting) -> None:
    begun = [{"update": {"sessionUpdate": "tool_call", "toolCallId": str(n), "title": "t"}} for n in range(700)]
    async with setting.does([*begun, {"stop": "end_turn"}]).engine() as engine:
        events = await played(engine)
    assert len(of_kind(events, ToolUse)) == len(of_kind(events, ToolResult)) == 700


async def test_a_flooded_stderr_holds_nothing_up(setting: AcpSetting) -> None:
    async with setting.does([{"stderr": 20_000_000}, *FINE]).engine() as engine:
        assert done(await played(engine)).outcome == "ok"
    assert (setting.root / "harness/engine.log").stat().st_size < 5_000_000


async def test_an_agent_that_dies_in_mid_turn_says_how_and_the_next_turn_works(setting: AcpSetting) -> None:
    setting.does([{"update": chunk("half")}, {"stderr": 79}, {"exit": 3}])
    async with setting.engine() as engine:
        events = await played(engine)
        assert of_kind(events, Text) == [Text("half")]
        assert done(events).outcome == "failed"
        assert done(events).retryable
        assert str(done(events).error).startswith("The agent ended in mid-turn (exit code 3: eee")
        setting.does(FINE)
        assert done(await played(engine)).outcome == "ok"
    assert setting.sent("session/load"), "what it had said is gone on with"


async def test_an_agent_that_died_between_turns_is_started_again(setting: AcpSetting) -> None:
    async with setting.does([*FINE, {"exit": 4}]).engine() as engine:
        await played(engine)
        await until(lambda: not engine._host.alive)
        setting.does(FINE)
        assert done(await played(engine)).outcome == "ok"
    assert "The agent had ended (exit code 4) and is started again." in [
        note.text for note in of_kind(setting.reported, Note)
    ]


async def test_half_a_line_and_then_nothing_can_be_cancelled(setting: AcpSetting) -> None:
    steps = [{"update": chunk("begun")}, {"half": '{"jsonrpc": "2.0", "met'}, {"cancelled": True}, {"half": "\n"}]
    async with setting.does([*steps, {"stop": "cancelled"}], FINE).engine() as engine:
        turn = asyncio.create_task(played(engine))
        await until(lambda: setting.waits_for_cancel == 1)
        await engine.interrupt()
        await engine.interrupt()
        assert done(await turn).outcome == "cancelled"
        assert done(await played(engine)).outcome == "ok"
    assert len(setting.sent("session/cancel")) == 1


async def test_an_agent_that_never_answers_a_cancel_is_ended_with_all_it_started(setting: AcpSetting) -> None:
    setting.does([{"update": chunk("begun")}, {"ignore_term": True}, {"half": "{"}, {"hang": True}])
    async with setting.engine() as engine:
        turn = asyncio.create_task(played(engine))
        await until(lambda: bool(setting.sent("session/prompt")))
        await engine.interrupt()
        await until(lambda: bool(setting.sent("session/cancel")))
        assert not turn.done()
        assert engine._host.pipe is not None
        pid = engine._host.pipe.process.pid
        await engine.terminate()
        assert done(await turn).outcome == "cancelled"
        assert not psutil.pid_exists(pid)
        setting.does(FINE)
        assert done(await played(engine)).outcome == "ok"


async def test_a_cancel_while_it_starts_ends_the_turn_before_it_begins(setting: AcpSetting) -> None:
    setting.does(initialize="hang")
    async with setting.engine() as engine:
        turn = asyncio.create_task(played(engine))
        await until(lambda: bool(setting.sent("initialize")))
        await engine.interrupt()
        await engine.terminate()
        assert done(await turn).outcome == "cancelled"
        assert setting.sent("session/prompt") == []


async def test_what_comes_after_the_turn_is_kept_and_belongs_to_none(setting: AcpSetting) -> None:
    late = [
        chunk("late "),
        chunk("words"),
        {"sessionUpdate": "tool_call", "toolCallId": "x", "title": "t", "status": "completed"},
    ]
    async with setting.does([*FINE, {"after": late}], [{"update": chunk("second")}, {"stop": "end_turn"}]).engine() as engine:  # fmt: skip
        assert of_kind(await played(engine), Text) == [Text("fine")]
        await until(lambda: bool(of_kind(setting.reported, ToolResult)))
        assert of_kind(await played(engine), Text) == [Text("second")]
    assert of_kind(setting.reported, Text) == [Text("late words")]


async def test_an_answer_that_comes_twice_counts_once(setting: AcpSetting) -> None:
    async with setting.does([*FINE, {"stop": "refusal"}], FINE).engine() as engine:
        assert done(await played(engine)).outcome == "ok"
        assert done(await played(engine)).outcome == "ok"


async def test_an_agent_that_goes_on_after_its_stdin_ends_is_ended(setting: AcpSetting) -> None:
    program = setting.root / "agent.py"
    program.write_text(
        "import runpy, sys, time, threading\n"
        "threading.Thread(target=lambda: time.sleep(300)).start()\n"
        "sys.argv = ['x', '--script', sys.argv[1]]\n"
        f"runpy.run_path({str(Path(acp_host.__file__).parents[2] / 'tests/fakes/acp_agent.py')!r}, run_name='__main__')\n"
    )
    setting.does()
    setting.options["command"] = [sys.executable, str(program), str(setting.root / "script.json")]
    async with setting.engine() as engine:
        await played(engine)
        assert engine._host.pipe is not None
        pid = engine._host.pipe.process.pid
    assert not psutil.pid_exists(pid)


async def test_a_history_that_is_replayed_for_ever_is_not_waited_for(
    setting: AcpSetting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(acp_host, "REPLAY_MOST_SECONDS", 0.3)
    monkeypatch.setattr(acp_host, "REPLAY_SECONDS", 5.0)
    async with setting.does(load={"after": [chunk("old")]}).engine("session-1") as engine:
        assert done(await played(engine)).outcome == "ok"


async def test_a_turn_that_nobody_follows_any_more_ends_its_agent(setting: AcpSetting) -> None:
    async with setting.does([{"update": chunk("one")}, {"hang": True}]).engine() as engine:
        stream = engine.turn(Prompt("go", "turn"))
        async for _ in stream:
            break
        assert engine._host.pipe is not None
        pid = engine._host.pipe.process.pid
        await stream.aclose()  # type: ignore[attr-defined]
        assert not psutil.pid_exists(pid)


async def test_a_cancel_at_the_very_moment_of_the_prompt_ends_the_turn(setting: AcpSetting) -> None:
    async with setting.does(FINE).engine() as engine:
        await played(engine)
        turn = asyncio.create_task(played(engine))
        await asyncio.sleep(0)
        assert engine._turn is not None
        assert not engine._turn.sent, "it is about to be"
        await engine.interrupt()
        async with asyncio.timeout(120):
            assert done(await turn).outcome == "cancelled"
        assert done(await played(engine)).outcome == "ok"


ASKS_ON_AND_ON = """
import json, sys
def say(**message):
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + chr(10))
for line in iter(sys.stdin.readline, ""):
    asked = json.loads(line)
    if asked["method"] == "session/prompt":
        for number in range(100_000):
            say(id=number, method="fs/read_text_file", params={"path": "x" * 100})
    say(id=asked["id"], result={"protocolVersion": 1, "sessionId": "s", "stopReason": "end_turn"})
    sys.stdout.flush()
"""


async def test_an_agent_that_asks_on_and_on_and_reads_no_answer_waits_itself(setting: AcpSetting) -> None:
    setting.options["command"] = [sys.executable, "-c", ASKS_ON_AND_ON]
    most = 0
    async with setting.engine() as engine:
        turn = asyncio.create_task(played(engine))
        async with asyncio.timeout(120):
            while len(asyncio.all_tasks()) < MOST_OWED and not turn.done():  # noqa: ASYNC110 - tasks set no event
                await asyncio.sleep(0)
        for _ in range(10_000):  # time and room enough to read on, if it did
            await asyncio.sleep(0)
            most = max(most, len(asyncio.all_tasks()))
        pid = engine._host.pipe.process.pid if engine._host.pipe is not None else None
        turn.cancel()
        await asyncio.wait({turn})
    assert most < 1000
    assert pid is not None
    assert not psutil.pid_exists(pid)


def test_figures_that_no_database_takes_are_none() -> None:
    book = TurnBook()
    assert book.take({"sessionUpdate": "usage_update", "used": 10**30, "size": 2**63}) == []
    usage = book.figures({"usage": {"inputTokens": 2**80, "outputTokens": 7}})
    assert (usage.input_tokens, usage.output_tokens, usage.window) == (None, 7, None)


def test_a_models_name_that_cannot_be_shown_is_not_offered() -> None:
    offers = Offers()
    names = ["good", "two\nlines", "red\x1b[31m", "\u202eturned", "x" * 5000]
    options = [{"value": name, "name": name} for name in names]
    offers.take_options([{"id": "model", "category": "model", "options": options}])
    assert offers.model.names == ["good"]
