"""Slow is not stuck: while an engine works without a word, its followers are told when its last byte came."""

from datetime import datetime
from itertools import pairwise
from typing import Any

from tests.support.hive import LiveHive
from tests.support.living import WORKER, living, send

SCENARIO = """
[[turn]]
match = "slowly"
steps = [ { say = "begun" }, { work_seconds = 3 }, { say = "done" } ]

[[turn]]
match = "silently"
steps = [ { say = "begun" }, { wait_seconds = 3 }, { say = "done" } ]
"""


def between(hive: LiveHive, body: str) -> list[dict[str, Any]]:
    """What a follower is told between the first word of that turn and the last."""
    stream = hive.stream(f"/v1/agents/{WORKER}/transcript/stream")
    try:
        send(hive, body)
        told: list[dict[str, Any]] = []
        begun = False
        while True:
            news = stream.next()
            assert news is not None
            kind, id, event = news
            if kind == "text":
                if event["payload"]["text"] == "done":
                    return told
                begun = True
            elif begun:
                told.append(event)
                if kind == "activity":
                    assert id is None, "it is live only"
                    assert event["payload"]["last_byte_at"] <= event["ts"]
    finally:
        stream.close()


def test_an_engine_that_works_without_a_word_is_heard_at_most_once_a_second() -> None:
    with living(SCENARIO) as hive:
        told = between(hive, "slowly")
        assert {event["kind"] for event in told} == {"activity"}
        moments = [datetime.fromisoformat(event["ts"]) for event in told]
        assert all((later - earlier).total_seconds() > 0.9 for earlier, later in pairwise(moments)), moments
        events = hive.get(f"/v1/agents/{WORKER}/transcript")[1]["events"]
        assert "activity" not in {event["kind"] for event in events}


def test_an_engine_that_says_nothing_at_all_is_not_heard() -> None:
    with living(SCENARIO) as hive:
        # The first word itself was a byte, and may be told once more where no event said so.
        assert [event["kind"] for event in between(hive, "silently")] in ([], ["activity"])
