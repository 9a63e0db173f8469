"""hived and agentd are killed at each step of claim, turn, outbox and ack; afterwards the databases prove what was promised."""

import contextlib
import http.client
import json
import sqlite3
from collections import Counter
from typing import Any

import pytest

from tests.support.hive import LiveHive, live_hive, wait_until

HARNESS_STEPS = (
    "claimed", "turn_started", "in_turn", "outbox_journalled", "batch_sent", "before_turn_end", "turn_end_journalled",
)  # fmt: skip
HIVED_STEPS = ("hived_claim", "hived_claimed", "hived_batch", "hived_batch_taken")
MESSAGES = 4

SCENARIO = """
[[turn]]
repeat = true
steps = [
  {say = "working"},
  {send = {to = "operator", body = "a report"}},
  {shell = "echo done >> work.log"},
]
"""


@pytest.mark.parametrize("step", HARNESS_STEPS)
def test_a_harness_killed_at_any_step_loses_and_doubles_nothing(step: str) -> None:
    with hive_with_worker(step) as hive:
        give_work(hive)
        wait_until(lambda: (hive.paths.agent("worker").harness / f"fault-{step}").exists(), f"the kill at {step}")
        wait_until(lambda: hive.agent("worker")["generation"] >= 2, "a new harness")
        settle(hive)
        prove(hive)


@pytest.mark.parametrize("step", HIVED_STEPS)
def test_a_hived_killed_at_any_step_loses_and_doubles_nothing(step: str) -> None:
    with hive_with_worker() as hive:
        assert hive.post("/v1/agents/worker/stop")[0] == 200
        give_work(hive)
        hive.stop()
        hive.env["HIVE_FAULT_POINT"] = step
        hive.start()
        with contextlib.suppress(OSError, http.client.HTTPException):
            hive.post("/v1/agents/worker/start")
        wait_until(lambda: hive.process is not None and hive.process.poll() is not None, f"hived's death at {step}")
        hive.start()
        settle(hive)
        assert hive.agent("worker")["generation"] == 2, "the harness works on while hived is away"
        prove(hive)


def test_a_decision_cut_off_before_its_commit_is_still_open_and_after_it_is_made() -> None:
    for step, status in (("hived_decide", "pending"), ("hived_decided", "approved")):
        with live_hive({"HIVE_FAULT_POINT": step}) as hive:
            _, asked = hive.post(
                "/v1/agents", {"name": "late", "engine": "command", "engine_options": {"command": ["cat"]}}
            )
            with contextlib.suppress(OSError, http.client.HTTPException):
                hive.post(f"/v1/approvals/{asked['id']}/approve", {})
            wait_until(lambda hive=hive: hive.process.poll() is not None, "hived's death")  # type: ignore[misc]
            hive.start()
            assert hive.get(f"/v1/approvals/{asked['id']}")[1]["status"] == status
            if status == "approved":
                hive.until_online("late")


@contextlib.contextmanager
def hive_with_worker(harness_step: str = "") -> Any:
    with live_hive({"HIVE_FAULT_POINT": harness_step}, start=False) as hive:
        scenario = hive.home / "scenario.toml"
        scenario.write_text(SCENARIO)
        hive.start()
        hive.spawn("worker", "scripted", engine_options={"scenario": str(scenario)})
        hive.until_online("worker")
        yield hive


def give_work(hive: LiveHive) -> None:
    for number in range(MESSAGES):
        status, answer = hive.post("/v1/messages", {"to": "worker", "body": f"task {number}"})
        assert status in (200, 201), answer


def settle(hive: LiveHive) -> None:
    wait_until(
        lambda: [m["status"] for m in messages(hive, recipient="worker")] == ["acked"] * MESSAGES,
        "every ack",
        seconds=60,
    )
    wait_until(lambda: hive.agent("worker")["turn"]["state"] == "idle", "the end of the work")


def messages(hive: LiveHive, **wanted: str) -> list[dict[str, Any]]:
    _, answer = hive.get("/v1/messages?limit=1000")
    return [m for m in answer["messages"] if all(m[key] == value for key, value in wanted.items())]


def prove(hive: LiveHive) -> None:
    """From the databases: the journal is whole, each message acked by exactly one turn, the outbox delivered once."""
    with contextlib.closing(sqlite3.connect(hive.paths.agent("worker").events_db)) as journal:
        events = [
            (i, kind, json.loads(payload))
            for i, kind, payload in journal.execute("SELECT id, kind, payload_json FROM events ORDER BY id")
        ]
    ids = [event_id for event_id, _, _ in events]
    assert ids == list(range(1, len(ids) + 1))
    wait_until(lambda: hive.agent("worker")["cursor"] >= ids[-1], "hived's cursor at the journal's end")

    starts = [payload["turn_id"] for _, kind, payload in events if kind == "turn_start"]
    ends = [payload for _, kind, payload in events if kind == "turn_end"]
    assert sorted(starts) == sorted(end["turn_id"] for end in ends), "each turn that began has exactly one end"

    acks = Counter(message for end in ends if end["outcome"] in ("ok", "cancelled") for message in end["message_ids"])
    given = {m["id"] for m in messages(hive, recipient="worker")}
    assert acks == dict.fromkeys(given, 1), "each message is acked by exactly one turn"

    seen: set[str] = set()
    for _, kind, payload in events:
        if kind == "message_in":
            if payload["message_id"] in seen:
                assert payload["redelivered"], "a second delivery says so"
            seen.add(payload["message_id"])

    sent = [payload["message_id"] for _, kind, payload in events if kind == "message_out"]
    arrived = [m["id"] for m in messages(hive, sender="worker", recipient="operator")]
    assert len(sent) == len(set(sent))
    assert sorted(arrived) == sorted(sent), "what was journalled to be sent arrived, once"
