"""Slow is not stuck: while an engine works without a word, its followers are told when its last byte came."""

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


def between(hive: LiveHive, body: str) -> list[str]:
    """The kinds of what a follower is told between the first word of that turn and the last."""
    stream = hive.stream(f"/v1/agents/{WORKER}/transcript/stream")
    try:
        send(hive, body)
        kinds: list[str] = []
        begun = False
        while True:
            news = stream.next()
            assert news is not None
            kind, id, event = news
            if kind == "text":
                if event["payload"]["text"] == "done":
                    return kinds
                begun = True
            elif begun:
                kinds.append(kind)
                if kind == "activity":
                    assert id is None, "it is live only"
                    assert event["payload"]["last_byte_at"] <= event["ts"]
    finally:
        stream.close()


def test_an_engine_that_works_without_a_word_is_heard_at_most_once_a_second() -> None:
    with living(SCENARIO) as hive:
        kinds = between(hive, "slowly")
        assert set(kinds) == {"activity"}
        assert len(kinds) <= 3
        events = hive.get(f"/v1/agents/{WORKER}/transcript")[1]["events"]
        assert "activity" not in {event["kind"] for event in events}


def test_an_engine_that_says_nothing_at_all_is_not_heard() -> None:
    with living(SCENARIO) as hive:
        # The first word itself was a byte, and may be told once more where no event said so.
        assert between(hive, "silently") in ([], ["activity"])
