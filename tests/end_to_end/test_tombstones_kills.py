"""hived is killed at each step of an agent's end: the next one goes on where it was, and nothing is done by halves."""

import contextlib
import http.client
import os
import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.hive import LiveHive, call, live_hive, wait_until
from tests.support.living import SECONDS, WORKER, scripted
from tests.support.repositories import make_origin

SCENARIO = """
[[turn]]
repeat = true
steps = [ { say = "heard" } ]
"""
TOMBSTONE = f"/v1/tombstones/{WORKER}"


@pytest.fixture
def hive(tmp_path: Path) -> Iterator[LiveHive]:
    with live_hive(start=False) as made:
        (made.home / "hive.toml").write_text("healthy_seconds = 0\n")
        made.start()
        scripted(made, SCENARIO, repo=str(make_origin(tmp_path / "origin")))
        yield made


def armed(hive: LiveHive, step: str) -> None:
    """A hived that kills itself once at that step."""
    hive.stop()
    hive.env["HIVE_FAULT_POINT"] = step
    hive.start()
    hive.until_online(WORKER, SECONDS)


def ask(hive: LiveHive, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    """Asked twice with one key: the answer, as soon as a hived gives one; (0, None) where it dies."""
    try:
        return call(hive.paths.host_socket, method, path, body, {"idempotency-key": f"{method} {path}"}, timeout=60)
    except (OSError, http.client.HTTPException):
        return 0, None


def until_dead(hive: LiveHive) -> None:
    wait_until(lambda: hive.process is not None and hive.process.poll() is not None, "hived's death", SECONDS)


def rows(hive: LiveHive, sql: str) -> list[tuple[object, ...]]:
    with contextlib.closing(sqlite3.connect(hive.paths.database)) as database:
        return database.execute(sql).fetchall()


@pytest.mark.parametrize("step", ["hived_stopping", "hived_burying", "hived_buried"])
def test_a_hived_killed_in_a_burial_buries_once(hive: LiveHive, step: str) -> None:
    armed(hive, step)
    ask(hive, "DELETE", f"/v1/agents/{WORKER}")
    until_dead(hive)
    hive.start()
    wait_until(lambda: hive.get(TOMBSTONE)[0] == 200, "its burial", SECONDS)
    status, answer = ask(hive, "DELETE", f"/v1/agents/{WORKER}")
    if step == "hived_buried":  # the answer was lost, and is given again
        assert (status, answer["name"]) == (200, WORKER)
    else:
        assert (status, answer.get("code")) in ((200, None), (409, "agent_buried"))
    assert hive.harnesses() == []
    assert rows(hive, "SELECT count(*) FROM audit WHERE action = 'agent.buried'") == [(1,)]
    assert rows(hive, "SELECT bury_wanted, lifecycle FROM agents") == [(0, "buried")]
    assert hive.get("/v1/check")[1]["ok"]


@pytest.mark.parametrize("step", ["hived_purging", "hived_purged"])
def test_a_hived_killed_in_a_purge_purges_at_its_next_start(hive: LiveHive, step: str) -> None:
    armed(hive, step)
    ask(hive, "DELETE", f"/v1/agents/{WORKER}")
    ask(hive, "DELETE", TOMBSTONE)
    until_dead(hive)
    assert rows(hive, "SELECT lifecycle FROM agents") == [("buried",)]
    root = hive.paths.agent(WORKER).root
    assert root.exists() == (step == "hived_purging")
    if root.exists():  # half of it went: what is left can be looked at by nobody, and it goes on all the same
        (root / "work" / ".git" / "HEAD").unlink()
    hive.start()
    wait_until(lambda: hive.get(TOMBSTONE)[1].get("code") == "tombstone_not_found", "its purge", SECONDS)
    assert not root.exists()
    status, purged = ask(hive, "DELETE", TOMBSTONE)
    assert (status, purged["name"]) == (200, WORKER)
    assert rows(hive, "SELECT count(*) FROM audit WHERE action = 'agent.purged'") == [(1,)]
    assert hive.get("/v1/check")[1]["ok"]
    scripted(hive, SCENARIO)
    assert hive.agent(WORKER)["spend"]["turns"] == 0


def test_destroyed_to_be_purged_and_killed_in_between_it_is_purged_by_the_next(hive: LiveHive) -> None:
    armed(hive, "hived_buried")
    assert ask(hive, "DELETE", f"/v1/agents/{WORKER}", {"purge": True}) == (0, None)
    until_dead(hive)
    hive.start()
    wait_until(lambda: hive.get(TOMBSTONE)[1].get("code") == "tombstone_not_found", "its purge", SECONDS)
    assert ask(hive, "DELETE", f"/v1/agents/{WORKER}", {"purge": True})[0] == 200
    assert not hive.paths.agent(WORKER).root.exists()


def test_an_agent_killed_while_it_is_destroyed_is_buried_and_not_started_again(hive: LiveHive) -> None:
    pid = hive.agent(WORKER)["pid"]
    hive.call_later("DELETE", f"/v1/agents/{WORKER}")
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: hive.get(TOMBSTONE)[0] == 200, "its burial", SECONDS)
    assert hive.harnesses() == []
