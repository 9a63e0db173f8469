"""Naps and rate limits of a real harness: what is taken up meanwhile, how they end, and that they outlast it."""

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import pytest

from agentd.conditions import Conditions
from agentd.journal import Journal
from agentd.rests import NAP_FACT, Rests
from agentd.sessions import Sessions
from agentd.status import Status
from agentd.tools.arguments import WrongArguments
from agentd.tools.nap import MOST_SECONDS, nap
from hived.wire.times import from_text, in_seconds, utc_now
from tests.agentd.rig import Rig, until

HELLO = {"repeat": True, "steps": [{"say": "hello"}]}


def limited_for(seconds: float) -> dict[str, object]:
    return {"steps": [{"limit": {"detail": "the week is used up", "until_seconds": seconds}}]}


async def napping(rig: Rig, seconds: float) -> str:
    await rig.stub.until(lambda: rig.stub.claims, "its first look at the inbox")
    moment = in_seconds(seconds)
    await rig.stub.ring("nap", {"until": moment})
    await rig.stub.until(lambda: rig.stub.payloads("turn_state_changed"), "the nap being said")
    return moment


async def not_taken_up_in_a_nap(rig: Rig) -> str:
    """A message that still waits once the harness has looked for those marked `now` alone."""
    before = len(rig.stub.claims)
    message = await rig.stub.send("early")
    await rig.stub.until(lambda: len(rig.stub.claims) > before, "a look at the inbox")
    assert rig.stub.claims[-1]["only_now"] is True
    assert rig.stub.books.messages[message]["status"] == "queued"
    return message


async def not_taken_up_in_a_limit(rig: Rig) -> None:
    """A message that nobody has claimed when the harness has answered twice what came after it."""
    before = len(rig.stub.claims)
    message = await rig.stub.send("early")
    said = len(rig.stub.payloads("turn_state_changed"))
    for count in (said + 1, said + 2):
        await rig.stub.ring("nap", {"until": None})
        await rig.stub.until(partial(_changes, rig, count), "an answer")
    assert len(rig.stub.claims) == before
    assert rig.stub.books.messages[message]["status"] == "queued"


def _changes(rig: Rig, count: int) -> bool:
    return len(rig.stub.payloads("turn_state_changed")) >= count


async def test_a_nap_is_said_and_nothing_begins_in_it_until_it_ends(rig: Rig) -> None:
    rig.scripted(HELLO)
    await rig.start()
    moment = await napping(rig, 300)
    assert rig.stub.payloads("turn_state_changed") == [{"state": "napping", "turn_id": None, "until": moment}]
    await not_taken_up_in_a_nap(rig)
    moment = in_seconds(0.5)
    await rig.stub.ring("nap", {"until": moment})
    await rig.stub.turn_ends()
    assert utc_now() >= moment
    assert rig.stub.payloads("turn_state_changed")[-1] == {"state": "idle", "turn_id": None, "until": None}


async def test_a_message_for_now_is_taken_up_in_a_nap_and_the_nap_goes_on(rig: Rig) -> None:
    rig.scripted(HELLO)
    await rig.start()
    moment = await napping(rig, 300)
    patient = await not_taken_up_in_a_nap(rig)
    urgent = await rig.stub.send("at once", when="now")
    (end,) = await rig.stub.turn_ends()
    assert end["message_ids"] == [urgent]
    await rig.stub.until(lambda: len(rig.stub.payloads("turn_state_changed")) == 3, "the nap going on")
    assert [(change["state"], change["until"]) for change in rig.stub.payloads("turn_state_changed")] == [
        ("napping", moment), ("thinking", moment), ("napping", moment),
    ]  # fmt: skip
    assert rig.stub.books.messages[patient]["status"] == "queued"


@pytest.mark.parametrize(("event", "data"), [("nap", {"until": None}), ("resume", {})])
async def test_a_nap_of_0_and_a_resume_end_a_nap(rig: Rig, event: str, data: dict[str, None]) -> None:
    rig.scripted(HELLO)
    await rig.start()
    await napping(rig, 300)
    await not_taken_up_in_a_nap(rig)
    await rig.stub.ring(event, data)
    await rig.stub.turn_ends()
    assert rig.stub.payloads("turn_state_changed")[-1]["state"] == "idle"


