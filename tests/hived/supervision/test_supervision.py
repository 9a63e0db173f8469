"""The supervision with real processes: what is wanted becomes so, through crashes of hived and of harnesses."""

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from hived.wire.process_identity import ProcessIdentity, start_mark
from tests.support.hive import LiveHive, live_hive, wait_until

MODULE = "tests.support.fake_hived"


@contextmanager
def fake_hive(config: str = "", env: dict[str, str] | None = None, stop_seconds: float = 2.0) -> Iterator[LiveHive]:
    with live_hive(env, start=False, module=MODULE) as hive:
        (hive.home / "hive.toml").write_text(f"stop_seconds = {stop_seconds}\n{config}")
        hive.start()
        yield hive


def spawn(hive: LiveHive, name: str, fake: str, **spec: Any) -> None:
    hive.spawn(name, "command", engine_options={"command": ["cat"], "fake": fake}, **spec)


def starts(hive: LiveHive, name: str) -> list[list[str]]:
    return [line.split() for line in (hive.paths.agent(name).harness / "starts").read_text().splitlines()]


def lifecycle(hive: LiveHive, name: str) -> str:
    return str(hive.agent(name)["lifecycle"]["state"])


def until(hive: LiveHive, name: str, state: str) -> Any:
    wait_until(lambda: lifecycle(hive, name) == state, f"{name} being {state}", 30)
    return hive.agent(name)


def grandchild(hive: LiveHive, name: str) -> ProcessIdentity:
    file = hive.paths.agent(name).harness / "grandchild"
    pid = int(wait_until(lambda: file.exists() and file.read_text(), "the grandchild"))
    identity = ProcessIdentity.of(pid, 0)
    assert identity is not None
    return identity


def test_a_harness_finds_its_folders_its_model_and_an_environment_by_allow_list() -> None:
    with fake_hive(env={"SECRET_OF_MINE": "x", "WANTED_BY_NAME": "y", "LC_TEST": "z"}) as hive:
        spawn(hive, "ada", "good", model="small", env_from=["WANTED_BY_NAME"])
        agent = hive.until_online("ada")
        until(hive, "ada", "running")
        paths = hive.paths.agent("ada")
        for folder in (paths.root, paths.harness, paths.state, paths.home, paths.workspace, paths.socket.parent):
            assert folder.stat().st_mode & 0o777 == 0o700, folder
        for file in (paths.launch_file, paths.model_file, paths.pid_file, paths.socket, paths.log):
            assert file.stat().st_mode & 0o777 == 0o600, file
        assert paths.model_file.read_text() == "small\n"
        environment = json.loads((paths.harness / "environment").read_text())
        assert "SECRET_OF_MINE" not in environment
        assert environment["WANTED_BY_NAME"] == "y"
        assert environment["LC_TEST"] == "z"
        assert environment["HIVE_HOME"] == str(hive.home)
        assert os.getsid(agent["pid"]) == agent["pid"], "a session of its own"


def test_a_killed_hived_adopts_the_same_harness_again() -> None:
    with fake_hive() as hive:
        spawn(hive, "ada", "good")
        hive.until_online("ada")
        before = until(hive, "ada", "running")
        hive.kill()
        assert start_mark(before["pid"]) is not None, "the agent works on"
        hive.start()
        after = hive.until_online("ada")
        assert (after["pid"], after["generation"]) == (before["pid"], before["generation"])
        assert len(starts(hive, "ada")) == 1
        hive.post("/v1/agents/ada/stop")
        assert start_mark(before["pid"]) is None, "an adopted one is stopped like any other"
        assert lifecycle(hive, "ada") == "stopped"


def test_a_stopped_hived_leaves_its_agents_at_work() -> None:
    with fake_hive() as hive:
        spawn(hive, "ada", "good")
        pid = hive.until_online("ada")["pid"]
        assert hive.stop() == 0
        assert start_mark(pid) is not None
        assert not hive.paths.host_socket.exists()
        assert not hive.paths.agent("ada").socket.exists()


def test_a_harness_that_ended_while_hived_was_away_is_started_again() -> None:
    with fake_hive() as hive:
        spawn(hive, "ada", "good")
        pid = hive.until_online("ada")["pid"]
        hive.kill()
        os.kill(pid, signal.SIGKILL)
        hive.start()
        wait_until(lambda: hive.agent("ada")["generation"] == 2 and hive.agent("ada")["online"], "a new harness")


def test_a_pid_with_another_start_time_is_not_adopted() -> None:
    with fake_hive() as hive:
        spawn(hive, "ada", "good")
        first = hive.until_online("ada")
        hive.kill()
        os.kill(first["pid"], signal.SIGKILL)
        wait_until(lambda: start_mark(first["pid"]) is None, "its end")
        # Somebody else's process now has the number that the pid file names.
        ProcessIdentity(os.getpid(), "1", first["generation"]).write(hive.paths.agent("ada").pid_file)
        hive.start()
        wait_until(lambda: hive.agent("ada")["generation"] == 2 and hive.agent("ada")["online"], "a new harness")
        assert hive.agent("ada")["pid"] != os.getpid()


