"""The whole screen against a hived of wire models on a real socket: client, sync, controller, state and widgets."""

from collections.abc import AsyncIterator

import pytest
from textual.events import Key, Paste

from hived.wire.errors import InvalidRequest, NoTurn
from hived.wire.events import Event
from hivetui.screens.confirm import ConfirmScreen
from hivetui.screens.first_run import FirstRunScreen
from hivetui.screens.help import HelpScreen
from hivetui.screens.inbox import InboxScreen
from hivetui.screens.picker import PickerScreen
from hivetui.widgets.composer import DraftArea
from tests.fakes.hived_api import WHEN
from tests.hivetui import scene
from tests.hivetui.live import Live, living


@pytest.fixture
async def live() -> AsyncIterator[Live]:
    async with living() as found:
        yield found


async def test_history_comes_first_and_then_the_stream(live: Live) -> None:
    await live.until(lambda: "Plan for the afternoon" in live.text, "the queen's history")
    last = len(live.hived.journals["queen"])
    await live.until(lambda: live.hived.followers("queen"), "the stream")
    live.hived.tell("queen", [Event(ts=WHEN, kind="text_delta", payload={"text": "as it str"})])
    await live.until(lambda: "as it str" in live.text, "the delta")
    live.hived.tell("queen", [Event(id=last + 1, ts=WHEN, kind="text", payload={"text": "as it **streams**"})])
    await live.until(lambda: "as it streams" in live.text, "the whole text")


async def test_a_message_is_sent_to_the_focused_agent_and_only_then_goes_from_the_composer(live: Live) -> None:
    await live.pilot.press("2", "i")
    await live.type("hello")
    live.hived.refuse = InvalidRequest(reason="Not now.")
    await live.pilot.press("enter")
    await live.until(lambda: live.app.state.notice, "the refusal")
    assert live.app.hive.composer.area.text == "hello"
    assert "Not now." in live.text
    live.hived.refuse = None
    await live.pilot.press("enter")
    await live.until(lambda: not live.app.hive.composer.area.text, "the send")
    sent = live.posted("/v1/messages")
    assert sent[1] == {"to": "alice", "body": "hello", "reply_to": None, "when": "next_turn"}
    assert live.hived.keys[0] == live.hived.keys[1] != ""


async def test_a_draft_stays_with_its_agent_whatever_is_drawn(live: Live) -> None:
    await live.pilot.press("2", "i")
    await live.type("for alice")
    live.hived.say("agent", scene.agent(2, "alice", unread=8))
    await live.until(lambda: live.app.state.agents["alice"].unread == 8, "the row")
    await live.pilot.press("escape", "3", "i")
    assert live.app.hive.composer.area.text == ""
    await live.type("for bob")
    await live.pilot.press("escape", "2")
    assert live.app.hive.composer.area.text == "for alice"
    assert live.app.hive.view.drafts["bob"].text == "for bob"


async def test_a_pasted_text_keeps_its_lines_and_is_not_sent(live: Live) -> None:
    await live.pilot.press("i")
    area = live.app.hive.composer.area
    live.app.post_message(Paste("one\ntwo\nthree"))
    await live.until(lambda: area.text == "one\ntwo\nthree", "the paste")
    assert live.posted("/v1/messages") == []
    assert area.size.height == 3


@pytest.mark.parametrize("at_once", ["ix wants", "2ix"])
async def test_what_is_typed_ahead_goes_where_the_focus_will_be(live: Live, at_once: str) -> None:
    for character in at_once:
        live.app.post_message(Key({" ": "space"}.get(character, character), character))
    live.app.post_message(Key("enter", "\r"))
    await live.until(lambda: live.posted("/v1/messages"), "the send")
    assert live.posted("/v1/messages")[0]["body"] == at_once.partition("i")[2]  # type: ignore[index]
    assert [path for _, path, _ in live.hived.asked] == ["/v1/messages"], "no letter was taken for a key"


async def test_a_decision_typed_ahead_is_made(live: Live) -> None:
    for character in "wa":
        live.app.post_message(Key(character, character))
    await live.until(lambda: live.hived.asked, "the decision")
    assert live.hived.asked[0][1] == f"/v1/approvals/{scene.ident(102)}/approve"


