"""Models, efforts and permission modes on the real CLI: what it offers, what is in force from its start, what is set live."""

from typing import Any

import pytest

from agentd.engines.base import EngineFailed, ToolUse
from agentd.engines.claude_settings import EFFORTS, Offer
from tests.support.claude import MemoryFacts, Setting, done_of, played

live = [pytest.mark.claude]


def pid(setting: Setting) -> str:
    return (setting.root / "harness/engine.pid").read_text()


def effort_of(body: dict[str, Any]) -> str | None:
    found = body.get("output_config", {}).get("effort")
    return None if found is None else str(found)


class TestOnTheRealCli:
    pytestmark = live

    async def test_the_models_that_it_offers_are_known_once_it_ran_and_to_the_next_harness_at_once(
        self, setting: Setting
    ) -> None:
        async with setting.engine() as engine:
            assert not engine.models
            assert engine.abilities.efforts == list(EFFORTS)
            await played(engine, "@@text")
            offered = engine.models
            assert {"default", "sonnet", "haiku"} <= {model.name for model in offered}
            assert all(model.title for model in offered)
            assert all(model.description for model in offered)
            assert {"low", "high"} <= set(engine.abilities.efforts)
            assert not engine.abilities.closed_models
        async with setting.engine() as engine:
            assert engine.models == offered

    async def test_its_own_model_is_named_by_nobody_and_can_be_gone_back_to(self, setting: Setting) -> None:
        setting.model = "default"
        async with setting.engine() as engine:
            await played(engine, "@@text")
            first = pid(setting)
            assert await engine.set_model("haiku")
            await played(engine, "@@text")
            assert await engine.set_model("default")
            await played(engine, "@@text")
            assert pid(setting) == first
        own, haiku, own_again = [request.body["model"] for request in setting.api.turns]
        assert own == own_again
        assert "haiku" in haiku
        assert "haiku" not in own

    async def test_a_model_that_is_not_there_is_the_failed_turn_it_causes(self, setting: Setting) -> None:
        async with setting.engine() as engine:
            assert await engine.set_model("no-such-model")  # before it runs, its next start says so
            done = done_of(await played(engine, "@@404"))
            assert (done.outcome, done.retryable) == ("failed", False)
            assert "no-such-model" in (done.error or "")
            assert await engine.set_model("claude-haiku-4-5")
            assert done_of(await played(engine, "@@text")).outcome == "ok"

    async def test_an_effort_is_in_force_from_its_start_is_changed_live_and_given_back(self, setting: Setting) -> None:
        setting.model, setting.effort = "sonnet", "low"
        async with setting.engine() as engine:
            await played(engine, "@@text")
            first = pid(setting)
            for effort in ("max", "high", None):
                assert await engine.set_effort(effort)
                await played(engine, "@@text")
            assert pid(setting) == first
        efforts = [effort_of(request.body) for request in setting.api.turns]
        assert efforts[:3] == ["low", "max", "high"]
        assert efforts[3] not in ("low", "max")

    async def test_an_effort_that_there_is_not_is_refused_and_named_at_the_next_turn(self, setting: Setting) -> None:
        async with setting.engine() as engine:
            assert not await engine.set_effort("colossal")
            with pytest.raises(EngineFailed) as failed:
                await played(engine, "@@text")
            assert "colossal" in failed.value.message
            assert (failed.value.code, failed.value.retryable) == ("invalid_option", False)
            assert await engine.set_effort("low")
            assert done_of(await played(engine, "@@text")).outcome == "ok"

    async def test_a_permission_mode_is_in_force_from_the_next_tool_on(self, setting: Setting) -> None:
        async with setting.engine() as engine:
            await played(engine, "@@write")
            assert [tool for tool, _ in setting.asked] == ["Write"]
            assert not (setting.workspace / "w.txt").exists()
            assert await engine.set_permission_mode("acceptEdits")
            events = await played(engine, "@@write")
            assert [event.tool for event in events if isinstance(event, ToolUse)] == ["Write"]
            assert (setting.workspace / "w.txt").exists()
            assert len(setting.asked) == 1
            assert await engine.set_permission_mode(None)
            await played(engine, "@@permission")
            assert [tool for tool, _ in setting.asked] == ["Write", "Bash"]

    async def test_the_mode_that_asks_for_nothing_needs_another_start(self, setting: Setting) -> None:
        setting.env["IS_SANDBOX"] = "1"
        async with setting.engine() as engine:
            await played(engine, "@@text")
            assert not await engine.set_permission_mode("bypassPermissions")
            session = engine.session_id
        setting.permission_mode = "bypassPermissions"
        async with setting.engine(session) as engine:
            await played(engine, "@@permission")
        assert (setting.workspace / "made-by-bash").exists()
        assert setting.asked == []

    async def test_a_mode_that_root_may_not_have_is_one_sentence_and_no_process(
        self, setting: Setting, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("os.geteuid", lambda: 0)
        setting.permission_mode = "bypassPermissions"
        async with setting.engine() as engine:
            with pytest.raises(EngineFailed) as failed:
                await played(engine, "@@text")
        assert "IS_SANDBOX=1" in failed.value.message
        assert not (setting.root / "harness/engine.pid").exists()


def entry(name: object, *efforts: str) -> dict[str, Any]:
    return {
        "value": name,
        "displayName": "D",
        "description": "d",
        "supportsEffort": True,
        "supportedEffortLevels": efforts,
    }


def test_the_efforts_are_those_that_any_model_has_in_order() -> None:
    levels = [list(found) for found in (("low", "high"), ("low", "max"))]
    answer = {
        "models": [
            {**entry("a"), "supportedEffortLevels": levels[0]},
            {**entry("b"), "supportedEffortLevels": levels[1]},
        ]
    }
    assert Offer.of_answer(answer).efforts == ("low", "high", "max")


@pytest.mark.parametrize(
    "answer",
    [{}, {"models": None}, {"models": "many"}, {"models": [None, 7, {}, entry(7), entry("")]}, {"models": {"a": 1}}],
)
def test_what_is_in_no_known_form_is_no_offer(answer: dict[str, Any]) -> None:
    assert Offer.of_answer(answer) == Offer()


@pytest.mark.parametrize("kept", ["", "no json", "[]", '{"models": [{"nonsense": 1}]}', '{"models": 5, "efforts": []}'])
def test_an_offer_that_cannot_be_read_again_is_forgotten(kept: str) -> None:
    facts = MemoryFacts()
    facts.set("claude_offer", kept)
    assert Offer.kept(facts) == Offer()
