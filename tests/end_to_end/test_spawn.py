"""A spawn from ask to harness, on real parts: what cannot work is said before it is tried again."""

import sys

from tests.support.hive import live_hive, wait_until


def test_an_agent_whose_scenario_went_bad_is_parked_at_once_with_the_sentence_and_starts_when_it_is_mended() -> None:
    with live_hive() as hive:
        scenario = hive.home / "scenario.toml"
        scenario.write_text('[[turn]]\nsteps = [{say = "hello"}]\n')
        hive.spawn("worker", "scripted", engine_options={"scenario": str(scenario)})
        hive.until_online("worker")
        scenario.write_text("[[turn]]\nsteps = [{dance = 1}]\n")
        status, answer = hive.post("/v1/agents/worker/restart")
        assert (status, answer["code"]) == (502, "start_failed")
        assert "there is no step 'dance'" in answer["message"]
        agent = hive.agent("worker")
        assert agent["lifecycle"]["state"] == "parked"
        assert agent["lifecycle"]["cause"].startswith(f"Scenario {scenario}: turn 1, step 1")
        waiting = hive.get("/v1/waiting")[1]["waiting"]
        assert [(item["kind"], item["agent"]) for item in waiting] == [("parked", "worker")]

        scenario.write_text('[[turn]]\nsteps = [{say = "mended"}]\n')
        assert hive.post("/v1/agents/worker/start")[0] == 200
        assert hive.get("/v1/waiting")[1]["waiting"] == []


def test_the_operators_socket_is_not_for_an_engine() -> None:
    with live_hive() as hive:
        probe = f"HIVE_HOME={hive.home} {sys.executable} -m hived.cli.hive ls 2>&1"
        hive.spawn("snoop", "command", engine_options={"command": ["sh", "-c", f"cat >/dev/null; {probe}"]})
        hive.until_online("snoop")
        hive.post("/v1/messages", {"to": "snoop", "body": "go"})

        def said() -> list[str]:
            events = hive.get("/v1/agents/snoop/transcript")[1]["events"]
            return [event["payload"]["text"] for event in events if event["kind"] == "text"]

        words = wait_until(said, "the engine's call")
        assert words[0].startswith("error[engine_on_host_socket]")
