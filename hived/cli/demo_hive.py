"""The demo's hive: a temporary home with a hived, a repository and scripted agents of its own, ended and removed with it.

with demo_hive() as hive:
    hive.play_to("asked")    # queen and builder at work, scout's spawn waits on the operator

It plays in this process's environment: HIVE_HOME names the temporary home until the end.
"""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from hived.cli.approvals import decide
from hived.cli.lifecycle import act
from hived.cli.running import launch
from hived.cli.spawn import ask, await_online
from hived.cli.watch import Watch
from hived.client import oneshot
from hived.demo.repository import make_repository
from hived.paths import HivePaths, hive_paths
from hived.wire import routes
from hived.wire.errors import DemoFailed, HiveError
from hived.wire.names import OPERATOR, QUEEN
from hived.wire.process_identity import ProcessIdentity

Point = Literal["started", "asked", "approved", "done"]
POINTS: tuple[Point, ...] = ("started", "asked", "approved", "done")
BUILDER = "builder"
SCOUT = "scout"
AGENTS = (QUEEN, BUILDER, SCOUT)

TASK = "One test of till fails: the discount. Please have it fixed, and the README checked against the code."
RULES: tuple[dict[str, Any], ...] = (
    {
        "tool": "Bash",
        "pattern": "python3 -m unittest -q",
        "agent": BUILDER,
        "reason": "Its tests are quick and harmless.",
    },
    {
        "tool": "Bash",
        "pattern": "git push*",
        "verdict": "deny",
        "scope": "hive",
        "reason": "Pushing is the operator's.",
    },
)
"""The first answers what builder asks of its tests, so that nobody is asked."""
BUDGET = {"scope": "hive", "window": "day", "usd": 2.0}
LAST_WORDS = "All done"
"""How the queen's report to the operator begins."""

STEP_SECONDS = 60.0
STEP_SECONDS_A_PACE = 240.0
"""With the play's own waits: more than any stretch between two points takes."""
END_SECONDS = 5.0
_WAIT = re.compile(r"\b(pace = |wait_seconds = )(\d+(?:\.\d+)?)")
OURS = ("HIVE_HOME", "HIVE_EVENTS_DB", "HIVE_MODEL_FILE", "HIVE_CONTEXT_WINDOW")


