"""Twenty agents in bwrap, half of them on real engines, are killed, restarted, redeployed, rolled back, destroyed and revived for ten minutes; after every step no work is lost, no process is an orphan, and what hive says is true."""

import json
import os
import random
import shutil
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.acp import find_agent
from tests.support.claude import find_claude, find_newest_claude
from tests.support.living import loopback_model
from tests.verified.lifecycle_deeds import Deeds
from tests.verified.lifecycle_truth import Truth
from tests.verified.shell import Failed, Shell, expect, temporary_hive

SECONDS = float(os.environ.get("HIVE_LIFECYCLE_SECONDS", "600"))
SEED = int(os.environ.get("HIVE_LIFECYCLE_SEED", "20261121"))
SCRIPTED = ["queen", *(f"s{number}" for number in range(1, 10))]
CLAUDES = [f"c{number}" for number in range(1, 7)]
ACPS = ["a1", "a2"]
APIS = ["p1", "p2"]
NAMES = [*SCRIPTED, *CLAUDES, *ACPS, *APIS]
CONFIG = {"healthy_seconds": 1.5, "runtime": "bwrap", "crash_budget": 1000, "start_seconds": 60, "setup_seconds": 20}
QUIET = {"CLAUDE_CODE_MAX_RETRIES": "1", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1"}
SCENARIO = """
[[turn]]
match = "work"
repeat = true
steps = [
  {shell = "echo work >> done && git add -A && git commit -qm work"},
  {wait_seconds = 0.3},
  {reply_all = "done {message_id}"},
]

[[turn]]
repeat = true
steps = [{say = "Noted."}]
"""


def run() -> list[str]:
    os.environ["HIVE_RUNTIME"] = "bwrap"
    with (
        tempfile.TemporaryDirectory(prefix="origin") as outside,
        loopback_model() as url,
        temporary_hive(CONFIG) as shell,
    ):
        began = time.monotonic()
        origin = make_origin(Path(outside))
        make_all(shell, url, origin)
        made = time.monotonic() - began
        truth = Truth(shell, NAMES)
        deeds = Deeds(shell, truth, random.Random(SEED), scripted=SCRIPTED, clones=Path(outside))
        for name in NAMES:
            deeds.give(name)
        truth.until_all_is_done()
        truth.look()
        truth.walls()
        did = under_way(deeds, truth)
        at_rest(shell, deeds, truth)
        came_home = bring_home(shell, origin, truth)
        shell.hive("check")
        counts = truth.counts()
        shell.hive("down", "--agents")
        truth.nothing_left()
    return [
        f"seed {SEED}, {SECONDS:g} s: {len(NAMES)} agents in bwrap without a network, made in {made:.0f} s:"
        f" {len(SCRIPTED)} scripted, {len(CLAUDES)} Claude Code, {len(ACPS)} ACP, {len(APIS)} api",
        "steps: " + ", ".join(f"{what} {count}" for what, count in sorted(did.items())),
        f"after every step ({truth.looks} looks): states against the process table, orphans by a walk of /proc, commits"
        " against hive.lock and the tags, work given against work done",
        *counts,
        f"brought home by hive work --fetch: {came_home}",
        "hive check found nothing; after hive down --agents no process of the hive is left",
    ]


def under_way(deeds: Deeds, truth: Truth) -> Counter[str]:
    """Work is given, and something is done to some agent, until the time is over; the truth is looked at after each step."""
    did: Counter[str] = Counter()
    steps: list[tuple[int, Callable[[], str]]] = deeds.steps()
    end = time.monotonic() + SECONDS
    number = 0
    while time.monotonic() < end:
        number += 1
        deeds.give_work()
        step = deeds.random.choices([step for _, step in steps], [weight for weight, _ in steps])[0]
        what = step.__name__
        try:
            said = step()
            truth.look()
        except (Failed, AssertionError) as error:
            raise Failed(f"step {number}, {what} (seed {SEED}): {error}") from error
        did[what.replace("_", " ")] += 1
        if os.environ.get("HIVE_LIFECYCLE_SAY"):
            print(f"{number:4} {what}: {said}", flush=True)
    return did


def at_rest(shell: Shell, deeds: Deeds, truth: Truth) -> None:
    """Everybody lives and runs again, and all the work is done."""
    deeds.everybody_up()
    truth.until_all_is_done()
    truth.look()


def bring_home(shell: Shell, origin: Path, truth: Truth) -> str:
    """All commits of everybody come home by SHA, and then a purge takes nothing that is nowhere else."""
    count = 0
    for name in NAMES:
        work = shell.json("work", name)
        shell.hive("work", name, "--fetch")
        tip = git(origin, "rev-parse", f"refs/heads/hive/{name}")
        expect(tip == work["state"]["head"], f"{name}: {work['state']['head']} was to come home, and {tip} did")
        count += int(git(origin, "rev-list", "--count", f"main..hive/{name}"))
    gone = "s9"
    shell.hive("destroy", gone, "--purge", "--yes")
    expect(not Path(shell.home, "agents", gone).exists(), f"{gone} is purged, and its folder is there")
    return f"{count} commits of {len(NAMES)} agents; {gone} was purged afterwards without --discard-work"


def make_origin(outside: Path) -> Path:
    """Beside the hive's own folders: nothing of those is there inside."""
    origin = outside / "origin"
    origin.mkdir()
    git(origin, "init", "--quiet", "--initial-branch=main")
    (origin / "README").write_text("the origin\n")
    git(origin, "add", "-A")
    git(origin, "-c", "user.name=op", "-c", "user.email=op@host", "commit", "--quiet", "-m", "first")
    return origin


def git(folder: Path, *words: str) -> str:
    """The operator's own git, in a repository of the operator's."""
    done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, check=False, timeout=60)
    expect(not done.returncode, f"git {' '.join(words)}: {done.stderr.strip()}")
    return done.stdout.strip()


