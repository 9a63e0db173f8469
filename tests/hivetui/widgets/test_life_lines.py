"""How agents' lives read: rows of the list, why, a config that is asked for, a purge's plan."""

from dataclasses import replace
from datetime import timedelta

import pytest

from hived.wire.agents import Condition
from hivetui.screens.purge import plan_lines
from hivetui.state.agents import agent_from
from hivetui.state.hive import HiveState, LinkMade, SnapshotTaken, reduced
from hivetui.state.logs import Log
from hivetui.widgets.agent_list import agent_row, agent_rows, bar_of
from hivetui.widgets.config_lines import changed_lines, proposal_lines
from hivetui.widgets.header import header_line
from hivetui.widgets.lines import Line, cells, plain
from hivetui.widgets.sizes import size_words
from hivetui.widgets.why_lines import Why, history_lines, log_lines, next_steps, state_lines
from tests.hivetui import lives_scene, scene


def text(lines: list[Line]) -> str:
    return "\n".join(plain(line) for line in lines)


def state() -> HiveState:
    return reduced(reduced(HiveState(), SnapshotTaken(lives_scene.snapshot())), LinkMade(scene.ago(60)))


@pytest.mark.parametrize("name", ["al", "alice", "archie", "margaret", "bartholomew-the-3rd"])
@pytest.mark.parametrize("width", [26, 28, 34])
def test_an_unsandboxed_agent_says_so_where_there_is_room_and_its_row_always_fits(name: str, width: int) -> None:
    bare = [Condition(kind="unsandboxed", since=scene.ago(9))]
    agent = agent_from(scene.agent(1, name, conditions=bare, unread=3))
    rows = agent_rows(agent, scene.NOW, width, bar=bar_of((agent,), width))
    assert all(cells(line) <= width for line in rows)
    if width == 34:
        assert "unsandboxed" in text(rows), "on its first line, else in place of its model"


def test_work_that_would_be_lost_and_a_mark_are_seen_in_both_kinds_of_rows() -> None:
    alice = state().agents["alice"]
    assert "±3 ↑2" in text(agent_rows(alice, scene.NOW, 34))
    assert "alice ±" in plain(agent_row(alice, 25, scene.NOW))
    assert plain(agent_row(alice, 25, scene.NOW, marked=True)).startswith("▪")
    assert plain(agent_rows(alice, scene.NOW, 34, marked=True)[0]).startswith("▪")
    assert cells(agent_row(alice, 25, scene.NOW, marked=True)) <= 25


def test_the_top_line_counts_what_has_no_walls_and_what_stands_still() -> None:
    said = plain(header_line(state(), scene.NOW, 190))
    assert "2 unsandboxed" in said
    assert "1 paused" in said
    assert "‖ 1" in plain(header_line(state(), scene.NOW, 80)), "the least of it is not dropped"


def test_why_says_what_is_wanted_and_what_to_do() -> None:
    carol = state().agents["carol"]
    why = Why(carol, lives_scene.detail("carol"))
    said = text(state_lines(why, scene.NOW, 78))
    for words in ("carol is parked", "No module named 'lint'", "not tried again by itself", "bwrap", "pypi.org"):
        assert words in said, words
    assert [step.key for step in next_steps(carol, "", scene.NOW)][0] == "why.start"


def test_what_never_was_built_is_not_said_to_have_ended_and_offers_no_way_back() -> None:
    carol = replace(state().agents["carol"], commit=None)
    assert carol.lifecycle == "parked"
    said = text(state_lines(Why(carol), scene.NOW, 78))
    assert "that it runs; it is not tried again by itself" in said
    assert "too often" not in said
    says = {step.key: step.says for step in next_steps(carol, "", scene.NOW)}
    assert says["why.start"] == "build it again, and start it"
    assert says["why.deployments"] == "read what its setup printed"
    assert "why.rebuild" not in says


def test_an_engine_that_is_silent_for_long_is_said_and_can_be_ended() -> None:
    alice = state().agents["alice"]
    assert not [step for step in next_steps(alice, scene.ago(20), scene.NOW) if step.key == "why.kill"]
    steps = next_steps(alice, scene.ago(300), scene.NOW)
    assert [step.key for step in steps][:2] == ["why.cancel", "why.kill"]
    said = text(state_lines(Why(alice, last_byte_at=scene.ago(300)), scene.NOW, 100))
    assert "last byte from its engine 5:00 ago" in said


def test_history_is_newest_first_and_a_log_line_is_never_markup() -> None:
    said = text(history_lines(lives_scene.detail("carol").history, scene.NOW, 90))
    assert said.index("parked") < said.index("crashed") < said.index("requested")
    shown = text(log_lines({"engine": Log(("\x1b[31m[red]x[/red]",)), "harness": Log()}, scene.NOW, 60))
    assert "[red]x[/red]" in shown
    assert "\x1b" not in shown
    assert "nothing was written yet" in shown
    stamped = text(log_lines({"harness": Log((f"{scene.ago(5)} connected", "2026-11-20 no stamp"))}, scene.NOW, 60))
    assert "14:31:55 connected" in stamped
    assert "2026-11-20 no stamp" in stamped


def test_a_config_says_first_what_it_would_newly_allow_and_shows_what_is_hidden() -> None:
    payload = lives_scene.approvals()[-2].payload | {"setup": ["echo \u202e safe"], "flags": ["network"]}
    said = text(proposal_lines(payload, 70))
    assert said.index("it would let it do more") < said.index("a turn that runs is broken off")
    assert said.index("! network") < said.index("why") < said.index("$ echo")
    assert "\\u202e" in said
    assert "+10 −4" in said
    assert "3 files" in said


def test_a_config_with_nothing_in_it_is_still_told() -> None:
    said = text(proposal_lines({"agent": "a", "commit": "f" * 40, "base": None}, 60))
    assert "broken off" not in said, "nothing runs yet"
    assert "a would run ffffffff in place of nothing" in said
    assert "0 files +? −?" in said


def test_a_revive_says_what_changed_or_that_nothing_did() -> None:
    assert "messages: 2 wait" in text(changed_lines({"changed": ["messages: 2 wait for it"]}, 60))
    assert "nothing has changed" in text(changed_lines({}, 60))


def test_a_purge_says_what_is_lost_first() -> None:
    lines = [plain(line) for line in plan_lines(lives_scene.plan(), 60)]
    assert lines[0].startswith("lost with it  2 commits nowhere else")
    refused = lives_scene.plan().model_copy(update={"work": None, "stopped_by": "its revival is asked for: approval x"})
    assert plain(plan_lines(refused, 60)[0]) == "refused  its revival is asked for: approval x"


@pytest.mark.parametrize(
    ("count", "said"),
    [(0, "0 B"), (999, "999 B"), (1000, "1 kB"), (1500, "1.5 kB"), (812_000, "812 kB"), (4_130_000, "4.1 MB"), (10**13, "10 TB")],
)  # fmt: skip
def test_sizes_are_said_in_few_cells(count: int, said: str) -> None:
    assert size_words(count) == said


def test_a_pause_is_as_old_as_the_agent_has_stood_still() -> None:
    bob = state().agents["bob"]
    later = scene.NOW + timedelta(minutes=5)
    assert "paused" in text(agent_rows(bob, later, 34))