def test_a_harness_that_keeps_dying_is_parked_with_what_it_said() -> None:
    with fake_hive() as hive:
        spawn(hive, "ada", "dies")
        agent = until(hive, "ada", "parked")
        assert "the engine is made of cheese" in agent["lifecycle"]["cause"]
        assert "code 3" in agent["lifecycle"]["cause"]
        assert [generation for generation, _ in starts(hive, "ada")] == ["1", "2", "3"]
        assert [item["kind"] for item in hive.get("/v1/waiting")[1]["waiting"]] == ["parked"]


def test_one_crash_is_tried_again_and_says_why() -> None:
    with fake_hive() as hive:
        stream = hive.stream("/v1/feed?after=0")
        spawn(hive, "ada", "once")
        until(hive, "ada", "running")
        seen: list[tuple[str, str]] = []
        while not seen or seen[-1][0] != "running":
            event = stream.next()
            assert event is not None
            if event[0] == "agent":
                state = event[2]["payload"]["lifecycle"]
                if not seen or seen[-1][0] != state["state"]:
                    seen.append((state["state"], state["cause"]))
        stream.close()
        assert [state for state, _ in seen] == ["requested", "starting", "crashed", "starting", "running"]
        assert seen[2][1] == "its harness was to run, but it exited with code 3: the engine is made of cheese"


def test_a_parked_agent_that_is_started_again_has_its_whole_budget() -> None:
    with fake_hive("crash_budget = 1\n") as hive:
        spawn(hive, "ada", "once")
        until(hive, "ada", "parked")
        status, answer = hive.post("/v1/agents/ada/start")
        assert status == 200, answer
        assert hive.agent("ada")["lifecycle"]["state"] == "running"
        assert hive.get("/v1/waiting")[1]["waiting"] == []


def test_a_harness_that_never_connects_is_ended_and_counts_as_a_crash() -> None:
    with fake_hive("start_seconds = 1\nprove_seconds = 0\ncrash_budget = 1\n") as hive:
        spawn(hive, "ada", "deaf")
        agent = until(hive, "ada", "parked")
        assert "did not connect within 1 s" in agent["lifecycle"]["cause"]
        assert start_mark(int(starts(hive, "ada")[0][1])) is None


@pytest.mark.parametrize("fake", ["good", "stubborn", "orphan"])
def test_a_stop_ends_all_that_the_harness_started_detached_or_not(fake: str) -> None:
    with fake_hive() as hive:
        spawn(hive, "ada", fake)
        pid = hive.until_online("ada")["pid"]
        detached = grandchild(hive, "ada")
        assert os.getsid(detached.pid) == detached.pid
        status, answer = hive.post("/v1/agents/ada/stop")
        assert status == 200, answer
        assert start_mark(pid) is None
        assert not detached.alive
        agent = hive.agent("ada")
        assert agent["lifecycle"]["state"] == "stopped"
        assert agent["pid"] is None
        assert ("did not end by itself" in agent["lifecycle"]["cause"]) == (fake == "stubborn")


def test_a_crash_ends_what_the_harness_left() -> None:
    with fake_hive() as hive:
        spawn(hive, "ada", "good")
        pid = hive.until_online("ada")["pid"]
        children = others_of_its_session(pid)
        assert children
        detached = grandchild(hive, "ada")
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: hive.agent("ada")["generation"] == 2 and hive.agent("ada")["online"], "a new harness")
        assert not detached.alive
        assert not any(identity.alive for identity in children)


def others_of_its_session(pid: int) -> list[ProcessIdentity]:
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(ValueError, ProcessLookupError):  # what is no process, or has just ended
            if int(entry.name) != pid == os.getsid(int(entry.name)):
                found.append(ProcessIdentity.of(int(entry.name), 1))
    return [identity for identity in found if identity is not None]


def test_a_restart_gives_a_new_harness_and_a_slow_stop_holds_up_nobody_else() -> None:
    with fake_hive(stop_seconds=600) as hive:
        spawn(hive, "slow", "stubborn")
        spawn(hive, "ada", "good")
        hive.until_online("slow")
        first = hive.until_online("ada")
        until(hive, "ada", "running")
        hive.call_later("POST", "/v1/agents/slow/stop")
        wait_until(lambda: lifecycle(hive, "slow") == "stopping", "the stop")
        status, second = hive.post("/v1/agents/ada/restart")
        assert status == 200, second
        assert second["generation"] == 2
        assert second["pid"] != first["pid"]
        assert lifecycle(hive, "slow") == "stopping"


def test_a_repository_that_vanished_parks_the_agent_at_once(tmp_path: Path) -> None:
    repo = tmp_path / "origin"
    for words in (
        ["init", "-q", str(repo)],
        ["-C", str(repo), "-c", "user.name=t", "-c", "user.email=t@t", "commit", "-q", "--allow-empty", "-m", "one"],
    ):
        subprocess.run(["git", *words], check=True, timeout=30)
    with fake_hive() as hive:
        status, asked = hive.post(
            "/v1/agents",
            {"name": "ada", "engine": "command", "engine_options": {"command": ["cat"]}, "repo": str(repo)},
        )
        assert status == 202, asked
        repo.rename(tmp_path / "elsewhere")
        hive.post(f"/v1/approvals/{asked['id']}/approve", {})
        agent = until(hive, "ada", "parked")
        assert "cannot be cloned" in agent["lifecycle"]["cause"]
