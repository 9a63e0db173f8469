"""A deployment's health includes its engine: one that does not come up is found out before its first turn."""

import contextlib
import json
import os
import shlex
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hived.wire.process_identity import ProcessIdentity
from tests.end_to_end.test_claude import beside
from tests.end_to_end.test_lifecycle_kills import alone
from tests.fakes.messages_api import MessagesApi
from tests.support.acp import FAKE_AGENT
from tests.support.boxes import require_bwrap
from tests.support.claude import require_claude
from tests.support.deploying import HELLO, QUICK, ask, change, deploy, deployments, until_ended, until_settled
from tests.support.hive import LiveHive, call, live_hive, wait_until
from tests.support.living import SECONDS, WORKER, condition, done, living, payloads, post, texts
from tests.support.marked import MARK, marked

BROKEN = ["sh", "-c", "echo no such library >&2; exit 7"]
SENTENCE = "did not start (exit code 7: no such library)"
HELD = "touch up; while [ ! -e go ]; do sleep 0.05; done"
"""In its workspace: until somebody lets it."""


@pytest.fixture
def hive() -> Iterator[LiveHive]:
    with living(HELLO, config=QUICK) as hive:
        until_settled(hive)
        yield hive


@pytest.fixture
def empty() -> Iterator[LiveHive]:
    with live_hive(start=False) as hive:
        (hive.home / "hive.toml").write_text(QUICK)
        hive.start()
        yield hive


def agent_of(*before: str, **script: Any) -> list[str]:
    """A fake agent that does these shell commands first. All of it stands in its command line: walls hide the files of tests."""
    words = ["/usr/bin/python3", "-c", FAKE_AGENT.read_text(), "--script", "script.json"]
    kept = f"echo {shlex.quote(json.dumps(script))} > script.json"
    return ["sh", "-c", "; ".join([*before, kept, f"exec {shlex.join(words)}"])]


def ask_for(hive: LiveHive, command: list[str], **spec: Any) -> None:
    hive.spawn(WORKER, "acp", engine_options={"command": command}, network=False, **spec)


def until_parked(hive: LiveHive) -> dict[str, Any]:
    wait_until(lambda: hive.agent(WORKER)["lifecycle"]["state"] == "parked", "its being parked", SECONDS)
    wait_until(lambda: deployments(hive)[0]["status"] == "failed", "the end of its deployment", SECONDS)
    agent: dict[str, Any] = hive.agent(WORKER)
    return agent


def until_held(hive: LiveHive) -> None:
    """Its engine is being tried, and waits."""
    up = hive.paths.agent(WORKER).workspace / "up"
    wait_until(up.exists, "its engine being tried", SECONDS)
    up.unlink()


def let_go(hive: LiveHive) -> None:
    (hive.paths.agent(WORKER).workspace / "go").touch()


def methods(hive: LiveHive) -> list[str]:
    """What the fake agent was asked, in order."""
    lines = (hive.paths.agent(WORKER).workspace / "received.jsonl").read_text().splitlines()
    return [message["method"] for message in map(json.loads, lines) if "method" in message]


def steps(hive: LiveHive) -> list[str]:
    return [step["state"] for step in hive.agent(WORKER)["history"]]


def identity(file: Path) -> ProcessIdentity:
    found = ProcessIdentity.read(file)
    assert found is not None
    return found


# What comes of it --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("runtime", ["process", "bwrap"])
def test_a_spawn_whose_engine_does_not_come_up_is_parked_with_what_it_said(empty: LiveHive, runtime: str) -> None:
    if runtime == "bwrap":
        require_bwrap()
    ask_for(empty, BROKEN, runtime=runtime)
    agent = until_parked(empty)
    assert SENTENCE in agent["lifecycle"]["cause"]
    assert (deployments(empty)[0]["step"], SENTENCE in deployments(empty)[0]["reason"]) == ("start", True)
    assert "crashed" not in steps(empty)
    assert any(step["cause"].endswith("generation 1, and tries its engine") for step in agent["history"])


def test_one_that_was_parked_for_it_is_started_once_the_program_is_mended(empty: LiveHive) -> None:
    program = empty.home / "agent.sh"
    program.write_text("exit 7\n")
    ask_for(empty, ["sh", str(program)])
    until_parked(empty)
    program.write_text(agent_of()[2] + "\n")
    assert post(empty, "start")["online"]
    assert until_settled(empty)["status"] == "deployed"
    assert done(empty, "hello?")["outcome"] == "ok"


