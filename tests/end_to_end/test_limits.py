"""What keeps an agent from working: a rate limit, a nap, a cancel. Seen as what they are, through kills of either side."""

import json
from collections.abc import Callable

import pytest

from tests.support.hive import LiveHive, wait_until
from tests.support.living import (
    WORKER,
    command,
    condition,
    done,
    kill_harness,
    kill_hived,
    living,
    outcomes,
    payloads,
    post,
    send,
    texts,
    until_idle,
    waiting,
)

LIMITED = """
[[turn]]
match = "work"
steps = [ { limit = { %s detail = "five hours are used up" } } ]

[[turn]]
repeat = true
steps = [ { say = "on it" } ]
"""
FAR, SOON, UNKNOWN = LIMITED % "until_seconds = 3600,", LIMITED % "until_seconds = 2,", LIMITED % ""
FOR_LONG = """
[[turn]]
match = "long"
steps = [ { say = "begun" }, { wait_seconds = 300 } ]

[[turn]]
repeat = true
steps = [ { say = "heard" } ]
"""
Kill = Callable[[LiveHive], None]


def both(hive: LiveHive) -> None:
    kill_harness(hive)
    kill_hived(hive)


def none(hive: LiveHive) -> None:
    """Nobody is killed."""


def until_limited(hive: LiveHive) -> None:
    wait_until(lambda: condition(hive, "rate_limited"), "the rate limit")
    wait_until(lambda: outcomes(hive) == ["rate_limited"], "the turn's end")


@pytest.mark.parametrize("kill", [none, kill_harness, kill_hived, both])
def test_a_rate_limit_has_its_end_and_waits_for_the_operator(kill: Kill) -> None:
    with living(FAR) as hive:
        send(hive, "work")
        until_limited(hive)
        before = condition(hive, "rate_limited")
        assert before is not None
        assert before["until"] > before["since"]
        assert before["detail"] == "five hours are used up"
        (item,) = waiting(hive, "rate_limited")
        assert (item["id"], item["agent"]) == (hive.agent(WORKER)["id"], WORKER)
        sentinel = hive.paths.agent(WORKER).harness / "rate-limited"
        assert json.loads(sentinel.read_text())["until"] == before["until"]

        kill(hive)
        send(hive, "more of it")
        after = wait_until(lambda: condition(hive, "rate_limited"), "the limit, as the next harness says it")
        assert (after["until"], after["detail"]) == (before["until"], before["detail"])
        assert waiting(hive, "rate_limited") == [item]
        assert sentinel.is_file()
        assert texts(hive) == []

        assert command(hive, "resume", WORKER).returncode == 0
        wait_until(lambda: texts(hive), "work going on")
        until_idle(hive)
        assert condition(hive, "rate_limited") is None
        assert not sentinel.exists()
        assert waiting(hive) == []
        assert outcomes(hive)[0] == "rate_limited"
        assert set(outcomes(hive)[1:]) == {"ok"}
        wait_until(
            lambda: (
                {message["status"] for message in hive.get(f"/v1/messages?agent={WORKER}")[1]["messages"]} == {"acked"}
            ),
            "the end of the message that met the limit too",
        )


@pytest.mark.parametrize("kill", [none, kill_harness, kill_hived])
def test_it_goes_on_by_itself_only_where_the_config_says_so(kill: Kill) -> None:
    with living(SOON, "rate_limit_resume = true\n") as hive:
        send(hive, "work")
        wait_until(lambda: outcomes(hive)[:1] == ["rate_limited"], "the turn's end")
        assert waiting(hive, "rate_limited") == [], "there is nothing for the operator to do"
        kill(hive)
        wait_until(lambda: "on it" in texts(hive), "work going on by itself")
        until_idle(hive)
        assert condition(hive, "rate_limited") is None


