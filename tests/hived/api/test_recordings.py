"""The route: an agent's run as a scenario, and what is said where there is none."""

import tomllib

from hived.wire.recordings import Recording
from tests.support.own_agent import OwnAgent, event

RECORDING = "/v1/agents/ada/recording"


def test_an_agents_turns_are_a_scenario(ada: OwnAgent) -> None:
    ada.write_journal(
        event(1, "turn_start", turn_id="0190-a", wake={"kind": "operator"}),
        event(2, "text", text="hello"),
        event(3, "message_out", message_id="m", to="bob", body="hi"),
        event(4, "turn_end", turn_id="0190-a", outcome="ok"),
        event(5, "turn_start", turn_id="0190-b", wake={"kind": "operator"}),
        event(6, "turn_end", turn_id="0190-b", outcome="ok"),
    )
    status, answer = ada.hive.get(RECORDING)
    assert status == 200
    recording = Recording.model_validate(answer)
    assert (recording.turns, recording.events, recording.left_out) == (2, 5, {"message_out": 1})
    assert len(tomllib.loads(recording.scenario)["turn"]) == 3
    assert ada.hive.get(f"{RECORDING}?from=0190-b&to=0190-b")[1]["turns"] == 1
    assert "message_out" in ada.hive.get(f"{RECORDING}?deeds=true&to=4")[1]["scenario"]


def test_without_a_journal_there_are_no_turns(ada: OwnAgent) -> None:
    status, answer = ada.hive.get(RECORDING)
    assert (status, answer["turns"]) == (200, 0)


def test_what_is_not_there_is_said(ada: OwnAgent) -> None:
    assert ada.hive.get("/v1/agents/bob/recording")[1]["code"] == "agent_not_found"
    status, answer = ada.hive.get(f"{RECORDING}?from=0190-x")
    assert (status, answer["code"]) == (404, "turn_not_found")
    assert ada.hive.get(f"{RECORDING}?from={'9' * 65}")[1]["code"] == "invalid_request"
    assert ada.hive.get(f"{RECORDING}?deeds=perhaps")[1]["code"] == "invalid_request"
