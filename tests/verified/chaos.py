"""Ten agents send, ask, escalate, remind and ask permission at once while hived and they are killed at random for five minutes; then the files alone prove every promise."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from tests.support.claude import find_claude
from tests.support.hive import LiveHive, live_hive
from tests.support.living import claude, command, loopback_model, scripted
from tests.verified.chaos_operator import Operator
from tests.verified.engines import script
from tests.verified.promises import Evidence, prove
from tests.verified.shell import expect, wait_until

SECONDS = float(os.environ.get("HIVE_CHAOS_SECONDS", "300"))
SEED = int(os.environ.get("HIVE_CHAOS_SEED", "20261121"))
KILL_EVERY = (1.0, 4.0)
"""Seconds from one kill to the next."""
REST_SECONDS = 240.0
QUIET_SECONDS = 3.0
MOST_UNREAD = 40
WORKERS = [f"w{number}" for number in range(1, 9)]
NAMES = ["queen", *WORKERS, "clara"]
CONFIG = "crash_budget = 1000\nescalation_seconds = 4\ndamper_messages = 12\ndamper_seconds = 60\n"


def run() -> list[str]:
    cli = find_claude()
    expect(cli, "Claude Code must be on this machine (HIVE_TEST_CLAUDE)")
    assert cli
    with loopback_model() as url, live_hive(start=False) as hive:
        (hive.home / "hive.toml").write_text(CONFIG)
        hive.start()
        scripted(hive, queen(), "queen", role="queen")
        for number, name in enumerate(WORKERS):
            scripted(hive, worker(WORKERS[number - 1]), name, parent="queen")
        claude(hive, cli, url, "clara", parent="queen")
        operator = Operator(hive, SEED)
        operator.put("/v1/budgets", {"agent": "w8", "window": "hour", "turns": 5})
        under_fire(operator)
        at_rest(operator)
        checked = command(hive, "check")
        expect(checked.returncode == 0, f"hive check says: {checked.stdout}{checked.stderr}")
        command(hive, "down", "--agents")
        wait_until(lambda: not list(of_home(hive.home)), "the end of every process of this hive", 30)
        proof = prove(hive.home)
        tally(hive, operator)
    did = ", ".join(f"{what} {count}" for what, count in sorted(operator.did.items()))
    return [
        f"seed {SEED}, {SECONDS:g} s: {', '.join(NAMES)} (clara on the real Claude Code)",
        f"the operator: {did}",
        "no process of the hive is left",
        "",
        *proof,
    ]


def under_fire(operator: Operator) -> None:
    """Work is given, whatever waits is decided, and something is killed, until the time is over."""
    random = operator.random
    end, next_kill, next_work = time.monotonic() + SECONDS, time.monotonic() + 5, time.monotonic()
    round = 0
    while time.monotonic() < end:
        if time.monotonic() >= next_kill:
            operator.kill(NAMES)
            next_kill = time.monotonic() + random.uniform(*KILL_EVERY)
        elif time.monotonic() >= next_work:
            round += 1
            unread = sum(agent["unread"] for agent in operator.get("/v1/agents")["agents"])
            if unread < MOST_UNREAD:
                give_work(operator, round)
            next_work = time.monotonic() + 0.5
        elif not operator.decide_one():
            time.sleep(0.05)


def give_work(operator: Operator, round: int) -> None:
    to = operator.random.choice(NAMES)
    if to == "clara":
        operator.send(to, script(*round_of_clara(round)))
    elif to == "queen":
        operator.send(to, f"tell everyone, round {round}")
    else:
        what = operator.random.choices(("work", "chatter", "trouble"), (8, 1, 1))[0]
        operator.send(to, f"{what}, round {round}")


def at_rest(operator: Operator) -> None:
    """Nothing is killed any more, all that waits is decided, until nobody has anything left to do."""
    deadline = time.monotonic() + REST_SECONDS
    quiet_since = None
    while quiet_since is None or time.monotonic() - quiet_since < QUIET_SECONDS:
        decided = operator.decide_one(at_rest=True)
        left = what_is_left(operator)
        quiet_since = None if decided or left else quiet_since or time.monotonic()
        expect(time.monotonic() < deadline, f"after {REST_SECONDS:g} s there is still: {'; '.join(left)}")
        time.sleep(0.0 if decided else 0.2)


def what_is_left(operator: Operator) -> list[str]:
    """Who has something to do, and what is open; empty of a hive at rest."""
    busy = [
        f"{agent['name']} (online {agent['online']}, {agent['turn']['state']}, unread {agent['unread']}, held {agent['held']})"
        for agent in operator.get("/v1/agents")["agents"]
        if not agent["online"] or agent["turn"]["state"] != "idle" or agent["unread"] or agent["held"]
    ]
    questions = [q for q in operator.get("/v1/questions")["questions"] if q["status"] == "pending"]
    reminders = [r for r in operator.get("/v1/reminders")["reminders"] if r["status"] in ("pending", "sent")]
    open_ones = [f"question {q['id']} of {q['asker']} to {q['recipient']}" for q in questions]
    return [*busy, *open_ones, *(f"reminder {r['id']} of {r['agent']} is {r['status']}" for r in reminders)]


def tally(hive: LiveHive, operator: Operator) -> None:
    """What two clients were told is what the books say; and no tool ran that nobody had allowed."""
    known = {approval["id"]: approval for approval in Evidence(hive.home).approvals}
    allowed = sum(a["requester"] == "clara" and a["status"] == "approved" for a in known.values())
    for id, verdict in operator.duels.items():
        expect(known[id]["status"] == verdict, f"{verdict} won {id}, and the books say {known[id]['status']}")
    file = hive.paths.agent("clara").workspace / "tally"
    ran = len(file.read_text().splitlines()) if file.exists() else 0
    expect(ran <= allowed, f"clara ran {ran} commands, and {allowed} were allowed")


def of_home(home: Path) -> Iterator[psutil.Process]:
    """Every process that has this home in its environment, or works in it."""
    for process in psutil.process_iter():
        try:
            if process.environ().get("HIVE_HOME") == str(home) or process.cwd().startswith(str(home)):
                yield process
        except (psutil.Error, OSError):
            continue


def queen() -> str:
    return """
