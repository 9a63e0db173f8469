"""A service's stop ends hived alone, and a machine that starts anew brings back those that should run."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from hived.wire.process_identity import ProcessIdentity, start_mark
from tests.support.hive import LiveHive, live_hive, wait_until
from tests.support.living import SECONDS, done, post, scripted, send, texts

SCENARIO = """
[[turn]]
match = "long"
steps = [ { say = "I begin" }, { shell = "sleep 600" } ]

[[turn]]
repeat = true
steps = [ { say = "heard" } ]
"""
NAMES = ("ada", "bob", "eve", "gone")


@pytest.fixture
def hive() -> Iterator[LiveHive]:
    with live_hive(start=False) as made:
        (made.home / "hive.toml").write_text("healthy_seconds = 0\n")
        made.start()
        for name in NAMES:
            scripted(made, SCENARIO, name)
        yield made


def marked(hive: LiveHive) -> list[int]:
    """Every process with this home in its environment."""
    mark = f"HIVE_HOME={hive.home}".encode()
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            try:
                if mark in (folder / "environ").read_bytes().split(b"\0") and start_mark(int(folder.name)) is not None:
                    found.append(int(folder.name))
            except OSError:
                continue
    return found


def test_a_stop_of_the_service_ends_hived_alone_and_the_next_one_adopts_its_agents(hive: LiveHive) -> None:
    """What KillMode=process does: TERM to the main process, and to nobody else."""
    message = send(hive, "long", "ada")
    wait_until(lambda: "I begin" in texts(hive, "ada"), "its turn", SECONDS)
    before = {name: hive.agent(name)["pid"] for name in NAMES}
    os.kill(hive.pid, signal.SIGTERM)
    assert hive.process is not None
    assert hive.process.wait(60) == 0
    living = {identity.pid for identity in hive.harnesses()}
    assert living == set(before.values())
    hive.start()
    for name in NAMES:
        hive.until_online(name, SECONDS)
        assert (hive.agent(name)["pid"], hive.agent(name)["generation"]) == (before[name], 1)
    assert hive.get(f"/v1/messages/{message}")[1]["status"] == "leased"
    assert hive.agent("ada")["turn"]["state"] == "thinking"
    done(hive, "hello", "bob")


def test_after_a_reboot_those_that_should_run_come_back_and_the_others_stay_as_they_were(hive: LiveHive) -> None:
    done(hive, "hello", "ada")
    session = hive.agent("ada")["session_id"]
    post(hive, "stop", name="bob")
    post(hive, "pause", name="eve")
    assert hive.agent("eve")["lifecycle"]["state"] == "paused"
    hive.call_later("DELETE", "/v1/agents/gone")
    wait_until(lambda: hive.get("/v1/tombstones/gone")[0] == 200, "its burial", SECONDS)

    found = marked(hive)
    for pid in found:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    assert hive.process is not None
    hive.process.wait(60)
    wait_until(lambda: marked(hive) == [], "the end of everything", SECONDS)

    hive.start()
    hive.until_online("ada", SECONDS)
    assert (hive.agent("ada")["generation"], hive.agent("ada")["session_id"]) == (2, session)
    assert hive.agent("bob")["lifecycle"]["state"] == "stopped"
    wait_until(lambda: hive.agent("eve")["lifecycle"]["state"] == "paused", "its being paused again", SECONDS)
    assert hive.agent("eve")["paused"]
    assert [one["name"] for one in hive.get("/v1/tombstones")[1]["tombstones"]] == ["gone"]
    assert {identity.pid for identity in hive.harnesses()} == {
        identity.pid
        for name in ("ada", "eve")
        if (identity := ProcessIdentity.read(hive.paths.agent(name).pid_file)) is not None and identity.alive
    }
    done(hive, "again", "ada")
    assert texts(hive, "ada") == ["heard", "heard"]
