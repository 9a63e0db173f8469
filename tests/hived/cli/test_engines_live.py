"""Settings, naps, limits, sessions, rebuild and record from the shell, on a real hived and a scripted agent."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hived.wire.agents import AgentView
from tests.hived.cli.conftest import Said, Shell
from tests.support.hive import LiveHive, wait_until

NAME = "ann"
SCENARIO = """\
[engine]
models = ["small", { name = "large", title = "The large one", window = 1000000 }]
closed_models = true
efforts = ["low", "high"]
permission_modes = ["ask", "plan"]
[[turn]]
match = "reach the limit"
steps = [ { limit = { detail = "five hours are used up", until_seconds = 3600 } } ]
[[turn]]
match = "lose the login"
steps = [ { needs_login = "the token is gone" } ]
[[turn]]
repeat = true
steps = [
  { say_settings = true },
  { usage = { ctx = 100000, window = 200000, output_tokens = 240, cost_usd = 0.004 } },
]
"""


@pytest.fixture
def ann(shell: Shell, hive: LiveHive) -> Shell:
    """With an agent that is idle, on its own model, and in nobody's way."""
    if hive.get(f"/v1/agents/{NAME}")[0] == 404:
        file = hive.home / "ann.toml"
        file.write_text(SCENARIO)
        shell("spawn", NAME, "--engine", "scripted", "--scenario", str(file), "--yes")
    shell("wait", NAME, "--until", "idle", "--timeout", "30")
    return shell


def turn(shell: Shell, text: str) -> Said:
    """What it says in the turn that this message wakes."""
    last = shell("events", NAME, "--json").lines()[-1:]
    assert shell("send", NAME, text).code == 0
    assert shell("wait", NAME, "--timeout", "30").code == 0
    return shell("events", NAME, "--after", str(last[0]["id"] if last else 0))


def until(shell: Shell, condition: Callable[[dict[str, Any]], Any], what: str) -> dict[str, Any]:
    wait_until(lambda: condition(shell("show", NAME, "--json").json()), what)
    shown: dict[str, Any] = shell("show", NAME, "--json").json()
    return shown


def test_the_settings_are_in_force_in_the_next_turn(ann: Shell) -> None:
    assert turn(ann, "hello").code == 0  # What an engine offers is known once it has run.
    listed = ann("model", NAME, "--list", "--json").json()
    assert [model["name"] for model in listed["models"]] == ["small", "large"]
    assert "1000000" in ann("model", NAME, "--list").out
    ann("model", NAME, "nonsense").fails(1, "unknown_model")
    assert ann("model", NAME, "large").out == "large\n"
    assert ann("effort", NAME, "high").out == "high\n"
    assert ann("permission-mode", NAME, "plan").out == "plan\n"
    assert "model large, effort high, permission mode plan" in turn(ann, "hello").out
    assert ann("effort", NAME, "-").out == "-\n"
    assert ann("permission-mode", NAME, "-").out == "-\n"
    assert "effort its own, permission mode its own" in turn(ann, "hello").out


def test_a_level_that_the_engine_has_not_is_refused(ann: Shell) -> None:
    said = ann("effort", NAME, "enormous")
    assert (said.code, said.out) == (1, "")
    assert "enormous" in said.err
    assert ann("effort", NAME).out == "-\n"


def test_a_nap_holds_messages_until_it_ends(ann: Shell) -> None:
    assert ann("nap", NAME, "1h").out.startswith(f"{NAME}: naps until ")
    shown = ann("show", NAME).out
    assert "in 60m" in shown or "in 59m" in shown
    message = ann("send", NAME, "are you there?", "--json").json()["messages"][0]["id"]
    assert ann("messages", "--agent", NAME, "--limit", "1", "--json").lines()[0]["status"] == "queued"
    said = ann("wait", NAME, "--timeout", "0.5")
    assert f"hive nap {NAME} off" in said.err
    assert ann("nap", NAME, "off").out == f"{NAME}: awake\n"
    assert ann("wait", NAME, "--timeout", "30").code == 0
    found = {item["id"]: item["status"] for item in ann("messages", "--agent", NAME, "--json").lines()}
    assert found[message] == "acked"
    assert ann("nap", NAME, "1h").code == 0
    assert ann("resume", "--all").out == f"{NAME} goes on\n"
    assert AgentView.model_validate(ann("show", NAME, "--json").json()).turn.until is None