async def test_a_nap_that_is_set_in_a_turn_begins_with_its_end(rig: Rig) -> None:
    rig.scripted({"steps": [{"say": "begun"}, {"wait_for_file": "go"}]})
    await rig.start()
    await rig.stub.send("please")
    await rig.stub.until(lambda: rig.stub.payloads("text"), "the turn running")
    moment = await napping(rig, 300)
    (said,) = rig.stub.payloads("turn_state_changed")
    assert (said["state"], said["until"]) == ("thinking", moment)
    assert said["turn_id"] is not None
    (rig.workspace / "go").touch()
    await rig.stub.until(lambda: len(rig.stub.payloads("turn_state_changed")) == 2, "the nap beginning")
    kinds = rig.stub.kinds()
    assert kinds.index("turn_end") < len(kinds) - 1
    assert rig.stub.payloads("turn_state_changed")[1] == {"state": "napping", "turn_id": None, "until": moment}


async def test_a_nap_outlasts_the_harness(rig: Rig) -> None:
    rig.scripted(HELLO)
    await rig.start()
    moment = await napping(rig, 300)
    await rig.kill()
    await rig.start()
    assert (rig.report()["turn_state"], rig.report()["turn_until"]) == ("napping", moment)
    await not_taken_up_in_a_nap(rig)
    await rig.stub.ring("resume", {})
    await rig.stub.turn_ends()


async def test_a_nap_that_ended_while_no_harness_ran_is_over(rig: Rig) -> None:
    rig.scripted(HELLO)
    await rig.start()
    moment = await napping(rig, 0.5)
    await rig.kill()
    await until(lambda: utc_now() > moment, "the nap's end")
    await rig.start()
    assert (rig.report()["turn_state"], rig.report()["turn_until"]) == ("idle", None)
    await rig.stub.send("hello")
    await rig.stub.turn_ends()


async def test_a_limit_is_said_with_its_end_and_stands_in_a_file(rig: Rig) -> None:
    rig.scripted(limited_for(3600))
    await rig.start()
    message = await rig.stub.send("please")
    (end,) = await rig.stub.turn_ends()
    assert (end["outcome"], end["retryable"]) == ("rate_limited", True)
    change = next(change for change in rig.stub.payloads("status_changed") if change["condition"] == "rate_limited")
    assert (change["on"], change["detail"]) == (True, "the week is used up")
    assert 3500 < (from_text(change["until"]) - from_text(utc_now())).total_seconds() <= 3600
    (line,) = (rig.harness / "rate-limited").read_text().splitlines()
    assert json.loads(line).keys() == {"since", "until", "detail"}
    assert json.loads(line)["until"] == change["until"]
    assert rig.stub.books.messages[message]["status"] == "queued"


async def test_a_pipe_or_a_link_in_the_sentinels_place_is_neither_waited_for_nor_written_through(rig: Rig) -> None:
    rig.scripted(limited_for(3600))
    sentinel, elsewhere = rig.harness / "rate-limited", rig.home / "elsewhere"
    os.mkfifo(sentinel)
    elsewhere.write_text("mine")
    os.symlink(elsewhere, rig.harness / "rate-limited.new")
    await rig.start()
    await rig.stub.send("go")
    await rig.stub.turn_ends(1)
    assert "the week is used up" in sentinel.read_text()
    assert elsewhere.read_text() == "mine"


async def test_a_limit_outlasts_the_harness_and_only_the_operator_ends_it(rig: Rig) -> None:
    rig.scripted(limited_for(1), HELLO)
    await rig.start()
    message = await rig.stub.send("please")
    await rig.stub.turn_ends()
    moment = json.loads((rig.harness / "rate-limited").read_text())["until"]
    await rig.kill()
    await rig.start()
    (limit,) = [found for found in rig.report()["conditions"] if found["kind"] == "rate_limited"]
    assert (limit["detail"], limit["until"]) == ("the week is used up", moment)
    await until(lambda: utc_now() > moment, "the limit's end")
    await not_taken_up_in_a_limit(rig)
    assert len(rig.stub.payloads("turn_end")) == 1
    await rig.stub.ring("resume", {})
    ends = await rig.stub.turn_ends(2)
    assert ends[1]["outcome"] == "ok"
    assert message in ends[1]["message_ids"]
    assert [change["on"] for change in rig.stub.payloads("status_changed") if change["condition"] == "rate_limited"] == [
        True, False,
    ]  # fmt: skip
    assert not (rig.harness / "rate-limited").exists()


async def test_a_limit_ends_by_itself_where_the_agent_may_go_on(rig: Rig) -> None:
    rig.rate_limit_resume = True
    rig.scripted(limited_for(1.5), HELLO)
    await rig.start()
    await rig.stub.send("please")
    ends = await rig.stub.turn_ends(2)
    assert ends[1]["outcome"] == "ok"
    said = next(change for change in rig.stub.payloads("status_changed") if change["condition"] == "rate_limited")
    assert utc_now() >= said["until"]


