"""The diff by keyboard and mouse: bases, files, changes, search, sides; a big one; an agent's work."""

from collections.abc import AsyncIterator

import pytest

from hived.wire.work import Work, WorkCommit, WorkState
from hivetui.screens.diff import DiffScreen, work_text
from hivetui.state.diffs import Diff
from hivetui.widgets.diff_rows import found_in, row_line
from hivetui.widgets.lines import cells, plain
from tests.hivetui import lives_scene
from tests.hivetui.live import Live, living
from tests.hivetui.scene import ago

NARROW, WIDE = (80, 24), (176, 46)


@pytest.fixture(params=[NARROW, WIDE], ids=["80x24", "176x46"])
async def live(request: pytest.FixtureRequest) -> AsyncIterator[Live]:
    async with living(request.param, lives_scene.snapshot()) as found:
        for base in ("running", "approved", "queued"):
            found.hived.diffs[base] = lives_scene.diff(base)
        await opened(found)
        yield found


async def opened(live: Live) -> None:
    """The diff of the config that is asked for, from the list of what waits."""
    live.app.hive.went(f"waiting:{lives_scene.APPLY}")
    await live.until(lambda: live.app.state.waiting.cursor == lives_scene.APPLY, "the decision")
    await live.pilot.press("v")
    await live.until(lambda: isinstance(live.app.screen, DiffScreen), "the diff")
    await live.until(lambda: "agent.toml" in live.text and "hived compares" not in live.text, "its lines")


def screen(live: Live) -> DiffScreen:
    assert isinstance(live.app.screen, DiffScreen)
    return live.app.screen


async def test_the_base_is_switched_on_a_key_and_said(live: Live) -> None:
    await live.until(lambda: "against what runs" in live.text, "the base")
    await live.pilot.press("b")
    await live.until(lambda: "against what was approved last" in live.text, "the next")
    await live.pilot.press("b")
    await live.until(lambda: "what was asked for before it" in live.text, "the third")
    await live.pilot.press("b")
    await live.until(lambda: "against what runs" in live.text, "the first again")


async def test_files_and_changes_are_gone_to(live: Live) -> None:
    view = screen(live).view
    await live.pilot.press("n", "n")
    await live.until(lambda: view.file == 1 or view.file == 2, "a later file")
    await live.pilot.press("n", "n")
    await live.until(lambda: view.file == 2 and "last file" in live.text, "the last")
    await live.pilot.press("left_square_bracket")
    await live.until(lambda: view.file == 1, "the change before")
    await live.pilot.press("f")
    await live.type("agent")
    await live.pilot.press("enter")
    await live.until(lambda: view.file == 0, "the first file")


async def test_a_search_goes_to_its_places_and_ends_before_the_screen(live: Live) -> None:
    view = screen(live).view
    await live.pilot.press("slash")
    await live.type("make")
    await live.pilot.press("enter")
    await live.until(lambda: live.app.screen is screen(live) and view.wanted == "make", "the search")
    first = view.at
    await live.pilot.press("m")
    await live.until(lambda: view.at > first, "the next place")
    await live.pilot.press("M")
    await live.until(lambda: view.at == first, "back")
    await live.pilot.press("escape")
    await live.until(lambda: view.wanted == "", "no search")
    await live.pilot.press("escape")
    await live.until(lambda: live.app.screen is live.app.hive, "the decision again")


async def test_old_and_new_stand_side_by_side_where_there_is_room_and_where_it_is_wanted(live: Live) -> None:
    view = screen(live).view
    assert view.sides == (live.app.size.width == WIDE[0])
    before, file = view.sides, view.file
    await live.pilot.press("s")
    await live.until(lambda: view.sides is not before, "the other way")
    assert view.file == file
    joined = any("haiku" in line and "sonnet" in line for line in live.text.split("\n"))
    assert joined == view.sides


async def test_what_is_hidden_in_it_stands_there_as_its_code_and_nothing_is_markup(live: Live) -> None:
    await live.pilot.press("end")
    await live.until(lambda: "\\e[31m[red]Never" in live.text, "the line as it is")


async def test_a_refusal_stands_in_its_place(live: Live) -> None:
    del live.hived.diffs["approved"]
    await live.pilot.press("b")
    await live.until(lambda: "hived answered with status 500" in live.text, "the sentence")


