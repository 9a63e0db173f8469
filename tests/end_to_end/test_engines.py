"""What thinks: its model, effort and permission mode change at once or with the next turn, by a call, the command or an
editor; the whole engine changes by a rebuild; what it costs is in sight after every start."""

import os
import signal
import sys
from pathlib import Path

import pytest

from tests.end_to_end.test_limits import Kill, both
from tests.support.hive import LiveHive, call, wait_until
from tests.support.living import (
    WORKER,
    command,
    done,
    kill_harness,
    kill_hived,
    living,
    notes,
    outcomes,
    payloads,
    post,
    put,
    send,
    texts,
    until_idle,
)

SETTINGS = """
[engine]
models = ["small", { name = "large", title = "The large one", window = 5000 }]
closed_models = true
efforts = ["low", "high"]
permission_modes = ["ask", "plan"]
at_once = %s

[[turn]]
match = "wait"
repeat = true
steps = [ { say_settings = true }, { wait_for_file = "go" }, { say_settings = true } ]

[[turn]]
repeat = true
steps = [ { say_settings = true }, { usage = { ctx = 50, tokens = 70, cost_usd = 0.5 } } ]
"""
AT_ONCE, WITH_A_RESTART = SETTINGS % "true", SETTINGS % "false"
OWN = "model default, effort its own, permission mode its own"


def both_at_once(hive: LiveHive) -> None:
    """The machine went down: what comes up knows nothing but its files."""
    os.kill(hive.agent(WORKER)["pid"], signal.SIGKILL)
    kill_hived(hive)


def said(hive: LiveHive, body: str = "tell me") -> str:
    """What it says its settings are, in a turn of its own."""
    done(hive, body)
    return texts(hive)[-1]


def model_file(hive: LiveHive) -> Path:
    return hive.paths.agent(WORKER).model_file


@pytest.mark.parametrize("scenario", [AT_ONCE, WITH_A_RESTART])
def test_a_model_is_in_force_with_the_next_turn_and_stays(scenario: str) -> None:
    with living(scenario) as hive:
        assert said(hive) == OWN
        status, agent = put(hive, "model", {"model": "large"})
        assert (status, agent["model"]) == (200, "large")
        assert model_file(hive).read_text() == "large\n"
        assert said(hive).startswith("model large,")
        assert {end["session_id"] for end in payloads(hive, "turn_end")} == {hive.agent(WORKER)["session_id"]}
        for kill in (kill_harness, kill_hived):
            kill(hive)
            assert hive.agent(WORKER)["model"] == "large"
            assert said(hive).startswith("model large,")
        assert hive.agent(WORKER)["ctx"] == {"tokens": 50, "window": 5000}
        assert [payload["model"] for payload in payloads(hive, "model_changed")] == ["large"]


def test_settings_are_in_force_at_once_where_the_engine_can() -> None:
    with living(AT_ONCE) as hive:
        send(hive, "wait")
        wait_until(lambda: texts(hive) == [OWN], "the turn")
        assert put(hive, "model", {"model": "small"})[0] == 200
        assert command(hive, "effort", WORKER, "high").returncode == 0
        assert command(hive, "permission-mode", WORKER, "plan").returncode == 0
        wait_until(lambda: payloads(hive, "model_changed"), "the model")
        assert hive.agent(WORKER)["turn"]["state"] == "thinking"
        now = "model small, effort high, permission mode plan"
        workspace = Path(hive.agent(WORKER)["workspace"])
        (workspace / "go").touch()
        until_idle(hive)
        # What was asked of the engine while the turn ran may come a moment after the look at the file: the next turn has it.
        assert said(hive) == now
        agent = hive.agent(WORKER)
        assert (agent["effort"], agent["permission_mode"]) == ("high", "plan")


@pytest.mark.parametrize("scenario", [AT_ONCE, WITH_A_RESTART])
def test_effort_and_permission_mode_are_set_kept_and_left_to_the_engine_again(scenario: str) -> None:
    with living(scenario) as hive:
        for setting, value in (("effort", "high"), ("permission-mode", "plan")):
            key = setting.replace("-", "_")
            assert put(hive, setting, {key: value})[1][key] == value
        both(hive)
        assert said(hive) == "model default, effort high, permission mode plan"
        assert put(hive, "effort", {"effort": None})[1]["effort"] is None
        assert said(hive) == "model default, effort its own, permission mode plan"
        status, answer = put(hive, "effort", {"effort": "endless"})
        assert status == 400, answer
        assert hive.agent(WORKER)["effort"] is None


def test_a_file_that_is_edited_by_hand_counts() -> None:
    with living(AT_ONCE) as hive:
        assert said(hive) == OWN
        model_file(hive).write_text("small\n")
        wait_until(lambda: hive.agent(WORKER)["model"] == "small", "hived seeing it")
        assert said(hive).startswith("model small,")
        model_file(hive).with_name("effort").write_text("low")
        wait_until(lambda: hive.agent(WORKER)["effort"] == "low", "hived seeing it")
        hive.stop()
        model_file(hive).write_text("large")
        model_file(hive).with_name("effort").unlink()
        hive.start()
        hive.until_online(WORKER)
        wait_until(lambda: hive.agent(WORKER)["model"] == "large", "what was edited while hived was away")
        wait_until(lambda: hive.agent(WORKER)["effort"] is None, "its file that is gone")
        assert said(hive) == "model large, effort its own, permission mode its own"


