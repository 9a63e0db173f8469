"""hived killed at each step of a deployment: the next one ends it as the first would have, once."""

import os
import signal
from collections.abc import Callable, Iterator

import pytest

from hived.wire.process_identity import ProcessIdentity
from tests.support.configs import git
from tests.support.deploying import (
    HELLO,
    QUICK,
    change,
    check_repository,
    config_of,
    deployments,
    lock,
    meta_log,
    processes_with,
    propose,
    until_ended,
    until_settled,
    until_tagged,
)
from tests.support.hive import LiveHive, live_hive, wait_until
from tests.support.living import SECONDS, WORKER, living

DETACHED = f"sleep 5{os.getpid()}"
"""No other run of these tests has it."""


@pytest.fixture
def hive() -> Iterator[LiveHive]:
    with living(HELLO, config=QUICK) as hive:
        until_settled(hive)
        yield hive


def killed_at(hive: LiveHive, point: str, commit: str, meanwhile: Callable[[], None] = lambda: None) -> str:
    """Propose it and approve it in a hived that dies there; returns once the next one answers: the approval's id. `meanwhile`
    happens while none runs."""
    hive.stop()
    hive.env["HIVE_FAULT_POINT"] = point
    hive.start()
    hive.until_online(WORKER)
    asked = propose(hive, commit)
    hive.call_later("POST", f"/v1/approvals/{asked['id']}/approve")
    wait_until(
        lambda: hive.process is not None and hive.process.poll() is not None, f"hived's death at {point}", SECONDS
    )
    meanwhile()
    hive.start()
    found: str = asked["id"]
    return found


@pytest.mark.parametrize(
    "point",
    [
        "hived_building",
        "hived_validated",
        "hived_setting_up",
        "hived_set_up",
        "hived_started",
        "hived_healthy",
        "hived_recorded",
    ],
)
def test_one_that_works_is_deployed_once(hive: LiveHive, point: str) -> None:
    before = hive.agent(WORKER)
    commit = change(hive, model="fast", setup=[f"(setsid {DETACHED} &); echo set up"])
    approval = killed_at(hive, point, commit)
    deployment = until_ended(hive, approval)
    assert (deployment["status"], deployment["reason"], deployment["base"]) == ("deployed", None, before["commit"])
    until_settled(hive)
    agent = hive.agent(WORKER)
    assert (agent["commit"], agent["generation"], agent["model"]) == (commit, before["generation"] + 1, "fast")
    assert hive.paths.agent(WORKER).model_file.read_text() == "fast\n"
    assert "set up" in deployment["log"]
    assert processes_with(DETACHED) == []
    assert [subject.split()[1] for subject in meta_log(hive)] == ["apply", "spawn"]
    assert (
        lock(hive)["agents"]["worker"]["commit"] == git(hive.paths.agent(WORKER).applied, "rev-parse", "main") == commit
    )
    check_repository(hive.paths.agent(WORKER).applied)


def test_what_was_recorded_as_deployed_is_though_its_harness_died_with_hived(hive: LiveHive) -> None:
    commit = change(hive, model="fast")

    def power_cut() -> None:
        harness = ProcessIdentity.read(hive.paths.agent(WORKER).pid_file)
        assert harness is not None
        os.kill(harness.pid, signal.SIGKILL)

    approval = killed_at(hive, "hived_recorded", commit, power_cut)
    assert until_ended(hive, approval)["status"] == "deployed"
    hive.until_online(WORKER)
    assert hive.agent(WORKER)["commit"] == commit == lock(hive)["agents"]["worker"]["commit"]
    assert git(hive.paths.agent(WORKER).applied, "rev-parse", "main") == commit
    assert not any(tag.startswith("failed/") for tag in config_of(hive).applied_tags())


@pytest.mark.parametrize("point", ["hived_failing", "hived_failed"])
def test_one_that_does_not_work_is_taken_back_once(hive: LiveHive, point: str) -> None:
    before = hive.agent(WORKER)
    approval = killed_at(hive, point, change(hive, setup=["echo no; false"]))
    deployment = until_ended(hive, approval)
    assert (deployment["status"], deployment["step"]) == ("failed", "setup")
    assert hive.get(f"/v1/approvals/{approval}")[1]["status"] == "failed"
    until_tagged(hive, f"failed/{deployment['id']}")
    hive.until_online(WORKER)
    agent = hive.agent(WORKER)
    assert (agent["commit"], agent["generation"], agent["pid"]) == (
        before["commit"],
        before["generation"],
        before["pid"],
    )
    assert not any(tag.startswith("building/") for tag in config_of(hive).applied_tags())


@pytest.mark.parametrize("point", ["hived_validated", "hived_started", "hived_recorded"])
def test_a_spawn_comes_up_all_the_same(point: str) -> None:
    with live_hive({"HIVE_FAULT_POINT": point}, start=False) as hive:
        (hive.home / "hive.toml").write_text(QUICK)
        scenario = hive.home / "worker.toml"
        scenario.write_text(HELLO)
        hive.start()
        asked = hive.post(
            "/v1/agents", {"name": WORKER, "engine": "scripted", "engine_options": {"scenario": str(scenario)}}
        )[1]
        hive.call_later("POST", f"/v1/approvals/{asked['id']}/approve")
        wait_until(lambda: hive.process is not None and hive.process.poll() is not None, "hived's death", SECONDS)
        hive.start()
        hive.until_online(WORKER, SECONDS)
        assert until_settled(hive)["status"] == "deployed"
        assert [one["kind"] for one in deployments(hive)] == ["spawn"]
        assert len(meta_log(hive)) == 1
        check_repository(hive.paths.agent(WORKER).proposed)
