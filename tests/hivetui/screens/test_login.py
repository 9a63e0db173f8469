"""A login by keyboard: the link, the code, what may go wrong, and hived going away in the middle of it."""

from collections.abc import AsyncIterator

import pytest
from textual.widgets import Input

from hived.wire.agents import EngineAbilities
from hived.wire.errors import LoginFailed, Unsupported
from hivetui.screens.login import LoginScreen
from tests.hivetui import scene
from tests.hivetui.live import Live, living

PATH = "/v1/agents/gus/login"


@pytest.fixture
async def live() -> AsyncIterator[Live]:
    async with living((80, 24), scene.troubles()) as found:
        found.hived.login_url = scene.LOGIN_URL
        yield found


def asked(live: Live) -> list[tuple[str, str]]:
    return [(method, path) for method, path, _ in live.hived.asked]


def joined(live: Live) -> str:
    return "".join(row.rstrip() for row in live.text.split("\n"))


async def opened(live: Live, *keys: str) -> LoginScreen:
    await live.pilot.press(*keys)
    await live.until(lambda: isinstance(live.app.screen, LoginScreen), "the login")
    await live.until(lambda: "Paste the code" in live.text, "the link")
    assert isinstance(live.app.screen, LoginScreen)
    return live.app.screen


@pytest.mark.parametrize("keys", [("w", "a"), ("w", "enter")])
async def test_what_waits_for_a_login_leads_to_the_link(live: Live, keys: tuple[str, ...]) -> None:
    await opened(live, *keys)
    assert asked(live) == [("POST", PATH)]
    assert scene.LOGIN_URL in joined(live)


async def test_the_command_leads_there_too_and_the_code_makes_it_whole(live: Live) -> None:
    await live.pilot.press("i")
    await live.type("/login gus")
    screen = await opened(live, "enter")
    await live.type(" right")
    assert "right" not in live.text, "a code is not for eyes"
    await live.pilot.press("enter")
    await live.until(lambda: "gus is logged in" in live.text, "the end")
    assert live.posted(f"{PATH}/code") == [{"code": "right"}]
    assert screen.query_one(Input).value == ""
    await live.pilot.press("escape")
    await live.until(lambda: live.app.screen is live.app.hive, "the hive")
    assert ("DELETE", PATH) not in asked(live), "what is done is not cancelled"
    assert "needs_login" not in [item.kind for item in live.app.state.waiting.pending]


async def test_a_wrong_code_is_said_and_enter_tries_again(live: Live) -> None:
    screen = await opened(live, "w", "a")
    await live.type("wrong")
    await live.pilot.press("enter")
    await live.until(lambda: "The code is not the right one." in live.text, "the refusal")
    await live.until(lambda: not screen._handing, "hived's answer")
    assert live.text.count("The code is not the right one.") == 1, "said by the feed and by the answer, shown once"
    await live.pilot.press("enter")
    await live.until(lambda: "Paste the code" in live.text, "another link")
    assert asked(live).count(("POST", PATH)) == 2
    assert "The code is not the right one." not in live.text
    await live.type("right")
    await live.pilot.press("enter")
    await live.until(lambda: "gus is logged in" in live.text, "the end")


async def test_enter_without_a_code_does_nothing(live: Live) -> None:
    await opened(live, "w", "a")
    await live.pilot.press("enter")
    await live.pilot.pause()
    assert asked(live) == [("POST", PATH)]


async def test_escape_cancels_what_is_under_way(live: Live) -> None:
    await opened(live, "w", "a")
    await live.pilot.press("escape")
    await live.until(lambda: ("DELETE", PATH) in asked(live), "the cancel")
    assert live.app.screen is live.app.hive


async def test_the_link_goes_whole_into_the_clipboard(live: Live) -> None:
    await opened(live, "w", "a")
    await live.pilot.press("ctrl+y")
    await live.until(lambda: "✓ copied" in live.text, "the word")
    assert live.app.clipboard == scene.LOGIN_URL


