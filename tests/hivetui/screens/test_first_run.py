"""Making an agent in the screen: what each engine needs is asked for, and no agent that cannot work is made."""

from pathlib import Path

from hivetui.screens.first_run import FirstRunScreen
from tests.hivetui import scene
from tests.hivetui.live import living

HERE = Path.cwd()


async def test_a_first_run_makes_the_queen_and_then_the_worker() -> None:
    async with living((80, 24), scene.empty_snapshot()) as live:
        await live.until(lambda: isinstance(live.app.screen, FirstRunScreen), "the first-run screen")
        await live.until(lambda: "2.1.197" in live.text, "the engines")
        assert "hive init --engine claude" in live.text
        await live.pilot.press("enter")
        await live.until(lambda: len(live.hived.asked) == 2, "the queen")
        assert live.hived.asked[0][2] == {"name": "queen", "engine": "claude", "role": "queen"}
        assert live.hived.asked[1][1] == "/v1/approvals/approval-of-queen/approve"
        live.hived.say("agent", scene.agent(1, "queen", role="queen"))
        await live.until(lambda: "makes it on claude" in live.text, "step two")
        await live.pilot.press("enter")
        await live.until(lambda: len(live.hived.asked) == 4, "the worker")
        assert live.hived.asked[2][2] == {"name": "worker-1", "engine": "claude"}
        await live.until(lambda: live.app.screen is live.app.hive, "the hive")


async def test_an_engine_that_needs_a_command_asks_for_it() -> None:
    async with living((80, 24), scene.empty_snapshot()) as live:
        await live.until(lambda: "2.1.197" in live.text, "the engines")
        await live.pilot.press("down", "enter")
        assert live.hived.asked == []
        await live.type("cat")
        await live.pilot.press("enter")
        await live.until(lambda: live.hived.asked, "the queen")
        assert live.hived.asked[0][2]["engine_options"] == {"command": "cat"}


async def test_a_scenario_is_asked_for_beside_the_queen_and_is_taken_from_the_folder_here() -> None:
    async with living((80, 24), scene.empty_snapshot()) as live:
        await live.until(lambda: "2.1.197" in live.text, "the engines")
        await live.pilot.press("down", "down")
        await live.until(lambda: "asks for its scenario first" in live.text, "the hint")
        rows = live.text.split("\n")
        field = next(at for at, row in enumerate(rows) if "the path of a scenario file" in row)
        assert field < next(at for at, row in enumerate(rows) if "The first worker" in row)
        await live.pilot.press("enter")
        await live.type("plays/one.toml")
        await live.until(lambda: "hive init --engine scripted --scenario plays/one.toml" in live.text, "the command")
        await live.pilot.press("enter")
        await live.until(lambda: live.hived.asked, "the queen")
        assert live.hived.asked[0][2]["engine_options"] == {"scenario": f"{HERE}/plays/one.toml"}


async def test_an_empty_hive_says_how_to_make_an_agent_and_plus_makes_one() -> None:
    async with living((80, 24), scene.empty_snapshot()) as live:
        await live.until(lambda: isinstance(live.app.screen, FirstRunScreen), "the first-run screen")
        await live.pilot.press("escape")
        await live.until(lambda: "+ makes one" in live.text, "the hint")
        assert "PaneGrid" not in live.text
        await live.pilot.press("plus")
        await live.until(lambda: isinstance(live.app.screen, FirstRunScreen), "the screen again")


async def test_a_spawn_that_lacks_what_its_engine_needs_asks_for_it() -> None:
    async with living() as live:
        await live.pilot.press("2", "i")
        await live.type("/spawn hal command")
        await live.pilot.press("enter")
        await live.until(lambda: "a new agent" in live.text and "a program" in live.text, "the screen")
        await live.pilot.press("enter")
        await live.type("cat -A")
        await live.pilot.press("enter")
        await live.until(lambda: live.hived.asked, "the agent")
        assert live.hived.asked[0][2] == {"name": "hal", "engine": "command", "engine_options": {"command": "cat -A"}}
        await live.until(lambda: live.app.screen is live.app.hive, "the hive")
