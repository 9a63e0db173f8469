"""Agents' lives by keyboard: marks, the lifecycle keys and what they ask first, the panic key, why, tombstones, deployments."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from hived.wire.agents import Lifecycle
from hived.wire.errors import BY_CODE
from hivetui.screens.confirm import ConfirmScreen
from hivetui.screens.deployments import DeploymentsScreen
from hivetui.screens.purge import PurgeScreen
from hivetui.screens.tombstones import TombstonesScreen
from hivetui.screens.why import WhyScreen
from hivetui.widgets.choice_rows import ChoiceRows
from hivetui.widgets.lines import plain
from tests.hivetui import lives_scene
from tests.hivetui.live import Live, living
from tests.hivetui.scene import ago, ident


@pytest.fixture
async def live() -> AsyncIterator[Live]:
    async with living((120, 34), lives_scene.snapshot()) as found:
        found.hived.plans["gus"] = lives_scene.plan()
        found.hived.logs["carol"] = list(lives_scene.log())
        found.hived.details["carol"] = lives_scene.detail("carol")
        yield found


def paths(live: Live) -> list[str]:
    return [path for _, path, _ in live.hived.asked]


async def focus(live: Live, name: str) -> None:
    live.app.hive.focus_agent(name)
    await live.until(lambda: live.app.hive.view.focused == name, name)


async def asks(live: Live, *says: str) -> None:
    await live.until(lambda: isinstance(live.app.screen, ConfirmScreen), "a question")
    lines = [plain(choice.line).strip() for choice in live.app.screen.query_one(ChoiceRows).choices]
    asked = " ".join(line for line in lines if line)
    assert all(said in asked for said in says), asked
    assert live.hived.asked == [], "nothing is asked of hived before"


async def test_one_key_acts_on_all_that_is_marked_and_the_marks_stay_for_the_next(live: Live) -> None:
    await focus(live, "erin")
    await live.pilot.press("space")
    await focus(live, "carol")
    await live.pilot.press("space")
    await live.until(lambda: "2 marked" in live.text and "start 2" in live.text, "the marks")
    await live.pilot.press("s")
    await live.until(lambda: len(live.hived.asked) == 2, "both")
    assert sorted(paths(live)) == ["/v1/agents/carol/start", "/v1/agents/erin/start"]
    await live.until(lambda: "2 started." in live.text, "the sentence")
    await live.pilot.press("escape")
    await live.until(lambda: "marked" not in live.text, "no mark")


async def test_what_a_filter_hides_is_not_acted_on(live: Live) -> None:
    await focus(live, "erin")
    await live.pilot.press("space")
    await focus(live, "carol")
    await live.pilot.press("space", "slash", *"erin", "enter", "s")
    await live.until(lambda: live.hived.asked, "the start")
    assert paths(live) == ["/v1/agents/erin/start"]


async def test_stopping_an_idle_agent_asks_nothing_and_one_in_mid_turn_what_is_lost(live: Live) -> None:
    await focus(live, "fay")
    await live.pilot.press("S")
    await live.until(lambda: paths(live) == ["/v1/agents/fay/stop"], "the stop")
    live.hived.asked.clear()
    await focus(live, "alice")
    await live.pilot.press("S")
    await asks(live, "Stop alice in mid-turn?", "delivered again")
    await live.pilot.press("n")
    await live.pilot.pause()
    assert live.hived.asked == []
    await live.pilot.press("S", "y")
    await live.until(lambda: paths(live) == ["/v1/agents/alice/stop"], "the stop")


async def test_killing_asks_only_in_mid_turn(live: Live) -> None:
    await focus(live, "alice")
    await live.pilot.press("K")
    await asks(live, "Kill alice in mid-turn?", "It stays stopped.")
    await live.pilot.press("escape")
    await focus(live, "fay")
    await live.pilot.press("K")
    await live.until(lambda: paths(live) == ["/v1/agents/fay/kill"], "the kill")


async def test_destroying_says_what_would_be_buried_and_then_it_is_a_tombstone(live: Live) -> None:
    await focus(live, "alice")
    await live.pilot.press("X")
    await asks(live, "Destroy alice?", "2 commits nowhere else, 3 files not committed", "2 messages wait for it")
    await live.pilot.press("y")
    await live.until(lambda: "alice" not in live.app.state.agents, "the burial")
    await live.pilot.press("T")
    await live.until(lambda: "† alice" in live.text, "its tombstone")


async def test_an_agent_says_what_is_done_to_it_until_hived_has_answered(live: Live) -> None:
    held = asyncio.Event()

    async def slow(request: Any) -> Any:
        await held.wait()
        return live.hived._json(live.hived._view("fay"))

    live.hived.act_with = slow
    await focus(live, "fay")
    await live.pilot.press("S")
    await live.until(lambda: "stopping" in live.text, "the word")
    assert live.app.state.agents["fay"].acting == "stopping"
    held.set()
    await live.until(lambda: live.app.state.agents["fay"].acting == "", "the answer")
    assert "fay is stopped." in live.text


async def test_a_refusal_is_one_sentence_with_its_code(live: Live) -> None:
    live.hived.refuse = BY_CODE["start_failed"](name="carol", cause="no module named lint.")
    await focus(live, "carol")
    await live.pilot.press("s")
    await live.until(lambda: "[start_failed]" in live.text, "the refusal")
    assert live.app.state.agents["carol"].acting == ""


async def test_the_same_key_pauses_and_lets_go_on(live: Live) -> None:
    await focus(live, "alice")
    await live.pilot.press("p")
    await live.until(lambda: paths(live) == ["/v1/agents/alice/pause"], "the pause")
    live.hived.asked.clear()
    await focus(live, "bob")
    await live.until(lambda: "p resume" in live.text, "the hint")
    await live.pilot.press("p")
    await live.until(lambda: paths(live) == ["/v1/agents/bob/resume"], "the resume")


async def test_the_panic_key_asks_once_and_pauses_everything_that_runs(live: Live) -> None:
    await live.pilot.press("P")
    await asks(live, "Pause all 4 agents?", "Nothing is lost")
    await live.pilot.press("escape")
    await live.pilot.pause()
    assert live.hived.asked == []
    await live.pilot.press("P", "y")
    await live.until(lambda: len(live.hived.asked) == 4, "all")
    paused = {path.split("/")[3] for path in paths(live)}
    assert paused == {"queen", "alice", "dave", "scout"}, "not those that stand still or are stopped"
    for name in paused:
        live.hived.update(name, paused=True, lifecycle=Lifecycle(state="paused", since=ago(0), cause="p"))
    await live.until(lambda: "P resume all" in live.text, "the way back")
    live.hived.asked.clear()
    await live.pilot.press("P")
    await asks(live, "go on?")
    await live.pilot.press("y")
    await live.until(lambda: len(live.hived.asked) == 6, "all go on")
    assert all(path.endswith("/resume") for path in paths(live))


@pytest.mark.parametrize("key", ["y", "c", "T"])
async def test_the_panic_key_is_on_every_screen(live: Live, key: str) -> None:
    await focus(live, "carol")
    await live.pilot.press(key)
    await live.until(lambda: live.app.screen is not live.app.hive, "another screen")
    await live.pilot.press("P")
    await asks(live, "Pause all", "Nothing is lost")
    await live.pilot.press("y")
    await live.until(lambda: "/v1/agents/alice/pause" in paths(live), "the pause")


async def test_a_refusal_is_read_to_its_end_and_hides_no_key_that_could_be_clicked(live: Live) -> None:
    live.hived.refuse = BY_CODE["start_failed"](
        name="carol", cause=f"no module named lint. {'Look. ' * 30}Then start it."
    )
    await focus(live, "carol")
    await live.pilot.press("s")
    await live.until(lambda: "Then start it. [start_failed]" in " ".join(live.text.split()), "all of it")
    live.hived.asked.clear()
    for x in range(0, 100, 7):
        await live.pilot.click("KeyFooter", offset=(x, 0))
    await live.pilot.press("escape")
    await live.until(lambda: "Then start it." not in live.text, "the keys")
    assert live.hived.asked == []


async def test_starting_what_is_paused_says_the_key_that_lets_it_go_on(live: Live) -> None:
    await focus(live, "bob")
    await live.pilot.press("space")
    await focus(live, "alice")
    await live.pilot.press("space", "s")
    await live.until(lambda: "p lets them go on" in live.text, "the way on")


async def test_the_panic_key_is_not_pressed_by_writing(live: Live) -> None:
    await live.pilot.press("i", "P", "P", "y", "enter")
    await live.until(lambda: live.posted("/v1/messages"), "the message")
    assert [path for path in paths(live) if "/pause" in path] == []


async def test_an_answer_can_be_clicked(live: Live) -> None:
    await live.pilot.press("P")
    await asks(live, "Pause all")
    lines = live.text.split("\n")
    row = next(at for at, line in enumerate(lines) if " y  pause all" in line)
    await live.pilot.click(offset=(lines[row].index(" y  pause all") + 5, row))
    await live.until(lambda: len(live.hived.asked) == 4, "all")


async def test_why_explains_a_parked_agent_and_acts_on_it(live: Live) -> None:
    await focus(live, "carol")
    await live.pilot.press("y")
    await live.until(lambda: isinstance(live.app.screen, WhyScreen), "why")
    await live.until(lambda: "generation 2" in live.text, "the history")
    for said in ("carol is parked", "No module named 'lint'", "wanted", "that it runs", "try it again", "3f9c2e1a"):
        assert said in live.text, said
    assert "ModuleNotFoundError" in live.text
    await live.pilot.press("s")
    await live.until(lambda: paths(live) == ["/v1/agents/carol/start"], "the start")
    await live.pilot.press("escape")
    await live.until(lambda: live.app.screen is live.app.hive, "the hive")


async def test_why_follows_the_agents_life(live: Live) -> None:
    await focus(live, "carol")
    await live.pilot.press("y")
    await live.until(lambda: "generation 2" in live.text, "the history")
    known = live.hived.details["carol"]
    live.hived.details["carol"] = known.model_copy(update={"history": []})
    live.hived.update("carol", lifecycle=Lifecycle(state="stopped", since=ago(0), cause="stopped by operator"))
    await live.until(lambda: "carol is stopped" in live.text, "the state")
    await live.until(lambda: "generation 2" not in live.text, "the history, asked for anew")


async def test_why_shows_its_logs_as_they_are_written_and_reads_none_twice(live: Live) -> None:
    await focus(live, "carol")
    await live.pilot.press("y")
    await live.until(lambda: "ModuleNotFoundError" in live.text, "the engine's log")
    live.hived.print("carol", "harness", "connected to hived")
    await live.until(lambda: "connected to hived" in live.text, "the harness's")
    known = live.text.count("ModuleNotFoundError")
    live.hived.logs["carol"].append("written meanwhile")
    live.hived.cut("engine log of carol")
    await live.until(lambda: "written meanwhile" in live.text, "the stream that began again")
    assert live.text.count("ModuleNotFoundError") == known, "what was shown is not shown twice"
    await live.pilot.press("escape")
    await live.until(lambda: not live.hived.followers("harness log of carol"), "nobody to follow it")


async def test_reviving_goes_to_the_decision_that_shows_what_changed(live: Live) -> None:
    await live.pilot.press("T", "down")
    await live.until(lambda: isinstance(live.app.screen, TombstonesScreen), "the tombstones")
    await live.until(lambda: "somebody" in live.text, "gus")
    await live.pilot.press("r")
    await live.until(lambda: live.app.screen is live.app.hive, "the hive")
    assert paths(live) == ["/v1/tombstones/gus/revive"]
    await live.until(lambda: "since it was buried:" in live.text and "2 wait for it" in live.text, "what changed")
    assert live.app.state.waiting.cursor == "revive-gus"
    assert live.app.hive.focused is live.app.hive.waiting


async def test_a_purge_shows_the_plan_wants_the_name_and_that_its_work_is_discarded(live: Live) -> None:
    await live.pilot.press("T", "down", "x")
    await live.until(lambda: isinstance(live.app.screen, PurgeScreen), "the purge")
    await live.until(lambda: "goes for good" in live.text and "2 messages that wait for it" in live.text, "the plan")
    await live.pilot.press(*"gu", "enter")
    await live.until(lambda: "Type gus" in live.text, "the name")
    await live.pilot.press("s", "enter")
    await live.until(lambda: "Its work is nowhere else:" in live.text, "the work")
    assert live.hived.asked == []
    await live.pilot.press("shift+tab", "space", "tab", "enter")
    await live.until(lambda: live.hived.asked, "the purge")
    assert live.hived.asked == [("DELETE", "/v1/tombstones/gus", {"discard_work": True})]
    await live.until(
        lambda: isinstance(live.app.screen, TombstonesScreen) and "gus" not in live.text.split("╭")[1], "it"
    )


async def test_a_tombstones_last_words_are_never_markup(live: Live) -> None:
    await live.pilot.press("T", "down")
    await live.until(lambda: "[bold]somebody[/bold]" in live.text, "the words as they are")


async def test_deployments_show_how_it_went_and_what_setup_printed(live: Live) -> None:
    live.hived.setups[lives_scene.FAILED] = "make: *** [hooks] Error 2\x1b[31m [red]no[/red]\n"
    await focus(live, "carol")
    await live.pilot.press("c")
    await live.until(lambda: isinstance(live.app.screen, DeploymentsScreen), "the deployments")
    await live.until(lambda: "failed at the health check" in live.text, "carol's newest")
    await live.until(lambda: "make: *** [hooks] Error 2 [red]no[/red]" in live.text, "its log")
    await live.pilot.press("f")
    await live.until(lambda: "scout" not in live.text, "carol alone")
    await live.pilot.press("escape")
    await live.until(lambda: "scout" in live.text, "all again")


async def test_a_deployment_under_way_is_seen_going_on(live: Live) -> None:
    await focus(live, "scout")
    await live.pilot.press("c")
    await live.until(lambda: "spawn of scout is under way" in live.text, "it")
    await live.until(lambda: live.hived.followers("setup log of scout"), "its setup's log")
    live.hived.print("scout", "setup", "Resolved 41 packages [red]", file="7")
    await live.until(lambda: "Resolved 41 packages [red]" in live.text, "what its setup prints")
    live.hived.print("scout", "setup", "anew", file="8")
    await live.until(lambda: "anew" in live.text and "Resolved" not in live.text, "a setup that begins again")
    building = lives_scene.deployments()[1]
    live.hived.say("deployment", building.model_copy(update={"status": "failed", "step": "setup", "reason": "exit 2"}))
    await live.until(lambda: "spawn of scout failed at its setup" in live.text, "its end")
    await live.until(lambda: not live.hived.followers("setup log of scout"), "nobody to follow it")


async def test_only_the_log_of_the_one_under_the_cursor_is_followed_and_only_while_it_is_looked_at(live: Live) -> None:
    await focus(live, "scout")
    await live.pilot.press("c")
    await live.until(lambda: live.hived.followers("setup log of scout"), "scout's")
    await live.pilot.press("down")
    await live.until(lambda: live.hived.followers("setup log of dave"), "dave's")
    await live.until(lambda: not live.hived.followers("setup log of scout"), "not scout's any more")
    await live.pilot.press("escape")
    await live.until(lambda: not live.hived.followers("setup log of dave"), "nobody's")


async def test_a_rollback_says_what_it_goes_back_to_and_goes_there(live: Live) -> None:
    await focus(live, "alice")
    await live.pilot.press("c")
    await live.until(lambda: "goes back to a81d04c7" in live.text, "what it goes back to")
    await live.pilot.press("r")
    await asks(live, "Roll alice back to a81d04c7?", "What runs now is 3f9c2e1a.")
    await live.pilot.press("y")
    await live.until(lambda: live.hived.asked, "the rollback")
    assert live.hived.asked == [("POST", "/v1/agents/alice/rollback", {"to": ident(496)})]
    await live.until(lambda: "rollback" in live.text, "it is listed")


async def test_an_agent_that_was_never_deployed_twice_has_nothing_to_go_back_to(live: Live) -> None:
    await focus(live, "bob")
    await live.pilot.press("c")
    await live.until(lambda: "rebuild of bob" in live.text, "bob's")
    await live.pilot.press("r")
    await live.until(lambda: "nothing to go back to" in live.text, "the sentence")
    assert live.hived.asked == []