async def test_one_that_is_under_way_is_gone_on_with(live: Live) -> None:
    live.hived.log_in("gus", "open", "begun-elsewhere", url="https://elsewhere.example/")
    await live.until(lambda: live.app.state.agents["gus"].login, "the attempt")
    await opened(live, "w", "a")
    assert "https://elsewhere.example/" in live.text
    assert asked(live) == []


async def test_how_an_older_attempt_ended_is_not_taken_for_this_one(live: Live) -> None:
    live.hived.log_in("gus", "failed", "older", detail="Too old.")
    await live.until(lambda: live.app.state.agents["gus"].login, "the attempt")
    live.hived.refuse = LoginFailed(name="gus", reason="the engine gave no link")
    await live.pilot.press("w", "a")
    await live.until(lambda: "the engine gave no link [login_failed]" in live.text, "the refusal")
    assert "Too old." not in live.text
    live.hived.refuse = None
    await live.pilot.press("enter")
    await live.until(lambda: "Paste the code" in live.text, "the link")


async def test_an_engine_without_a_login_to_carry_says_so(live: Live) -> None:
    live.hived.refuse = Unsupported(name="gus", engine="api", what="be logged in")
    await live.pilot.press("w", "a")
    await live.until(lambda: "[unsupported]" in live.text, "the refusal")
    await live.pilot.press("escape")
    await live.until(lambda: live.app.screen is live.app.hive, "the hive")
    assert ("DELETE", PATH) not in asked(live)


async def test_an_engine_that_has_none_is_offered_none() -> None:
    there = scene.troubles()
    none = [
        view.model_copy(update={"abilities": EngineAbilities()}) if view.name == "gus" else view
        for view in there.agents
    ]
    async with living((80, 24), there.model_copy(update={"agents": none})) as live:
        await live.pilot.press("w")
        await live.until(lambda: "cannot be carried here" in live.text, "the way on")
        assert "log in  " not in live.text, "no key for it, neither beside it nor in the last line"
        for keys in (("a",), ("i", *"/login", "space", *"gus", "enter")):
            await live.pilot.press(*("slash" if key == "/" else key for key in keys))
            await live.until(lambda: "gus (claude) has no login to carry here" in live.text, "the word")
            assert live.app.screen is live.app.hive
        await live.pilot.press("escape", "w", "enter")
        await live.until(lambda: live.app.hive.view.focused == "gus", "its pane")
        assert asked(live) == []


async def test_hived_may_go_away_and_come_back_in_the_middle(live: Live) -> None:
    await opened(live, "w", "a")
    await live.type("rig")
    await live.hived.stop()
    await live.until(lambda: "hived is away" in live.text, "being away")
    assert scene.LOGIN_URL in joined(live)
    await live.type("ht")
    await live.hived.start()
    await live.until(lambda: live.app.state.link.kind == "live", "being back")
    await live.pilot.press("enter")
    await live.until(lambda: "gus is logged in" in live.text, "the end")


async def test_what_comes_while_hived_is_away_can_be_tried_again(live: Live) -> None:
    await opened(live, "w", "a")
    await live.hived.stop()
    await live.until(lambda: "hived is away" in live.text, "being away")
    await live.type("right")
    await live.pilot.press("enter")
    await live.until(lambda: "[not_running]" in live.text, "the refusal")
    await live.hived.start()
    await live.until(lambda: live.app.state.link.kind == "live", "being back")
    await live.type("right")
    await live.pilot.press("enter")
    await live.until(lambda: "gus is logged in" in live.text, "the end")


async def test_a_link_that_is_none_is_shown_and_not_given_to_the_terminal(live: Live) -> None:
    live.hived.login_url = "javascript:\x1b]52;c;eA==\x07alert(1)"
    await opened(live, "w", "a")
    assert "javascript:alert(1)" in live.text
    segments = [segment for strip in live.app.screen._compositor.render_strips() for segment in strip]
    assert not any(segment.style and segment.style.link for segment in segments)
