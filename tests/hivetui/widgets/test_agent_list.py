from hivetui.state.agents import agent_from
from hivetui.widgets.agent_list import agent_row, agent_rows
from hivetui.widgets.lines import cells, plain
from hivetui.widgets.pane import state_facts
from tests.hivetui import scene


def test_an_idle_agent_whose_last_turn_failed_is_told_from_one_that_is_well() -> None:
    well = agent_from(scene.agent(1, "dier"))
    failed = agent_from(scene.agent(1, "dier", last_error="exit code 3"))
    assert "✗" not in plain(agent_row(well, 25))
    assert "✗" in plain(agent_row(failed, 25))
    assert cells(agent_row(failed, 25)) <= 25
    assert "failed" in plain(agent_rows(failed, scene.NOW, 34)[1])
    assert "failed: exit code 3" in plain(state_facts(failed, scene.NOW))
