"""An agent's border: what stands in it, and what goes first where it is narrow."""

import pytest

from hived.wire.agents import Condition, Spend, TurnState
from hived.wire.turns import Ctx
from hivetui.state.agents import agent_from
from hivetui.widgets.lines import cells, plain
from hivetui.widgets.pane import figures, state_facts
from tests.hivetui.scene import NOW, agent, ago, to_come

BUSY = agent(
    1, "alice", turn=TurnState(state="thinking", since=ago(30)), effort="high", permission_mode="acceptEdits",
    ctx=Ctx(tokens=126_000, window=200_000), spend=Spend(total_usd=1.84),
)  # fmt: skip


def test_settings_and_figures_stand_together_where_there_is_room() -> None:
    said = plain(figures(agent_from(BUSY), ago(12), NOW, 90))
    assert said == "sonnet · effort high · acceptEdits · ctx 63% · $1.84 · last byte 12s"


@pytest.mark.parametrize(
    ("width", "said"),
    [
        (60, "sonnet · effort high · ctx 63% · $1.84 · last byte 12s"),
        (48, "sonnet · ctx 63% · $1.84 · last byte 12s"),
        (40, "ctx 63% · $1.84 · last byte 12s"),
        (28, "$1.84 · last byte 12s"),
    ],
)
def test_the_least_telling_goes_first_where_it_is_narrow(width: int, said: str) -> None:
    assert plain(figures(agent_from(BUSY), ago(12), NOW, width)) == said


def test_what_nobody_knows_is_not_there() -> None:
    fresh = agent_from(agent(1, "a", spend=Spend(), ctx=None))
    assert plain(figures(fresh, "", NOW, 90)) == "sonnet"
    unsized = agent_from(agent(1, "a", spend=Spend(), ctx=Ctx(tokens=31_400, window=0)))
    assert plain(figures(unsized, "", NOW, 90)) == "sonnet · ctx 31k"


def test_silence_is_said_only_of_an_engine_at_work() -> None:
    assert "last byte" not in plain(figures(agent_from(agent(1, "a")), ago(900), NOW, 90))
    assert ("last byte ", "wait") in figures(agent_from(BUSY), ago(75), NOW, 90)


def test_a_loose_permission_mode_stands_out() -> None:
    loose = agent_from(BUSY.model_copy(update={"permission_mode": "bypassPermissions"}))
    assert ("bypassPermissions", "bad") in figures(loose, "", NOW, 90)


def test_a_loose_permission_mode_is_the_last_to_go() -> None:
    loose = agent_from(BUSY.model_copy(update={"permission_mode": "bypassPermissions"}))
    assert plain(figures(loose, "", NOW, 48)) == "bypassPermissions · ctx 63% · $1.84"
    assert plain(figures(loose, "", NOW, 30)) == "bypassPermissions"


def test_the_title_says_when_a_limit_ends_and_from_now_where_there_is_room() -> None:
    limit = Condition(kind="rate_limited", since=ago(480), until=to_come(2280))
    hana = agent_from(agent(1, "hana", conditions=[limit], waiting=1))
    assert plain(state_facts(hana, NOW)) == "⊘ hana · rate limited, resets 15:10 (in 38 min)"
    assert plain(state_facts(hana, NOW, 40)) == "⊘ hana · rate limited, resets 15:10"
    assert cells(state_facts(hana, NOW, 20)) <= 20
