"""A hundred real agents (HIVE_BENCH_AGENTS says how many): hived idle, killed and back, and `hive ls` beside one agent.

They are scripted and idle. They start a few at a time by hived's own hand, which is measured too.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

from tests.benchmarks.measure import Finding, median_of
from tests.support.hive import LiveHive, live_hive, wait_until

COUNT = int(os.environ.get("HIVE_BENCH_AGENTS", "100"))
IDLE_SECONDS = 20.0
IDLE_MARK = 0.01
ADOPT_MARK = 3.0
LS_MARK = 1.5
START_SECONDS = 900.0


def run() -> list[Finding]:
    with live_hive({"HIVE_RUNTIME": "process"}, start=False) as hive:
        (hive.home / "hive.toml").write_text("start_seconds = 120\nhealthy_seconds = 0\n")
        hive.start()
        scenario = hive.home / "scenario.toml"
        scenario.write_text('[[turn]]\nrepeat = true\nsteps = [{say = "here"}]\n')
        add(hive, scenario, 1)
        one = median_of(lambda: listed(hive), 7)
        began = time.perf_counter()
        for number in range(2, COUNT + 1):
            add(hive, scenario, number, wait=number % 8 == 0)
        until_online(hive, COUNT, START_SECONDS)
        started = time.perf_counter() - began
        many = median_of(lambda: listed(hive), 7)
        idle = cpu_share(hive.pid)
        answers, adopted = adoption(hive)
    ratio = many / one
    return [
        Finding(f"start of {COUNT}", f"{started:.0f} s", f"{started / COUNT:.2f} s each", None, "", None),
        Finding(
            f"hived idle, {COUNT} agents", f"{idle:.2%} of a core", "", None, f"under {IDLE_MARK:.0%}", idle < IDLE_MARK
        ),
        Finding(
            f"kill -9 of hived to all {COUNT} online",
            f"{adopted:.2f} s",
            f"hived answers after {answers:.2f} s",
            None,
            f"within {ADOPT_MARK:g} s",
            adopted <= ADOPT_MARK,
        ),
        Finding(
            f"hive ls with {COUNT}",
            f"{many * 1000:.0f} ms",
            f"with one {one * 1000:.0f} ms",
            ratio,
            f"at most {LS_MARK:g}x",
            ratio <= LS_MARK,
        ),
    ]


def add(hive: LiveHive, scenario: Path, number: int, *, wait: bool = True) -> None:
    hive.spawn(f"worker-{number}", "scripted", engine_options={"scenario": str(scenario)})
    if wait:
        until_online(hive, number, 120.0)


def until_online(hive: LiveHive, count: int, seconds: float) -> None:
    wait_until(lambda: online(hive) >= count, f"{count} agents being online", seconds)


def online(hive: LiveHive) -> int:
    agents = hive.get("/v1/agents")[1]["agents"]
    return sum(agent["online"] and agent["lifecycle"]["state"] == "running" for agent in agents)


def listed(hive: LiveHive) -> float:
    command = [str(Path(sys.executable).with_name("hive")), "ls"]
    began = time.perf_counter()
    subprocess.run(command, env=hive.env, check=True, stdout=subprocess.DEVNULL, timeout=60)
    return time.perf_counter() - began


def cpu_share(pid: int) -> float:
    """Of one core, over IDLE_SECONDS in which nobody asks for anything."""
    before, began = cpu_seconds(pid), time.perf_counter()
    time.sleep(IDLE_SECONDS)
    return (cpu_seconds(pid) - before) / (time.perf_counter() - began)


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def adoption(hive: LiveHive) -> tuple[float, float]:
    """From hived's death, restarted at once: to its first answer, and to the last agent online under the same pid."""
    pids = {agent["name"]: agent["pid"] for agent in hive.get("/v1/agents")[1]["agents"]}
    hive.kill()
    began = time.perf_counter()
    hive.start(wait=False)
    wait_until(hive.answers, "its answer", 60)
    answers = time.perf_counter() - began
    until_online(hive, COUNT, 120.0)
    took = time.perf_counter() - began
    after = {agent["name"]: agent["pid"] for agent in hive.get("/v1/agents")[1]["agents"]}
    assert after == pids, "another harness took its place"
    return answers, took