def test_an_unknown_model_is_refused_where_the_engine_can_tell_and_fails_the_turn_otherwise() -> None:
    with living(AT_ONCE) as hive:
        models = f"/v1/agents/{WORKER}/models"
        wait_until(lambda: hive.get(models)[1]["models"], "what the engine offers")
        status, offered = hive.get(models)
        assert (status, offered["closed"], offered["current"]) == (200, True, "default")
        assert [(model["name"], model["window"]) for model in offered["models"]] == [("small", None), ("large", 5000)]
        status, answer = put(hive, "model", {"model": "huge"})
        assert (status, answer["code"]) == (400, "unknown_model")
        assert "huge" in answer["message"]
        refused = command(hive, "model", WORKER, "huge")
        assert (refused.returncode, "error[unknown_model]" in refused.stderr) == (1, True)
        assert hive.agent(WORKER)["model"] == "default"

        model_file(hive).write_text("huge\n")
        wait_until(lambda: hive.agent(WORKER)["model"] == "huge", "hived seeing it")
        send(hive, "tell me")
        wait_until(lambda: outcomes(hive) == ["failed"], "the failed turn")
        assert "There is no model 'huge'" in payloads(hive, "turn_end")[0]["error"]
        wait_until(lambda: "no model 'huge'" in (hive.agent(WORKER)["last_error"] or ""), "the failure in sight")
        put(hive, "model", {"model": "small"})
        assert said(hive).startswith("model small,")


def test_an_engine_without_a_setting_refuses_it() -> None:
    with living(AT_ONCE) as hive:
        hive.spawn("cat", "command", engine_options={"command": ["cat"]})
        hive.until_online("cat")
        assert put(hive, "effort", {"effort": "high"}, "cat")[1]["code"] == "unsupported"
        assert put(hive, "permission-mode", {"permission_mode": "plan"}, "cat")[1]["code"] == "unsupported"


@pytest.mark.parametrize("kill", [kill_harness, kill_hived, both, both_at_once])
def test_both_badges_are_there_at_once_after_a_cold_start(kill: Kill) -> None:
    with living(AT_ONCE) as hive:
        agent = hive.agent(WORKER)
        assert (agent["ctx"], agent["cost"]) == (None, None), "no figures are no zeros"
        done(hive, "tell me")
        ctx, cost = {"tokens": 50, "window": 200_000}, {"tokens": 70, "usd": 0.5, "estimated": False}
        kill(hive)
        agent = hive.agent(WORKER)
        assert (agent["ctx"], agent["cost"]) == (ctx, cost)
        _, snapshot = hive.get("/v1/snapshot")
        (shown,) = snapshot["agents"]
        assert (shown["ctx"], shown["cost"]) == (ctx, cost)


PROMPT = "import sys; print('PROMPT ' + sys.stdin.read().replace(chr(10), ' | '))"


def test_another_engine_goes_on_with_what_the_journal_remembers() -> None:
    with living("[[turn]]\nrepeat = true\nsteps = [ { say = 'the honey is in the shed' } ]") as hive:
        done(hive, "where is it?")
        old = hive.agent(WORKER)
        options = hive.agent(WORKER)["spec"]["engine_options"]
        agent = post(
            hive, "rebuild", {"engine": "command", "engine_options": {"command": [sys.executable, "-c", PROMPT]}}
        )
        assert (agent["engine"], agent["online"], agent["id"]) == ("command", True, old["id"])
        assert agent["generation"] > old["generation"]
        done(hive, "and now?")
        assert "the honey is in the shed" in texts(hive)[-1]
        assert "command" in notes(hive)
        done(hive, "again?")
        assert texts(hive)[-1].count("the honey is in the shed") == 0, "a primer is told once"

        post(hive, "rebuild", {"engine": "scripted", "engine_options": options})
        done(hive, "where is it?")
        assert texts(hive)[-1] == "the honey is in the shed"
        agent = hive.agent(WORKER)
        assert agent["session"]["state"] == "kept"
        assert agent["session"]["id"] != old["session"]["id"]
        assert agent["spend"]["turns"] == 4


def test_a_rebuild_that_cannot_be_is_refused_and_the_agent_works_on() -> None:
    with living(AT_ONCE) as hive:
        before = hive.agent(WORKER)
        for body, code in (
            ({"engine": "command"}, "invalid_option"),
            ({"engine": "command", "engine_options": {"command": "/no/such/program"}}, "command_missing"),
            ({"engine": "steam"}, "unknown_engine"),
        ):
            status, answer = call(hive.paths.host_socket, "POST", f"/v1/agents/{WORKER}/rebuild", body)
            assert (status, answer["code"]) == (400, code)
        assert hive.agent(WORKER)["generation"] == before["generation"]
        assert said(hive) == OWN


def test_a_rebuild_clears_what_the_new_engine_does_not_have() -> None:
    with living(AT_ONCE) as hive:
        put(hive, "effort", {"effort": "high"})
        put(hive, "model", {"model": "large"})
        done_by = command(hive, "rebuild", WORKER, "--engine", "command", "--command", "cat", "--yes")
        assert done_by.returncode == 0, done_by.stderr
        agent = hive.agent(WORKER)
        assert (agent["engine"], agent["effort"], agent["model"]) == ("command", None, "default")
        assert not model_file(hive).with_name("effort").exists()
