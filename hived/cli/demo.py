"""`hive demo`: a queen and her workers on the scripted engine, in a temporary home that ends with the demo."""

import argparse
import os
import signal
import subprocess
import sys
import time
from typing import Any, NoReturn

from hived.cli.agents import money
from hived.cli.command import Arguments, Command
from hived.cli.demo_hive import AGENTS, BUILDER, SCOUT, DemoHive, demo_hive
from hived.cli.output import note, print_facts, print_json
from hived.client import oneshot
from hived.demo.repository import TEST
from hived.wire import routes
from hived.wire.errors import DemoFailed, UsageError
from hived.wire.names import OPERATOR, QUEEN

TUI_END_SECONDS = 5.0
TEST_SECONDS = 60.0
AS_REAL_AGENTS = 1.0
AS_FAST_AS_IT_GOES = 0.0


def _declare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--headless", action="store_true", help="no screen: play to the end, check it, print a summary")
    parser.add_argument(
        "--pace", type=float, metavar="P", help="stretches the play's waits: 1 as real agents, 0 as fast as it goes"
    )


def _run(arguments: Arguments) -> int:
    for sign in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(sign, _end)
    if arguments.headless:
        return _headless(AS_FAST_AS_IT_GOES if arguments.pace is None else arguments.pace, arguments.json)
    if arguments.json:
        raise UsageError(reason="The screen has no JSON: add --headless.")
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError(reason="The demo's screen needs a terminal; without one: hive demo --headless")
    note(
        "Making a hive in a temporary home. When the queen asks for scout: w, then a; 1 answers her question. To end it: q."
    )
    with demo_hive(AS_REAL_AGENTS if arguments.pace is None else arguments.pace) as hive:
        hive.play_to("started")
        _show_screen()
        note("Ending the demo's hive …")
    note("It is gone, with its home. For a hive of your own: hive init --engine claude (see: hive --help)")
    return 0


def _end(number: int, _: object) -> NoReturn:
    raise SystemExit(128 + number)


def _show_screen() -> None:
    screen = subprocess.Popen([sys.executable, "-m", "hivetui", "--demo"])
    try:
        screen.wait()
    finally:
        if screen.poll() is None:
            screen.terminate()
            try:
                screen.wait(TUI_END_SECONDS)
            except subprocess.TimeoutExpired:
                screen.kill()
                screen.wait()


def _headless(pace: float, as_json: bool) -> int:
    began = time.monotonic()
    with demo_hive(pace) as hive:
        note(f"The demo plays in {hive.home} …")
        hive.play_to("done")
        found = {**summary(hive), "seconds": round(time.monotonic() - began, 1)}
    if as_json:
        print_json(found)
    else:
        _print(found)
    return 0


def summary(hive: DemoHive) -> dict[str, Any]:
    """What the play came to, each promise of it checked on the real parts. Raises DemoFailed."""
    agents = [agent for agent in oneshot.call("GET", routes.AGENTS)["agents"] if agent["name"] in AGENTS]
    messages = oneshot.call("GET", routes.MESSAGES, query={"limit": 200})["messages"]
    approvals = oneshot.call("GET", routes.APPROVALS, query={"kind": "spawn"})["approvals"]
    _check(len(agents) == len(AGENTS), f"there are {len(agents)} agents, not {len(AGENTS)}.")
    for agent in agents:
        _check(agent["online"], f"{agent['name']} is not online.")
        _check(agent["last_outcome"] == "ok", f"{agent['name']}'s last turn ended {agent['last_outcome']}.")
    between = [message for message in messages if message["recipient"] != OPERATOR]
    pending = [message for message in between if message["status"] != "acked"]
    _check(not pending, f"{len(pending)} messages are not acked.")
    scout = [approval for approval in approvals if approval["payload"].get("name") == SCOUT]
    _check(len(scout) == 1 and scout[0]["status"] == "approved", "the spawn of scout was not asked for and approved.")
    _check(scout[0]["requester"] == QUEEN, "the spawn of scout was not asked for by the queen.")
    questions = oneshot.call("GET", routes.QUESTIONS, query={"all": True})["questions"]
    open_ones = [question["text"] for question in questions if question["status"] != "answered"]
    _check(len(questions) == 2 and not open_ones, f"not every question was answered: {open_ones}.")
    rules = oneshot.call("GET", routes.RULES)["rules"]
    hits = sum(rule["hits"] for rule in rules)
    _check(hits, "no rule answered anything.")
    work = {name: _work(name) for name in (BUILDER, SCOUT)}
    tests = subprocess.run(
        [sys.executable, *TEST], cwd=hive.workspace(BUILDER), capture_output=True, text=True, timeout=TEST_SECONDS,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}, check=False,
    )  # fmt: skip
    _check(tests.returncode == 0, "the tests still fail in builder's clone.")
    spent = [agent["spend"]["total_usd"] for agent in agents if agent["spend"]["total_usd"] is not None]
    return {
        "home": str(hive.home),
        "agents": [agent["name"] for agent in agents],
        "turns": sum(agent["spend"]["turns"] for agent in agents),
        "messages": {"between_agents": len(between), "to_operator": len(messages) - len(between)},
        "spawn": {"name": SCOUT, "asked_by": scout[0]["requester"], "status": scout[0]["status"]},
        "questions": len(questions),
        "asks_answered_by_rules": hits,
        "work": work,
        "tests": "pass",
        "cost_usd": round(sum(spent), 4) if spent else None,
    }


def _work(name: str) -> dict[str, Any]:
    """What the agent committed on its branch, beside where its clone began; as hived reads it, for git runs in no clone."""
    found = oneshot.call("GET", oneshot.path_of(routes.AGENT_WORK, name=name))
    state = found["state"]
    _check(state["commits"] and state["head"], f"{name} committed nothing on {state['branch']}.")
    _check(not state["changed"], f"{name} left {state['changed']} files uncommitted.")
    files = [file["path"] for file in found["files"]]
    return {"branch": state["branch"], "commit": state["head"][:12], "files": files}


def _check(holds: object, reason: str) -> None:
    if not holds:
        raise DemoFailed(reason=reason)


def _print(found: dict[str, Any]) -> None:
    spawn, messages = found["spawn"], found["messages"]
    print_facts(
        [
            ("agents", ", ".join(found["agents"])),
            ("turns", found["turns"]),
            (
                "messages",
                f"{messages['between_agents']} to agents, all acked; {messages['to_operator']} to the operator",
            ),
            ("questions", f"{found['questions']}, all answered"),
            ("rules", f"{found['asks_answered_by_rules']} asks answered by one, nobody was bothered"),
            ("spawn", f"{spawn['name']}, asked by {spawn['asked_by']}: {spawn['status']}"),
            *(
                (name, f"{', '.join(work['files'])} in {work['commit']} on {work['branch']}")
                for name, work in found["work"].items()
            ),
            ("tests", found["tests"]),
            ("cost", f"{money(found['cost_usd'])} (scripted figures)" if found["cost_usd"] is not None else None),
            ("took", f"{found['seconds']} s"),
        ]
    )


COMMANDS = {"demo": Command(_declare, _run)}
