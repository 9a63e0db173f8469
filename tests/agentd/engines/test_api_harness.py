"""The api engine in a real harness: turns that are journalled, killed, resumed, compacted, limited, and stay small."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.agentd.rig import Rig, rigged, until
from tests.fakes.openai_api import OpenAiApi
from tests.support.api import KEY


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with rigged() as found:
        yield found


@pytest.fixture
async def api(rig: Rig) -> AsyncIterator[OpenAiApi]:
    async with OpenAiApi() as found:
        options = {
            "provider": "openai",
            "base_url": found.url,
            "permission_mode": "bypassPermissions",
            "api_key_env": "MINE",
        }
        rig.spec |= {"engine": "api", "engine_options": options, "env_from": ["MINE"]}
        rig.env["MINE"] = KEY
        (rig.harness / "model").write_text("tiny\n")
        yield found


def script(*steps: dict[str, Any]) -> str:
    return f"@@script {json.dumps(list(steps))}"


def resident_mb(rig: Rig) -> float:
    assert rig.process is not None
    status = Path(f"/proc/{rig.process.pid}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS")) / 1024


async def test_a_turn_is_journalled_with_its_tools_and_figures(rig: Rig, api: OpenAiApi) -> None:
    await rig.start()
    await rig.stub.send(script({"text": "So.", "tool": "bash", "input": {"command": "echo deed"}}, {"text": "Done."}))
    (end,) = await rig.stub.turn_ends()
    assert end["outcome"] == "ok", end
    assert end["tool_calls"] == 1
    assert end["model"] == "tiny"
    assert end["ctx"]["tokens"] > 0
    assert [payload["text"] for payload in rig.stub.payloads("tool_result")] == ["deed"]
    assert [payload["text"] for payload in rig.stub.payloads("text")] == ["So.", "Done."]


async def test_a_harness_killed_in_a_tool_goes_on_with_its_own_conversation(rig: Rig, api: OpenAiApi) -> None:
    await rig.start()
    await rig.stub.send("My name is Ada. @@text")
    await rig.stub.turn_ends()
    await rig.stub.send(script({"tool": "bash", "input": {"command": "touch reached; sleep 600"}}, {"text": "Never."}))
    await until(lambda: (rig.workspace / "reached").exists(), "the tool")
    session_id = rig.facts()["session_id"]
    await rig.kill()
    api.answers["touch reached"] = [{"text": "I remember."}]
    await rig.start()
    ends = await rig.stub.turn_ends(3)
    assert [end["outcome"] for end in ends] == ["ok", "failed", "ok"]
    assert rig.facts()["session_id"] == session_id
    said = [message for message in api.requests[-1].body["messages"] if message["role"] != "system"]
    assert "My name is Ada" in said[0]["content"]
    assert "cut off" in next(message for message in said if message["role"] == "tool")["content"]


async def test_an_overflow_is_compacted_and_the_turn_tried_once_more(rig: Rig, api: OpenAiApi) -> None:
    await rig.start()
    for number in range(2):
        await rig.stub.send(f"Part {number}. {script({'text': 'word ' * 500})}")
        await rig.stub.turn_ends(number + 1)
    too_long = {"status": 400, "code": "context_length_exceeded", "message": "maximum context length is 900 tokens"}
    api.answers["<transcript>"] = [{"text": "The summary."}]
    api.answers["overflow"] = [too_long, {"text": "It fits."}]
    await rig.stub.send("Now overflow.")
    end = (await rig.stub.turn_ends(3))[-1]
    assert end["outcome"] == "ok", end
    assert "The summary." in json.dumps(api.requests[-1].body["messages"])
    assert api.requests[-1].user_text.count("Now overflow.") == 1, "the words that were too long are not there twice"


async def test_no_key_is_in_the_journal_or_in_any_file(rig: Rig, api: OpenAiApi) -> None:
    await rig.start()
    show = {"tool": "bash", "input": {"command": "env; cat /proc/$PPID/environ"}}
    await rig.stub.send(script(show, {"text": "Seen."}))
    await rig.stub.turn_ends()
    api.answers["wrong key"] = [{"status": 401, "message": f"wrong: {KEY}"}]
    await rig.stub.send("wrong key")
    end = (await rig.stub.turn_ends(2))[-1]
    assert end["outcome"] == "needs_login"
    assert api.requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert KEY not in json.dumps(rig.stub.payloads("tool_result"))
    assert [path for path in rig.home.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()] == []


async def test_a_missing_key_is_a_login_that_is_needed(rig: Rig, api: OpenAiApi) -> None:
    rig.spec |= {"env_from": [], "engine_options": {"provider": "openrouter"}}
    await rig.start()
    await rig.stub.send("Hello?")
    (end,) = await rig.stub.turn_ends()
    assert end["outcome"] == "needs_login"
    assert "OPENROUTER_API_KEY" in end["error"]


async def test_an_idle_harness_stays_under_50_mb_before_and_after_its_first_turn(rig: Rig, api: OpenAiApi) -> None:
    await rig.start()
    before = resident_mb(rig)
    await rig.stub.send("@@text")
    await rig.stub.turn_ends()
    after = resident_mb(rig)
    print(f"resident: {before:.1f} MB, after a turn {after:.1f} MB")
    assert before < 50
    assert after < 50, "httpx and all"
