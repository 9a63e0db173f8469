"""A pause: everything of an agent stands still, through kills of either side, and then goes on; nothing is lost by it."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from hived.wire.process_identity import ProcessIdentity
from tests.support.hive import LiveHive, call, wait_until
from tests.support.living import (
    events,
    kill_harness,
    kill_hived,
    living,
    notes,
    outcomes,
    payloads,
    post,
    scripted,
    send,
    texts,
    until_idle,
    wakes,
)

TICKING = """
[[turn]]
steps = [
  {say = "begun"},
  {shell = "setsid sh -c 'echo $$ > away.pid; while true; do echo tick >> away; sleep 0.05; done' & while [ ! -e go ]; do echo tick >> here; sleep 0.05; done", timeout_seconds = 60},
  {shell = "kill $(cat away.pid)"},
  {say = "done"},
]
[[turn]]
repeat = true
steps = [{say = "again"}]
"""


def at_work(hive: LiveHive, name: str = "worker") -> Path:
    """Its folder, once a turn of it runs a loop in its shell, and one that has left its session."""
    send(hive, "go", name)
    work = hive.paths.agent(name).workspace
    wait_until(lambda: (work / "here").exists() and (work / "away").exists(), "both loops")
    wait_until(lambda: payloads(hive, "tool_use", name), "hived hearing of them")
    return work


def sizes(work: Path) -> tuple[int, int]:
    return (work / "here").stat().st_size, (work / "away").stat().st_size


def stands_still(work: Path) -> bool:
    """Whether neither loop writes while somebody else's clock shows that they could have, many times."""
    before = sizes(work)
    deadline = os.times().elapsed + 0.4
    wait_until(lambda: os.times().elapsed > deadline, "some time")
    return sizes(work) == before


def state(hive: LiveHive, name: str = "worker") -> str:
    return str(hive.agent(name)["lifecycle"]["state"])


def until_state(hive: LiveHive, wanted: str, name: str = "worker") -> Any:
    wait_until(lambda: state(hive, name) == wanted, f"{name} being {wanted}", 30)
    return hive.agent(name)


def until_ended(hive: LiveHive, count: int) -> None:
    """A message that is taken up is unread no more before its turn shows: idle says nothing yet."""
    wait_until(lambda: len(outcomes(hive)) >= count, f"the end of {count} turns", 40)
    until_idle(hive)


def test_a_pause_stops_the_engine_and_all_it_started_and_a_resume_lets_the_same_turn_go_on() -> None:
    with living(TICKING) as hive:
        work = at_work(hive)
        paused = post(hive, "pause")
        assert paused["lifecycle"]["state"] == "paused"
        assert paused["lifecycle"]["cause"] == "operator paused it"
        assert paused["paused"]
        assert stands_still(work)
        before = events(hive)
        send(hive, "more")
        (work / "go").touch()
        assert stands_still(work)
        assert [e for e in events(hive)[len(before) :] if e["kind"] != "message_in"] == []
        resumed = post(hive, "resume")
        assert resumed["lifecycle"]["state"] == "running"
        assert resumed["lifecycle"]["cause"] == "operator let it go on"
        assert not resumed["paused"]
        until_ended(hive, 2)
        assert texts(hive) == ["begun", "done", "again"]
        assert outcomes(hive) == ["ok", "ok"]


def test_no_turn_begins_in_a_pause() -> None:
    with living('[[turn]]\nrepeat = true\nsteps = [{say = "work"}]\n') as hive:
        post(hive, "pause")
        send(hive, "for later")
        send(hive, "for now", when="now")
        post(hive, "nap", {"seconds": 3600})
        post(hive, "nap", {"seconds": 0})
        assert hive.agent("worker")["unread"] == 2
        assert wakes(hive) == []
        post(hive, "resume")
        until_ended(hive, 1)
        assert texts(hive)


