"""A whole harness on an acp agent: what is journalled, what is kept over a kill, and the hive's tools while a turn runs."""

import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from mcp import ClientSession, StdioServerParameters, stdio_client
from mcp.types import CallToolResult

from agentd.tools import tools_bridge
from tests.agentd.rig import Rig, rigged
from tests.fakes.acp_agent import SESSION, chunk
from tests.support.acp import FAKE_AGENT
from tests.support.claude import until

BRIDGE = [sys.executable, "-I", "-S", str(Path(tools_bridge.__file__).resolve())]


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with rigged() as found:
        yield found


def does(rig: Rig, *prompts: list[Any], **script: Any) -> None:
    file = rig.home / "script.json"
    file.write_text(json.dumps({"prompts": prompts, **script}))
    rig.spec |= {
        "engine": "acp",
        "engine_options": {"command": [sys.executable, str(FAKE_AGENT), "--script", str(file)]},
    }


def received(rig: Rig) -> list[dict[str, Any]]:
    file = rig.workspace / "received.jsonl"
    return [json.loads(line) for line in file.read_text().split("\n")[:-1]] if file.exists() else []


async def test_a_turn_is_written_down_and_its_conversation_outlives_a_kill(rig: Rig) -> None:
    tool = {"sessionUpdate": "tool_call", "toolCallId": "t", "title": "Read a", "kind": "read", "status": "completed"}
    usage = {"sessionUpdate": "usage_update", "used": 500, "size": 1000, "cost": {"amount": 0.25, "currency": "USD"}}
    steps = [{"update": {**tool, "rawInput": {"path": "a"}, "rawOutput": "b"}}, {"update": chunk("Done.")}]
    models = {"currentModelId": "small", "availableModels": [{"modelId": "small"}, {"modelId": "large"}]}
    does(rig, [*steps, {"update": usage}, {"stop": "end_turn"}], new={"sessionId": SESSION, "models": models})
    await rig.start()
    await rig.stub.send("please")
    (end,) = await rig.stub.turn_ends()
    assert (end["outcome"], end["ctx"], end["cost"]["usd"]) == ("ok", {"tokens": 500, "window": 1000}, 0.25)
    assert [payload["text"] for payload in rig.stub.payloads("text")] == ["Done."]
    assert rig.stub.payloads("tool_use")[0] | {"tool_use_id": "t"} == {
        "tool_use_id": "t", "tool": "read", "input": {"path": "a"},
    }  # fmt: skip
    assert rig.stub.payloads("tool_result")[0]["text"] == "b"
    await rig.stub.until(
        lambda: [model["name"] for model in rig.report().get("models", [])] == ["small", "large"],
        "the models are known",
    )
    await rig.kill()
    await rig.start()
    await rig.stub.send("and on")
    await rig.stub.turn_ends(2)
    loads = [message["params"] for message in received(rig) if message.get("method") == "session/load"]
    assert [params["sessionId"] for params in loads] == [SESSION]


async def test_the_hives_tools_are_there_for_the_engine_and_nobody_finds_them_after(rig: Rig) -> None:
    does(rig, [{"update": chunk("I wait.")}, {"cancelled": True}, {"stop": "cancelled"}])
    await rig.start()
    await rig.stub.send("please")
    await until(lambda: any("waits_for" in message for message in received(rig)))
    path = rig.stub.socket.with_name("tools.sock")
    server = StdioServerParameters(command=BRIDGE[0], args=[*BRIDGE[1:], str(path)])
    async with stdio_client(server) as (read, write), ClientSession(read, write, read_timeout_seconds=20) as client:
        await client.initialize()
        assert "send" in [tool.name for tool in (await client.list_tools()).tools]
        answer = await client.call_tool("send", {"to": "bob", "body": "hi"})
        assert isinstance(answer, CallToolResult)
        assert not answer.is_error
    (sent,) = rig.stub.payloads("message_out")
    assert (sent["to"], sent["body"]) == ("bob", "hi")
    await rig.stub.ring("cancel", {"turn_id": None})
    (end,) = await rig.stub.turn_ends()
    assert end["outcome"] == "cancelled"
    await rig.terminate()
    assert not path.exists()


async def test_an_idle_harness_has_neither_an_agent_nor_its_library(rig: Rig) -> None:
    does(rig, [{"update": chunk("Hello.")}, {"stop": "end_turn"}])
    await rig.start()
    assert rig.process is not None
    harness = psutil.Process(rig.process.pid)
    assert harness.children() == []
    idle = harness.memory_info().rss
    assert idle < 50_000_000
    await rig.stub.send("please")
    await rig.stub.turn_ends()
    assert len(harness.children()) == 1
    await rig.terminate()
    assert received(rig)[0]["method"] == "initialize"


RUN = {"toolCallId": "call-1", "title": "make", "kind": "execute", "rawInput": {"command": "make"}}
OPTIONS = [
    {"optionId": "yes", "name": "Yes", "kind": "allow_once"},
    {"optionId": "no", "name": "No", "kind": "reject_once"},
]


@pytest.mark.parametrize(
    ("decision", "words"),
    [
        ({"status": "denied", "note": "use ninja"}, "shell was denied: use ninja"),
        ({"status": "approved", "note": "mind the cat"}, "The operator allowed shell and says: mind the cat"),
        (
            {"status": "approved", "updated_input": {"command": "ninja"}},
            'The operator would allow shell with another input: {"command": "ninja"}',
        ),
    ],
)
async def test_what_the_protocol_cannot_carry_is_told_in_the_same_turn(
    rig: Rig, decision: dict[str, Any], words: str
) -> None:
    asks = [{"ask": {"toolCall": RUN, "options": OPTIONS}}, {"stop": "end_turn"}]
    does(rig, asks, [{"update": chunk("I see.")}, {"stop": "end_turn"}])
    await rig.start()
    message = await rig.stub.send("please")
    await rig.stub.until(lambda: rig.stub.books.approvals, "the ask")
    await rig.stub.ring("decision", {"approval_id": next(iter(rig.stub.books.approvals)), **decision})
    (end,) = await rig.stub.turn_ends()
    assert (end["outcome"], end["message_ids"]) == ("ok", [message])
    prompts = [message["params"] for message in received(rig) if message.get("method") == "session/prompt"]
    assert len(prompts) == 2
    assert words in prompts[1]["prompt"][0]["text"]
    assert [payload["text"] for payload in rig.stub.payloads("text")] == ["I see."]
    assert "notices" not in rig.facts()


async def test_what_could_not_be_told_before_a_kill_is_told_by_the_next_harness(rig: Rig) -> None:
    asks = [{"ask": {"toolCall": RUN, "options": OPTIONS}}, {"update": chunk("I wait.")}, {"cancelled": True}]
    does(rig, asks, [{"stop": "end_turn"}])
    await rig.start()
    await rig.stub.send("please")
    await rig.stub.until(lambda: rig.stub.books.approvals, "the ask")
    decision = {"status": "denied", "note": "use ninja"}
    await rig.stub.ring("decision", {"approval_id": next(iter(rig.stub.books.approvals)), **decision})
    await rig.stub.until(lambda: rig.stub.payloads("permission_decided"), "the decision being heard")
    await until(lambda: any("waits_for" in message for message in received(rig)))
    await rig.kill()
    does(rig, [{"stop": "end_turn"}])
    await rig.start()
    await rig.stub.turn_ends(2)
    prompts = [message["params"] for message in received(rig) if message.get("method") == "session/prompt"]
    assert "shell was denied: use ninja" in prompts[-1]["prompt"][0]["text"]
