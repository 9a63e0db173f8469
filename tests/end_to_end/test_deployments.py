"""A commit of an agent's config from its proposal to where it runs, and back by itself where it does not work."""

import json
import os
import signal
from collections.abc import Iterator

import pytest

from tests.support.configs import git
from tests.support.deploying import (
    HELLO,
    QUICK,
    approve,
    ask,
    change,
    check_repository,
    config_of,
    deploy,
    deployments,
    lock,
    meta_log,
    of_approval,
    processes_with,
    propose,
    rollback,
    spec_now,
    tag_words,
    until_ended,
    until_settled,
    until_tagged,
)
from tests.support.hive import LiveHive, wait_until
from tests.support.living import SECONDS, WORKER, done, living, post, put, texts


@pytest.fixture
def hive() -> Iterator[LiveHive]:
    with living(HELLO, config=QUICK) as hive:
        until_settled(hive)
        yield hive


def test_a_spawn_is_the_first_deployment_and_all_of_it_can_be_read_with_git(hive: LiveHive) -> None:
    [first] = deployments(hive)
    assert (first["kind"], first["status"], first["commit"]) == ("spawn", "deployed", hive.agent(WORKER)["commit"])
    assert spec_now(hive)["engine"] == "scripted"
    assert meta_log(hive) == [f"worker: spawn of {first['commit'][:12]} by operator"]
    assert lock(hive)["agents"]["worker"] == {
        "id": hive.agent(WORKER)["id"], "commit": first["commit"], "engine": "scripted", "model": "default",
        "runtime": "process", "deployment": first["id"],
    }  # fmt: skip
    paths = hive.paths.agent(WORKER)
    for folder in (paths.applied, paths.proposed, hive.paths.meta):
        check_repository(folder)
    assert git(paths.applied, "rev-parse", "main") == first["commit"]
    assert config_of(hive).applied_tags() == {f"deployed/{first['id']}"}
    launch = json.loads(paths.launch_file.read_text())
    assert launch["config"] == str(paths.builds / first["commit"])


def test_an_approved_commit_runs_once_it_is_healthy(hive: LiveHive) -> None:
    before = hive.agent(WORKER)
    other = hive.home / "other.toml"
    other.write_text(HELLO.replace("hello", "good day"))
    commit = change(
        hive, files={"notes/style.md": "Be brief.\n"}, words="Say good day", engine_options={"scenario": str(other)},
        setup=['echo "set up in $PWD"; echo done >> set-up'],
    )  # fmt: skip
    deployment = deploy(hive, commit)
    assert (deployment["status"], deployment["base"]) == ("deployed", before["commit"])
    agent = hive.agent(WORKER)
    assert (agent["commit"], agent["generation"], agent["deploying"]) == (commit, before["generation"] + 1, None)
    assert "set up in" in deployment["log"]
    paths = hive.paths.agent(WORKER)
    assert (paths.workspace / "set-up").read_text() == "done\n"
    assert "set up in" in paths.setup_log.read_text()
    done(hive, "and?")
    assert texts(hive)[-1] == "good day"
    tags = config_of(hive).applied_tags()
    approval = deployment["approval"]
    assert {f"proposal/{approval}", f"approved/{approval}", f"deployed/{deployment['id']}"} <= tags
    assert not any(tag.startswith("building/") for tag in tags)
    assert (paths.applied / "notes/style.md").read_text() == "Be brief.\n"
    assert git(paths.applied, "rev-parse", "main") == commit
    check_repository(paths.applied)
    assert meta_log(hive)[0] == f"worker: apply of {commit[:12]} by operator"
    assert lock(hive)["agents"]["worker"]["commit"] == commit


@pytest.mark.parametrize(("step", "reason"), [("validate", "late.toml"), ("setup", "it ended with code 3: before")])
def test_what_fails_before_its_start_leaves_the_agent_as_it_was(hive: LiveHive, step: str, reason: str) -> None:
    before = hive.agent(WORKER)
    late = hive.home / "late.toml"
    late.write_text(HELLO)
    asked = propose(
        hive, change(hive, engine_options={"scenario": str(late)}, setup=["echo before; exit 3", "echo never"])
    )
    if step == "validate":
        late.unlink()
    approve(hive, asked["id"])
    deployment = until_ended(hive, asked["id"])
    assert (deployment["status"], deployment["step"]) == ("failed", step), deployment
    assert reason in deployment["reason"]
    agent = hive.agent(WORKER)
    assert [agent[key] for key in ("generation", "pid", "commit", "spec")] == [
        before[key] for key in ("generation", "pid", "commit", "spec")
    ]
    approval = hive.get(f"/v1/approvals/{deployment['approval']}")[1]
    assert (approval["status"], step in approval["failure"]) == ("failed", True)
    until_tagged(hive, f"failed/{deployment['id']}")
    assert deployment["reason"] in tag_words(hive, f"failed/{deployment['id']}")
    assert deployment["log"] in tag_words(hive, f"failed/{deployment['id']}") + "\n"
    assert "never" not in deployment["log"].replace("echo never", "")
    assert git(hive.paths.agent(WORKER).applied, "rev-parse", "main") == before["commit"]
    assert len(meta_log(hive)) == 1