def test_a_deployment_to_a_broken_command_goes_back_by_itself_and_the_old_engine_works_on(hive: LiveHive) -> None:
    done(hive, "one")
    before = hive.agent(WORKER)
    commit = change(hive, engine="acp", engine_options={"command": BROKEN})
    deployment = deploy(hive, commit)
    assert (deployment["status"], deployment["step"]) == ("failed", "start")
    assert SENTENCE in deployment["reason"]
    hive.until_online(WORKER)
    agent = hive.agent(WORKER)
    assert [agent[key] for key in ("commit", "spec", "model")] == [before[key] for key in ("commit", "spec", "model")]
    assert done(hive, "two")["session_id"] == before["session"]["id"], "in its conversation"
    assert texts(hive) == ["hello", "hello"]
    assert "tries" not in agent["history"][-2]["cause"], "what ran before is not tried again"


def test_the_engine_that_was_tried_takes_the_first_turn_and_only_a_deployment_tries_it(empty: LiveHive) -> None:
    ask_for(empty, agent_of())
    empty.until_online(WORKER)
    until_settled(empty)
    assert methods(empty) == ["initialize", "session/new"]
    done(empty, "one")
    assert methods(empty) == ["initialize", "session/new", "session/prompt"]
    asked = len(methods(empty))
    post(empty, "restart")
    os.kill(empty.agent(WORKER)["pid"], signal.SIGKILL)
    wait_until(lambda: empty.agent(WORKER)["generation"] == 3 and empty.agent(WORKER)["online"], "another", SECONDS)
    assert len(methods(empty)) == asked
    post(empty, "pause")
    commit = change(empty, model="m")
    approval = ask(empty, commit)
    assert until_ended(empty, approval)["status"] == "deployed"
    assert len(methods(empty)) == asked, "nothing runs in a pause"


def test_one_that_is_not_logged_in_comes_online_and_says_so(empty: LiveHive) -> None:
    ask_for(empty, agent_of(new={"error": {"code": -32000, "message": "log in"}}))
    empty.until_online(WORKER)
    assert until_settled(empty)["status"] == "deployed"
    assert condition(empty, "needs_login") is not None


def test_a_stop_in_the_middle_is_no_failure_of_the_engine(empty: LiveHive) -> None:
    ask_for(empty, agent_of(HELD))
    until_held(empty)
    assert post(empty, "stop")["lifecycle"]["state"] == "stopped"
    let_go(empty)
    wait_until(lambda: deployments(empty)[0]["status"] == "deployed", "the end of its deployment", SECONDS)
    assert post(empty, "start")["online"]


def test_a_pause_in_the_middle_ends_what_is_tried_and_nothing_is_until_it_is_over() -> None:
    with alone() as (hive, mark):
        ask_for(hive, agent_of(HELD), env={MARK: mark})
        until_held(hive)
        agent = post(hive, "pause")
        assert (agent["lifecycle"]["state"], agent["online"]) == ("paused", True)
        assert [command for command in marked(mark).values() if "touch up" in command] == []
        assert until_settled(hive)["status"] == "deployed"
        assert not (hive.paths.agent(WORKER).workspace / "up").exists()
        let_go(hive)
        post(hive, "resume")
        assert done(hive, "hello?")["outcome"] == "ok"


def test_a_hived_killed_while_it_ends_for_a_pause_what_is_tried_goes_on_with_it() -> None:
    with alone() as (hive, mark):
        hive.stop()
        hive.env["HIVE_FAULT_POINT"] = "hived_stopping"
        hive.start()
        ask_for(hive, agent_of(HELD), env={MARK: mark})
        until_held(hive)
        with contextlib.suppress(OSError):
            call(hive.paths.host_socket, "POST", f"/v1/agents/{WORKER}/pause", timeout=SECONDS)
        wait_until(lambda: hive.process is not None and hive.process.poll() is not None, "the death of hived", SECONDS)
        hive.start()
        wait_until(lambda: hive.agent(WORKER)["lifecycle"]["state"] == "paused", "the pause", SECONDS)
        assert [command for command in marked(mark).values() if "touch up" in command] == []
        assert until_settled(hive)["status"] == "deployed"
        assert "crashed" not in steps(hive)