class DemoHive:
    """Made by `demo_hive`. `pace` stretches every wait of the play: 1 as real agents, 0 as fast as it goes."""

    def __init__(self, folder: Path, home: Path, pace: float) -> None:
        self.home = home
        self.pace = pace
        self.paths: HivePaths = hive_paths()
        self._folder = folder
        self.repo = folder / "till"
        """Beside the hive's own folders, as every origin must be."""
        self.scenarios = folder / "scenarios"
        self._hived: subprocess.Popen[bytes] | None = None
        self._reached: int = -1

    def open(self) -> None:
        """Make the repository and the scenarios; start hived."""
        make_repository(self.repo)
        self.scenarios.mkdir()
        for name in AGENTS:
            text = resources.files("hived.demo").joinpath(f"{name}.toml").read_text(encoding="utf-8")
            (self.scenarios / f"{name}.toml").write_text(self._staged(text), encoding="utf-8")
        self._hived = launch(self.paths)

    def play_to(self, point: Point) -> None:
        """Play on until that point, deciding what is asked on the way. Earlier points are passed; none is played twice."""
        steps = (self._start, self._await_ask, self._approve, self._await_end)
        for step in steps[self._reached + 1 : POINTS.index(point) + 1]:
            step()
            self._reached += 1

    def workspace(self, name: str) -> Path:
        return self.paths.agent(name).workspace

    def close(self) -> None:
        """Stop the agents and hived, whatever state they are in, and remove the home. Ends only what the demo started."""
        with contextlib.suppress(HiveError):
            names = [agent["name"] for agent in oneshot.call("GET", routes.AGENTS, timeout=END_SECONDS)["agents"]]
            if names:
                act("stop", names)
        if self._hived is not None:
            _end(self._hived)
        for identity in self._harnesses():
            _end_harness(identity)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _staged(self, scenario: str) -> str:
        """The scenario with this home's paths, and every wait stretched by the pace."""
        for token, path in (("@SCENARIOS@", self.scenarios), ("@REPO@", self.repo)):
            scenario = scenario.replace(token, str(path))
        return _WAIT.sub(lambda wait: f"{wait[1]}{float(wait[2]) * self.pace:g}", scenario)

    def _spec(self, name: str, role: str, model: str) -> dict[str, Any]:
        return {
            "name": name,
            "role": role,
            "model": model,
            "engine": "scripted",
            "parent": None if name == QUEEN else QUEEN,
            "repo": str(self.repo),
            "engine_options": {"scenario": str(self.scenarios / f"{name}.toml")},
            # `python3` in a scenario is the Python that runs the demo.
            "env": {
                "PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', os.defpath)}",
                "PYTHONDONTWRITEBYTECODE": "1",
            },
        }

    def _start(self) -> None:
        queen = decide("approve", ask(self._spec(QUEEN, "queen", "opus"))["id"], None)
        builder = decide("approve", ask(self._spec(BUILDER, "worker", "sonnet"))["id"], None)
        await_online(queen, builder)
        for rule in RULES:
            oneshot.call("POST", routes.RULES, rule)
        oneshot.call("PUT", routes.BUDGETS, BUDGET)
        oneshot.call("POST", routes.MESSAGES, {"to": QUEEN, "body": TASK})

    def _await_ask(self) -> None:
        self._await(lambda watch: self._asked(watch) is not None, "the queen's request for scout")

    def _approve(self) -> None:
        asked = self._asked(Watch())
        if asked is not None:
            decide("approve", asked["id"], None)
        self._await(lambda watch: SCOUT in watch.agents and watch.is_online(SCOUT), "scout being online")

    def _await_end(self) -> None:
        self._await(lambda _: bool(self._questions()), "the queen's question")
        for question in self._questions():
            if question["status"] == "pending":
                path = oneshot.path_of(routes.QUESTION_ANSWER, id=question["id"])
                oneshot.call("POST", path, {"options": [0]}, idempotency_key=oneshot.new_key())

        def ended(watch: Watch) -> bool:
            return any(
                message["sender"] == QUEEN
                and message["recipient"] == OPERATOR
                and message["body"].startswith(LAST_WORDS)
                for message in watch.messages.values()
            ) and all(watch.is_idle(name) for name in AGENTS)

        self._await(ended, "the end of the play")

    def _await(self, condition: Callable[[Watch], bool], what: str) -> None:
        """Raises DemoFailed as soon as a turn went wrong, TookTooLong where nothing happens."""

        def reached(watch: Watch) -> bool:
            for agent in watch.agents.values():
                if agent["last_outcome"] not in (None, "ok"):
                    raise DemoFailed(
                        reason=f"a turn of {agent['name']} ended {agent['last_outcome']}: {agent['last_error']}"
                    )
            return condition(watch)

        Watch().until(reached, STEP_SECONDS + STEP_SECONDS_A_PACE * self.pace, what)

    def _questions(self) -> list[dict[str, Any]]:
        """What the operator was asked."""
        found = oneshot.call("GET", routes.QUESTIONS, query={"all": True})["questions"]
        return [question for question in found if question["recipient"] == OPERATOR]

    def _asked(self, watch: Watch) -> dict[str, Any] | None:
        for approval in watch.approvals.values():
            if approval["status"] == "pending" and approval["payload"].get("name") == SCOUT:
                return approval
        return None

    def _harnesses(self) -> list[ProcessIdentity]:
        files = self.paths.agents.glob("*/harness/agentd.pid")
        found = [ProcessIdentity.read(file) for file in files]
        return [identity for identity in found if identity is not None and identity.alive]


@contextlib.contextmanager
def demo_hive(pace: float = 1.0) -> Iterator[DemoHive]:
    """A demo hive with hived up, in a temporary home with a short path; all of it gone at the end, however that comes."""
    before = {name: os.environ.pop(name, None) for name in OURS}
    folder = Path(tempfile.mkdtemp(prefix="hvdemo", dir="/tmp"))
    home = folder / "hive"
    home.mkdir(mode=0o700)
    os.environ["HIVE_HOME"] = str(home)
    try:
        hive = DemoHive(folder, home, pace)
        try:
            hive.open()
            yield hive
        finally:
            with _undisturbed():
                hive.close()
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Signals that would end this process wait: cleaning up is bounded, and is done once."""
    wanted = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
    before = signal.pthread_sigmask(signal.SIG_BLOCK, wanted)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(END_SECONDS * 2)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(END_SECONDS)


def _end_harness(identity: ProcessIdentity) -> None:
    """A harness is the first of its own process group."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(identity.pid, sign)
        deadline = time.monotonic() + END_SECONDS
        while identity.alive and time.monotonic() < deadline:
            time.sleep(0.02)
        if not identity.alive:
            return