async def test_enter_does_not_overtake_what_was_typed_before_it(live: Live) -> None:
    await live.pilot.press("i")
    for key in ("h", "i", "enter"):
        live.app.post_message(Key(key, key if len(key) == 1 else "\r"))
    await live.until(lambda: live.posted("/v1/messages"), "the send")
    assert live.posted("/v1/messages")[0]["body"] == "hi"  # type: ignore[index]


async def test_choosing_does_not_overtake_what_narrows_the_choice(live: Live) -> None:
    await live.pilot.press("colon")
    for key in ("d", "a", "v", "e", "enter"):
        live.app.post_message(Key(key, key if len(key) == 1 else "\r"))
    await live.until(lambda: live.app.hive.view.focused == "dave", "dave")


async def test_now_or_next_turn_is_said_and_sent(live: Live) -> None:
    await live.pilot.press("2", "i", "ctrl+n")
    await live.type("stop")
    await live.until(lambda: "alice  now" in live.text, "the label")
    await live.pilot.press("enter")
    await live.until(lambda: live.posted("/v1/messages"), "the send")
    assert live.posted("/v1/messages")[0]["when"] == "now"  # type: ignore[index]


async def test_decision_keys_work_only_in_the_list(live: Live) -> None:
    await live.pilot.press("a", "d", "A")
    await live.pilot.pause()
    assert live.hived.asked == []
    await live.pilot.press("w", "a")
    await live.until(lambda: live.hived.asked, "the approval")
    assert live.hived.asked[0][:2] == ("POST", f"/v1/approvals/{scene.ident(102)}/approve")
    await live.until(lambda: "approved by operator" in live.text, "the verdict")
    await live.pilot.press("down")
    assert [item.id for item in live.app.state.waiting.items][0] == scene.ident(102)
    await live.pilot.press("s")
    await live.until(lambda: len(live.app.state.waiting.items) == 2, "the struck one to go")


async def test_a_note_goes_with_the_decision(live: Live) -> None:
    await live.pilot.press("w", "n")
    await live.type("not today")
    await live.pilot.press("enter")
    await live.until(lambda: "“not today”" in live.text, "the note")
    await live.pilot.press("d")
    await live.until(lambda: live.hived.asked, "the denial")
    assert live.hived.asked[0][1:] == (f"/v1/approvals/{scene.ident(102)}/deny", {"note": "not today"})


async def test_one_key_decides_all_that_is_marked(live: Live) -> None:
    await live.pilot.press("w", "space", "space", "space", "A")
    await live.until(lambda: len(live.hived.asked) == 3, "all three decisions")
    assert {path for _, path, _ in live.hived.asked} == {
        f"/v1/approvals/{scene.ident(101)}/approve",
        f"/v1/messages/{scene.ident(90)}/retry",
        f"/v1/approvals/{scene.ident(102)}/approve",
    }


@pytest.mark.parametrize(("key", "deed", "said"), [("a", "retry", "Sent to erin again."), ("d", "drop", "Dropped")])
async def test_a_held_message_is_sent_again_or_dropped_with_the_same_two_keys(
    live: Live, key: str, deed: str, said: str
) -> None:
    await live.pilot.press("w", "down", "down")
    await live.until(lambda: "send again" in live.text, "its own words for the keys")
    assert "drop" in live.text
    await live.pilot.press("n")
    assert not live.app.hive.entry.is_open, "there is nobody to read a note"
    await live.pilot.press(key)
    await live.until(lambda: said in live.text, "the notice")
    assert [path for _, path, _ in live.hived.asked] == [f"/v1/messages/{scene.ident(90)}/{deed}"]
    assert scene.ident(90) not in [item.id for item in live.app.state.waiting.pending]


async def test_who_loses_a_race_is_told_who_won_and_the_list_stays(live: Live) -> None:
    await live.pilot.press("w")
    live.hived.decide(scene.ident(102), "denied", "operator", "hive")
    await live.until(lambda: "denied by operator (hive)" in live.text, "the verdict of the other")
    assert live.app.state.waiting.index == 0
    await live.pilot.press("a")
    await live.pilot.pause()
    assert live.hived.asked == []