def test_a_limit_is_shown_with_its_end_and_resumed(ann: Shell) -> None:
    ann("send", NAME, "reach the limit")
    until(ann, lambda agent: any(item["kind"] == "rate_limited" for item in agent["conditions"]), "the limit")
    assert "rate_limited (five hours are used up, until " in ann("show", NAME).out
    assert f"{NAME}: hive resume {NAME}\n" in ann("waiting").out
    item = next(item for item in ann("waiting", "--json").json()["waiting"] if item["kind"] == "rate_limited")
    wrong = ann("approve", item["id"])
    wrong.fails(4, "approval_not_found")
    assert f"hive resume {NAME}" in wrong.err
    assert ann("resume", NAME).out == f"{NAME} goes on\n"
    until(ann, lambda agent: all(item["kind"] != "rate_limited" for item in agent["conditions"]), "the limit's end")
    assert "rate_limited" not in ann("waiting").out
    assert ann("wait", NAME, "--timeout", "30").code == 0


def test_compact_answers_when_the_conversation_is_shorter(ann: Shell) -> None:
    turn(ann, "hello")
    before = ann("show", NAME, "--json").json()["ctx"]["tokens"]
    assert ann("compact", NAME).out.startswith(f"{NAME}: compacted")
    assert ann("show", NAME, "--json").json()["ctx"]["tokens"] < before


def test_a_new_session_is_armed_shown_and_used(ann: Shell) -> None:
    turn(ann, "hello")
    before = ann("show", NAME, "--json").json()["session"]
    assert before["state"] == "kept"
    ann("new-session", NAME).fails(2, "confirmation_needed")
    assert "begins a new conversation that is told" in ann("new-session", NAME, "--primer", "--yes").out
    assert "the next turn begins a new conversation" in ann("show", NAME).out
    turn(ann, "hello again")
    after = ann("show", NAME, "--json").json()["session"]
    assert after["state"] == "kept"
    assert after["id"] != before["id"]


def test_an_engine_without_a_login_says_so(ann: Shell) -> None:
    ann("login", NAME).fails(1, "unsupported")
    ann("login", NAME, "--code", "x").fails(5, "no_login")
    ann("login", NAME, "--cancel").fails(5, "no_login")


def test_a_recording_is_played_again(ann: Shell, tmp_path: Path) -> None:
    turn(ann, "hello")
    file = tmp_path / "again.toml"
    assert ann("record", NAME, str(file)).code == 0
    assert ann("spawn", "again", "--engine", "scripted", "--scenario", str(file), "--yes").code == 0
    assert ann("send", "again", "go").code == 0
    assert ann("wait", "again", "--timeout", "30").code == 0
    assert "effort its own" in ann("transcript", "again").out
    ann("record", NAME, "--from", "nonsense").fails(4, "turn_not_found")


def test_rebuild_moves_an_agent_to_another_engine(ann: Shell) -> None:
    turn(ann, "hello")
    assert ann("effort", NAME, "high").code == 0
    ann("rebuild", NAME, "--engine", "command", "--command", "cat").fails(2, "confirmation_needed")
    wrong = ann("rebuild", NAME, "--engine", "command", "--command", "/no/such/program", "--yes")
    assert wrong.code == 1
    assert wrong.err.count("\n") == 1
    assert ann("show", NAME, "--json").json()["engine"] == "scripted"
    assert (
        ann("rebuild", NAME, "--engine", "command", "--command", "cat", "--yes").out == f"{NAME} is rebuilt and runs\n"
    )
    shown = ann("show", NAME, "--json").json()
    assert (shown["engine"], shown["effort"], shown["online"]) == ("command", None, True)
    assert "hello from the other side" in turn(ann, "hello from the other side").out
    ann("effort", NAME, "high").fails(1, "unsupported")
    ann("compact", NAME).fails(1, "unsupported")
