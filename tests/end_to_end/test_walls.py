"""Agents behind walls in a whole hive, run by root and by an ordinary user: they do their work, and touch what is theirs alone."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from hived.workspace.ownership import FIRST_UID, QUEENS_UID
from tests.support.hive import wait_until
from tests.support.living import condition, done, kill_harness, payloads, scripted, texts, until_idle
from tests.support.repositories import commit, git
from tests.support.walls import OPERATORS, WalledHive, require_bwrap, walled_hive

WORKS = """
[[turn]]
match = "commit"
steps = [
  { shell = "echo mine >>a.txt && git -c user.name=w -c user.email=w@w commit -qam mine && git log --oneline | wc -l" },
  { say = "committed" },
]
[[turn]]
steps = [
  { shell = "id -u; cat HIVE/secrets.toml HIVE/hive.sqlite; ls -A HIVE HIVE/agents; cat /etc/shadow" },
  { say = "done" },
]
"""


@pytest.fixture(params=OPERATORS)
def hive(request: pytest.FixtureRequest) -> Iterator[WalledHive]:
    require_bwrap()
    with walled_hive(request.param) as made:
        yield made


def results(hive: WalledHive, name: str = "worker") -> list[str]:
    return [payload["text"] for payload in payloads(hive, "tool_result", name)]


def test_an_agent_on_a_clone_commits_and_sees_nothing_of_the_hive(hive: WalledHive) -> None:
    origin = hive.home.with_name(hive.home.name + "-origin")
    origin.mkdir()
    try:
        git(origin, "init", "-q", "-b", "main")
        commit(origin)
        hive.own(origin)
        (hive.home / "secrets.toml").write_text('KEY = "a-secret"\n')
        hive.own(hive.home / "secrets.toml")
        scripted(hive, WORKS.replace("HIVE", str(hive.home)), repo=str(origin))
        agent = hive.agent("worker")
        assert (agent["runtime"], condition(hive, "unsandboxed")) == ("bwrap", None)
        assert done(hive, "commit")["outcome"] == "ok"
        assert results(hive)[-1].splitlines()[-1].strip() == "2"
        assert done(hive, "look around")["outcome"] == "ok"
        said = next(text for text in results(hive) if "shadow" in text)
        assert "a-secret" not in said
        assert "hived.log" not in said
        assert "SQLite format" not in said
        uid = int(said.split()[0])
        if hive.who == "root":
            assert FIRST_UID <= uid < QUEENS_UID
        else:
            assert uid == os.stat(hive.home).st_uid
        assert os.stat(hive.paths.agent("worker").workspace).st_uid == uid
        assert "1" not in git(origin, "status", "--porcelain")
    finally:
        _removed(origin)


def test_a_command_is_fed_and_heard_and_what_it_leaves_is_ended(hive: WalledHive) -> None:
    code = "cat; (setsid sleep 987 &); env | grep -c HIVE_HOME; exit 0"
    hive.spawn("runner", "command", engine_options={"command": ["/bin/sh", "-c", code]})
    hive.until_online("runner")
    assert done(hive, "hello from outside", "runner")["outcome"] == "ok"
    said = "\n".join(texts(hive, "runner"))
    assert "hello from outside" in said
    assert said.endswith("0")
    wait_until(lambda: not _running("sleep 987"), "what it left being ended")


def test_limits_that_this_user_cannot_hold_are_said_and_the_agent_works(hive: WalledHive) -> None:
    hive.spawn("runner", "command", engine_options={"command": ["/bin/cat"]}, limits={"processes": 100, "memory": "1G"})
    hive.until_online("runner")
    assert done(hive, "hello", "runner")["outcome"] == "ok"
    assert "hello" in "\n".join(texts(hive, "runner"))


def test_it_goes_on_after_its_harness_was_killed(hive: WalledHive) -> None:
    scripted(hive, '[[turn]]\nsteps = [{ shell = "echo again >>log; wc -l <log" }, { say = "ok" }]\n')
    assert done(hive, "one")["outcome"] == "ok"
    kill_harness(hive)
    assert done(hive, "two")["outcome"] == "ok"
    until_idle(hive)
    assert [text.split()[0] for text in results(hive)] == ["1", "2"]


def test_a_setup_runs_inside_and_its_failure_is_the_spawns(hive: WalledHive) -> None:
    hive.spawn(
        "fine", "command", engine_options={"command": ["cat", "made"]},
        setup=["cat /etc/shadow || echo kept out >made", "id -u >>made"],
    )  # fmt: skip
    hive.until_online("fine", 40)
    assert done(hive, "go", "fine")["outcome"] == "ok"
    assert texts(hive, "fine")[0] == "kept out"


def test_limits_that_say_nothing_and_runtimes_that_are_not_there_are_refused(hive: WalledHive) -> None:
    def refused(**spec: object) -> tuple[int, str]:
        asked = {"name": "never", "engine": "command", "engine_options": {"command": "true"}, **spec}
        status, answer = hive.post("/v1/agents", asked)
        return status, f"{answer['code']}: {answer['message']}"

    assert refused(limits={"memory": "lots"})[0] == 400
    assert "limits.memory" in refused(limits={"memory": "lots"})[1]
    assert "limits.swap" in refused(limits={"swap": "1G"})[1]
    assert refused(read_paths=["relative"])[1].startswith("invalid_request: read_paths")
    status, said = refused(runtime="podman")
    assert (status, said.split(":")[0]) == (400, "unknown_runtime")
    assert "bwrap" in said


def _running(words: str) -> bool:
    found = psutil.process_iter(["cmdline"])
    return any(" ".join(process.info["cmdline"] or []) == words for process in found)


def _removed(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