SLEEP = f"sleep 9{os.getpid()}"
"""No other run of these tests has it."""
HANGS = f"echo hangs-here; (setsid {SLEEP} &) ; {SLEEP}"


@pytest.mark.parametrize(
    ("config", "command", "reason"),
    [
        ("setup_seconds = 8.0\n", HANGS, "it took longer than 8 s."),
        (f"setup_free_bytes = {10**18}\n", "true", "left on the disk, and at least"),
        ("", "while :; do head -c 1000000 /dev/zero | tr '\\0' x; echo; done", "it printed more than 64 MiB."),
    ],
    ids=["time", "disk", "output"],
)
def test_a_setup_is_held_to_bounds_of_time_disk_and_output_and_its_tree_is_ended(
    config: str, command: str, reason: str
) -> None:
    with living(HELLO, config=QUICK + config) as hive:
        before = until_settled(hive)
        deployment = deploy(hive, change(hive, setup=[command]))
        assert (deployment["status"], deployment["step"]) == ("failed", "setup"), deployment
        assert reason in deployment["reason"]
        assert processes_with(SLEEP) == []
        assert len(deployment["log"].encode()) <= 64 * 1024
        assert hive.paths.agent(WORKER).setup_log.stat().st_size < 5 * 1024 * 1024 if deployment["log"] else True
        assert hive.agent(WORKER)["commit"] == before["commit"]


@pytest.mark.parametrize("step", ["start", "health"])
def test_what_does_not_stay_up_is_taken_back_by_itself(step: str) -> None:
    with living(HELLO, config=QUICK) as hive:
        until_settled(hive)
        hive.stop()
        (hive.home / "hive.toml").write_text("healthy_seconds = 30.0\n")
        hive.start()
        hive.until_online(WORKER)
        before = hive.agent(WORKER)
        spoilt = hive.home / "spoilt.toml"
        spoilt.write_text(HELLO)
        spoil = [f"echo no TOML > {spoilt}"] if step == "start" else []
        approval = ask(hive, change(hive, engine_options={"scenario": str(spoilt)}, model="fast", setup=spoil))
        model = before["model"]
        if step == "health":
            wait_until(lambda: of_approval(hive, approval)["status"] == "checking", "its watch", SECONDS)
            model = "mine"
            assert put(hive, "model", {"model": model})[0] == 200
            assert hive.agent(WORKER)["commit"] == of_approval(hive, approval)["commit"]
            spoilt.write_text("no TOML")
            os.kill(hive.agent(WORKER)["pid"], signal.SIGKILL)
        deployment = until_ended(hive, approval)
        assert (deployment["status"], deployment["step"]) == ("failed", step), deployment
        wait_until(
            lambda: (
                (now := hive.agent(WORKER))["lifecycle"]["state"] == "running" and now["commit"] == before["commit"]
            ),
            "the good one",
            SECONDS,
        )
        agent = hive.agent(WORKER)
        assert (agent["spec"], agent["model"]) == (before["spec"], model), "what was set meanwhile stays"
        assert hive.paths.agent(WORKER).model_file.read_text() == f"{model}\n"
        assert hive.get("/v1/waiting")[1]["waiting"] == []
        done(hive, "still there?")
        until_tagged(hive, f"failed/{deployment['id']}")


def test_a_spawn_that_fails_is_parked_with_the_cause_and_built_anew_when_it_is_started(hive: LiveHive) -> None:
    marker = hive.home / "mended"
    scenario = hive.home / "late.toml"
    scenario.write_text(HELLO)
    options = {"scenario": str(scenario)}
    approval = hive.spawn("late", "scripted", engine_options=options, setup=[f"echo looking; test -e {marker}"])
    deployment = until_ended(hive, approval["id"])
    assert (deployment["status"], deployment["step"], deployment["kind"]) == ("failed", "setup", "spawn")
    late = hive.agent("late")
    assert (late["lifecycle"]["state"], late["commit"], late["generation"]) == ("parked", None, 0)
    assert "looking" in late["lifecycle"]["cause"]
    assert hive.get(f"/v1/approvals/{approval['id']}")[1]["status"] == "failed"
    assert [item["kind"] for item in hive.get("/v1/waiting")[1]["waiting"]] == ["parked"]
    marker.touch()
    post(hive, "start", name="late")
    until_settled(hive, "late")
    assert [one["status"] for one in deployments(hive, "late")] == ["deployed", "failed"]


