"""What waits on the operator, decided in the whole screen against a hived of wire models on a real socket."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from textual.events import Key

from hived.wire.approvals import WaitingItem
from hived.wire.snapshot import Snapshot
from hivetui.screens.confirm import ConfirmScreen
from hivetui.state.waiting import moved
from tests.hivetui import scene, waiting_scene
from tests.hivetui.live import Live, living
from tests.hivetui.waiting_scene import BASH, BUDGET, EDIT, HELD, KEEP, PAIR, UP, WHICH, WHY, WRITE


@pytest.fixture
async def live() -> AsyncIterator[Live]:
    async with living((140, 40), waiting_scene.snapshot()) as found:
        found.hived.proposals = {scope: waiting_scene.proposal(scope) for scope in ("agent", "hive")}
        yield found


async def at(live: Live, id: str, *keys: str) -> None:
    """The list in focus, the cursor on that, then those keys."""
    await live.pilot.press("w")
    live.app.hive.rearrange(lambda known: moved(known, id))
    await live.pilot.press(*keys)


async def asked(live: Live, count: int = 1) -> list[tuple[str, Any]]:
    await live.until(lambda: len(live.hived.asked) >= count, f"{count} calls")
    return [(path, body) for _, path, body in live.hived.asked]


@pytest.mark.parametrize(
    ("id", "keys", "path", "body"),
    [
        (KEEP, "2", f"/v1/questions/{KEEP}/answer", {"options": [1]}),
        (PAIR, "a", f"/v1/pairs/{PAIR}/release", None),
        (PAIR, "d", f"/v1/pairs/{PAIR}/drop", None),
        (BUDGET, "a", f"/v1/budgets/{BUDGET}/raise", {}),
        (HELD, "a", f"/v1/messages/{HELD}/retry", None),
        ("parked:" + scene.ident(7), "a", "/v1/agents/fay/start", None),
        ("rate_limited:" + scene.ident(6), "a", "/v1/agents/erin/resume", None),
        (EDIT, "a", f"/v1/approvals/{EDIT}/approve", {}),
        (waiting_scene.ORPHAN, "d", f"/v1/approvals/{waiting_scene.ORPHAN}/deny", {}),
    ],
)
async def test_one_key_decides(live: Live, id: str, keys: str, path: str, body: object) -> None:
    await at(live, id, *keys)
    assert await asked(live) == [(path, body)]


async def test_an_answer_in_words_is_written_beside_the_question_and_stays_until_it_is_sent(live: Live) -> None:
    await at(live, WHY, "t")
    await live.type("It is ash")
    assert "What is the staging server called now?" in live.text
    assert "[red]It[/red] is not in the notes." in live.text
    await live.pilot.press("escape")
    await live.until(lambda: "not sent yet “It is ash”" in live.text, "the draft")
    await live.pilot.press("t", "exclamation_mark", "enter")
    assert await asked(live) == [(f"/v1/questions/{WHY}/answer", {"text": "It is ash!"})]
    await live.until(lambda: "operator (hivetui) answered:" in live.text, "what became of it")
    assert live.app.hive.waiting.has_focus


async def test_options_are_ticked_with_digits_and_sent_with_enter(live: Live) -> None:
    await at(live, WHICH, "enter")
    await live.until(lambda: "Nothing is ticked" in live.text, "the notice")
    await live.pilot.press("1", "3", "4", "4", "enter")
    assert await asked(live) == [(f"/v1/questions/{WHICH}/answer", {"options": [0, 2]})]


async def test_digits_that_stand_for_nothing_do_nothing(live: Live) -> None:
    focused = live.app.hive.view.focused
    await at(live, KEEP, "4", "0", "9")
    await live.pilot.press("home", "2")
    assert (live.hived.asked, live.app.hive.view.focused) == ([], focused)


async def test_marked_questions_with_the_same_options_are_answered_together() -> None:
    found = waiting_scene.snapshot()
    twins = [
        question.model_copy(update={"options": ["yes", "no"], "multi": False}) if question.id != WHY else question
        for question in found.questions
    ]
    async with living((140, 40), found.model_copy(update={"questions": twins})) as live:
        await at(live, KEEP, "asterisk")
        await live.until(lambda: "goes to 3 marked questions" in live.text, "what an answer does")
        await live.pilot.press("1")
        assert {path for path, _ in await asked(live, 3)} == {f"/v1/questions/{id}/answer" for id in (KEEP, WHICH, UP)}
        await live.until(lambda: "3 answered." in live.text, "what came of it")


async def test_an_input_is_edited_as_json_and_must_be_json(live: Live) -> None:
    await at(live, BASH, "e")
    area = live.app.hive.entry.area
    area.load_text("{")
    await live.pilot.press("ctrl+s")
    await live.until(lambda: "This is no JSON in line 1" in live.text, "what is wrong")
    assert live.hived.asked == []
    area.load_text('{"command": "make test"}')
    await live.pilot.press("ctrl+s")
    assert await asked(live) == [(f"/v1/approvals/{BASH}/approve", {"updated_input": {"command": "make test"}})]


async def test_an_input_that_was_not_changed_is_approved_as_it_is(live: Live) -> None:
    await at(live, WRITE, "e", "ctrl+s")
    assert await asked(live) == [(f"/v1/approvals/{WRITE}/approve", {})]


async def test_a_held_message_goes_in_other_words(live: Live) -> None:
    await at(live, HELD, "e")
    live.app.hive.entry.area.load_text("Count them by day.")
    await live.pilot.press("ctrl+s")
    assert await asked(live) == [(f"/v1/messages/{HELD}/retry", {"body": "Count them by day."})]


async def test_a_budget_is_raised_by_what_is_written(live: Live) -> None:
    await at(live, BUDGET, "e")
    await live.type("much")
    await live.pilot.press("enter")
    await live.until(lambda: "'much' is no amount" in live.text, "what is wrong")
    live.app.hive.entry.area.load_text("$2.50, 20 turns")
    await live.pilot.press("enter")
    assert await asked(live) == [(f"/v1/budgets/{BUDGET}/raise", {"usd": 2.5, "turns": 20})]


async def test_a_rule_is_shown_in_words_before_a_makes_it(live: Live) -> None:
    await at(live, BASH, "R")
    await live.until(lambda: "bob may run" in live.text, "the rule for bob")
    await live.pilot.press("R")
    await live.until(lambda: "Every agent may run" in live.text, "the rule for the hive")
    await live.pilot.press("a")
    assert await asked(live) == [(f"/v1/approvals/{BASH}/approve", {"remember": "hive"})]


async def test_escape_drops_the_rule_and_stays_in_the_list(live: Live) -> None:
    await at(live, BASH, "R")
    await live.until(lambda: "bob may run" in live.text, "the rule")
    await live.pilot.press("escape", "a")
    assert await asked(live) == [(f"/v1/approvals/{BASH}/approve", {})]


async def test_where_there_is_no_narrow_rule_that_is_said_and_none_is_made(live: Live) -> None:
    live.hived.proposals.clear()
    await at(live, BASH, "R")
    await live.until(lambda: "No rule is narrow enough" in live.text, "why")
    await live.pilot.press("a")
    assert await asked(live) == [(f"/v1/approvals/{BASH}/approve", {})]


async def test_many_are_decided_at_once_and_who_was_faster_is_said(live: Live) -> None:
    await at(live, BASH, "asterisk")
    held = next(one for one in live.hived.snapshot.approvals if one.id == EDIT)
    faster = held.model_dump() | {"status": "denied", "decided_by": {"who": "operator (hive)"}}
    live.hived.snapshot.approvals[live.hived.snapshot.approvals.index(held)] = type(held).model_validate(faster)
    orphan = next(one for one in live.hived.snapshot.approvals if one.id == waiting_scene.ORPHAN)
    pending = orphan.model_copy(update={"status": "pending"})
    live.hived.snapshot.approvals[live.hived.snapshot.approvals.index(orphan)] = pending
    await live.pilot.press("A")
    await asked(live, 4)
    await live.until(lambda: "3 approved, 1 already decided by operator (hive)." in live.text, "what came of it")


async def test_what_is_lost_by_it_is_asked_once_for_all(live: Live) -> None:
    await at(live, PAIR, "space")
    live.app.hive.rearrange(lambda known: moved(known, HELD))
    await live.pilot.press("space", "D")
    await live.until(lambda: isinstance(live.app.screen, ConfirmScreen), "the question")
    assert "1 held message never reaches anybody." in live.text
    assert "7 messages of 1 pair" in live.text
    await live.pilot.press("n")
    assert live.hived.asked == []
    await live.pilot.press("D", "y")
    assert {path for path, _ in await asked(live, 2)} == {f"/v1/pairs/{PAIR}/drop", f"/v1/messages/{HELD}/drop"}


async def test_a_second_press_while_hived_is_asked_decides_nothing_twice(live: Live) -> None:
    await live.pilot.press("w")
    for _ in range(3):
        live.app.post_message(Key("a", "a"))
    await asked(live)
    await live.until(lambda: not live.app.hive.desk.under_way, "the answer")
    assert len(live.hived.asked) == 1


async def test_keys_in_one_burst_decide_one_after_another(live: Live) -> None:
    for character in "waj" + "dj" + "a":
        live.app.post_message(Key(character, character))
    assert {path for path, _ in await asked(live, 3)} == {
        f"/v1/approvals/{BASH}/approve", f"/v1/approvals/{EDIT}/deny", f"/v1/approvals/{WRITE}/approve",
    }  # fmt: skip


async def test_an_answer_in_one_burst_goes_to_its_question_and_what_follows_to_the_list(live: Live) -> None:
    await at(live, WHY)
    keys = [*"tash", "enter", "j", "1"]
    for key in keys:
        live.app.post_message(Key(key, key if len(key) == 1 else None))
    assert await asked(live, 2) == [
        (f"/v1/questions/{WHY}/answer", {"text": "ash"}), (f"/v1/questions/{KEEP}/answer", {"options": [0]}),
    ]  # fmt: skip


async def test_two_answers_in_one_burst_do_not_mix() -> None:
    found = waiting_scene.snapshot()
    both = [
        question.model_copy(update={"options": []}) if question.id == KEEP else question for question in found.questions
    ]
    async with living((80, 24), found.model_copy(update={"questions": both})) as live:
        await at(live, WHY)
        for key in [*"tash", "enter", "j", "t", "6", "enter", "j"]:
            live.app.post_message(Key(key, key if len(key) == 1 else None))
        assert await asked(live, 2) == [
            (f"/v1/questions/{WHY}/answer", {"text": "ash"}), (f"/v1/questions/{KEEP}/answer", {"text": "6"}),
        ]  # fmt: skip
        await live.until(lambda: live.app.state.waiting.cursor == UP, "the last step")


async def test_nothing_moves_under_the_cursor_and_sort_puts_it_in_order(live: Live) -> None:
    await at(live, KEEP)
    row = live.app.hive.waiting.cursor_index
    urgent = WaitingItem(id="x", kind="tool_use", agent="fay", subject="$ ls", since=scene.ago(1), blocks=True)
    live.hived.say("waiting", urgent)
    live.hived.decide(BASH, "approved", "operator", "hive")
    await live.until(lambda: len(live.app.state.waiting.items) == 15 and live.app.state.waiting.items[0].gone, "both")
    known = live.app.state.waiting
    assert (known.index, known.cursor, known.items[-1].id) == (row, KEEP, "x")
    await live.pilot.press("s")
    assert [item.id for item in live.app.state.waiting.items][2] == "x"
    assert live.app.state.waiting.cursor == KEEP


async def test_what_is_out_of_sight_and_done_goes_without_moving_what_is_seen() -> None:
    async with living((80, 24), waiting_scene.snapshot()) as live:
        await at(live, WHY)
        await live.until(lambda: live.app.hive.waiting.scroll_offset.y > 4, "the scrolled list")
        seen = live.text.split("\n")[-9:-5]
        live.hived.decide(BASH, "approved", "operator", "hive")
        live.hived.decide(EDIT, "denied", "operator", "hive")
        await live.until(lambda: len(live.app.state.waiting.pending) == 12, "both gone")
        assert [line[:66] for line in live.text.split("\n")[-9:-5]] == [line[:66] for line in seen]
        height = len(live.app.state.waiting.items)
        await live.pilot.press("up")
        await live.until(lambda: len(live.app.state.waiting.items) == height - 2, "what is struck to go")
        assert live.app.state.waiting.cursor != WHY


async def test_the_list_is_narrowed_by_kind_and_agent_and_words(live: Live) -> None:
    await at(live, KEEP, "f")
    await live.until(lambda: "4 of 14 · kind:question" in live.text, "the questions")
    await live.pilot.press("f")
    await live.until(lambda: "· agent:alice" in live.text, "alice's")
    await live.pilot.press("escape", "slash")
    await live.type("push")
    await live.until(lambda: "1 of 14 · push" in live.text, "the one")
    await live.pilot.press("enter", "d")
    assert (await asked(live))[0][0] == f"/v1/approvals/{waiting_scene.ORPHAN}/deny"


async def test_a_long_input_is_shown_whole_on_demand_and_fetched_where_it_was_cut() -> None:
    found = waiting_scene.snapshot()
    long = waiting_scene.ask(BASH, "bob", "Write", {"file_path": "a", "content": "x\n" * 40_000}, 118, "Write a")
    found.approvals[:] = [long if one.id == BASH else one for one in found.approvals]
    async with living((140, 40), found) as live:
        await at(live, BASH)
        assert live.app.hive.detail.virtual_size.height < 20_000
        await live.pilot.press("v")
        await live.until(lambda: live.app.hive.detail.virtual_size.height > 40_000, "all of it")
        await live.pilot.press("pagedown", "d")
        assert (await asked(live))[0][0] == f"/v1/approvals/{BASH}/deny"


async def test_what_the_snapshot_cut_is_fetched_before_it_can_be_decided() -> None:
    found = waiting_scene.snapshot()
    asks = {one.id: one for one in found.approvals}
    cut = asks[EDIT].model_copy(update={"payload": {}, "cut": True})
    question = next(one for one in found.questions if one.id == KEEP)
    short = question.model_copy(update={"text": "Shall", "options": [], "cut": True})
    held = next(one for one in found.messages if one.id == HELD)
    found.approvals[:] = [cut if one.id == EDIT else one for one in found.approvals]
    found.questions[:] = [short if one.id == KEEP else one for one in found.questions]
    found.messages[:] = [
        one.model_copy(update={"body": "Cou", "cut": True}) if one.id == HELD else one for one in found.messages
    ]
    async with living((140, 40), found) as live:
        live.hived.whole = {EDIT: asks[EDIT], KEEP: question, HELD: held}
        await at(live, EDIT)
        await live.until(lambda: "− " in live.text and "kind: TokenKind" in live.text, "the diff")
        await at(live, KEEP)
        await live.until(lambda: "Remove it now" in live.text, "its options")
        await live.pilot.press("2")
        await at(live, HELD, "e")
        await live.until(lambda: live.app.state.messages[HELD].body.startswith("Count"), "its words")
        await live.pilot.press("e")
        await live.until(lambda: live.app.hive.entry.area.text.startswith("Count the 5xx"), "the entry")
        assert await asked(live) == [(f"/v1/questions/{KEEP}/answer", {"options": [1]})]


async def test_what_was_decided_while_one_wrote_is_said(live: Live) -> None:
    await at(live, BASH, "e")
    live.hived.decide(BASH, "denied", "queen")
    await live.until(lambda: not live.app.hive.state.waiting.items[0].decidable, "the other's decision")
    await live.pilot.press("ctrl+s")
    await live.until(lambda: "It was decided meanwhile: denied by queen." in live.text, "the word")
    assert live.hived.asked == []


async def test_the_screen_goes_on_while_decisions_are_under_way(live: Live) -> None:
    held = asyncio.Event()
    approve = live.hived.decide

    async def slow(request: Any, status: str) -> Any:
        await held.wait()
        return live.hived._json(approve(request.path_params["id"], status, "operator", "hivetui"))

    live.hived._decide = slow  # type: ignore[method-assign]
    await at(live, BASH, "a", "down")
    await live.until(lambda: "alice asks to run" in live.text, "the next one")
    assert BASH in live.app.hive.desk.under_way
    held.set()
    await live.until(lambda: not live.app.hive.desk.under_way, "the answer")


async def test_who_decides_what_somebody_else_has_decided_is_told_so(live: Live) -> None:
    await at(live, BASH)
    live.hived.decide(BASH, "denied", "operator", "hive")
    await live.until(lambda: live.app.hive.state.waiting.items[0].gone, "the other's decision on the screen")
    await live.pilot.press("a")
    await live.until(lambda: "It is decided already: denied by operator (hive)." in live.text, "the notice")
    assert live.hived.asked == []


def with_a_long_script() -> Snapshot:
    """WRITE asks for forty lines."""
    script = "\n".join(f"echo {line}" for line in range(40))
    found = waiting_scene.snapshot()
    long = [
        approval.model_copy(update={"payload": {"tool": "Bash", "input": {"command": script}}})
        if approval.id == WRITE
        else approval
        for approval in found.approvals
    ]
    return found.model_copy(update={"approvals": long})


async def test_what_was_not_on_the_screen_yet_is_read_before_it_is_approved() -> None:
    async with living((80, 24), with_a_long_script()) as live:
        await at(live, WRITE)
        await live.until(lambda: "more lines · pgdn" in live.text, "a script too long for the screen")
        before = live.app.hive.detail.unread
        assert before > 20
        await live.pilot.press("a")
        await live.until(lambda: f"{before} more lines to read first" in live.text, "the notice")
        assert 0 < live.app.hive.detail.unread < before
        assert live.hived.asked == []
        while live.app.hive.detail.unread:
            await live.pilot.press("pagedown")
        await live.pilot.press("pageup", "pageup", "a")
        assert await asked(live) == [(f"/v1/approvals/{WRITE}/approve", {})]


async def test_what_was_not_on_the_screen_yet_is_denied_all_the_same() -> None:
    async with living((80, 24), with_a_long_script()) as live:
        await at(live, WRITE)
        await live.until(lambda: "more lines · pgdn" in live.text, "a script too long for the screen")
        await live.pilot.press("d")
        assert await asked(live) == [(f"/v1/approvals/{WRITE}/deny", {})]
