"""`hive up` and `down` as a shell meets them: hived as a process of its own."""

import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hived.wire.process_identity import start_mark
from tests.hived.cli.conftest import hive_environment
from tests.support.hive import LiveHive, live_hive, wait_until

Done = subprocess.CompletedProcess[str]


@pytest.fixture
def home() -> Iterator[LiveHive]:
    with live_hive(start=False) as made:
        yield made
        hive(made.home, "down", "--agents")


def hive(home: Path, *words: str) -> Done:
    command = [sys.executable, "-m", "hived.cli.hive", *words]
    return subprocess.run(
        command,
        env=hive_environment(home),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


def pid_of(home: Path) -> int:
    return int(json.loads(hive(home, "status", "--json").stdout)["pid"])


def test_up_detached_returns_when_hived_answers_and_down_when_it_is_gone(home: LiveHive) -> None:
    assert hive(home.home, "up", "--detach").returncode == 0
    status = json.loads(hive(home.home, "status", "--json").stdout)
    assert {"pid", "protocol", "build"} <= status.keys()
    for again in (["up"], ["up", "--detach"]):
        second = hive(home.home, *again)
        assert second.returncode == 5
        assert second.stderr.startswith("error[already_running]: ")
        assert str(status["pid"]) in second.stderr
    assert hive(home.home, "down").returncode == 0
    assert start_mark(status["pid"]) is None
    assert hive(home.home, "status").returncode == 3


def test_of_those_who_start_it_at_the_same_moment_one_does_and_the_others_are_told_who(home: LiveHive) -> None:
    with ThreadPoolExecutor(3) as pool:
        said = list(pool.map(lambda _: hive(home.home, "up", "--detach", "--json"), range(3)))
    pid = pid_of(home.home)
    assert sorted(done.returncode for done in said) == [0, 5, 5], said
    assert [json.loads(done.stdout)["pid"] for done in said if not done.returncode] == [pid]
    for done in said:
        if done.returncode:
            assert done.stderr.startswith("error[already_running]: ")
            assert str(pid) in done.stderr


def test_down_leaves_agents_at_work_and_names_them(home: LiveHive) -> None:
    assert hive(home.home, "up", "--detach").returncode == 0
    spawned = hive(home.home, "spawn", "ada", "--engine", "command", "--command", "true", "--yes")
    assert spawned.returncode == 0, spawned.stderr
    before = json.loads(hive(home.home, "show", "ada", "--json").stdout)
    down = hive(home.home, "down")
    assert "ada" in down.stdout
    assert start_mark(before["pid"]) is not None
    assert hive(home.home, "up", "--detach").returncode == 0
    wait_until(lambda: json.loads(hive(home.home, "show", "ada", "--json").stdout)["online"], "ada's return")
    after = json.loads(hive(home.home, "show", "ada", "--json").stdout)
    assert (after["pid"], after["generation"]) == (before["pid"], before["generation"])
    down = hive(home.home, "down", "--agents", "--json")
    assert json.loads(down.stdout)["stopped_agents"] == ["ada"]
    assert start_mark(before["pid"]) is None


def test_a_wrong_setting_is_named_by_up(home: LiveHive) -> None:
    (home.home / "hive.toml").write_text("colour = 'red'\n")
    done = hive(home.home, "up", "--detach")
    assert done.returncode == 1
    assert done.stderr.startswith("error[invalid_config]: ")
    assert "colour" in done.stderr
    assert done.stderr.count("\n") == 1


def test_init_starts_hived_and_says_so(home: LiveHive) -> None:
    done = hive(home.home, "init", "--engine", "command", "--command", "true", "--yes")
    assert done.returncode == 0, done.stderr
    assert "started" in done.stderr
    assert json.loads(hive(home.home, "show", "queen", "--json").stdout)["role"] == "queen"
    assert pid_of(home.home) > 0


def test_a_follower_goes_on_when_hived_comes_back(home: LiveHive) -> None:
    assert hive(home.home, "up", "--detach").returncode == 0
    spawned = hive(home.home, "spawn", "ada", "--engine", "command", "--command", "cat", "--yes")
    assert spawned.returncode == 0, spawned.stderr
    follower = subprocess.Popen(
        [sys.executable, "-m", "hived.cli.hive", "events", "ada", "--follow", "--json"],
        env=hive_environment(home.home), stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    with follower:
        assert follower.stdout is not None
        ids = []
        for text in ("before", "after"):
            assert hive(home.home, "send", "ada", text).returncode == 0
            for line in follower.stdout:
                ids.append(json.loads(line)["id"])
                if json.loads(line)["kind"] == "turn_end":
                    break
            if text == "before":
                assert hive(home.home, "down").returncode == 0
                assert hive(home.home, "up", "--detach").returncode == 0
        follower.terminate()
    assert ids == list(range(1, len(ids) + 1))