async def test_a_limit_that_is_found_at_the_start_keeps_what_waits_from_being_claimed(rig: Rig) -> None:
    rig.scripted(HELLO)
    (rig.harness / "rate-limited").write_text("the old build wrote words\n")
    await rig.start()
    (limit,) = [found for found in rig.report()["conditions"] if found["kind"] == "rate_limited"]
    assert (limit["detail"], limit["until"]) == ("the old build wrote words", None)
    await not_taken_up_in_a_limit(rig)
    await rig.stub.ring("resume", {})
    await rig.stub.turn_ends()


async def test_a_limit_that_an_engine_only_mentions_is_over_with_a_turn_that_went_well(rig: Rig) -> None:
    rig.scripted({"steps": [{"condition": {"kind": "rate_limited", "detail": "soon", "until_seconds": 60}}]})
    await rig.start()
    await rig.stub.send("please")
    await rig.stub.turn_ends()
    assert [change["on"] for change in rig.stub.payloads("status_changed") if change["condition"] == "rate_limited"] == [
        True, False,
    ]  # fmt: skip


async def test_an_agent_naps_by_its_own_tool() -> None:
    rested: list[str | None] = []
    answer = await nap(rested.append, {"seconds": 60})
    assert "until" in answer.text
    assert (await nap(rested.append, {"seconds": 0})).text == "You nap no more."
    assert rested[0] is not None
    assert rested[1] is None
    for wrong in (None, "60", -1, MOST_SECONDS + 1, True, float("nan")):
        with pytest.raises(WrongArguments):
            await nap(rested.append, {"seconds": wrong})


# The rules alone, with pauses that a test can wait for -------------------------------------------------------


class Resting:
    def __init__(self, folder: Path, journal: Journal) -> None:
        self.journal = journal
        self.woken = asyncio.Event()
        self.conditions = Conditions(journal, folder)
        self.status = Status(journal, self.conditions, Sessions(journal), "m")

    def rests(self, *, auto: bool, first: float = 0.05, longest: float = 0.4) -> Rests:
        return Rests(self.journal, self.status, auto, self.woken.set, first, longest)


async def with_journal(folder: Path, test: Callable[[Resting], Awaitable[None]]) -> None:
    journal = await Journal.open(folder / "events.sqlite", folder / "overflow")
    task = asyncio.create_task(journal.run())
    try:
        await test(Resting(folder, journal))
    finally:
        task.cancel()
        await asyncio.wait({task})
        await journal.close()


async def test_a_limit_of_unknown_length_is_tried_again_after_ever_longer_pauses(tmp_path: Path) -> None:
    async def test(resting: Resting) -> None:
        rests = resting.rests(auto=True)
        loop = asyncio.get_running_loop()
        pauses = []
        for _ in range(5):
            resting.conditions.set("rate_limited", True, "who knows")
            began = loop.time()
            assert rests.claims() == "none"
            resting.woken.clear()
            await asyncio.wait_for(resting.woken.wait(), 60)
            assert rests.claims() == "all"
            pauses.append(loop.time() - began)
        assert [round(pause / 0.05) >= wanted for pause, wanted in zip(pauses, (1, 2, 4, 8, 8), strict=True)] == [
            True
        ] * 5
        assert resting.conditions.tries == 5
        resting.conditions.worked()
        assert resting.conditions.tries == 0

    await with_journal(tmp_path, test)


async def test_an_end_that_is_past_already_is_no_reason_to_try_without_a_pause(tmp_path: Path) -> None:
    async def test(resting: Resting) -> None:
        rests = resting.rests(auto=True)
        resting.conditions.set("rate_limited", True, "", in_seconds(-60))
        assert rests.claims() == "none"
        rests.close()

    await with_journal(tmp_path, test)


async def test_a_limit_without_leave_to_go_on_sets_no_timer(tmp_path: Path) -> None:
    async def test(resting: Resting) -> None:
        rests = resting.rests(auto=False)
        resting.conditions.set("rate_limited", True, "", in_seconds(-60))
        assert rests.claims() == "none"
        rests.resume()
        assert rests.claims() == "all"

    await with_journal(tmp_path, test)


@pytest.mark.parametrize("moment", ["soon", "", "2026-13-01T00:00:00Z", "2020-01-01T00:00:00.000Z"])
async def test_a_nap_until_a_moment_that_is_none_or_past_is_none(tmp_path: Path, moment: str) -> None:
    async def test(resting: Resting) -> None:
        resting.journal.set(NAP_FACT, moment)
        rests = resting.rests(auto=False)
        assert resting.status.turn_state == "idle"
        rests.nap(moment)
        assert rests.claims() == "all"
        assert resting.status.until is None

    await with_journal(tmp_path, test)