async def test_hived_away_is_said_and_its_return_too(live: Live) -> None:
    await live.hived.stop()
    await live.until(lambda: "hived is away since 14:32, agents go on" in live.text, "being away")
    await live.pilot.press("i")
    await live.type("kept")
    await live.pilot.press("enter")
    await live.until(lambda: live.app.state.notice and live.app.state.notice.code == "not_running", "the refusal")
    assert live.app.hive.composer.area.text == "kept"
    await live.hived.start()
    await live.until(lambda: "hived is back" in live.text, "being back")


async def test_slash_commands_act_and_an_unknown_one_stays_to_be_mended(live: Live) -> None:
    await live.pilot.press("2", "i")
    await live.type("/model opus")
    await live.pilot.press("enter")
    await live.until(lambda: live.posted("/v1/agents/alice/model") == [{"model": "opus"}], "the model")
    assert live.app.hive.composer.area.text == ""
    await live.type("/modle x")
    await live.pilot.press("enter")
    await live.until(lambda: live.app.state.notice and "no command /modle" in live.app.state.notice.text, "the hint")
    assert live.app.hive.composer.area.text == "/modle x"


async def test_a_command_is_completed_by_tab(live: Live) -> None:
    await live.pilot.press("i")
    await live.type("/rest")
    await live.until(lambda: "Stop agents and start them again" in live.text, "the hint")
    await live.pilot.press("tab")
    assert live.app.hive.composer.area.text == "/restart "


async def test_cancelling_a_turn_that_runs_asks_first(live: Live) -> None:
    await live.pilot.press("2", "x")
    await live.until(lambda: isinstance(live.app.screen, ConfirmScreen), "the question")
    await live.pilot.press("n")
    assert live.hived.asked == []
    await live.pilot.press("x", "y")
    await live.until(lambda: live.hived.asked, "the cancel")
    assert live.hived.asked[0][1] == "/v1/agents/alice/cancel-turn"


async def test_an_error_is_one_sentence_with_its_code(live: Live) -> None:
    live.hived.refuse = NoTurn(name="carol")
    await live.pilot.press("4", "x")
    await live.until(lambda: "carol has no turn to cancel. [no_turn]" in live.text, "the error")


async def test_a_model_is_chosen_or_typed(live: Live) -> None:
    await live.pilot.press("2", "m")
    await live.until(lambda: isinstance(live.app.screen, PickerScreen), "the picker")
    await live.type("my-own")
    await live.pilot.press("enter")
    await live.until(lambda: live.posted("/v1/agents/alice/model") == [{"model": "my-own"}], "the model")


async def test_colon_goes_anywhere(live: Live) -> None:
    await live.pilot.press("colon")
    await live.type("dave")
    await live.pilot.press("enter")
    await live.until(lambda: live.app.hive.view.focused == "dave", "dave")
    await live.pilot.press("colon")
    await live.type("inbox")
    await live.pilot.press("enter")
    await live.until(lambda: isinstance(live.app.screen, InboxScreen), "the inbox")
    assert "Shall I keep the v1 endpoint?" in live.text


async def test_a_filter_narrows_the_list_and_escape_ends_it(live: Live) -> None:
    await live.pilot.press("slash")
    await live.type("opus")
    await live.pilot.press("enter")
    await live.until(lambda: live.app.hive.agents.count == 2, "the filter")
    await live.pilot.press("escape")
    await live.until(lambda: live.app.hive.agents.count == 7, "all again")


async def test_zoom_shows_one_pane_alone_and_all_again(live: Live) -> None:
    await live.pilot.press("2", "z")
    await live.until(lambda: list(live.app.hive.grid.panes) == ["alice"], "one pane")
    assert live.app.hive.grid.size.width == 140
    await live.pilot.press("z")
    await live.until(lambda: len(live.app.hive.grid.panes) > 1, "all panes")


async def test_tab_goes_round_all_parts(live: Live) -> None:
    seen = []
    for _ in range(4):
        await live.pilot.press("tab")
        await live.pilot.pause()
        seen.append(type(live.app.focused).__name__)
    assert seen == ["AgentPane", "WaitingList", "DraftArea", "AgentList"]


async def test_keys_are_text_while_writing(live: Live) -> None:
    await live.pilot.press("i")
    await live.type("q?w:x")
    assert live.app.hive.composer.area.text == "q?w:x"
    assert isinstance(live.app.focused, DraftArea)


async def test_help_is_there_and_goes(live: Live) -> None:
    await live.pilot.press("question_mark")
    await live.until(lambda: isinstance(live.app.screen, HelpScreen), "the help")
    await live.pilot.press("escape")
    await live.until(lambda: live.app.screen is live.app.hive, "the hive")


