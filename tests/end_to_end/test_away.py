"""hived is away for long while its agents work on: it gets all of it afterwards, once and in order; the queue is worked off."""

import sys

from agentd.uplink import RETRY_SECONDS
from tests.support.hive import LiveHive, live_hive, wait_until

LINES = 30_000
PROGRAM = """import pathlib, sys, time
sys.stdin.read()
while not pathlib.Path(sys.argv[1]).exists():
    time.sleep(0.02)
for number in range(int(sys.argv[2])):
    print(f"line {number}")
pathlib.Path(sys.argv[1] + ".done").touch()
"""


def test_a_hived_that_was_away_for_a_whole_turn_gets_all_of_it_once_and_in_order() -> None:
    with live_hive() as hive:
        program, gate = hive.home / "program.py", hive.home / "gate"
        program.write_text(PROGRAM)
        hive.spawn(
            "worker", "command", engine_options={"command": [sys.executable, str(program), str(gate), str(LINES)]}
        )
        before = hive.until_online("worker")
        hive.post("/v1/messages", {"to": "worker", "body": "go"})
        wait_until(lambda: hive.agent("worker")["turn"]["state"] == "thinking", "the turn")
        hive.kill()
        gate.touch()
        wait_until((hive.home / "gate.done").exists, "the work done while hived is away", 60)
        hive.start()
        wait_until(lambda: hive.agent("worker")["last_outcome"] == "ok", "hived hearing of the turn's end", 60)

        after = hive.agent("worker")
        assert (after["pid"], after["generation"]) == (before["pid"], before["generation"])
        assert after["turn"]["state"] == "idle"
        assert lines(hive) == [f"line {number}" for number in range(LINES)]
        message = hive.get("/v1/messages?agent=worker")[1]["messages"][0]
        assert (message["status"], message["deliveries"]) == ("acked", 1)


def test_an_agent_that_looks_every_second_is_back_with_hived() -> None:
    assert max(RETRY_SECONDS) <= 1
    with live_hive() as hive:
        hive.spawn("worker", "command", engine_options={"command": ["cat"]})
        hive.until_online("worker")
        for stop in (hive.kill, hive.stop):
            stop()
            hive.start()
            wait_until(lambda: hive.agent("worker")["online"], "worker being back")
        assert hive.agent("worker")["generation"] == 1


def lines(hive: LiveHive) -> list[str]:
    """Every text of the worker, paged as a client pages."""
    found: list[str] = []
    after = 0
    while events := hive.get(f"/v1/agents/worker/transcript?after={after}&limit=1000")[1]["events"]:
        found += [event["payload"]["text"] for event in events if event["kind"] == "text"]
        after = events[-1]["id"]
    return found
