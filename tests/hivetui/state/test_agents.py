import pytest

from hived.wire.agents import AgentSession, Condition, Lifecycle, Spend, TurnState
from hivetui.state.agents import ORDER, SHAPES, ShapeKind, agent_from, in_order, is_loose, matching
from tests.hivetui.scene import agent, agents, ago


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ({}, "idle"),
        ({"turn": TurnState(state="thinking", since=ago(1))}, "thinking"),
        ({"waiting": 1}, "waiting"),
        ({"waiting": 1, "turn": TurnState(state="thinking", since=ago(1))}, "thinking"),
        ({"online": False}, "offline"),
        ({"turn": TurnState(state="unknown", since=ago(1))}, "unknown"),
        ({"conditions": [Condition(kind="rate_limited", since=ago(9))]}, "limited"),
        ({"conditions": [Condition(kind="needs_login", since=ago(9))], "waiting": 1}, "login"),
        ({"session": AgentSession(state="refused"), "waiting": 1}, "refused"),
        ({"session": AgentSession(state="armed")}, "idle"),
        ({"conditions": [Condition(kind="unsandboxed", since=ago(9))]}, "idle"),
        ({"lifecycle": Lifecycle(state="parked", since=ago(5), cause="3 crashes in 60 s"), "online": False}, "parked"),
        ({"lifecycle": Lifecycle(state="stopping", since=ago(5), cause="asked")}, "stopping"),
    ],
)
def test_the_shape_says_what_matters_most(given: dict[str, object], kind: ShapeKind) -> None:
    assert agent_from(agent(1, "a", **given)).shape_kind == kind


def test_since_is_of_the_state_that_is_shown() -> None:
    limited = agent_from(agent(1, "a", conditions=[Condition(kind="rate_limited", since=ago(480))]))
    parked = agent_from(agent(1, "a", lifecycle=Lifecycle(state="parked", since=ago(50), cause="crashed")))
    assert (limited.since, parked.since) == (ago(480), ago(50))


def test_no_figure_is_none_and_not_zero() -> None:
    fresh = agent_from(agent(1, "a", spend=Spend()))
    assert (fresh.ctx_percent, fresh.usd, fresh.usd_today) == (None, None, None)


def test_queens_come_first_and_then_the_older_ones() -> None:
    known = {view.name: agent_from(view) for view in reversed(agents())}
    assert [a.name for a in in_order(known)] == ["queen", "alice", "bob", "carol", "dave", "erin", "fay"]


def test_a_filter_looks_at_name_model_engine_and_state() -> None:
    ordered = in_order({view.name: agent_from(view) for view in agents()})
    assert [a.name for a in matching(ordered, "opus")] == ["queen", "erin"]
    assert [a.name for a in matching(ordered, "THINK sonnet")] == ["alice", "bob"]
    assert matching(ordered, " ") == ordered


def test_every_state_has_a_word_and_a_place_in_the_header() -> None:
    assert set(ORDER) | {"waiting", "buried"} == set(SHAPES)
    assert all(len(shape.glyph) == 1 and shape.word for shape in SHAPES.values())


def test_modes_in_which_nothing_is_asked_are_known_however_an_engine_writes_them() -> None:
    assert all(map(is_loose, ("bypassPermissions", "yolo", "full-access", "bypass_permissions")))
    assert not any(map(is_loose, ("default", "acceptEdits", "plan", "read-only", "auto")))