async def test_the_palette_runs_a_key(live: Live) -> None:
    await live.pilot.press("ctrl+p")
    await live.pilot.pause()
    await live.type("every key")
    await live.until(lambda: "Show every key" in live.text, "the hit")
    await live.pilot.press("enter")
    await live.until(lambda: isinstance(live.app.screen, HelpScreen), "the help")


async def test_hints_can_be_clicked(live: Live) -> None:
    await live.pilot.click(live.app.hive.footer, offset=(2, 0))
    await live.until(lambda: live.app.hive.waiting.has_focus, "the list")
    await live.pilot.click(live.app.hive.agents, offset=(4, 3))
    await live.until(lambda: live.app.hive.view.focused == "alice", "alice")


async def test_leaving_leaves(live: Live) -> None:
    await live.pilot.press("q")
    await live.until(lambda: not live.app.is_running or live.app._exit, "the end")
    assert live.hived.asked == []


async def test_what_is_decided_elsewhere_goes_at_once_while_nobody_looks_at_the_list(live: Live) -> None:
    live.hived.say("waiting_removed", {"id": scene.ident(101)})
    await live.until(lambda: len(live.app.state.waiting.items) == 2, "it to go")
    await live.pilot.press("w")
    await live.until(lambda: live.app.hive.waiting.has_focus, "the list")
    selected = live.app.state.waiting.selected
    assert selected is not None
    assert not selected.gone


async def test_text_to_nobody_is_refused_and_a_command_is_not_kept() -> None:
    async with living((80, 24), scene.empty_snapshot()) as live:
        await live.until(lambda: isinstance(live.app.screen, FirstRunScreen), "the first-run screen")
        await live.pilot.press("escape", "i")
        await live.type("/help")
        await live.pilot.press("enter")
        await live.until(lambda: "every key" in live.text, "the help")
        await live.pilot.press("escape")
        assert live.app.hive.composer.area.text == ""
        await live.type("hello")
        await live.pilot.press("enter")
        await live.until(lambda: "There is no agent to write to" in live.text, "the notice")


async def test_cancel_is_in_the_footer_while_there_is_a_turn_to_cancel() -> None:
    async with living((80, 24)) as live:
        await live.pilot.press("2")
        await live.until(lambda: "x cancel" in live.text, "alice works")
        await live.pilot.press("4")
        await live.until(lambda: "x cancel" not in live.text, "carol idles")


async def test_at_80x24_the_detail_takes_the_panes_place_while_deciding() -> None:
    async with living((80, 24)) as live:
        row = live.app.hive.waiting.region
        await live.pilot.press("w")
        await live.until(lambda: "bob asks to run" in live.text, "the detail")
        assert live.app.hive.waiting.region == row
        await live.pilot.press("escape")
        await live.until(lambda: "bob asks to run" not in live.text, "the panes")


async def test_ctrl_c_says_in_the_last_line_how_to_leave(live: Live) -> None:
    await live.pilot.press("ctrl+c")
    await live.until(lambda: "Leave: ctrl+q" in live.text.split("\n")[-1], "the notice")
    assert live.app.is_running


async def test_enter_on_what_waits_shows_its_agents_pane() -> None:
    async with living((80, 24)) as live:
        await live.pilot.press("w", "down", "down", "enter")
        await live.until(lambda: live.app.hive.view.focused == "erin" and live.app.hive.agents.has_focus, "erin")
        await live.until(lambda: "erin" in live.app.hive.grid.panes, "her pane")


async def test_a_backspace_takes_away_what_was_typed_before_it_and_nothing_later(live: Live) -> None:
    await live.pilot.press("i")
    area = live.app.hive.composer.area
    for key in ("t", "e", "h", "backspace", "backspace", "h", "e", "left", "x"):
        live.app.post_message(Key(key, key if len(key) == 1 else None))
    await live.until(lambda: area.text == "thxe", "the text")
    await live.pilot.press("escape", "slash")
    for key in ("c", "x", "backspace", "a", "r", "o", "l", "enter"):
        live.app.post_message(Key(key, key if len(key) == 1 else None))
    await live.until(lambda: live.app.hive.view.filter == "carol", "the filter")
