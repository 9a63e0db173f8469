"""A tool's permission from engine to operator and back, with kills of either side while it waits."""

import contextlib
import os
import signal
from collections.abc import Iterator
from typing import Any

from tests.support.hive import LiveHive, live_hive, wait_until

SCENARIO = """
[[turn]]
match = "please"
repeat = true
steps = [{ask_permission = {tool = "Bash", input = {command = "make"}}}, {say = "made"}]
[[turn]]
repeat = true
steps = [{say = "heard"}]
"""


@contextlib.contextmanager
def asking() -> Iterator[LiveHive]:
    """A hive whose worker's turn stands still for the operator."""
    with live_hive() as hive:
        scenario = hive.home / "scenario.toml"
        scenario.write_text(SCENARIO)
        hive.spawn("worker", "scripted", engine_options={"scenario": str(scenario)})
        hive.until_online("worker")
        hive.post("/v1/messages", {"to": "worker", "body": "please"})
        wait_until(lambda: waiting(hive), "the ask")
        yield hive


def waiting(hive: LiveHive) -> list[dict[str, Any]]:
    return list(hive.get("/v1/waiting")[1]["waiting"])


def texts(hive: LiveHive) -> list[str]:
    events = hive.get("/v1/agents/worker/transcript")[1]["events"]
    return [event["payload"]["text"] for event in events if event["kind"] == "text"]


def test_an_ask_outlives_hived_and_its_answer_reaches_the_turn_that_stands_still() -> None:
    with asking() as hive:
        (item,) = waiting(hive)
        assert item["blocks"]
        hive.kill()
        hive.start()
        hive.until_online("worker")
        assert waiting(hive) == [item]
        assert hive.post(f"/v1/approvals/{item['id']}/approve", {})[0] == 200
        wait_until(lambda: texts(hive) == ["made"], "the turn going on")
        assert hive.agent("worker")["generation"] == 1


def test_an_ask_outlives_its_harness_as_an_orphan_and_its_answer_comes_as_a_message() -> None:
    with asking() as hive:
        (item,) = waiting(hive)
        os.kill(hive.agent("worker")["pid"], signal.SIGKILL)
        wait_until(lambda: hive.agent("worker")["generation"] == 2 and hive.agent("worker")["online"], "a new harness")
        wait_until(
            lambda: hive.agent("worker")["last_error"] == "the harness ended in mid-turn", "the cut-off turn's end"
        )
        assert hive.get(f"/v1/approvals/{item['id']}")[1]["status"] == "orphaned"
        orphan = next(found for found in waiting(hive) if found["id"] == item["id"])
        assert not orphan["blocks"]
        assert hive.post(f"/v1/approvals/{item['id']}/approve", {})[0] == 200
        told = [m for m in hive.get("/v1/messages?agent=worker")[1]["messages"] if m["sender"] == "hived"]
        assert ["approved: Bash make" in message["body"] for message in told] == [True]


def test_an_ask_of_an_agent_that_is_stopped_can_still_be_decided_and_is_not_asked_again() -> None:
    with asking() as hive:
        (item,) = waiting(hive)
        assert hive.post("/v1/agents/worker/stop", {})[0] == 200
        assert hive.get(f"/v1/approvals/{item['id']}")[1]["status"] == "orphaned"
        assert [(found["id"], found["blocks"]) for found in waiting(hive)] == [(item["id"], False)]
        assert hive.post(f"/v1/approvals/{item['id']}/approve", {})[0] == 200
        assert hive.post("/v1/agents/worker/start", {})[0] == 200
        wait_until(lambda: "made" in texts(hive), "the turn going on without another ask")
        asks = hive.get("/v1/approvals?kind=tool_use")[1]["approvals"]
        assert [ask["status"] for ask in asks] == ["approved", "approved"]
        assert asks[1]["grant"] == item["id"]
