"""`hive start`, `stop`, `restart`, `resume` and `wait`: each answers when it is done."""

import argparse
from collections.abc import Callable
from typing import Any

from hived.cli.agents import held_up
from hived.cli.command import Arguments, Command, checked_names, listed, names, seconds
from hived.cli.output import note, print_json
from hived.cli.watch import Watch
from hived.client import oneshot
from hived.wire import routes
from hived.wire.errors import HiveError, UsageError

MOST_AT_ONCE = 16
DONE = {
    "start": "runs",
    "stop": "is stopped",
    "restart": "runs again",
    "rebuild": "is rebuilt and runs",
    "resume": "goes on",
}


def act(action: str, wanted: list[str], body: Any = None) -> list[dict[str, Any]]:
    """Do it to all of them at once; their views. Raises the first error once every one has answered."""
    if len(wanted) == 1:
        return [_act_on(action, wanted[0], body)]
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(MOST_AT_ONCE) as pool:
        answers = [pool.submit(_act_on, action, name, body) for name in wanted]
    errors = [error for answer in answers if (error := answer.exception()) is not None]
    if errors:
        done = [answer.result()["name"] for answer in answers if answer.exception() is None]
        first = errors[0]
        if done and isinstance(first, HiveError):
            first.message += f" (Done: {', '.join(done)}.)"
        raise first
    return [answer.result() for answer in answers]


def _act_on(action: str, name: str, body: Any) -> dict[str, Any]:
    path = oneshot.path_of(routes.AGENT_ACTION, name=name, action=action)
    view: dict[str, Any] = oneshot.call("POST", path, body, idempotency_key=oneshot.new_key())
    return view


def chosen(action: str, arguments: Arguments, fits: Callable[[dict[str, Any]], bool] = lambda _: True) -> list[str]:
    """The agents that are named, or with --all every one that fits. Raises UsageError for neither and for both."""
    if bool(arguments.names) == arguments.all:
        raise UsageError(reason=f"Say which agents, or --all (not both). See: hive {action} --help")
    if not arguments.all:
        return checked_names(arguments.names)
    return [agent["name"] for agent in listed(oneshot.call("GET", routes.AGENTS), "agents") if fits(agent)]


def tell(action: str, views: list[dict[str, Any]], arguments: Arguments, none: str = "There are no agents.") -> int:
    """What was done, for people or programs; the exit code."""
    if arguments.json:
        print_json(views[0] if len(arguments.names) == 1 else {"agents": views})
        return 0
    for view in views:
        print(f"{view['name']} {DONE[action]}")
    if not views:
        print(none)
    return 0


def _simply(action: str) -> Callable[[Arguments], int]:
    def run(arguments: Arguments) -> int:
        wanted = chosen(action, arguments)
        return tell(action, act(action, wanted) if wanted else [], arguments)

    return run


def _resume(arguments: Arguments) -> int:
    wanted = chosen("resume", arguments, _is_held_up)
    none = "No agent naps or is rate-limited."
    return tell("resume", act("resume", wanted) if wanted else [], arguments, none)


def _is_held_up(agent: dict[str, Any]) -> bool:
    limited = any(item["kind"] == "rate_limited" for item in agent["conditions"])
    return limited or agent["turn"]["until"] is not None or agent["turn"]["state"] == "napping"


def _declare_wait(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="+", metavar="NAME", help="an agent")
    parser.add_argument("--until", choices=("idle", "online", "stopped"), default="idle", help="default: idle")
    parser.add_argument("--timeout", type=seconds, metavar="S", help="give up after S seconds (exit 1)")


def _wait(arguments: Arguments) -> int:
    wanted = checked_names(arguments.names)
    watch = Watch()
    reached = {"idle": watch.is_idle, "online": watch.is_online, "stopped": watch.is_stopped}[arguments.until]

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
    "start": Command(names, _simply("start")),
    "stop": Command(names, _simply("stop")),
    "restart": Command(names, _simply("restart")),
    "resume": Command(names, _resume),
    "wait": Command(_declare_wait, _wait),
}