def test_one_that_is_stopped_takes_force_at_its_next_start(hive: LiveHive) -> None:
    post(hive, "stop")
    commit = change(hive, files={"note": "x"}, setup=["echo built > built"])
    deployment = deploy(hive, commit)
    agent = hive.agent(WORKER)
    assert (deployment["status"], agent["commit"], agent["lifecycle"]["state"]) == ("deployed", commit, "stopped")
    assert "stopped" in deployment["reason"]
    assert (hive.paths.agent(WORKER).workspace / "built").exists()
    wait_until(lambda: lock(hive)["agents"]["worker"]["commit"] == commit, "its place in the lock")
    post(hive, "start")
    assert json.loads(hive.paths.agent(WORKER).launch_file.read_text())["commit"] == commit


def test_a_newer_one_takes_the_place_of_one_that_has_not_begun_and_never_of_one_that_has(hive: LiveHive) -> None:
    gate = hive.home / "gate"
    slow = change(hive, setup=[f"while ! test -e {gate}; do :; done"])
    first = ask(hive, slow)
    wait_until(lambda: of_approval(hive, first)["status"] == "building", "the first one's build", SECONDS)
    second = ask(hive, change(hive, files={"a": "1"}, setup=None))
    third = ask(hive, change(hive, files={"a": "2"}))
    assert of_approval(hive, second)["status"] == "superseded"
    gate.touch()
    assert until_ended(hive, first)["status"] == "deployed"
    last = until_ended(hive, third)
    assert (last["status"], last["base"]) == ("deployed", slow)
    assert hive.agent(WORKER)["commit"] == last["commit"]
    assert [subject.split()[1] for subject in meta_log(hive)] == ["apply", "apply", "spawn"]


def test_a_rollback_goes_back_one_and_another_one_further(hive: LiveHive) -> None:
    commits = [hive.agent(WORKER)["commit"]]
    for number in range(2):
        commits.append(deploy(hive, change(hive, files={"n": str(number)}))["commit"])
    assert rollback(hive)[1]["commit"] == commits[1]
    assert rollback(hive)[1]["commit"] == commits[0]
    assert hive.agent(WORKER)["commit"] == commits[0]
    status, said = rollback(hive)
    assert (status, said["code"]) == (409, "nothing_to_roll_back")
    named = next(one for one in deployments(hive) if one["commit"] == commits[2])
    status, answer = rollback(hive, to=named["id"])
    assert (status, answer["kind"], answer["commit"]) == (200, "rollback", commits[2])
    assert git(hive.paths.agent(WORKER).applied, "rev-parse", "main") == commits[2]
    assert lock(hive)["agents"]["worker"]["deployment"] == answer["id"]


def test_a_rebuild_runs_the_setup_again_and_a_change_is_a_commit_of_hiveds(hive: LiveHive) -> None:
    deploy(hive, change(hive, setup=["echo again >> times"]))
    before = hive.agent(WORKER)
    post(hive, "rebuild")
    agent = hive.agent(WORKER)
    assert (agent["commit"], agent["generation"]) == (before["commit"], before["generation"] + 1)
    assert (hive.paths.agent(WORKER).workspace / "times").read_text() == "again\nagain\n"
    until_settled(hive)
    post(hive, "rebuild", {"env": {"A": "b"}})
    until_settled(hive)
    applied = hive.paths.agent(WORKER).applied
    commit = hive.agent(WORKER)["commit"]
    assert git(applied, "rev-parse", f"{commit}^") == before["commit"]
    assert git(applied, "log", "-1", "--format=%an %s", "main") == "hived Rebuilt by operator: env"
    assert 'A = "b"' in git(applied, "show", "main:agent.toml")
    assert hive.agent(WORKER)["spec"]["setup"] == ["echo again >> times"]
    assert rollback(hive)[1]["commit"] == before["commit"]


def test_old_builds_go_and_those_that_run_or_are_new_stay(hive: LiveHive) -> None:
    commits = [hive.agent(WORKER)["commit"]]
    for number in range(6):
        commits.append(deploy(hive, change(hive, files={"n": str(number)}))["commit"])
    builds = hive.paths.agent(WORKER).builds
    wait_until(lambda: {build.name for build in builds.iterdir()} == set(commits[-5:]), "the removal of old builds")
    named = next(one for one in deployments(hive) if one["commit"] == commits[0])
    assert rollback(hive, to=named["id"])[0] == 200, "what was removed is written out again"
    assert (builds / commits[0]).is_dir()


def test_a_worker_becomes_a_queen_by_a_commit_and_only_so(hive: LiveHive) -> None:
    asked = propose(hive, change(hive, role="queen"))
    assert any("role worker" in flag for flag in asked["payload"]["flags"])
    approve(hive, asked["id"])
    assert until_ended(hive, asked["id"])["status"] == "deployed"
    assert hive.agent(WORKER)["role"] == "queen"
