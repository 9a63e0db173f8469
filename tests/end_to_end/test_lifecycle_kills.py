"""kill -9 of hived, of a harness, of an engine and of the sandbox's outer process, in every state of an agent's life.

Each test puts one agent into each state at once, kills, and looks at where each ends: in the right state, with no orphan (by a
mark in the environment, in /proc), and a neighbour who looks like a harness left alone.
"""

import contextlib
import os
import shutil
import signal
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from hived.wire.process_identity import ProcessIdentity
from tests.support.hive import LiveHive, call, live_hive, wait_until
from tests.support.living import outcomes, post, send, wakes
from tests.support.marked import MARK, marked, neighbour
from tests.support.tools import missing

SECONDS = 60.0
CONFIG = "stop_seconds = 12\nhealthy_seconds = 0\ncrash_budget = 5\n"
SCENARIO = """
[[turn]]
match = "warm"
repeat = true
steps = [{say = "warm"}]
[[turn]]
repeat = true
steps = [
  {say = "at it"},
  {shell = "setsid sleep 600 & while [ ! -e go ]; do sleep 0.05; done; kill $!", timeout_seconds = 120},
  {say = "done"},
]
"""


@dataclass(frozen=True)
class Where:
    """`ends`: its state afterwards. `again`: its harness is another one then."""

    state: str
    ends: str
    again: bool


HIVED = [
    Where("starting", "running", again=False),
    Where("idle", "running", again=False),
    Where("turn", "running", again=False),
    Where("stopping", "stopped", again=False),
    Where("paused", "paused", again=False),
    Where("restarting", "running", again=True),
    Where("crashed", "running", again=True),
    Where("burying", "buried", again=False),
]
HARNESS = [
    Where("starting", "running", again=True),
    Where("idle", "running", again=True),
    Where("turn", "running", again=True),
    Where("stopping", "stopped", again=False),
    Where("paused", "paused", again=True),
    Where("restarting", "running", again=True),
    Where("burying", "buried", again=False),
]
ENGINE = [
    Where("idle", "running", again=False),
    Where("turn", "running", again=False),
    Where("stopping", "stopped", again=False),
    Where("paused", "paused", again=False),
    Where("restarting", "running", again=True),
    Where("burying", "buried", again=False),
]


@contextlib.contextmanager
def alone() -> Iterator[tuple[LiveHive, str]]:
    """A hive whose every process bears a mark, and its neighbour; afterwards nothing of it is left."""
    mark = uuid.uuid4().hex
    with neighbour() as other:
        with live_hive({MARK: mark}, start=False) as hive:
            (hive.home / "hive.toml").write_text(CONFIG)
            hive.start()
            yield hive, mark
            for agent in hive.get("/v1/agents")[1]["agents"]:
                post(hive, "kill", name=agent["name"])
            assert list(marked(mark)) == [hive.pid], f"orphans: {marked(mark)}"
            assert hive.stop() == 0
        assert marked(mark) == {}
        assert other.alive, "a process that is nobody's was ended"


def make(hive: LiveHive, mark: str, wheres: list[Where], runtime: str) -> None:
    """One agent for each, named by its state; all have had a turn, so their engines run."""
    scenario = hive.home / "scenario.toml"
    scenario.write_text(SCENARIO)
    for where in wheres:
        hive.spawn(
            where.state,
            "scripted",
            runtime=runtime,
            env={MARK: mark},
            engine_options={"scenario": str(scenario)},
        )
    for where in wheres:
        wait_until(lambda where=where: is_up(hive, where.state), f"{where.state} being up", SECONDS)  # type: ignore[misc]
        send(hive, "warm up", where.state)
    for where in wheres:
        wait_until(lambda where=where: "ok" in outcomes(hive, where.state), f"the first turn of {where.state}", SECONDS)  # type: ignore[misc]


def is_up(hive: LiveHive, name: str, generation: int | None = None) -> bool:
    agent = hive.agent(name)
    if generation not in (None, agent["generation"]):
        return False
    return bool(agent["online"] and agent["lifecycle"]["state"] == "running" and not agent["deploying"])


def harness_of(hive: LiveHive, name: str) -> ProcessIdentity:
    identity = ProcessIdentity.read(hive.paths.agent(name).pid_file)
    assert identity is not None
    return identity


def engine_of(hive: LiveHive, name: str) -> ProcessIdentity:
    """With walls it is their outer process."""
    identity = ProcessIdentity.read(hive.paths.agent(name).engine_pid_file)
    assert identity is not None
    assert identity.alive
    return identity


def state_of(hive: LiveHive, name: str) -> str:
    status, agent = hive.get(f"/v1/agents/{name}")
    if status == 409 and agent["code"] == "agent_buried":
        return "buried"
    return str(agent["lifecycle"]["state"])


def until_state(hive: LiveHive, name: str, wanted: str) -> None:
    wait_until(lambda: state_of(hive, name) == wanted, f"{name} being {wanted}", SECONDS)


def begin_turn(hive: LiveHive, name: str) -> None:
    send(hive, "work", name)
    wait_until(lambda: len(wakes(hive, name)) == 2, f"the second turn of {name}", SECONDS)
    wait_until(lambda: hive.agent(name)["turn"]["state"] == "thinking", f"{name} being in it", SECONDS)


def hold(hive: LiveHive, name: str) -> None:
    """Its harness hears nothing any more, so what is asked of it stays under way."""
    os.kill(harness_of(hive, name).pid, signal.SIGSTOP)


