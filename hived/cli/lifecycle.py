"""`hive start`, `stop`, `restart`, `kill`, `pause`, `resume` and `wait`: each answers when it is done.

Of many, each is done for itself and all at once: one that cannot be hides none of the others.
"""

import argparse
import sys
from collections.abc import Callable
from typing import Any

from hived.cli.agents import held_up
from hived.cli.command import Arguments, Command, checked_names, listed, names, seconds
from hived.cli.output import line, note, print_json
from hived.cli.watch import Watch
from hived.client import oneshot
from hived.wire import routes
from hived.wire.errors import HiveError, UsageError

MOST_AT_ONCE = {"pause": 64, "kill": 64}
"""What is to happen now is asked of all; what costs a process each, of 16 at a time."""
ACT_SECONDS = 240.0
"""hived answers sooner, with why not; an engine that is tried has 120 s to come up."""
BUILD_SECONDS = 1000.0
"""Of what may run its setup first, which may take ten minutes."""
DONE = {
    "start": "runs",
    "stop": "is stopped",
    "restart": "runs again",
    "rebuild": "is rebuilt and runs",
    "kill": "is killed",
    "pause": "is paused",
    "resume": "goes on",
}
NONE = {
    "start": "There is nothing to start.",
    "stop": "There is nothing to stop.",
    "kill": "There is nothing to kill.",
    "pause": "There is nothing to pause.",
    "resume": "No agent is paused, naps or is rate-limited.",
}


class Acted(list[dict[str, Any]]):
    """The views of those that it was done to, and why it was not done to the others."""

    def __init__(self, views: list[dict[str, Any]], errors: list[HiveError]) -> None:
        super().__init__(views)
        self.errors = errors


def act(action: str, wanted: list[str], body: Any = None) -> list[dict[str, Any]]:
    """As `attempt`, but raises the first error, once every one has answered."""
    acted = attempt(action, wanted, body)
    if acted.errors:
        first = acted.errors[0]
        if acted:
            first.message += f" (Done: {', '.join(view['name'] for view in acted)}.)"
        raise first
    return acted


def attempt(action: str, wanted: list[str], body: Any = None) -> Acted:
    """Do it to all of them at once, in the order given."""
    if len(wanted) == 1:
        return Acted([_act_on(action, wanted[0], body)], [])
    if not wanted:
        return Acted([], [])
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(MOST_AT_ONCE.get(action, 16)) as pool:
        answers = [pool.submit(_act_on, action, name, body) for name in wanted]
    errors = [error for answer in answers if (error := answer.exception()) is not None]
    for error in errors:
        if not isinstance(error, HiveError):
            raise error
    views = [answer.result() for answer in answers if answer.exception() is None]
    return Acted(views, [error for error in errors if isinstance(error, HiveError)])


def _act_on(action: str, name: str, body: Any) -> dict[str, Any]:
    path = oneshot.path_of(routes.AGENT_ACTION, name=name, action=action)
    seconds = BUILD_SECONDS if action in ("start", "restart", "rebuild") else ACT_SECONDS
    view: dict[str, Any] = oneshot.call("POST", path, body, idempotency_key=oneshot.new_key(), timeout=seconds)
    return view


def chosen(action: str, arguments: Arguments, fits: Callable[[dict[str, Any]], bool] = lambda _: True) -> list[str]:
    """The agents that are named, or with --all every one that fits. Raises UsageError for neither and for both."""
    if bool(arguments.names) == arguments.all:
        raise UsageError(reason=f"Say which agents, or --all (not both). See: hive {action} --help")
    if not arguments.all:
        return checked_names(arguments.names)
    return [agent["name"] for agent in listed(oneshot.call("GET", routes.AGENTS), "agents") if fits(agent)]


