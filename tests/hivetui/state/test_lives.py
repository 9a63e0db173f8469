"""What agents' lives look like in the state: tombstones and deployments by the feed, pausing, what is under way."""

from hived.wire.agents import Lifecycle
from hived.wire.work import WorkState
from hivetui.state.agents import SHAPES, agent_from
from hivetui.state.deployments import goes_back_to, is_under_way, listed, running, with_deployments
from hivetui.state.hive import ActBegan, ActEnded, FeedRowsCame, HiveState, SnapshotTaken, reduced
from hivetui.state.standing import standing
from hivetui.state.tombstones import work_marks, work_words
from hivetui.state.view import View, marked
from tests.hivetui import lives_scene, scene
from tests.hivetui.state.test_hive import row


def attached() -> HiveState:
    return reduced(HiveState(), SnapshotTaken(lives_scene.snapshot()))


def test_a_snapshot_gives_tombstones_and_deployments_and_the_feed_replaces_them() -> None:
    state = attached()
    assert [found.name for found in state.tombstones.values()] == ["gus", "hana", "ivo"]
    assert len(state.deployments) == 9
    gus = lives_scene.tombstones()[0].model_copy(update={"reviving": "x"})
    ended = lives_scene.deployments()[0].model_copy(update={"status": "deployed"})
    state = reduced(state, FeedRowsCame([row(501, "tombstone", gus), row(502, "deployment", ended)]))
    assert state.tombstones[gus.id].reviving == "x"
    assert state.deployments[ended.id].status == "deployed"
    state = reduced(state, FeedRowsCame([row(503, "tombstone_removed", {"id": gus.id, "name": "gus"})]))
    assert [found.name for found in state.tombstones.values()] == ["hana", "ivo"]


def test_many_deployments_are_not_kept_for_ever_but_those_under_way_are() -> None:
    known = with_deployments(
        {}, [lives_scene.deployment(1000 + n, "a", 10_000 - n) for n in range(600)]
    )  # fmt: skip
    old = lives_scene.deployment(999, "a", 90_000, status="building")
    known = with_deployments(known, [old])
    assert 400 <= len(known) <= 401
    assert old.id in known
    assert is_under_way(known[old.id])


def test_a_rollback_goes_to_what_was_deployed_and_does_not_run() -> None:
    known = attached().deployments
    by_number = {int(found.id[-3:]): found for found in listed(known)}
    now = running(known, "alice")
    assert now is not None
    assert now.id == by_number[498].id
    assert goes_back_to(known, by_number[498]) == by_number[496], "of what runs: what was there before it"
    assert goes_back_to(known, by_number[493]) == by_number[493], "of an older one: that one"
    assert goes_back_to(known, by_number[494]) == by_number[496], "of one that never ran: what was there before"
    assert goes_back_to(known, by_number[497]) is None, "bob has nothing else"
    assert goes_back_to(known, by_number[500]) is None, "scout never ran"


def test_what_hived_was_asked_for_is_the_state_until_it_has_answered() -> None:
    state = reduced(attached(), ActBegan(("alice", "fay"), "stopping", scene.ago(2)))
    alice = state.agents["alice"]
    assert (alice.shape.glyph, alice.shape.word) == ("◌", "stopping")
    assert standing(alice, scene.NOW) == "stopping 0:02"
    view = next(view for view in lives_scene.agents() if view.name == "alice")
    state = reduced(state, FeedRowsCame([row(501, "agent", view)]))
    assert state.agents["alice"].acting == "stopping", "news of it do not end that"
    state = reduced(state, ActEnded(("alice", "fay")))
    assert state.agents["alice"].shape.word == "thinking"


def test_a_paused_agent_is_told_from_a_stopped_one_without_colour() -> None:
    assert SHAPES["paused"].glyph not in {SHAPES[kind].glyph for kind in SHAPES if kind != "paused"}
    state = attached()
    assert state.agents["bob"].shape_kind == "paused"
    assert standing(state.agents["bob"], scene.NOW).endswith("in mid-turn")
    assert state.agents["fay"].shape_kind == "pausing"
    frozen = scene.agent(9, "x", lifecycle=Lifecycle(state="paused", since=scene.ago(9), cause="c"), paused=False)
    assert agent_from(frozen).shape_kind == "resuming"


def test_a_requested_agent_whose_config_is_built_says_so() -> None:
    assert attached().agents["scout"].shape.word == "being built"


def test_work_that_would_be_lost_is_said_and_what_nobody_can_tell_is_not_called_nothing() -> None:
    work = WorkState(looked_at=scene.ago(1), branch="b", commits=1, changed=2, merged=False)
    assert work_words(work) == "1 commit nowhere else, 2 files not committed"
    assert work_marks(work) == "±2 ↑1"
    assert work_marks(WorkState(looked_at=scene.ago(1), branch="b", head="h")) == ""
    unknown = WorkState(looked_at=scene.ago(1), branch="b", known=False, problem="it is in the middle of a merge")
    assert (work_words(unknown), work_marks(unknown)) == ("it is in the middle of a merge", "±?")
    assert work_words(None) == work_marks(None) == ""


def test_marking_what_is_marked_unmarks_it() -> None:
    view = marked(View(), ("a", "b"))
    assert view.marked == {"a", "b"}
    assert marked(view, ("a", "b", "c")).marked == {"a", "b", "c"}
    assert marked(view, ("a",)).marked == {"b"}
