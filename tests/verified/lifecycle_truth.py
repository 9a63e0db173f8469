"""What must be true of a hive after every step, read from /proc, from the files and from the repositories, not from hived alone."""

import contextlib
import json
import os
import re
import sqlite3
import subprocess
import time
import tomllib
from pathlib import Path
from typing import Any

from tests.verified.shell import Failed, Shell, expect, wait_until

SETTLE_SECONDS = 90.0
WORK_SECONDS = 240.0
SETTLED = frozenset({"running", "stopped", "paused", "parked", "buried"})
ALIVE = frozenset({"running", "paused"})


class Truth:
    """`look` raises Failed with the first thing that is not so."""

    def __init__(self, shell: Shell, names: list[str]) -> None:
        self.shell = shell
        self.names = names
        self.given: dict[str, dict[str, str]] = {name: {} for name in names}
        """Agent → message id → what its file must hold when it is done (scripted agents answer the id instead)."""
        self.buried: set[str] = set()
        self.stopped: set[str] = set()
        self.paused: set[str] = set()
        self.looks = 0

    # What is asked of hive ------------------------------------------------------------------------------------

    def agents(self) -> dict[str, dict[str, Any]]:
        return {agent["name"]: agent for agent in self.shell.json("ls")["agents"]}

    def settled(self) -> dict[str, dict[str, Any]]:
        """Everybody, once nobody is on the way to somewhere and no deployment is open."""

        def found() -> dict[str, dict[str, Any]] | None:
            agents = self.agents()
            moving = [
                agent for agent in agents.values()
                if agent["lifecycle"]["state"] not in SETTLED or agent["deploying"]
                or (agent["lifecycle"]["state"] in ALIVE and not agent["online"])
            ]  # fmt: skip
            return None if moving else agents

        try:
            settled: dict[str, dict[str, Any]] = wait_until(
                found, "everybody being where they are to be", SETTLE_SECONDS
            )
        except Failed as error:
            moving = {n: (a["lifecycle"], a["deploying"], a["online"]) for n, a in self.agents().items()}
            raise Failed(f"{error}: {moving}") from error
        return settled

    # What is looked at ----------------------------------------------------------------------------------------

    def look(self) -> None:
        self.looks += 1
        agents = self.settled()
        self._wanted(agents)
        self._processes(agents)
        self._commits(agents)
        self._work(agents)

    def _wanted(self, agents: dict[str, dict[str, Any]]) -> None:
        expect(set(agents) == set(self.names) - self.buried, f"there must be no others than {sorted(agents)}")
        tombstones = {stone["name"] for stone in self.shell.json("tombstones")["tombstones"]}
        expect(tombstones == self.buried, f"buried are {sorted(self.buried)}, hive says {sorted(tombstones)}")
        for name, agent in agents.items():
            state = agent["lifecycle"]["state"]
            wanted = "stopped" if name in self.stopped else "paused" if name in self.paused else "running"
            expect(state == wanted, f"{name} is to be {wanted} and is {state}: {agent['lifecycle']['cause']}")
            expect(agent["runtime"] == "bwrap", f"{name} runs in {agent['runtime']}")

    def _processes(self, agents: dict[str, dict[str, Any]]) -> None:
        """Twice: what ends while it is looked at is no orphan."""
        deadline = time.monotonic() + 10
        while True:
            wrong = self._wrong_processes(agents)
            if not wrong:
                return
            expect(time.monotonic() < deadline, "; ".join(wrong))
            time.sleep(0.2)
            agents = self.settled()

    def _wrong_processes(self, agents: dict[str, dict[str, Any]]) -> list[str]:
        table = processes(self.shell.home)
        wrong = []
        harness = {agent["pid"]: name for name, agent in agents.items() if agent["lifecycle"]["state"] in ALIVE}
        for pid, name in harness.items():
            known = table.get(pid)
            if known is None or f"agents/{name}/harness" not in known["command"]:
                wrong.append(f"{name} is said to run as {pid}, which is {known and known['command']}")
        for pid, process in table.items():
            if not process["agent"]:
                continue
            above = next((pid for pid in [process["pid"], *ancestors(process["parent"])] if pid in harness), None)
            if above is None:
                wrong.append(
                    f"{pid} ({process['command'][:100]}) of {process['agent']} is below no harness that hive knows"
                )
            elif harness[above] != process["agent"]:
                wrong.append(f"{pid} of {process['agent']} is below the harness of {harness[above]}")
            elif process["agent"] in self.paused and process["state"] not in "TtZ" and process["inside"]:
                wrong.append(
                    f"{process['agent']} is paused, and {pid} ({process['command'][:60]}) is in state {process['state']}"
                )
        return wrong

    def _commits(self, agents: dict[str, dict[str, Any]]) -> None:
        """What runs is what hive.lock names, what the tag says and what the harness was launched with."""
        lock = tomllib.loads((self.shell.home / "meta/hive.lock").read_text())
        named = lock["agents"]
        for name, agent in agents.items():
            commit = agent["commit"]
            expect(commit, f"{name} runs no commit")
            expect(named[name]["commit"] == commit, f"{name} runs {commit}, hive.lock says {named[name]['commit']}")
            applied = self.shell.home / "applied" / name
            main = git(applied, "rev-parse", "refs/heads/main")
            expect(main == commit, f"{name} runs {commit}, main of applied/ is {main}")
            tags = git(applied, "tag", "--points-at", commit)
            expect("deployed/" in tags, f"{name} runs {commit}, which has no deployed/ tag: {tags}")
            if agent["lifecycle"]["state"] in ALIVE:
                launch = json.loads((self.shell.home / f"agents/{name}/harness/launch.json").read_text())
                expect(launch["commit"] == commit, f"{name} was launched with {launch['commit']}, not {commit}")
                expect(launch["generation"] == agent["generation"], f"{name}: the launch file is another generation's")

    def _work(self, agents: dict[str, dict[str, Any]]) -> None:
        """What was taken as done is done; the rest still waits."""
        for name in set(self.names) - self.buried:
            states = self.states_of(name)
            for id, mark in self.given[name].items():
                state = states.get(id)
                expect(state in ("queued", "leased", "acked", "held"), f"message {id} to {name} is {state}")
                if state == "acked":
                    expect(
                        self._is_done(name, id, mark), f"message {id} to {name} is acked, and {mark or id} is not done"
                    )

    def _is_done(self, name: str, id: str, mark: str) -> bool:
        if not mark:
            return f"done {id}" in self._answers()
        file = self.shell.home / "agents" / name / "work/done"
        return file.exists() and mark in file.read_text().split()

    def _answers(self) -> set[str]:
        return {row[0] for row in self._books("SELECT body FROM messages WHERE recipient = 'operator'")}

    def states_of(self, name: str) -> dict[str, str]:
        return dict(self._books("SELECT id, status FROM messages WHERE recipient = ?", name))

    def _books(self, query: str, *values: str) -> list[Any]:
        with contextlib.closing(sqlite3.connect(f"file:{self.shell.home}/hive.sqlite?mode=ro", uri=True)) as books:
            return books.execute(query, values).fetchall()

    def walls(self) -> None:
        """Every engine is in namespaces of its own, none shares hived's network, and no key is in any environment."""
        own = os.readlink("/proc/self/ns/net")
        inside = [process for process in processes(self.shell.home).values() if process["agent"] and process["inside"]]
        expect(inside, "there must be engines that run")
        for process in inside:
            expect(process["net"] != own, f"{process['command'][:60]} of {process['agent']} shares the host's network")
            expect(
                b"sk-secret-of-the-operator" not in process["environment"], f"{process['agent']} has the operator's key"
            )

    def until_all_is_done(self) -> None:
        def left() -> list[str]:
            found = []
            for name in self.names:
                states = self.states_of(name)
                found += [f"{name}: {id} is {states.get(id)}" for id in self.given[name] if states.get(id) != "acked"]
            return found

        try:
            wait_until(lambda: not left(), "the end of all work", WORK_SECONDS)
        except Failed as error:
            raise Failed(f"{error}: {left()}") from error

    def counts(self) -> list[str]:
        given = sum(map(len, self.given.values()))
        deployments = self.shell.json("deployments", "--limit", "1000")["deployments"]
        ended: dict[str, int] = {}
        for deployment in deployments:
            key = f"{deployment['kind']} {deployment['status']}" + (
                f" at {deployment['step']}" if deployment["step"] else ""
            )
            ended[key] = ended.get(key, 0) + 1
        commits = git(self.shell.home / "meta", "rev-list", "--count", "HEAD")
        return [
            f"{given} pieces of work were given and {given} are done, in files and commits of the agents' clones",
            f"deployments: {', '.join(f'{key} {count}' for key, count in sorted(ended.items()))}; {commits} commits in meta/",
        ]

    def nothing_left(self) -> None:
        wait_until(lambda: not processes(self.shell.home), "the end of every process of this hive", 30)


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, check=False, timeout=60)
    expect(not done.returncode, f"git {' '.join(words)} in {folder}: {done.stderr.strip()}")
    return done.stdout.strip()


