"""`hive ls`, `show`, `log`, `model`, `cancel` and the lifecycle commands, on a real hived."""

import json

import pytest

from hived.wire.agents import AgentDetail, AgentView
from hived.wire.protocol import PROTOCOL
from tests.hived.cli.conftest import Shell
from tests.support.hive import LiveHive

NAME = "ada"


@pytest.fixture(autouse=True)
def _ada(shell: Shell, hive: LiveHive) -> None:
    if hive.get(f"/v1/agents/{NAME}")[0] == 404:
        shell.talker(NAME)


def test_ls_lists_agents_for_people_and_programs(shell: Shell) -> None:
    views = [AgentView.model_validate(agent) for agent in shell("ls", "--json").json()["agents"]]
    assert NAME in [view.name for view in views]
    said = shell("ls").out
    assert said.startswith("NAME")
    assert "\x1b" not in said


def test_show_says_state_and_cause(shell: Shell) -> None:
    assert AgentDetail.model_validate(shell("show", NAME, "--json").json()).name == NAME
    said = shell("show", NAME).out
    assert "cause" in said
    assert "since" in said


UNKNOWN = [
    ["show", "nobody"], ["log", "nobody"], ["model", "nobody"], ["model", "nobody", "m"], ["cancel", "nobody"],
    ["start", "nobody"], ["stop", "nobody"], ["restart", "nobody"], ["wait", "nobody"], ["send", "nobody", "hi"],
    ["events", "nobody"], ["events", "nobody", "--follow"], ["transcript", "nobody"],
]  # fmt: skip


@pytest.mark.parametrize("words", UNKNOWN, ids=" ".join)
def test_an_unknown_agent_exits_4(shell: Shell, words: list[str]) -> None:
    shell(*words).fails(4, "agent_not_found")


def test_stop_start_and_restart_answer_when_done(shell: Shell) -> None:
    assert shell("stop", NAME, "--json").json()["lifecycle"]["state"] == "stopped"
    assert shell("wait", NAME, "--until", "stopped", "--timeout", "20").out == f"{NAME} is stopped\n"
    shell("wait", NAME, "--until", "online", "--timeout", "20").fails(1, "start_failed")
    before = shell("start", NAME, "--json").json()
    assert before["lifecycle"]["state"] == "running"
    after = shell("restart", NAME, "--json").json()
    assert after["generation"] > before["generation"]
    assert shell("wait", NAME, "--until", "online", "--timeout", "20", "--json").json()["online"] is True


def test_all_means_every_agent(shell: Shell) -> None:
    names = {agent["name"] for agent in shell("restart", "--all", "--json").json()["agents"]}
    assert names == {agent["name"] for agent in shell("ls", "--json").json()["agents"]}


def test_one_that_fails_does_not_hide_those_that_were_done(shell: Shell) -> None:
    said = shell("start", NAME, "nobody", "nobody-else")
    assert (said.code, said.out) == (4, f"{NAME} runs\n")
    assert [line.partition("]")[0] for line in said.err.splitlines()] == ["error[agent_not_found"] * 2
    both = shell("start", NAME, "nobody", "--json")
    assert [agent["name"] for agent in json.loads(both.out)["agents"]] == [NAME]


@pytest.mark.parametrize("verb", ["start", "stop", "restart", "kill", "rebuild", "pause", "resume"])
def test_no_name_means_nothing_and_not_everything(shell: Shell, verb: str) -> None:
    shell(verb).fails(2, "usage")
    shell(verb, NAME, "--all").fails(2, "usage")
    shell(verb, "").fails(2, "invalid_name")


def test_pause_and_resume_say_what_they_did(shell: Shell) -> None:
    assert shell("pause", "--all", "--json").json()["agents"][0]["lifecycle"]["state"] == "paused"
    shown = shell("show", NAME).out
    assert "paused for" in shown
    assert "paused since" in shown
    assert ": operator paused it" in shown
    assert "wanted" in shown
    shell("start", NAME).fails(5, "agent_paused")
    assert shell("wait", NAME, "--until", "paused", "--timeout", "20").out == f"{NAME} is paused\n"
    assert shell("resume", NAME).out == f"{NAME} goes on\n"


def test_a_kill_is_said_and_its_history_shown(shell: Shell) -> None:
    assert shell("kill", NAME).out == f"{NAME} is killed\n"
    assert shell("kill", NAME).out == f"{NAME} is killed\n"
    shell("pause", NAME).fails(5, "nothing_to_pause")
    assert "its kill was asked for" in shell("show", NAME).out
    assert shell("start", NAME).code == 0
    steps = shell("show", NAME, "--json").json()["history"]
    assert [step["state"] for step in steps][-4:] == ["stopped", "requested", "starting", "running"]


def test_waiting_for_what_does_not_happen_takes_too_long(shell: Shell) -> None:
    shell("wait", NAME, "--until", "stopped", "--timeout", "0.2").fails(1, "took_too_long")


def test_the_model_is_printed_and_set(shell: Shell) -> None:
    assert shell("model", NAME, "opus").code == 0
    assert shell("model", NAME).out == "opus\n"


def test_without_a_turn_there_is_nothing_to_cancel(shell: Shell) -> None:
    assert shell("wait", NAME, "--until", "idle", "--timeout", "20").code == 0
    shell("cancel", NAME).fails(5, "no_turn")


def test_the_log_is_the_harnesss(shell: Shell) -> None:
    document = shell("log", NAME, "--json").json()
    assert document["lines"]
    assert shell("log", NAME, "--lines", "1").out.count("\n") == 1


def test_status_says_what_runs(shell: Shell) -> None:
    status = shell("status", "--json").json()
    assert (status["pid"], status["protocol"]) == (shell.hive.pid, PROTOCOL)
    assert str(status["pid"]) in shell("status").out


def test_engines_says_what_this_machine_has(shell: Shell) -> None:
    document = shell("engines", "--json").json()
    assert {"claude", "command", "scripted"} <= {engine["kind"] for engine in document["engines"]}
    assert "process" in shell("engines").out


def test_version_names_both_sides(shell: Shell) -> None:
    assert shell("version", "--json").json()["hived"]["protocol"] == PROTOCOL
