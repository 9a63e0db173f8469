"""The permission flow of the real Claude Codes in a real hive: allowed, denied with a note, edited, taken back; and a decision that
outlives either process, and the time that a person takes.
"""

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.claude import GENERATIONS, require_claude
from tests.support.hive import LiveHive, live_hive, wait_until
from tests.support.living import (
    WORKER,
    claude,
    loopback_model,
    outcomes,
    payloads,
    post,
    send,
    texts,
    until_idle,
    waiting,
)
from tests.support.tools import require_faketime

pytestmark = pytest.mark.claude

SECONDS = 60.0
ASKED = {"command": "touch made-by-bash", "description": "make a file"}
"""What the model of `@@permission` wants to do."""
FASTER = 100
MINUTES = 10


@pytest.fixture(scope="module")
def model() -> Iterator[str]:
    with loopback_model() as url:
        yield url


@pytest.fixture
def hive() -> Iterator[LiveHive]:
    with live_hive() as made:
        yield made


def asking(hive: LiveHive, model: str, generation: str = "pinned", **env: str) -> dict[str, Any]:
    """The approval that the worker's turn stands still for."""
    claude(hive, require_claude(generation), model, model="claude-haiku-4-5", env=env)
    send(hive, "@@permission")
    return pending(hive)


def pending(hive: LiveHive) -> dict[str, Any]:
    def found() -> Any:
        asks = hive.get("/v1/approvals?kind=tool_use&status=pending")[1]["approvals"]
        return asks[0] if asks else None

    asked: dict[str, Any] = wait_until(found, "the ask", SECONDS)
    return asked


def status_of(hive: LiveHive, approval_id: str) -> str:
    return str(hive.get(f"/v1/approvals/{approval_id}")[1]["status"])


def decide(hive: LiveHive, approval: dict[str, Any], verb: str = "approve", **verdict: Any) -> dict[str, Any]:
    status, answer = hive.post(f"/v1/approvals/{approval['id']}/{verb}", verdict)
    assert status == 200, answer
    found: dict[str, Any] = answer
    return found


def workspace(hive: LiveHive) -> Path:
    return Path(hive.agent(WORKER)["workspace"])


def made(hive: LiveHive) -> list[str]:
    return sorted(file.name for file in workspace(hive).iterdir() if file.name.startswith("made"))


def until_done(hive: LiveHive, turns: int = 1) -> None:
    wait_until(lambda: len(outcomes(hive)) >= turns, "the end of the turn", SECONDS)
    until_idle(hive)


def the_operators_decisions(hive: LiveHive) -> list[str]:
    """The approvals that he decided, each once, by the audit."""
    entries = hive.get("/v1/audit?limit=1000")[1]["entries"]
    told = [
        entry for entry in entries if entry["action"].startswith("approval.") and entry["actor"]["who"] == "operator"
    ]
    return [entry["subject"] for entry in told if not entry["detail"]["subject"].startswith("spawn")]


def check(hive: LiveHive) -> None:
    status, report = hive.get("/v1/check")
    assert (status, [finding for finding in report["findings"] if not finding["ok"]]) == (200, [])


@pytest.mark.parametrize("generation", GENERATIONS)
def test_what_is_allowed_is_done_as_it_was_asked(hive: LiveHive, model: str, generation: str) -> None:
    asked = asking(hive, model, generation)
    assert asked["payload"] == {"tool": "Bash", "input": ASKED}
    assert made(hive) == []
    decide(hive, asked)
    until_done(hive)
    assert (made(hive), texts(hive), outcomes(hive)) == (["made-by-bash"], ["Finished."], ["ok"])
    (decided,) = payloads(hive, "permission_decided")
    assert (decided["approval_id"], decided["status"]) == (asked["id"], "approved")
    check(hive)


@pytest.mark.parametrize("generation", GENERATIONS)
def test_what_is_denied_is_not_done_and_the_note_reaches_the_model(hive: LiveHive, model: str, generation: str) -> None:
    asked = asking(hive, model, generation)
    decide(hive, asked, "deny", note="not before the freeze ends")
    until_done(hive)
    assert made(hive) == []
    (result,) = payloads(hive, "tool_result")
    assert result["is_error"]
    assert "not before the freeze ends" in result["text"]
    assert outcomes(hive) == ["ok"]
    check(hive)


@pytest.mark.parametrize("generation", GENERATIONS)
def test_an_edited_input_is_what_is_done(hive: LiveHive, model: str, generation: str) -> None:
    asked = asking(hive, model, generation)
    other = {**ASKED, "command": "touch made-by-operator"}
    assert decide(hive, asked, updated_input=other)["updated_input"] == other
    until_done(hive)
    assert (made(hive), outcomes(hive)) == (["made-by-operator"], ["ok"])
    check(hive)