def test_a_hived_killed_in_a_pause_finds_the_agent_paused() -> None:
    with living(TICKING) as hive:
        work = at_work(hive)
        since = post(hive, "pause")["lifecycle"]["since"]
        kill_hived(hive)
        agent = until_state(hive, "paused")
        assert agent["lifecycle"]["since"] == since
        assert agent["generation"] == 1
        assert stands_still(work)
        (work / "go").touch()
        post(hive, "resume")
        until_ended(hive, 1)
        assert texts(hive) == ["begun", "done"]


def test_a_harness_killed_in_a_pause_comes_back_paused_and_its_turn_is_delivered_again_after_it() -> None:
    with living(TICKING) as hive:
        work = at_work(hive)
        post(hive, "pause")
        away = ProcessIdentity.of(int((work / "away.pid").read_text()), 0)
        assert away is not None
        kill_harness(hive)
        agent = until_state(hive, "paused")
        assert agent["generation"] == 2
        assert not away.alive, "what the older one had left is ended, though it stood still"
        assert len(wakes(hive)) == 1, "no turn has begun"
        (work / "go").touch()
        post(hive, "resume")
        wait_until(lambda: "ok" in outcomes(hive), "the turn that it is delivered to again", 40)
        assert any(e["payload"].get("redelivered") for e in events(hive) if e["kind"] == "message_in")


def test_a_cancelled_turn_of_a_paused_agent_ends_and_the_agent_stays_paused() -> None:
    with living(TICKING) as hive:
        work = at_work(hive)
        post(hive, "pause")
        post(hive, "cancel-turn")
        wait_until(lambda: outcomes(hive) == ["cancelled"], "the turn's end", 40)
        until_state(hive, "paused")
        assert stands_still(work)
        send(hive, "later")
        assert len(wakes(hive)) == 1
        post(hive, "resume")
        until_ended(hive, 2)
        assert outcomes(hive) == ["cancelled", "ok"]


@pytest.mark.parametrize("verb", ["stop", "kill"])
def test_a_paused_agent_that_is_ended_is_ended_whole_and_is_not_paused_any_more(verb: str) -> None:
    with living(TICKING) as hive:
        work = at_work(hive)
        post(hive, "pause")
        away = ProcessIdentity.of(int((work / "away.pid").read_text()), 0)
        assert away is not None
        ended = post(hive, verb)
        assert (ended["lifecycle"]["state"], ended["paused"]) == ("stopped", False)
        assert not away.alive
        assert post(hive, "start")["lifecycle"]["state"] == "running"


def test_what_a_pause_means_in_every_other_state() -> None:
    with living('[[turn]]\nrepeat = true\nsteps = [{say = "work"}]\n') as hive:
        post(hive, "stop")
        status, refused = call(hive.paths.host_socket, "POST", "/v1/agents/worker/pause")
        assert (status, refused["code"]) == (409, "nothing_to_pause")
        status, refused = call(hive.paths.host_socket, "POST", "/v1/agents/worker/resume")
        assert (status, refused["code"]) == (409, "agent_not_connected")
        post(hive, "start")
        post(hive, "pause")
        assert post(hive, "pause")["lifecycle"]["state"] == "paused", "paused twice is paused"
        status, refused = call(hive.paths.host_socket, "POST", "/v1/agents/worker/start")
        assert (status, refused["code"]) == (409, "agent_paused")
        restarted = post(hive, "restart")
        assert (restarted["lifecycle"]["state"], restarted["generation"]) == ("paused", 3)
        assert notes(hive) == ""
        assert post(hive, "resume")["lifecycle"]["state"] == "running"


def test_many_are_paused_at_once_and_each_says_since_when() -> None:
    with living(TICKING) as hive:
        for name in ("ada", "bob"):
            scripted(hive, TICKING, name)
        works = [at_work(hive, name) for name in ("worker", "ada", "bob")]
        for name in ("worker", "ada", "bob"):
            hive.call_later("POST", f"/v1/agents/{name}/pause")
        for name in ("worker", "ada", "bob"):
            until_state(hive, "paused", name)
        assert all(stands_still(work) for work in works)
        os.kill(hive.agent("ada")["pid"], signal.SIGKILL)
        wait_until(lambda: hive.agent("ada")["generation"] == 2, "another harness")
        until_state(hive, "paused", "ada")