[[turn]]
match = "tell everyone"
repeat = true
steps = [{answer_all = "in your own words"}, {send = {to = "*", body = "hear all: {message_id}"}}, {say = "Told."}]

[[turn]]
repeat = true
steps = [{answer_all = "in your own words"}, {say = "Noted."}]
"""


def worker(neighbour: str) -> str:
    return f"""
[[turn]]
match = "chatter, round"
repeat = true
steps = [{{answer_all = "yes"}}, {{send = {{to = "{neighbour}", body = "back and forth, {{message_id}}"}}}}]

[[turn]]
match = "back and forth"
repeat = true
steps = [{{answer_all = "yes"}}, {{send = {{to = "{{from}}", body = "back and forth, {{message_id}}"}}}}]

[[turn]]
match = "trouble"
repeat = true
steps = [{{fail = {{outcome = "failed", error = "a bad day", retryable = false}}}}]

[[turn]]
match = "work"
repeat = true
steps = [
  {{answer_all = "yes"}},
  {{send = {{to = "{neighbour}", body = "from {{agent}}, about {{message_id}}"}}}},
  {{ask = {{text = "Which way, for {{message_id}}?", options = ["left", "right"]}}}},
  {{ask = {{to = "{neighbour}", text = "Is it done?", deadline_seconds = 20}}}},
  {{ask = {{text = "May I go on?", escalate = true}}}},
  {{remind = {{text = "look again at {{message_id}}", delay_seconds = 2}}}},
  {{ask_permission = {{tool = "Bash", input = {{command = "make {{agent}}"}}}}}},
  {{say = "Worked."}},
]

[[turn]]
repeat = true
steps = [{{answer_all = "yes"}}, {{say = "Noted."}}]
"""


def round_of_clara(round: int) -> list[dict[str, object]]:
    """A turn of the real Claude Code: a command that must be allowed, a question, a reminder, a message."""
    return [
        {"tool": "Bash", "input": {"command": f"echo {round} >> tally", "description": "count"}},
        {"tool": "mcp__hive__ask", "input": {"text": f"How far, in round {round}?", "options": ["far", "near"]}},
        {"tool": "mcp__hive__remind", "input": {"text": f"round {round}", "delay_seconds": 3}},
        {"tool": "mcp__hive__send", "input": {"to": "w1", "body": f"clara was here in round {round}"}},
        {"text": "Done."},
    ]


if __name__ == "__main__":
    print(*run(), sep="\n")