def enter(hive: LiveHive, name: str) -> None:
    """Bring the agent of that name into the state of that name."""
    match name:
        case "starting":
            older = harness_of(hive, name)
            hive.call_later("POST", f"/v1/agents/{name}/restart")
            wait_until(lambda: harness_of(hive, name).pid != older.pid, "another harness", SECONDS)
            hold(hive, name)
        case "turn":
            begin_turn(hive, name)
        case "paused":
            begin_turn(hive, name)
            post(hive, "pause", name=name)
        case "stopping" | "restarting" | "burying":
            hold(hive, name)
            how = {"stopping": ("POST", "/stop"), "restarting": ("POST", "/restart"), "burying": ("DELETE", "")}[name]
            hive.call_later(how[0], f"/v1/agents/{name}{how[1]}")
            until_state(hive, name, "stopping")
        case "crashed":
            for generation in (1, 2):  # the second back-off is long enough to be met
                wait_until(lambda older=generation: is_up(hive, name, older), "it being up", SECONDS)  # type: ignore[misc]
                os.kill(harness_of(hive, name).pid, signal.SIGKILL)
            until_state(hive, name, "crashed")


ORDER = ("turn", "paused", "idle", "starting", "stopping", "restarting", "burying", "crashed")
"""Those that pass by themselves come last."""


def all_in_state(hive: LiveHive, wheres: list[Where]) -> dict[str, Any]:
    """Every agent in its state; their generations."""
    for where in sorted(wheres, key=lambda where: ORDER.index(where.state)):
        enter(hive, where.state)
    return {where.state: hive.agent(where.state)["generation"] for where in wheres}


def prove(hive: LiveHive, wheres: list[Where], before: dict[str, int]) -> None:
    """Each has come to where it belongs, says why, and what it was about is done in the end."""
    for where in wheres:
        until_state(hive, where.state, where.ends)
        if where.ends == "buried":
            continue
        wait_until(lambda where=where: settled(hive, where), f"{where.state} being settled", SECONDS)  # type: ignore[misc]
        agent = hive.agent(where.state)
        assert agent["lifecycle"]["cause"], where
        assert (agent["generation"] > before[where.state]) == where.again, (where, agent["generation"], before)
        steps = [(step["state"], step["generation"]) for step in agent["history"]]
        assert steps[-1] == (where.ends, agent["generation"]), (where, steps)
    for name in {"turn", "paused"} & {where.state for where in wheres}:
        begun = len(wakes(hive, name))
        (hive.paths.agent(name).workspace / "go").touch()
        if name == "paused":
            assert len(wakes(hive, name)) == begun, "no turn begins in a pause"
            post(hive, "resume", name=name)
        wait_until(partial(has_done, hive, name), f"the work of {name}", SECONDS)
        assert hive.agent(name)["held"] == 0


def has_done(hive: LiveHive, name: str) -> bool:
    """Whether it has ended its second turn well."""
    ends = outcomes(hive, name)
    return len(ends) > 1 and ends[-1] == "ok"


def settled(hive: LiveHive, where: Where) -> bool:
    """What its state says is so in the process table."""
    agent = hive.agent(where.state)
    alive = harness_of(hive, where.state).alive
    if where.ends == "stopped":
        return agent["pid"] is None and not alive
    return bool(agent["online"] and agent["pid"] == harness_of(hive, where.state).pid and alive)


def kill_each(hive: LiveHive, wheres: list[Where], victim: Callable[[LiveHive, str], ProcessIdentity]) -> None:
    for where in wheres:
        identity = victim(hive, where.state)
        if identity.alive:
            os.kill(identity.pid, signal.SIGKILL)


def test_a_hived_killed_in_every_state_of_an_agent() -> None:
    with alone() as (hive, mark):
        make(hive, mark, HIVED, "process")
        before = all_in_state(hive, HIVED)
        hive.kill()
        os.kill(harness_of(hive, "starting").pid, signal.SIGCONT)
        hive.start()
        prove(hive, HIVED, before)


def test_a_harness_killed_in_every_state_of_its_agent() -> None:
    with alone() as (hive, mark):
        make(hive, mark, HARNESS, "process")
        before = all_in_state(hive, HARNESS)
        kill_each(hive, HARNESS, harness_of)
        prove(hive, HARNESS, before)


@pytest.mark.parametrize("runtime", ["process", "bwrap"])
def test_an_engine_or_the_outer_process_of_its_walls_killed_in_every_state_of_its_agent(runtime: str) -> None:
    if runtime == "bwrap" and shutil.which("bwrap") is None:
        missing("bubblewrap is not here")
    with alone() as (hive, mark):
        make(hive, mark, ENGINE, runtime)
        before = all_in_state(hive, ENGINE)
        kill_each(hive, ENGINE, engine_of)
        prove(hive, ENGINE, before)


@pytest.mark.parametrize("point", ["hived_starting", "hived_forked", "hived_stopping"])
def test_a_hived_killed_between_the_books_and_the_deed_goes_on_with_it(point: str) -> None:
    """Its generation committed and nothing forked; forked and not written down; said to be stopping and nothing done."""
    with alone() as (hive, mark):
        make(hive, mark, [Where("idle", "running", again=True)], "process")
        hive.stop()
        hive.env["HIVE_FAULT_POINT"] = point
        hive.start()
        wait_until(lambda: is_up(hive, "idle"), "it being up", SECONDS)
        with contextlib.suppress(OSError):
            call(hive.paths.host_socket, "POST", "/v1/agents/idle/restart", timeout=SECONDS)
        wait_until(lambda: hive.process is not None and hive.process.poll() is not None, f"the death at {point}")
        hive.start()
        wait_until(lambda: is_up(hive, "idle") and hive.agent("idle")["generation"] >= 2, "it being up again", SECONDS)
        identity = harness_of(hive, "idle")
        assert hive.agent("idle")["pid"] == identity.pid
        running = [command for command in marked(mark).values() if "agentd run" in command]
        assert len(running) == 1, "one harness and no more"