def processes(home: Path) -> dict[int, dict[str, Any]]:
    """Every process that has this home in its environment or command line; those of agents with whose they are."""
    found: dict[int, dict[str, Any]] = {}
    own_net = os.readlink("/proc/self/ns/net")
    for entry in os.listdir("/proc"):
        if not entry.isdecimal() or int(entry) == os.getpid():
            continue
        try:
            stat = Path(f"/proc/{entry}/stat").read_text()
            environment = Path(f"/proc/{entry}/environ").read_bytes()
            command = Path(f"/proc/{entry}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            net = os.readlink(f"/proc/{entry}/ns/net")
        except OSError:
            continue
        fields = stat.rpartition(")")[2].split()
        if fields[0] in "ZX":
            continue
        own = str(home).encode()
        state = re.search(rb"(?:^|\0)HIVE_STATE=([^\0]*)", environment)
        launched = re.search(rf"{re.escape(str(home))}/agents/([a-z0-9-]+)/harness/launch", command)
        agent = None
        if state and state.group(1).startswith(own):
            agent = Path(state.group(1).decode()).parent.name
        elif launched:
            agent = launched.group(1)
        if agent is None and own not in environment:
            continue
        if agent is None and b"HIVE_HOME=" + own not in environment:
            continue
        found[int(entry)] = {
            "pid": int(entry), "parent": int(fields[1]), "state": fields[0], "command": command, "agent": agent,
            "environment": environment, "net": net, "inside": net != own_net,
        }  # fmt: skip
    mine = ancestors(os.getpid())
    return {pid: process for pid, process in found.items() if pid not in mine and process["parent"] != os.getpid()}


def ancestors(pid: int) -> list[int]:
    """That process and those above it, the nearest first, as far as they are there."""
    found: list[int] = []
    while pid > 1 and pid not in found:
        found.append(pid)
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            break
    return found
