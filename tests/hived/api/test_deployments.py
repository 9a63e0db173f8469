"""Deployments over the socket: paged, a rollback that answers when it has ended, and what is in its way."""

import contextlib
import http.client
import os
import shutil
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from hived.wire.ids import new_id
from tests.support.configs import Config
from tests.support.deploying import (
    HELLO,
    QUICK,
    ask,
    change,
    deploy,
    deployments,
    of_approval,
    propose,
    rollback,
    until_ended,
    until_settled,
)
from tests.support.hive import LiveHive, live_hive, wait_until
from tests.support.living import SECONDS, WORKER, living, scripted


@pytest.fixture(scope="module")
def hive() -> Iterator[LiveHive]:
    with living(HELLO, QUICK + "setup_seconds = 5\n") as made:
        until_settled(made)
        yield made


def test_they_are_paged_newest_first_and_found_by_any_beginning_of_their_id(hive: LiveHive) -> None:
    for number in range(2):
        deploy(hive, change(hive, files={"page": str(number)}))
    everything = deployments(hive)
    page = hive.get("/v1/deployments?limit=2")[1]
    assert ([one["id"] for one in page["deployments"]], page["more"]) == ([one["id"] for one in everything[:2]], True)
    rest = hive.get(f"/v1/deployments?before={everything[1]['id']}&limit=1000")[1]
    assert [one["id"] for one in rest["deployments"]] == [one["id"] for one in everything[2:]]
    assert hive.get(f"/v1/deployments?agent={hive.agent(WORKER)['id']}")[1]["deployments"] == everything
    assert hive.get(f"/v1/deployments/{everything[0]['id'][:30]}")[1]["id"] == everything[0]["id"]
    for target in (f"/v1/deployments/{new_id()}", f"/v1/deployments?before={new_id()}"):
        assert hive.get(target)[1]["code"] == "deployment_not_found"
    assert hive.get("/v1/deployments?limit=0")[1]["code"] == "invalid_request"
    assert hive.get("/v1/deployments?agent=gone")[1] == {"deployments": [], "more": False}


def test_where_a_rollback_goes_can_be_asked_before_it_is(hive: LiveHive) -> None:
    before = hive.agent(WORKER)["commit"]
    deploy(hive, change(hive, files={"where": "1"}))
    status, target = hive.get(f"/v1/agents/{WORKER}/rollback")
    assert (status, target["commit"], target["status"]) == (200, before, "deployed")
    assert hive.get(f"/v1/agents/{WORKER}/rollback?to={new_id()}")[1]["code"] == "deployment_not_found"
    assert hive.get("/v1/agents/nobody/rollback")[1]["code"] == "agent_not_found"
    status, done = rollback(hive)
    assert (status, done["commit"], done["kind"], done["status"]) == (200, before, "rollback", "deployed")
    wait_until(lambda: hive.agent(WORKER)["deploying"] is None, "its end", SECONDS)


def test_a_rollback_that_is_repeated_with_its_key_is_one_rollback_whatever_was_killed(hive: LiveHive) -> None:
    first = hive.agent(WORKER)["commit"]
    for number in range(2):
        deploy(hive, change(hive, files={"key": str(number)}))
    before, key = deployments(hive), {"idempotency-key": new_id()}
    asking = threading.Thread(target=_quietly_post, args=(hive, f"/v1/agents/{WORKER}/rollback", key))
    asking.start()
    wait_until(lambda: len(deployments(hive)) > len(before), "the rollback being asked for", SECONDS)
    hive.kill()
    asking.join(60)
    hive.start()
    status, answer = hive.post(f"/v1/agents/{WORKER}/rollback", {}, key)
    assert (status, answer["kind"]) == (200, "rollback")
    until_settled(hive)
    assert [one["kind"] for one in deployments(hive)[:2]] == ["rollback", "apply"]
    assert hive.agent(WORKER)["commit"] == before[1]["commit"] != first


def _quietly_post(hive: LiveHive, target: str, headers: dict[str, str]) -> None:
    with contextlib.suppress(OSError, http.client.HTTPException):
        hive.post(target, {}, headers)


def test_what_is_no_rollback_is_refused(hive: LiveHive) -> None:
    scripted(hive, HELLO, "fresh")
    until_settled(hive, "fresh")
    status, said = rollback(hive, "fresh")
    assert (status, said["code"]) == (409, "nothing_to_roll_back")
    others = deployments(hive, WORKER)[-1]["id"]
    assert rollback(hive, "fresh", to=others)[1]["code"] == "invalid_request"
    assert rollback(hive, "nobody")[1]["code"] == "agent_not_found"
    for body in ({"to": 3}, {"note": "x" * 5000}, {"sha": "0"}):
        assert hive.post("/v1/agents/fresh/rollback", body)[1]["code"] == "invalid_request"


