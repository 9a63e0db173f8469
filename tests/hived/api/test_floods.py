"""An agent that floods: ten thousand messages in one backlog are bounded, answered one by one, and hold up nobody else."""

import json
import threading
import time

from tests.support.hive import call, wait_until
from tests.support.own_agent import OwnAgent, event, own_agent

FLOOD = 10_000
BATCH = 2_500


def test_ten_thousand_messages_are_bounded_and_hold_up_nobody() -> None:
    with own_agent("max_queued = 1000\n") as ada:
        ada.hive.spawn("bob", "command", engine_options={"command": ["cat"], "fake": "deaf"})
        wait_until(lambda: ada.hive.agent("bob")["generation"] == 1, "bob's start")
        bob = OwnAgent(ada.hive, "bob")
        refused: list[str] = []
        slowest = 0.0

        def flood() -> None:
            for start in range(1, FLOOD, BATCH):
                batch = [
                    json.dumps(event(number, "message_out", message_id=f"m{number}", to="bob", body="x")).encode()
                    for number in range(start, start + BATCH)
                ]
                status, taken = ada.post_events(*batch)
                assert (status, taken["cursor"]) == (200, start + BATCH - 1)
                refused.extend(refusal["code"] for refusal in taken["refused"])

        flooding = threading.Thread(target=flood)
        begun = time.monotonic()
        flooding.start()
        while flooding.is_alive():
            began = time.monotonic()
            assert ada.hive.get("/v1/waiting")[0] == 200
            assert bob.post("/v1/messages", {"to": "ada"})[0] == 403
            slowest = max(slowest, time.monotonic() - began)
        flooding.join()
        took = time.monotonic() - begun
        status, answer = bob.post("/v1/inbox/claim", {"turn_id": "t1"})
        claimed = [message["id"] for message in answer["messages"]]
        assert claimed == [f"m{number}" for number in range(1, 33)]
        assert slowest < took / 2, "others are answered while it is taken in"
        assert len(refused) == FLOOD - 1000
        assert set(refused) == {"queue_full"}
        assert ada.hive.agent("bob")["unread"] == 1000 - 32
        _, receipt = call(ada.paths.socket, "GET", f"/v1/receipts?message_id=m{FLOOD}", headers=ada.headers)
        assert receipt["receipts"][0]["status"] == "undeliverable"
        assert "1000 messages of ada" in receipt["receipts"][0]["reason"]