async def test_an_agents_work_is_a_diff_below_its_commits_and_can_be_brought_home() -> None:
    async with living((100, 30), lives_scene.snapshot()) as live:
        live.hived.works["alice"] = work()
        live.app.hive.focus_agent("alice")
        await live.until(lambda: live.app.hive.view.focused == "alice", "alice")
        await live.pilot.press("v")
        await live.until(lambda: "Move the tokenizer" in live.text and "agent.toml" in live.text, "the work")
        assert "2 commits nowhere else, 3 files not committed" in live.text
        await live.pilot.press("F")
        await live.until(lambda: live.posted("/v1/agents/alice/work/fetch"), "the fetch")
        await live.until(lambda: "2 commits of alice stand on hive/alice" in live.text, "the sentence")


async def test_where_nothing_differs_no_key_is_offered_that_does_nothing() -> None:
    async with living((80, 24), lives_scene.snapshot()) as live:
        live.hived.works["alice"] = work().model_copy(update={"patch": ""})
        live.app.hive.focus_agent("alice")
        await live.until(lambda: live.app.hive.view.focused == "alice", "alice")
        await live.pilot.press("v")
        await live.until(lambda: "F fetch it" in live.text and "Move the tokenizer" in live.text, "the work")
        last = live.text.split("\n")[-1]
        assert "next change" not in last
        assert "search" not in last


async def test_an_agent_without_a_clone_says_so() -> None:
    async with living((100, 30), lives_scene.snapshot()) as live:
        live.app.hive.focus_agent("queen")
        await live.pilot.press("v")
        await live.until(lambda: "no clone" in live.text, "the sentence")


def work() -> Work:
    state = lives_scene.work(commits=2, changed=3, merged=False)
    commits = [
        WorkCommit(sha="7" * 40, subject="Move the tokenizer\ndiff --git a/x b/x", author="alice", at=ago(300)),
        WorkCommit(sha="6" * 40, subject="--- a/y", author="alice", at=ago(600)),
    ]
    return Work(agent="alice", repo="/r", workspace="/w", state=state, commits=commits, patch=lives_scene.CONFIG_DIFF)


def test_what_an_agent_calls_a_commit_is_never_taken_for_a_file() -> None:
    diff = Diff(work_text(work()))
    assert [diff.facts(at).path for at in range(diff.files)] == ["agent.toml", "prompt.md", "hooks/pre-commit"]
    nothing = Work(agent="a", repo="/r", workspace="/w", state=WorkState(looked_at=ago(1)))
    assert work_text(nothing) == ""


@pytest.mark.parametrize("width", [8, 20, 79, 175])
@pytest.mark.parametrize("sides", [False, True])
def test_every_row_fits_its_width(width: int, sides: bool) -> None:
    wide = lives_scene.CONFIG_DIFF.replace("make lint", "日本語" * 40)
    diff = Diff(wide)
    for row in diff.rows(0, diff.count(sides=sides), sides=sides):
        for skip in (0, 3, 500):
            assert cells(row_line(row, (1, 2), width, sides=sides, skip=skip, wanted="日")) <= width


def test_a_found_place_is_marked_across_pieces_and_keeps_the_text() -> None:
    pieces = found_in([("one tw", "text"), ("o three TWO", "good-word")], "two")
    assert plain(pieces) == "one two three TWO"
    assert [text for text, tone in pieces if tone == "found"] == ["tw", "o", "TWO"]


async def test_a_big_diff_opens_at_once_and_lays_out_only_what_is_seen() -> None:
    lines = "".join(f"-old line {n}\n+new line {n}\n same {n}\n" for n in range(40_000))
    big = f"diff --git a/big b/big\n--- a/big\n+++ b/big\n@@ -1,80000 +1,80000 @@\n{lines}"
    async with living((100, 30), lives_scene.snapshot()) as live:
        live.hived.diffs["running"] = lives_scene.diff().model_copy(update={"text": big})
        live.app.hive.went(f"waiting:{lives_scene.APPLY}")
        await live.pilot.press("v")
        await live.until(lambda: isinstance(live.app.screen, DiffScreen) and "new line 0" in live.text, "its lines")
        await live.pilot.press("end")
        await live.until(lambda: "new line 39999" in live.text, "its end")
        assert len(screen(live).view.diff._kept) < 5_000, "of 80,000"
