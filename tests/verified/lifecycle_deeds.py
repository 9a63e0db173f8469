"""What is done to the agents, as an operator would do it and as a machine would: each step is one method, and names what it did."""

import json
import os
import re
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from tests.verified.lifecycle_truth import Truth, ancestors, git, processes
from tests.verified.shell import HIVE, Shell, expect, wait_until

BAD = {"validate": 'colour = "green"\n', "setup": 'setup = ["exit 3"]\n'}
"""Above the rest of an agent.toml."""
MOST_GIVEN = 4
SEND_TOOLS = {"c": "mcp__hive__send", "a": "mcp__hive__send", "p": "send"}
BASH_TOOLS = {"c": "Bash", "a": "Bash", "p": "bash"}


class Deeds:
    """`steps` are the methods with their weights."""

    def __init__(self, shell: Shell, truth: Truth, random: Random, *, scripted: list[str], clones: Path) -> None:
        self.shell = shell
        self.truth = truth
        self.random = random
        self.scripted = scripted
        self.clones = clones
        self.number = 0

    def steps(self) -> list[tuple[int, Callable[[], str]]]:
        return [
            (3, self.kill_hived), (3, self.kill_a_harness), (3, self.kill_an_engine), (3, self.kill_a_sandbox),
            (2, self.kill_everything_of_one), (2, self.restart), (2, self.stop_or_start), (2, self.pause_or_resume),
            (1, self.pause_all_and_resume), (1, self.kill_by_hive), (3, self.redeploy), (4, self.redeploy_what_fails),
            (2, self.roll_back), (1, self.rebuild), (4, self.destroy_and_revive), (1, self.down_and_up),
            (1, self.kill_hived_in_a_deployment), (1, self.kill_hived_in_a_burial),
        ]  # fmt: skip

    # Work ------------------------------------------------------------------------------------------------------

    def give_work(self) -> None:
        """To a few that live; a real engine gets no second piece before it has taken the first."""
        for name in self.random.sample(self._living(), 4):
            states = self.truth.states_of(name)
            undone = [id for id in self.truth.given[name] if states.get(id) != "acked"]
            if len(undone) >= (MOST_GIVEN if name in self.scripted else 1):
                continue
            self.give(name)

    def give(self, name: str) -> None:
        self.number += 1
        mark = "" if name in self.scripted else f"n{self.number}"
        body = f"work {self.number}" if name in self.scripted else self._script(name, mark)
        done = self.shell.hive("send", name, body, "--json")
        self.truth.given[name][_id_of(json.loads(done.stdout))] = mark

    def _script(self, name: str, mark: str) -> str:
        run = f"echo {mark} >> done && git add -A && git commit -qm {mark}"
        kind = name[0]
        steps: list[dict[str, Any]] = [
            {
                "tool": BASH_TOOLS[kind],
                "input": {"command": run, "description": "work"} if kind != "p" else {"command": run},
            },
            {"text": "Done.", "delay": 0.05},
        ]
        return f"@@script {json.dumps(steps)}"

    # As a machine would ----------------------------------------------------------------------------------------

    def kill_hived(self) -> str:
        pid = self.shell.pid()
        os.kill(pid, signal.SIGKILL)
        self._up()
        return f"hived {pid}"

    def kill_a_harness(self) -> str:
        name = self._some(self._running())
        return self._kill(name, self._agent(name)["pid"])

    def kill_an_engine(self) -> str:
        """What runs deepest inside of one."""
        inside = self._inside()
        name = self._some(sorted(inside))
        return self._kill(name, max(inside[name]), harness=False)

    def kill_a_sandbox(self) -> str:
        """The outer process, right below the harness."""
        inside = self._inside()
        name = self._some(sorted(inside))
        harness = self._agent(name)["pid"]
        above = ancestors(min(inside[name]))
        return self._kill(name, above[above.index(harness) - 1], harness=False)

    def _inside(self) -> dict[str, list[int]]:
        """The pids behind the walls of those who run and have an engine now."""
        running = self._running()
        found: dict[str, list[int]] = {}
        for process in processes(self.shell.home).values():
            if process["inside"] and process["agent"] in running:
                found.setdefault(process["agent"], []).append(process["pid"])
        return found

    def kill_everything_of_one(self) -> str:
        name = self._some(self._running())
        before = self._agent(name)["generation"]
        all_of_it = [process["pid"] for process in processes(self.shell.home).values() if process["agent"] == name]
        for pid in all_of_it:
            _kill(pid)
        wait_until(lambda: self._agent(name)["generation"] > before, f"another generation of {name}", 60)
        return f"{name}: {len(all_of_it)} processes"

    def kill_hived_in_a_deployment(self) -> str:
        name = self._some(self._running())
        commit = self._commit(name, note="killed in the middle")
        approval = json.loads(self._propose(name, commit).stdout)
        self.shell.hive("approve", approval["id"])
        os.kill(self.shell.pid(), signal.SIGKILL)
        self._up()
        self.truth.settled()
        expect(self._agent(name)["commit"] == commit, f"{name} must run {commit} after all")
        return f"{name} at {commit[:12]}"

    def kill_hived_in_a_burial(self) -> str:
        name = self._some([name for name in self._running() if name != "queen"])
        child = subprocess.Popen(
            [HIVE, "destroy", name, "--yes"], env=self.shell.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait_until(lambda: self._state(name) != "running" or child.poll() is not None, f"the stop of {name}", 30)
        os.kill(self.shell.pid(), signal.SIGKILL)
        child.wait(timeout=60)
        self._up()
        wait_until(lambda: self._state(name) is None, f"the burial of {name}", 60)
        self.truth.buried.add(name)
        self.truth.look()
        return self._revive(name)

    # As an operator would --------------------------------------------------------------------------------------

    def restart(self) -> str:
        names = self.random.sample(self._running(), 3)
        self.shell.hive("restart", *names)
        return ", ".join(names)

    def stop_or_start(self) -> str:
        if self.truth.stopped and self.random.random() < 0.6:
            name = self._some(sorted(self.truth.stopped))
            self.shell.hive("start", name)
            self.truth.stopped.remove(name)
            return f"{name} starts"
        name = self._some(self._running())
        self.shell.hive("stop", name)
        self.truth.stopped.add(name)
        return f"{name} stops"

    def kill_by_hive(self) -> str:
        name = self._some(self._running())
        self.shell.hive("kill", name)
        self.truth.stopped.add(name)
        return name

    def pause_or_resume(self) -> str:
        if self.truth.paused and self.random.random() < 0.6:
            name = self._some(sorted(self.truth.paused))
            self.shell.hive("resume", name)
            self.truth.paused.remove(name)
            return f"{name} goes on"
        name = self._some(self._running())
        self.shell.hive("pause", name)
        self.truth.paused.add(name)
        return f"{name} is paused"

    def pause_all_and_resume(self) -> str:
        """The panic key; and a kill -9 of hived lets nobody go on."""
        running = self._running()
        self.shell.hive("pause", "--all")
        self.truth.paused.update(running)
        self.truth.look()
        self.kill_hived()
        self.truth.look()
        names = sorted(self.truth.paused)
        self.shell.hive("resume", *names)
        self.truth.paused.clear()
        return f"{len(names)} stood still, and go on"

    def redeploy(self) -> str:
        name = self._some(self._running())
        commit = self._commit(name, note=f"change {self.number}")
        approval = json.loads(self._propose(name, commit).stdout)
        expect(self.shell.hive("diff", approval["id"]).stdout.strip(), "the diff must show something")
        self.shell.hive("approve", approval["id"])
        wait_until(
            lambda: self._agent(name)["commit"] == commit and not self._agent(name)["deploying"],
            f"{name} on {commit}",
            90,
        )
        return f"{name} at {commit[:12]}"

    def redeploy_what_fails(self) -> str:
        """At each step in which it can: what ran before runs again by itself."""
        step = self.random.choice(["validate", "setup", "start", "health"])
        name = self._some([name for name in self._running() if name in self.scripted or step != "start"])
        before = self._agent(name)["commit"]
        commit = self._commit(name, note=f"bad at {step}", bad=step)
        asked = self._propose(name, commit, check=False)
        if step == "validate":
            expect(asked.returncode == 1, f"{name}: a wrong agent.toml must be refused before anybody is asked")
            return f"{name}: {asked.stderr.strip()[:100]}"
        expect(not asked.returncode, asked.stderr)
        self.shell.hive("approve", json.loads(asked.stdout)["id"])
        if step == "health":
            wait_until(lambda: self._last_deployment(name)["status"] == "checking", f"the watch over {name}", 90)
            _kill(self._agent(name)["pid"])
        wait_until(lambda: self._last_deployment(name)["status"] == "failed", f"the failure of {commit} of {name}", 90)
        failed = self._last_deployment(name)
        expect(failed["step"] == step, f"{name} must fail at {step}: {failed}")
        self.truth.settled()
        expect(self._agent(name)["commit"] == before, f"{name} must be back on {before}")
        return f"{name} at {step}: {failed['reason']}"

    def roll_back(self) -> str:
        found = [name for name in self._running() if len(self._good(name)) > 1]
        if not found:
            return "nobody has anything to go back to"
        name = self._some(found)
        before = self._agent(name)["commit"]
        done = self.shell.hive("rollback", name, "--yes", check=False)
        if "nothing_to_roll_back" in done.stderr:  # it is at its first one again, by an earlier rollback
            return f"{name}: {done.stderr.strip()}"
        expect(not done.returncode, f"{name}: {done.stderr.strip()}")
        after = self._agent(name)["commit"]
        expect(after != before, f"{name} must run something else than {before}")
        return f"{name} from {before[:12]} to {after[:12]}"

    def rebuild(self) -> str:
        name = self._some(self._running())
        self.shell.hive("rebuild", name)
        return name

    def destroy_and_revive(self) -> str:
        name = self._some([name for name in self._running() if name != "queen"])
        before = self._agent(name)
        self.shell.hive("destroy", name, "--yes")
        self.truth.buried.add(name)
        self.truth.look()
        said = self._revive(name)
        after = self._agent(name)
        expect(after["id"] == before["id"], f"{name} must be the same agent")
        expect(after["session_id"] == before["session_id"], f"{name} must go on with its conversation")
        return said

    def down_and_up(self) -> str:
        self.shell.hive("down")
        self.truth_of_the_left_alone()
        self._up()
        return "hived went and came; the agents worked on"

    def truth_of_the_left_alone(self) -> None:
        left = [
            p
            for p in processes(self.shell.home).values()
            if p["agent"] and "agentd" in p["command"] and not p["inside"]
        ]
        expect(left, "hive down must leave the agents at work")

    def everybody_up(self) -> None:
        for name in sorted(self.truth.paused):
            self.shell.hive("resume", name)
        self.truth.paused.clear()
        for name in sorted(self.truth.stopped):
            self.shell.hive("start", name)
        self.truth.stopped.clear()
        for name in sorted(self.truth.buried):
            self._revive(name)

    # What they share -------------------------------------------------------------------------------------------

    def _revive(self, name: str) -> str:
        self.shell.hive("revive", name, "--yes")
        self.truth.buried.discard(name)
        return f"{name} was buried and lives"

    def _commit(self, name: str, *, note: str, bad: str = "") -> str:
        """The operator's own commit, in a clone of what runs."""
        self.number += 1
        applied, repo = self.shell.home / "applied" / name, self._clone(name)
        if not repo.exists():
            git(self.clones, "clone", "--quiet", str(applied), name)
        git(repo, "fetch", "--quiet", "origin")
        git(repo, "reset", "--quiet", "--hard", "origin/main")
        toml = repo / "agent.toml"
        text = "\n".join(line for line in toml.read_text().splitlines() if not line.startswith("# change"))
        if bad == "start":
            text = re.sub(r'scenario = "[^"]*"', 'scenario = "gone.toml"', text)
        toml.write_text(f"{BAD.get(bad, '')}# change {self.number}\n{text}\n")
        git(repo, "-c", "user.name=op", "-c", "user.email=op@host", "commit", "--quiet", "-am", note)
        return git(repo, "rev-parse", "HEAD")

    def _clone(self, name: str) -> Path:
        return self.clones / name

    def _propose(self, name: str, commit: str, *, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.shell.hive("propose", name, commit, "--from", str(self._clone(name)), "--json", check=check)

    def _last_deployment(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self.shell.json("deployments", name)["deployments"][0]
        return found

    def _good(self, name: str) -> set[str]:
        return {d["commit"] for d in self.shell.json("deployments", name)["deployments"] if d["status"] == "deployed"}

    def _kill(self, name: str, pid: int, *, harness: bool = True) -> str:
        before = self._agent(name)["generation"]
        _kill(pid)
        if harness:
            wait_until(lambda: self._agent(name)["generation"] > before, f"another generation of {name}", 60)
        return f"{name}, {pid}"

    def _up(self) -> None:
        self.shell.hive("up", "--detach")

    def _agent(self, name: str) -> dict[str, Any]:
        return self.truth.agents()[name]

    def _state(self, name: str) -> str | None:
        found = self.truth.agents().get(name)
        return None if found is None else str(found["lifecycle"]["state"])

    def _living(self) -> list[str]:
        return [name for name in self.truth.names if name not in self.truth.buried]

    def _running(self) -> list[str]:
        out = self.truth.buried | self.truth.stopped | self.truth.paused
        found = [name for name in self.truth.names if name not in out]
        expect(len(found) >= 4, f"too few run: {found}")
        return found

    def _some(self, names: list[str]) -> str:
        return self.random.choice(names)


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _id_of(answer: Any) -> str:
    if isinstance(answer, list):
        answer = answer[0]
    return str(answer["messages"][0]["id"] if "messages" in answer else answer["id"])
