"""Models, efforts, permission modes, sessions, naps, engines: chosen by keyboard, the grave ones confirmed."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hived.wire.agents import ModelList, ModelOffered
from hivetui.screens.confirm import ConfirmScreen
from hivetui.screens.doctor import DoctorScreen
from hivetui.screens.first_run import FirstRunScreen
from hivetui.screens.picker import PickerScreen
from tests.hivetui import scene
from tests.hivetui.live import Live, living


@pytest.fixture
async def live() -> AsyncIterator[Live]:
    async with living((100, 30)) as found:
        found.hived.models["alice"] = scene.models()
        await found.pilot.press("2")
        yield found


async def command(live: Live, text: str) -> None:
    await live.pilot.press("i")
    await live.type(text)
    await live.pilot.press("enter")


async def confirmed(live: Live, says: str) -> None:
    await live.until(lambda: isinstance(live.app.screen, ConfirmScreen), "the question")
    await live.until(lambda: says in live.text, says)
    assert live.hived.asked == [], "nothing is asked of hived before"
    await live.pilot.press("y")


async def test_the_models_are_those_that_its_engine_offers_and_its_own_is_marked(live: Live) -> None:
    await live.pilot.press("m")
    await live.until(lambda: "Sonnet (1M context)" in live.text, "the offer")
    assert "● sonnet " in live.text
    await live.type("1m")
    await live.pilot.press("enter")
    await live.until(lambda: live.posted("/v1/agents/alice/model") == [{"model": "sonnet[1m]"}], "the model")


async def test_enter_at_once_takes_the_model_that_it_has(live: Live) -> None:
    await live.pilot.press("m")
    await live.until(lambda: "Sonnet (1M context)" in live.text, "the offer")
    await live.pilot.press("enter")
    await live.until(lambda: live.posted("/v1/agents/alice/model") == [{"model": "sonnet"}], "the model")


async def test_what_is_typed_before_the_offer_comes_narrows_it(live: Live) -> None:
    await live.pilot.press("m", *"context")
    await live.until(
        lambda: "sonnet[1m]" in live.text and "haiku" not in live.text.split("model of alice")[1].split("╰")[0], "it"
    )


async def test_where_an_engine_takes_no_other_model_none_can_be_typed(live: Live) -> None:
    live.hived.models["alice"] = ModelList(
        current="a", models=[ModelOffered(name="a"), ModelOffered(name="b")], closed=True
    )
    await live.pilot.press("m")
    await live.until(lambda: "It takes none but these." in live.text, "the offer")
    await live.type("other")
    await live.until(lambda: "none of these is called that" in live.text, "the word")
    await live.pilot.press("enter")
    await live.pilot.pause()
    assert isinstance(live.app.screen, PickerScreen)
    assert live.hived.asked == []


async def test_a_title_that_the_description_begins_with_is_said_once(live: Live) -> None:
    opus = ModelOffered(name="opus", title="Opus 5.5", description="Opus 5.5 · Best for everyday tasks")
    live.hived.models["alice"] = ModelList(current="a", models=[opus], closed=True)
    await live.pilot.press("m")
    await live.until(lambda: "Opus 5.5 · Best for everyday tasks" in live.text, "the offer")
    assert live.text.count("Opus 5.5") == 1


async def test_an_engine_that_has_not_said_what_it_offers_takes_a_name(live: Live) -> None:
    del live.hived.models["alice"]
    await live.pilot.press("m")
    await live.until(lambda: "has not said what it offers" in live.text, "the word")
    await live.type("my-own")
    await live.until(lambda: "enter takes my-own" in live.text, "the word")
    await live.pilot.press("enter")
    await live.until(lambda: live.posted("/v1/agents/alice/model") == [{"model": "my-own"}], "the model")


async def test_an_effort_is_chosen_from_what_the_engine_has(live: Live) -> None:
    await command(live, "/effort")
    await live.until(lambda: "● high" in live.text, "the levels")
    await live.pilot.press("down", "enter")
    await live.until(lambda: live.posted("/v1/agents/alice/effort") == [{"effort": "xhigh"}], "the effort")


async def test_an_engine_without_efforts_says_so(live: Live) -> None:
    await live.pilot.press("4")
    await command(live, "/effort")
    await live.until(lambda: "The engine of carol (claude) has no effort to set." in live.text, "the word")


@pytest.mark.parametrize("chosen", ["typed", "picked"])
async def test_a_mode_that_asks_about_nothing_is_confirmed(live: Live, chosen: str) -> None:
    if chosen == "typed":
        await command(live, "/permission-mode bypassPermissions")
    else:
        await command(live, "/permission-mode")
        await live.type("bypass")
        await live.pilot.press("enter")
    await confirmed(live, "Let alice do everything without asking you?")
    wanted = [{"permission_mode": "bypassPermissions"}]
    await live.until(lambda: live.posted("/v1/agents/alice/permission-mode") == wanted, "the mode")


async def test_a_mode_that_asks_is_set_at_once(live: Live) -> None:
    await command(live, "/permission-mode plan")
    await live.until(lambda: live.posted("/v1/agents/alice/permission-mode") == [{"permission_mode": "plan"}], "it")


async def test_a_new_session_is_confirmed(live: Live) -> None:
    await command(live, "/new-session primer")
    await confirmed(live, "Begin a new session with alice?")
    await live.until(lambda: live.posted("/v1/agents/alice/new-session") == [{"primer": True}], "it")
    await live.until(lambda: "told what the journal remembers" in live.text, "the notice")


async def test_a_nap_begins_and_ends_by_command(live: Live) -> None:
    await command(live, "/nap 2h")
    await live.until(lambda: live.posted("/v1/agents/alice/nap") == [{"seconds": 7200}], "the nap")
    await live.type("/resume")
    await live.pilot.press("enter")
    await live.until(lambda: "alice goes on." in live.text, "the end")


async def test_another_engine_is_confirmed_with_what_becomes_of_the_conversation(live: Live) -> None:
    await command(live, "/rebuild scripted")
    await live.until(lambda: isinstance(live.app.screen, FirstRunScreen), "the form")
    await live.until(lambda: "hive rebuild alice --engine scripted --scenario FILE" in live.text, "the same by command")
    await live.pilot.press("enter")
    await live.type("/tmp/a.toml")
    await live.pilot.press("enter")
    await confirmed(live, "Put alice on scripted, from claude?")
    body = {"engine": "scripted", "engine_options": {"scenario": "/tmp/a.toml"}}
    await live.until(lambda: live.posted("/v1/agents/alice/rebuild") == [body], "the rebuild")
    await live.until(lambda: live.app.screen is live.app.hive, "the hive")


async def test_an_acp_agent_is_chosen_by_its_name(live: Live) -> None:
    await command(live, "/rebuild acp")
    await live.until(lambda: "enter puts alice on codex-acp" in live.text, "the cursor on the first that is here")
    assert "npm install -g @google/gemini-cli" in live.text
    await live.pilot.press("enter")
    await confirmed(live, "Put alice on acp, from claude?")
    body = {"engine": "acp", "engine_options": {"agent": "codex-acp"}}
    await live.until(lambda: live.posted("/v1/agents/alice/rebuild") == [body], "the rebuild")


async def test_a_new_agent_on_a_model_server_is_told_which_and_where_its_key_is(live: Live) -> None:
    await command(live, "/spawn gpu api")
    await live.until(lambda: "a new agent" in live.text and "address" in live.text, "the form")
    await live.pilot.press("tab", "tab")
    await live.type("openrouter")
    await live.pilot.press("tab", "tab")
    await live.type("qwen3")
    await live.pilot.press("tab")
    await live.type("OPENROUTER_API_KEY")
    said = ("--option provider=openrouter", "qwen3 --env-from OPENROUTER_API_KEY --yes")
    await live.until(lambda: all(words in live.text for words in said), "the same by command")
    await live.pilot.press("enter")
    await live.until(lambda: live.hived.asked, "the agent")
    assert live.hived.asked[0][2] == {
        "name": "gpu",
        "engine": "api",
        "model": "qwen3",
        "engine_options": {"provider": "openrouter"},
        "env_from": ["OPENROUTER_API_KEY"],
    }


async def test_a_recording_says_where_it_is(live: Live, tmp_path: Path) -> None:
    await command(live, f"/record {tmp_path}/a.toml")
    await live.until(lambda: "3 turns of alice stand in" in live.text, "the notice")
    assert (tmp_path / "a.toml").exists()


async def test_the_doctor_says_first_what_needs_something_done(live: Live) -> None:
    live.hived.report = scene.report()
    await command(live, "/doctor")
    await live.until(lambda: isinstance(live.app.screen, DoctorScreen), "the doctor")
    await live.until(lambda: "npm install -g opencode-ai" in live.text, "the report")
    text = live.text
    assert text.index("✗ engine acp codex-acp") < text.index("! runtime bwrap") < text.index("✓ python")
    assert "→ OPENAI_API_KEY in secrets.toml" in text


async def test_a_command_that_needs_more_is_begun_in_the_composer(live: Live) -> None:
    await live.pilot.press("colon")
    await live.type("/nap")
    await live.pilot.press("enter")
    await live.until(lambda: live.app.hive.composer.area.text == "/nap ", "the beginning")
    assert live.app.hive.composer.area.has_focus


async def test_what_waits_about_an_agent_is_answered_with_its_own_keys() -> None:
    async with living((140, 40), scene.troubles()) as live:
        await live.pilot.press("w", "down")
        await live.until(lambda: "It ends at 15:10, in 38 min." in live.text, "the limit")
        await live.pilot.press("d", "n")
        await live.pilot.pause()
        assert live.hived.asked == []
        await live.pilot.press("a")
        await live.until(lambda: live.posted("/v1/agents/hana/resume") == [None], "the resume")
        await live.pilot.press("down")
        await live.until(lambda: "clean start" in live.text, "the choice")
        await live.pilot.press("d")
        await live.until(lambda: live.posted("/v1/agents/ivo/new-session") == [{"primer": False}], "the clean start")


async def test_many_limits_are_resumed_with_one_key_and_a_login_is_never_among_them() -> None:
    async with living((140, 40), scene.troubles()) as live:
        await live.pilot.press("w", "space", "space")
        await live.until(lambda: "A resume now 1 marked" in live.text, "the mark")
        await live.pilot.press("A")
        await live.until(lambda: live.posted("/v1/agents/hana/resume") == [None], "the resume")
        assert len(live.hived.asked) == 1