@pytest.mark.parametrize("generation", GENERATIONS)
def test_a_turn_that_is_interrupted_while_it_asks_takes_its_ask_back(
    hive: LiveHive, model: str, generation: str
) -> None:
    asked = asking(hive, model, generation)
    post(hive, "cancel-turn")
    until_done(hive)
    closed = hive.get(f"/v1/approvals/{asked['id']}")[1]
    assert (closed["status"], closed["decided_by"]["who"]) == ("cancelled", WORKER)
    status, answer = hive.post(f"/v1/approvals/{asked['id']}/approve", {})
    assert (status, answer["code"]) == (409, "already_decided")
    assert waiting(hive) == []
    assert (made(hive), outcomes(hive)) == ([], ["cancelled"])
    check(hive)


@pytest.mark.parametrize("killed", [False, True], ids=["restarted", "killed"])
def test_an_ask_outlives_hived(hive: LiveHive, model: str, killed: bool) -> None:
    asked = asking(hive, model)
    if killed:
        hive.kill()
    else:
        hive.stop()
    hive.start()
    hive.until_online(WORKER)
    assert pending(hive)["id"] == asked["id"]
    assert [item["id"] for item in waiting(hive)] == [asked["id"]]
    decide(hive, asked)
    until_done(hive)
    assert (made(hive), texts(hive), hive.agent(WORKER)["generation"]) == (["made-by-bash"], ["Finished."], 1)
    check(hive)


@pytest.mark.parametrize("when", ["at once", "as an orphan", "once it asks again"])
def test_a_yes_to_a_harness_that_was_killed_is_not_asked_for_twice(hive: LiveHive, model: str, when: str) -> None:
    asked = asking(hive, model)
    os.kill(hive.agent(WORKER)["pid"], signal.SIGKILL)
    if when != "at once":
        wait_until(lambda: status_of(hive, asked["id"]) == "orphaned", "an orphan", SECONDS)
    if when == "once it asks again":
        again = pending(hive)
        assert again["id"] != asked["id"]
        assert [item["id"] for item in waiting(hive)] == [again["id"]]
    decide(hive, asked)
    wait_until(lambda: made(hive), "the deed", SECONDS)
    wait_until(lambda: "ok" in outcomes(hive), "a turn that ends well", SECONDS)
    until_idle(hive)
    assert hive.get("/v1/approvals?kind=tool_use&all=false")[1]["approvals"] == []
    assert waiting(hive) == []
    asks = hive.get("/v1/approvals?kind=tool_use")[1]["approvals"]
    assert [ask["status"] for ask in asks] == ["approved"] * len(asks)
    assert asks[1]["grant"] == asked["id"]
    assert set(the_operators_decisions(hive)) <= {asked["id"], asks[1]["id"]}
    check(hive)


def test_an_ask_waits_for_as_long_as_a_person_takes(hive: LiveHive, model: str) -> None:
    """Ten minutes of the CLI's own clock, which runs a hundred times as fast."""
    library = require_faketime()
    asked = asking(hive, model, LD_PRELOAD=library, FAKETIME=f"+0 x{FASTER}", FAKETIME_DONT_RESET="1")
    began = time.monotonic()
    wait_until(lambda: time.monotonic() - began > MINUTES * 60 / FASTER + 1, "ten minutes of its time", SECONDS)
    assert pending(hive)["id"] == asked["id"]
    decide(hive, asked, updated_input={**ASKED, "command": "date +%s > made-at"})
    until_done(hive)
    assert (texts(hive), outcomes(hive)) == (["Finished."], ["ok"])
    its_time = int((workspace(hive) / "made-at").read_text())
    assert its_time > time.time() + MINUTES * 60, "its clock was not faster"
    check(hive)


@pytest.mark.parametrize("generation", GENERATIONS)
def test_a_plan_that_is_approved_allows_nothing_of_what_it_plans(hive: LiveHive, model: str, generation: str) -> None:
    steps = [
        {"tool": "ExitPlanMode", "input": {"plan": "1. Write a file."}},
        {"tool": "Write", "input": {"file_path": "$CWD/made-by-plan", "content": "x"}},
        {"text": "Finished."},
    ]
    options = {"permission_mode": "plan"}
    claude(hive, require_claude(generation), model, model="claude-haiku-4-5", engine_options=options)
    send(hive, f"@@script {json.dumps(steps)}")
    plan = pending(hive)
    assert plan["payload"]["tool"] == "ExitPlanMode"
    decide(hive, plan)
    wait_until(lambda: status_of(hive, plan["id"]) == "approved", "the plan's approval", SECONDS)
    write = pending(hive)
    assert write["payload"]["tool"] == "Write"
    assert made(hive) == []
    decide(hive, write, "deny")
    until_done(hive)
    assert made(hive) == []
