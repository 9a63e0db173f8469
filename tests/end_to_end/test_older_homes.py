"""A home of a hive whose agents had no reviewed config: each gets its repositories once, and runs on."""

import contextlib
import os
import shutil
import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.configs import git
from tests.support.deploying import HELLO, QUICK, change, check_repository, deploy, deployments, lock, until_settled
from tests.support.hive import LiveHive, live_hive, wait_until
from tests.support.living import SECONDS, WORKER, living, post

OLD = Path(__file__).parents[1] / "fixtures/databases/schema-0003.sqlite"
NEW = ("applied", "builds", "config", "meta")


def grow_old(hive: LiveHive) -> None:
    """Take from a hive that is down what an older one did not have; its harnesses run on."""
    for folder in NEW:
        for found in (hive.home / folder).rglob("*"):
            if found.is_dir():
                found.chmod(0o700)
        shutil.rmtree(hive.home / folder)
    with contextlib.closing(sqlite3.connect(hive.paths.database)) as books, books:
        books.execute("DELETE FROM deployments")
        books.execute("UPDATE agents SET commit_sha = NULL, good_sha = NULL")


@pytest.fixture
def hive() -> Iterator[LiveHive]:
    """One that is down, with an agent that runs and an older home."""
    with living(HELLO, config=QUICK) as hive:
        until_settled(hive)
        pid = hive.agent(WORKER)["pid"]
        hive.kill()
        grow_old(hive)
        yield hive
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def test_its_agents_run_on_and_have_their_config_as_a_repository(hive: LiveHive) -> None:
    [harness] = hive.harnesses()
    hive.start()
    agent = hive.until_online(WORKER)
    assert (agent["pid"], agent["generation"]) == (harness.pid, 1)
    [migrated] = deployments(hive)
    assert (migrated["kind"], migrated["status"], migrated["commit"]) == ("migrate", "deployed", agent["commit"])
    paths = hive.paths.agent(WORKER)
    wait_until(lambda: (hive.paths.meta / "hive.lock").exists(), "the lock", SECONDS)
    assert lock(hive)["agents"][WORKER]["commit"] == agent["commit"]
    wait_until(lambda: (paths.applied / "agent.toml").exists(), "its tag", SECONDS)
    for folder in (paths.applied, paths.proposed):
        check_repository(folder)
    assert git(paths.applied, "rev-parse", "main") == agent["commit"]
    assert deploy(hive, change(hive, files={"n": "1"}))["status"] == "deployed"


def test_a_second_start_changes_nothing(hive: LiveHive) -> None:
    hive.start()
    hive.until_online(WORKER)
    wait_until(lambda: (hive.paths.meta / "hive.lock").exists(), "the lock", SECONDS)
    first, commits = deployments(hive), git(hive.paths.meta, "log", "--format=%H")
    hive.stop()
    hive.start()
    hive.until_online(WORKER)
    assert (deployments(hive), git(hive.paths.meta, "log", "--format=%H")) == (first, commits)


def test_killed_half_way_it_is_done_again(hive: LiveHive) -> None:
    hive.env["HIVE_FAULT_POINT"] = "hived_migrating"
    hive.start(wait=False)
    wait_until(lambda: hive.process is not None and hive.process.poll() is not None, "hived's death", SECONDS)
    assert hive.paths.agent(WORKER).proposed.is_dir()
    hive.start()
    agent = hive.until_online(WORKER)
    assert [one["commit"] for one in deployments(hive)] == [agent["commit"]]
    check_repository(hive.paths.agent(WORKER).proposed)


def test_a_database_of_schema_3_is_taken_over_and_its_agents_can_be_started() -> None:
    with live_hive(start=False) as hive:
        shutil.copy(OLD, hive.paths.database)
        with contextlib.closing(sqlite3.connect(hive.paths.database)) as books:
            names = [name for (name,) in books.execute("SELECT name FROM agents ORDER BY name")]
        hive.start()
        found = hive.get("/v1/agents")[1]["agents"]
        assert sorted(agent["name"] for agent in found) == names != []
        assert all(agent["commit"] for agent in found)
        assert {one["kind"] for one in deployments(hive)} == {"migrate"}
        for name in names:
            check_repository(hive.paths.agent(name).proposed)


def test_what_meta_lost_is_made_of_the_books(hive: LiveHive) -> None:
    hive.start()
    hive.until_online(WORKER)
    wait_until(lambda: (hive.paths.meta / "hive.lock").exists(), "the lock", SECONDS)
    before = lock(hive)
    hive.stop()
    shutil.rmtree(hive.paths.meta)
    hive.start()
    wait_until(lambda: (hive.paths.meta / "hive.lock").exists(), "the lock again", SECONDS)
    assert lock(hive) == before
    assert git(hive.paths.meta, "log", "--format=%s") == "hive.lock, made of the books"
    hive.until_online(WORKER)
    post(hive, "stop")