def test_a_rollback_during_a_deployment_is_refused_and_a_proposal_is_not(hive: LiveHive) -> None:
    gate = hive.home / "gate"
    slow = ask(hive, change(hive, setup=[f"while ! test -e {gate}; do :; done"]))
    wait_until(lambda: of_approval(hive, slow)["status"] == "building", "its build", SECONDS)
    status, said = rollback(hive)
    assert (status, said["code"]) == (409, "deployment_under_way")
    assert hive.get(f"/v1/agents/{WORKER}/rollback")[1]["code"] == "deployment_under_way"
    asked = propose(hive, change(hive, setup=None, files={"meanwhile": "1"}))
    assert asked["status"] == "pending"
    gate.touch()
    assert until_ended(hive, slow)["status"] == "deployed"
    assert hive.post(f"/v1/approvals/{asked['id']}/approve")[1]["status"] == "approved"
    assert until_ended(hive, asked["id"])["status"] == "deployed"


def test_a_rollback_that_does_not_work_says_at_which_step_and_what_ran_runs_again(hive: LiveHive) -> None:
    marker = hive.home / "marker"
    marker.touch()
    deploy(hive, change(hive, setup=[f"test -e {marker}"]))
    good = deploy(hive, change(hive, setup=None, files={"good": "1"}))["commit"]
    marker.unlink()
    status, said = rollback(hive)
    assert (status, said["code"], said["detail"]["step"]) == (409, "deployment_failed", "setup")
    assert said["message"].startswith(f"{WORKER}: the deployment failed at setup: ")
    agent = hive.agent(WORKER)
    assert (agent["commit"], agent["online"]) == (good, True)


def test_an_older_proposal_than_what_runs_is_superseded(hive: LiveHive) -> None:
    older = propose(hive, change(hive, files={"old": "1"}))
    deploy(hive, change(hive, files={"new": "1"}))
    status, said = hive.post(f"/v1/approvals/{older['id']}/approve", {})
    assert (status, said["code"]) == (409, "proposal_superseded")
    assert hive.post(f"/v1/approvals/{older['id']}/deny", {})[0] == 200


def test_of_two_spawns_of_one_name_at_once_one_is_asked(hive: LiveHive) -> None:
    answers: list[tuple[int, Any]] = []
    body = {"name": "twin", "engine": "command", "engine_options": {"command": ["cat"]}}
    threads = [threading.Thread(target=lambda: answers.append(hive.post("/v1/agents", body))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(status for status, _ in answers) == [202, 409, 409, 409]
    assert {answer["code"] for status, answer in answers if status == 409} == {"name_taken"}


def test_a_setup_that_fills_the_disk_is_ended_and_leaves_the_agent_as_it_was() -> None:
    with live_hive(start=False) as hive:
        free = shutil.disk_usage(hive.home).free
        bound = free - 256 * 1024 * 1024
        (hive.home / "hive.toml").write_text(f"{QUICK}setup_seconds = 60\nsetup_free_bytes = {bound}\n")
        hive.start()
        scripted(hive, HELLO)
        until_settled(hive)
        before = hive.agent(WORKER)["commit"]
        filling = "i=0; while test $i -lt 4000; do head -c 1000000 /dev/zero >> big; i=$((i+1)); done"
        ended = deploy(hive, change(hive, setup=[filling]))
        assert (ended["status"], ended["step"]) == ("failed", "setup"), ended
        assert "disk" in ended["reason"]
        assert (hive.agent(WORKER)["commit"], hive.agent(WORKER)["online"]) == (before, True)
        big = hive.paths.agent(WORKER).workspace / "big"
        assert os.path.getsize(big) < 4_000_000_000


def test_a_config_repository_that_was_replaced_by_another_gives_nothing_away(hive: LiveHive) -> None:
    config = Config(hive.paths, WORKER)
    folder, elsewhere = config.folder, hive.home / "elsewhere"
    folder.rename(elsewhere)
    try:
        folder.symlink_to(elsewhere)
        status, said = hive.post("/v1/proposals", {"agent": WORKER})
        assert (status, said["code"]) == (404, "commit_not_found")
    finally:
        folder.unlink()
        elsewhere.rename(folder)