def tell(action: str, views: list[dict[str, Any]], arguments: Arguments, none: str = "There are no agents.") -> int:
    """What was done, for people or programs, then what was not: the exit code is that of the first that was not."""
    if arguments.json:
        print_json(views[0] if len(arguments.names) == 1 else {"agents": views})
    else:
        for view in views:
            print(_said(action, view))
    errors = views.errors if isinstance(views, Acted) else []
    if not views and not errors and not arguments.json:
        print(none)
    for error in errors:
        print(f"error[{error.code}]: {line(error.message)}", file=sys.stderr, flush=True)
    return errors[0].exit_code if errors else 0


def _said(action: str, view: dict[str, Any]) -> str:
    if view["lifecycle"]["state"] == "paused" and action in ("restart", "rebuild"):
        return f"{view['name']} has a new harness, and is paused as before"
    if action == "pause" and view["lifecycle"]["state"] != "paused":
        return f"{view['name']} has no process now ({view['lifecycle']['state']}), and will come up paused"
    return f"{view['name']} {DONE[action]}"


def _simply(action: str, fits: Callable[[dict[str, Any]], bool] = lambda _: True) -> Callable[[Arguments], int]:
    """`fits`: which of all it is meant for, with --all."""

    def run(arguments: Arguments) -> int:
        acted = attempt(action, chosen(action, arguments, fits))
        if arguments.all:  # it came to an end by itself meanwhile
            acted.errors = [error for error in acted.errors if error.code not in ("nothing_to_pause", "agent_buried")]
        return tell(action, acted, arguments, NONE.get(action, "There are no agents."))

    return run


def _is_held_up(agent: dict[str, Any]) -> bool:
    limited = any(item["kind"] == "rate_limited" for item in agent["conditions"])
    return bool(agent["paused"] or limited or agent["turn"]["until"] is not None or agent["turn"]["state"] == "napping")


def _is_not_paused(agent: dict[str, Any]) -> bool:
    return not agent["paused"]


def _runs(agent: dict[str, Any]) -> bool:
    return bool(agent["lifecycle"]["state"] != "stopped")


def _can_pause(agent: dict[str, Any]) -> bool:
    return bool(agent["lifecycle"]["state"] not in ("stopped", "parked", "stopping"))


def _declare_wait(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="+", metavar="NAME", help="an agent")
    parser.add_argument(
        "--until", choices=("idle", "online", "stopped", "paused"), default="idle", help="default: idle"
    )
    parser.add_argument("--timeout", type=seconds, metavar="S", help="give up after S seconds (exit 1)")


def _wait(arguments: Arguments) -> int:
    wanted = checked_names(arguments.names)
    watch = Watch()
    reached = {
        "idle": watch.is_idle, "online": watch.is_online, "stopped": watch.is_stopped, "paused": watch.is_paused,
    }[arguments.until]  # fmt: skip

    said: dict[str, str | None] = {}

    def all_reached(_: Watch) -> bool:
        found = {name: reached(name) for name in wanted}  # Every one is looked at, so that a wrong one is told at once.
        for name in (name for name, is_there in found.items() if not is_there):
            why = held_up(watch.agent(name))
            if why is not None and said.get(name) != why:
                note(why)
            said[name] = why
        return all(found.values())

    watch.until(all_reached, arguments.timeout, f"{', '.join(wanted)} being {arguments.until}")
    views = [watch.agent(name) for name in wanted]
    if arguments.json:
        print_json(views[0] if len(views) == 1 else {"agents": views})
    else:
        for name in wanted:
            print(f"{name} is {arguments.until}")
    return 0


COMMANDS = {
    "start": Command(names, _simply("start", _is_not_paused)),
    "stop": Command(names, _simply("stop")),
    "restart": Command(names, _simply("restart")),
    "kill": Command(names, _simply("kill", _runs)),
    "pause": Command(names, _simply("pause", _can_pause)),
    "resume": Command(names, _simply("resume", _is_held_up)),
    "wait": Command(_declare_wait, _wait),
}