def test_a_limit_that_is_over_still_waits_for_the_operator_where_the_config_does_not_say_so() -> None:
    with living(LIMITED % "until_seconds = 0.2,") as hive:
        send(hive, "work")
        until_limited(hive)
        kill_harness(hive)
        wait_until(lambda: condition(hive, "rate_limited"), "the limit, as the next harness says it")
        assert waiting(hive, "rate_limited")
        post(hive, "resume")
        wait_until(lambda: texts(hive) == ["on it"], "work going on")


def test_a_limit_whose_end_nobody_knows_is_seen_as_that() -> None:
    with living(UNKNOWN) as hive:
        send(hive, "work")
        until_limited(hive)
        limit = condition(hive, "rate_limited")
        assert limit is not None
        assert limit["until"] is None
        kill_harness(hive)
        after = wait_until(lambda: condition(hive, "rate_limited"), "the limit, as the next harness says it")
        assert after["until"] is None
        post(hive, "resume")
        wait_until(lambda: texts(hive) == ["on it"], "work going on")


@pytest.mark.parametrize("kill", [none, kill_harness, kill_hived, both])
def test_in_a_nap_only_what_is_for_now_is_taken_up(kill: Kill) -> None:
    with living(FOR_LONG) as hive:
        assert command(hive, "nap", WORKER, "1h").returncode == 0
        turn = hive.agent(WORKER)["turn"]
        assert (turn["state"], bool(turn["until"])) == ("napping", True)
        send(hive, "can wait")
        kill(hive)
        wait_until(lambda: hive.agent(WORKER)["turn"]["until"] == turn["until"], "the nap, as the next harness says it")
        send(hive, "for now", when="now")
        wait_until(lambda: outcomes(hive) == ["ok"], "the turn on what is for now")
        wait_until(lambda: hive.agent(WORKER)["turn"]["state"] == "napping", "the nap going on")
        assert hive.agent(WORKER)["turn"]["until"] == turn["until"]
        assert [payload["body"] for payload in payloads(hive, "message_in")] == ["for now"]
        assert hive.agent(WORKER)["unread"] == 1
        post(hive, "nap", {"seconds": 0})
        wait_until(
            lambda: [p["body"] for p in payloads(hive, "message_in")] == ["for now", "can wait"], "the nap's end"
        )
        until_idle(hive)
        wait_until(lambda: hive.agent(WORKER)["turn"]["until"] is None, "the nap being over")


def test_a_nap_ends_at_its_time() -> None:
    with living(FOR_LONG) as hive:
        post(hive, "nap", {"seconds": 1})
        send(hive, "can wait")
        wait_until(lambda: outcomes(hive) == ["ok"], "the turn after the nap")
        wait_until(lambda: hive.agent(WORKER)["turn"]["until"] is None, "the nap being over")


def test_a_nap_asked_for_in_a_turn_begins_after_it() -> None:
    with living(FOR_LONG) as hive:
        send(hive, "a long one")
        wait_until(lambda: texts(hive) == ["begun"], "the turn")
        post(hive, "nap", {"seconds": 3600})
        turn = hive.agent(WORKER)["turn"]
        assert (turn["state"], bool(turn["until"])) == ("thinking", True)
        post(hive, "cancel-turn")
        wait_until(lambda: hive.agent(WORKER)["turn"]["state"] == "napping", "the nap")
        post(hive, "resume")
        wait_until(lambda: hive.agent(WORKER)["turn"]["state"] == "idle", "the nap's end")


def test_a_cancelled_turn_is_over_at_once_and_the_next_message_is_heard() -> None:
    with living(FOR_LONG) as hive:
        send(hive, "a long one")
        wait_until(lambda: texts(hive) == ["begun"], "the turn")
        assert command(hive, "cancel", WORKER).returncode == 0
        wait_until(lambda: outcomes(hive) == ["cancelled"], "the turn's end")
        assert done(hive, "hello")["outcome"] == "ok"
        assert texts(hive) == ["begun", "heard"]
