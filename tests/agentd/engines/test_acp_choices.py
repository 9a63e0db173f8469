"""What a scripted agent lets be chosen, and how its conversation goes on, is refused, logged in and compacted."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agentd.engines.acp import AcpEngine
from agentd.engines.base import (
    EngineFailed,
    ModelChanged,
    Note,
    Text,
    ToolUse,
    TurnDone,
)
from tests.fakes.acp_agent import SESSION, chunk
from tests.support.acp import AcpSetting, checked, of_kind, played

Update = dict[str, Any]


@pytest.fixture
def setting(tmp_path: Path) -> AcpSetting:
    return AcpSetting(tmp_path)


def tool(**update: Any) -> Update:
    return {"sessionUpdate": "tool_call", **update}


def select(id: str, category: str, current: str, *values: str) -> Update:
    options = [{"value": value, "name": value.title()} for value in values]
    return {"id": id, "name": id, "category": category, "type": "select", "currentValue": current, "options": options}


def done(events: list[Any]) -> TurnDone:
    (found,) = of_kind(events, TurnDone)
    return found


# What it lets be chosen ------------------------------------------------------------------------------------

CHOICES = [
    select("model", "model", "small", "small", "large"),
    select("thinking", "thought_level", "low", "low", "high"),
    select("mode", "mode", "ask", "ask", "plan"),
]


async def test_models_efforts_and_modes_are_known_once_it_runs(setting: AcpSetting) -> None:
    async with setting.does(new={"sessionId": SESSION, "configOptions": CHOICES}).engine() as engine:
        assert not engine.models
        await played(engine)
        assert [model.name for model in engine.models] == ["small", "large"]
        assert engine.abilities.efforts == ["low", "high"]
        assert engine.abilities.permission_modes == ["ask", "plan"]
        assert engine.abilities.closed_models
    assert of_kind(setting.reported, ModelChanged) == [ModelChanged("small")]
    async with setting.engine() as again:
        assert [model.name for model in again.models] == ["small", "large"], "the next harness knows them at once"


async def test_what_was_chosen_before_is_in_force_at_the_first_prompt(setting: AcpSetting) -> None:
    setting.model, setting.effort, setting.permission_mode = "large", "high", "plan"
    setting.does(new={"sessionId": SESSION, "configOptions": CHOICES}, set={"session/set_config_option": {}})
    async with setting.engine() as engine:
        await played(engine)
    sent = [(params["configId"], params["value"]) for params in setting.sent("session/set_config_option")]
    assert sent == [("model", "large"), ("thinking", "high"), ("mode", "plan")]
    methods = [message.get("method") for message in setting.received]
    assert methods.index("session/prompt") > methods.index("session/set_config_option")


async def test_a_running_agent_changes_at_once_and_back_to_its_own(setting: AcpSetting) -> None:
    setting.does(new={"sessionId": SESSION, "configOptions": CHOICES}, set={"session/set_config_option": {}})
    async with setting.engine() as engine:
        assert await engine.set_model("large"), "before it runs: its start will say so"
        assert await engine.set_model("default")
        await played(engine)
        assert setting.sent("session/set_config_option") == []
        assert await engine.set_model("large")
        assert await engine.set_effort("high")
        assert await engine.set_permission_mode("plan")
        assert await engine.set_effort(None)
        assert await engine.set_permission_mode(None)
        assert await engine.set_model("default")
    sent = [params["value"] for params in setting.sent("session/set_config_option")]
    assert sent == ["large", "high", "plan", "low", "ask", "small"]
    assert [change.model for change in of_kind(setting.reported, ModelChanged)] == ["small", "large", "small"]


async def test_an_older_agent_is_switched_by_its_own_calls(setting: AcpSetting) -> None:
    new = {
        "sessionId": SESSION,
        "models": {"currentModelId": "small", "availableModels": [{"modelId": "small"}, {"modelId": "large"}]},
        "modes": {"currentModeId": "ask", "availableModes": [{"id": "ask"}, {"id": "plan"}]},
    }
    setting.does(new=new, set={"session/set_model": {}, "session/set_mode": {}})
    async with setting.engine() as engine:
        await played(engine)
        assert await engine.set_model("large")
        assert await engine.set_permission_mode("plan")
    assert setting.sent("session/set_model") == [{"sessionId": SESSION, "modelId": "large"}]
    assert setting.sent("session/set_mode") == [{"sessionId": SESSION, "modeId": "plan"}]


async def test_a_model_that_there_is_not_is_refused_with_what_there_is(setting: AcpSetting) -> None:
    setting.does(new={"sessionId": SESSION, "configOptions": CHOICES})
    async with setting.engine() as engine:
        await played(engine)
        assert not await engine.set_model("huge")
    assert of_kind(setting.reported, Note)[0].text == "The agent has no model 'huge'; it offers small, large."
    setting.model = "huge"
    async with setting.engine() as engine:
        with pytest.raises(EngineFailed, match="no model 'huge'") as failed:
            await played(engine)
    assert (failed.value.code, failed.value.retryable) == ("unknown_model", False)


async def test_where_neither_way_to_a_model_works_it_says_so_and_goes_on(setting: AcpSetting) -> None:
    setting.model = "huge"
    async with setting.does().engine() as engine:
        assert done(await played(engine)).outcome == "ok"
        assert not await engine.set_model("other")
    first, second = of_kind(setting.reported, Note)
    assert "session/set_config_option: Method not found; session/set_model: Method not found" in first.text
    assert "'other'" in second.text


async def test_a_change_of_the_agents_own_is_told(setting: AcpSetting) -> None:
    changed = {"sessionUpdate": "config_option_update", "configOptions": [select("model", "model", "large", "large")]}
    new = {"sessionId": SESSION, "configOptions": CHOICES}
    async with setting.does([{"update": changed}, {"stop": "end_turn"}], new=new).engine() as engine:
        await played(engine)
    assert [change.model for change in of_kind(setting.reported, ModelChanged)] == ["small", "large"]


async def test_a_mode_of_the_agent_toml_that_there_is_not_is_said(setting: AcpSetting) -> None:
    setting.does(new={"sessionId": SESSION, "configOptions": CHOICES})
    setting.options["permission_mode"] = "yolo"
    async with setting.engine() as engine:
        assert done(await played(engine)).outcome == "ok"
    assert "no permission mode 'yolo'; it offers ask, plan" in of_kind(setting.reported, Note)[0].text


# How it goes on --------------------------------------------------------------------------------------------


async def test_a_conversation_is_gone_on_with_by_its_id_and_not_introduced_again(setting: AcpSetting) -> None:
    async with setting.does().engine() as engine:
        assert engine.session_id is None
        await played(engine)
        assert engine.session_id == SESSION
    history = [chunk("old words"), tool(toolCallId="t", title="old", status="completed")]
    setting.does(load={"before": history, "after": history})
    async with setting.engine(SESSION) as engine:
        events = await played(engine, "and now")
    assert of_kind(events, Text) == [Text("echo")]
    assert of_kind(events, ToolUse) == []
    assert of_kind(setting.reported, Text) == []
    assert setting.sent("session/prompt")[-1]["prompt"][0]["text"] == "and now"
    assert setting.sent("session/load")[0]["sessionId"] == SESSION


async def test_an_agent_that_only_resumes_is_asked_to_resume(setting: AcpSetting) -> None:
    able = {"protocolVersion": 1, "agentCapabilities": {"sessionCapabilities": {"resume": {}}}}
    async with setting.does(initialize=able, set={"session/resume": {}}).engine(SESSION) as engine:
        assert done(await played(engine)).outcome == "ok"
    assert setting.sent("session/resume")[0]["sessionId"] == SESSION


@pytest.mark.parametrize(
    "script",
    [
        {"load": {"error": {"code": -32002, "message": "Resource not found"}}},
        {"load": {"error": {"code": -32603, "message": "Internal error", "data": {"details": "No such session."}}}},
        {"initialize": {"protocolVersion": 1, "agentCapabilities": {}}},
    ],
)
async def test_a_conversation_that_it_refuses_is_never_replaced_in_silence(
    setting: AcpSetting, script: dict[str, Any]
) -> None:
    async with setting.does(**script).engine("gone") as engine:
        with pytest.raises(EngineFailed, match="will not go on with the conversation gone: ") as failed:
            await played(engine)
        assert failed.value.code == EngineFailed.RESUME_REFUSED
        assert setting.sent("session/new") == []
        assert setting.sent("session/prompt") == []


async def test_a_conversation_without_a_word_in_it_is_not_kept(setting: AcpSetting) -> None:
    async with setting.does([{"error": {"code": -32603, "message": "unexpected status 500"}}]).engine() as engine:
        await played(engine)
        assert engine.session_id is None


async def test_a_key_is_handed_over_where_the_agent_asks_for_it(setting: AcpSetting) -> None:
    setting.env = {"SOME_KEY": "x"}
    setting.does(
        initialize={
            "protocolVersion": 1,
            "authMethods": [{"id": "web"}, {"id": "by-key", "type": "env_var", "vars": [{"name": "SOME_KEY"}]}],
        },
        new=[{"error": {"code": -32000, "message": "Authentication required"}}, {"sessionId": SESSION}],
    )
    async with setting.engine() as engine:
        assert done(await played(engine)).outcome == "ok"
    assert setting.sent("authenticate") == [{"methodId": "by-key"}]


async def test_without_a_key_it_says_what_to_do(setting: AcpSetting) -> None:
    setting.options["agent"] = "codex-acp"
    async with setting.does(new={"error": {"code": -32000, "message": "Authentication required"}}).engine() as engine:
        with pytest.raises(EngineFailed, match="Codex is not logged in: give it OPENAI_API_KEY") as failed:
            await played(engine)
    assert (failed.value.outcome, failed.value.retryable) == ("needs_login", False)
    assert str(setting.root / "home/.codex") in failed.value.message


async def test_a_login_that_is_lost_in_a_turn_ends_the_process_so_that_the_next_reads_it_anew(
    setting: AcpSetting,
) -> None:
    steps = [{"update": chunk("well")}, {"error": {"code": -32000, "message": "Authentication required"}}]
    async with setting.does(steps).engine() as engine:
        assert done(await played(engine)).outcome == "needs_login"
        await played(engine)
    assert len(setting.sent("initialize")) == 2


@pytest.mark.parametrize(("agent", "starts"), [("codex-acp", 2), ("opencode", 1)])
async def test_codex_is_started_again_after_an_error_since_it_may_lose_the_next_prompt(
    agent: str, starts: int, setting: AcpSetting
) -> None:
    error = {"error": {"code": -32603, "message": "Internal error: last status: 429 Too Many Requests"}}
    fine = [{"update": chunk("well")}, {"stop": "end_turn"}]
    setting.options["agent"] = agent
    async with setting.does(fine, [error], fine).engine() as engine:
        assert done(await played(engine)).outcome == "ok"
        assert done(await played(engine)).outcome == "rate_limited"
        assert done(await played(engine)).outcome == "ok"
    assert len(setting.sent("initialize")) == starts
    assert len(setting.sent("session/new")) == 1
    assert len(setting.sent("session/load")) == starts - 1


async def test_a_compaction_is_the_agents_own_command(setting: AcpSetting) -> None:
    commands = {"sessionUpdate": "available_commands_update", "availableCommands": [{"name": "compress"}]}
    full = {"sessionUpdate": "usage_update", "used": 900, "size": 1000}
    setting.does(
        [{"update": commands}, {"update": full}, {"stop": "end_turn"}],
        [{"update": {**full, "used": 100}}, {"stop": "end_turn"}],
        [{"update": full}, {"stop": "end_turn"}],
    )
    async with setting.engine() as engine:
        assert not engine.abilities.compact
        await played(engine)
        assert engine.abilities.compact
        assert done(checked([event async for event in engine.compact()])).outcome == "ok"
        assert setting.sent("session/prompt")[-1]["prompt"][0]["text"] == "/compress"
        await played(engine, "next")
        assert setting.sent("session/prompt")[-1]["prompt"][0]["text"].startswith("You are bee"), "it is told again"
        assert done(checked([event async for event in engine.compact()])).error == "There was nothing to compact."


async def test_an_agent_that_cannot_compact_says_so(setting: AcpSetting) -> None:
    async with setting.does().engine() as engine:
        found = done([event async for event in engine.compact()])
    assert (found.outcome, found.error) == ("failed", "The agent cannot compact a conversation.")


def test_the_library_is_not_loaded_before_an_agent_is_started() -> None:
    code = "import sys, agentd.engines.acp, agentd.engines.acp_launch, agentd.engines.acp_found; print('acp' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"


async def test_what_it_offered_is_forgotten_with_another_agent(setting: AcpSetting) -> None:
    async with setting.does(new={"sessionId": SESSION, "configOptions": CHOICES}).engine() as engine:
        await played(engine)
    setting.options["command"] = ["another"]
    assert AcpEngine(setting.context()).models == ()
    setting.facts.set("acp_offers", json.dumps([["another"], "", '{"models": [7], "modes": 3}']))
    assert AcpEngine(setting.context()).models == ()