def make_all(shell: Shell, url: str, origin: Path) -> None:
    file = origin.with_name("worker.toml")
    file.write_text(SCENARIO)
    common = ["--repo", str(origin), "--yes"]
    for name in SCRIPTED:
        role = ["--role", "queen"] if name == "queen" else ["--parent", "queen"]
        shell.hive("spawn", name, "--engine", "scripted", "--scenario", str(file), *role, *common)
    model = [f"--env=ANTHROPIC_BASE_URL={url}", "--env-from=ANTHROPIC_API_KEY"]
    quiet = [f"--env={name}={value}" for name, value in QUIET.items()]
    (shell.home / "secrets.toml").write_text('ANTHROPIC_API_KEY = "sk-secret-of-the-operator"\n')
    (shell.home / "secrets.toml").chmod(0o600)
    programs = [cli for cli in (find_claude(), find_newest_claude()) if cli]
    expect(programs, "Claude Code must be on this machine (HIVE_TEST_CLAUDE)")
    for number, name in enumerate(CLAUDES):
        options = ["--option", f"command={programs[number % len(programs)]}", "--option", 'allowed_tools=["Bash"]']
        shell.hive("spawn", name, "--engine", "claude", *options, *model, *quiet, *common)
    path = find_agent("claude-agent-acp")
    expect(path, "claude-agent-acp must be on this machine (HIVE_TEST_ACP)")
    adapter = shutil.which("claude-agent-acp", path=path)
    for name in ACPS:
        options = [
            "--option", "agent=claude-agent-acp", "--command", str(adapter),
            "--option", "permission_mode=bypassPermissions", f"--env=PATH={path}",
        ]  # fmt: skip
        shell.hive("spawn", name, "--engine", "acp", *options, *model, *quiet, *common)
    for name in APIS:
        options = [
            "--option",
            "provider=anthropic",
            "--option",
            f"base_url={url}",
            "--option",
            "permission_mode=bypassPermissions",
        ]
        shell.hive(
            "spawn", name, "--engine", "api", "--model", "claude-haiku-4-5", *options,
            "--env-from=ANTHROPIC_API_KEY", *common,
        )  # fmt: skip


def script(*steps: dict[str, Any]) -> str:
    """Words that make the loopback model say and do these steps."""
    return f"@@script {json.dumps(steps)}"


if __name__ == "__main__":
    print(*run(), sep="\n")