@pytest.mark.claude
@pytest.mark.timeout(240)
def test_the_real_claude_is_tried_behind_walls_with_no_model_call_and_without_a_login() -> None:
    require_bwrap()
    program = require_claude("newest")
    with beside(MessagesApi()) as api, live_hive({"HIVE_RUNTIME": "bwrap"}) as hive:
        for name, env in (("bee", {"ANTHROPIC_BASE_URL": api.url, "ANTHROPIC_API_KEY": "sk-ant-a"}), ("ant", {})):
            hive.spawn(name, "claude", engine_options={"command": [program]}, env=env)
            hive.until_online(name, 120)
            assert any("tries its engine" in step["cause"] for step in hive.agent(name)["history"])
            assert identity(hive.paths.agent(name).engine_pid_file).alive
        assert api.turns == []
        wait_until(lambda: condition(hive, "needs_login", "ant") is not None, "its login being missed", SECONDS)
        assert condition(hive, "needs_login", "bee") is None
        first = identity(hive.paths.agent("bee").engine_pid_file)
        done(hive, "@@text", "bee")
        assert identity(hive.paths.agent("bee").engine_pid_file) == first


# Kills -------------------------------------------------------------------------------------------------------------


def kill_hived(hive: LiveHive) -> None:
    hive.kill()
    hive.start()


def kill_harness(hive: LiveHive) -> None:
    os.kill(identity(hive.paths.agent(WORKER).pid_file).pid, signal.SIGKILL)


def kill_engine(hive: LiveHive) -> None:
    """Both times that it is tried."""
    first = engine(hive)
    os.kill(first, signal.SIGKILL)
    until_held(hive)
    os.kill(engine(hive, but=first), signal.SIGKILL)


def engine(hive: LiveHive, but: int | None = None) -> int:
    """Its pid, which stands in its file a moment after it was started."""
    file = hive.paths.agent(WORKER).engine_pid_file

    def another() -> int | None:
        found = ProcessIdentity.read(file)
        return found.pid if found is not None and found.pid != but else None

    pid: int = wait_until(another, "the engine's pid", SECONDS)
    return pid


@pytest.mark.parametrize("runtime", ["process", "bwrap"])
@pytest.mark.parametrize(
    ("kill", "ends", "generation"),
    [(kill_hived, "running", 1), (kill_harness, "running", 2), (kill_engine, "parked", 1)],
    ids=["hived", "harness", "engine"],
)
def test_a_spawn_killed_while_its_engine_is_tried(
    runtime: str, kill: Callable[[LiveHive], None], ends: str, generation: int
) -> None:
    if runtime == "bwrap":
        require_bwrap()
    with alone() as (hive, mark):
        ask_for(hive, agent_of(HELD), runtime=runtime, env={MARK: mark})
        until_held(hive)
        kill(hive)
        if ends == "parked":
            assert "did not start (killed by signal 9)" in until_parked(hive)["lifecycle"]["cause"]
        else:
            let_go(hive)
            hive.until_online(WORKER)
            assert until_settled(hive)["status"] == "deployed"
            assert done(hive, "hello?")["outcome"] == "ok"
        assert hive.agent(WORKER)["generation"] == generation
        harnesses = [command for command in marked(mark).values() if "agentd run" in command]
        assert len(harnesses) == (1 if ends == "running" else 0)


@pytest.mark.parametrize("kill", [kill_hived, kill_harness, kill_engine], ids=["hived", "harness", "engine"])
def test_a_deployment_killed_while_its_engine_is_tried(kill: Callable[[LiveHive], None]) -> None:
    with alone() as (hive, mark):
        ask_for(hive, agent_of(), env={MARK: mark})
        hive.until_online(WORKER)
        until_settled(hive)
        session = done(hive, "one")["session_id"]
        before = hive.agent(WORKER)
        approval = ask(hive, change(hive, engine_options={"command": agent_of(HELD)}))
        until_held(hive)
        kill(hive)
        if kill is kill_hived:
            let_go(hive)
        ended = until_ended(hive, approval)
        hive.until_online(WORKER)
        if kill is kill_hived:
            assert (ended["status"], hive.agent(WORKER)["generation"]) == ("deployed", before["generation"] + 1)
        else:
            assert (ended["status"], ended["step"]) == ("failed", "start")
            assert ("SIGKILL" if kill is kill_harness else "killed by signal 9") in ended["reason"]
            assert hive.agent(WORKER)["commit"] == before["commit"]
        assert done(hive, "two")["session_id"] == session
        assert len(payloads(hive, "turn_end")) == 2
