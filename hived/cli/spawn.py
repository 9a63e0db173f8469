"""`hive spawn` and `init`: a new agent is asked for, and with --yes decided and awaited."""

import argparse
import json
import shlex
from pathlib import Path
from typing import Any

from hived.cli.approvals import decide, print_approval
from hived.cli.command import Arguments, Command, confirmed, listed
from hived.cli.output import print_json
from hived.cli.watch import Watch
from hived.client import oneshot
from hived.wire import routes
from hived.wire.errors import StartFailed, UsageError
from hived.wire.names import QUEEN, checked_name

ONLINE_SECONDS = 60.0
"""A harness has 20 s to come online, and is tried again before it is parked."""


def _declare_spawn(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="a lower-case letter, then up to 31 letters, digits or hyphens")
    parser.add_argument("--engine", required=True, metavar="E", help="claude, command or scripted (see: hive engines)")
    parser.add_argument("--role", choices=("worker", "queen"), help="default: worker")
    parser.add_argument("--parent", metavar="NAME", help="the agent that answers for it")
    _declare_spec(parser)


def _declare_init(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--engine", metavar="E", help="default: claude, where this machine has it")
    _declare_spec(parser)


def _declare_spec(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--model", metavar="M", help="default: the engine's own (haiku)")
    add("--repo", metavar="PATH", help="a git repository; the agent gets a clone of its own")
    add("--runtime", metavar="R", help="what surrounds the engine; default: the strongest that works here")
    add("--command", metavar="'…'", help="the engine's program, split as a shell splits words, and run without one")
    add("--scenario", metavar="FILE", help="what a scripted engine plays")
    add("--prompt", metavar="FILE", help="appended to the engine's system prompt")
    add("--env", action="append", default=[], metavar="K=V", help="for the engine; never a secret")
    add(
        "--env-from",
        action="append",
        default=[],
        metavar="NAME",
        help="its value comes from secrets.toml, or hived's environment",
    )
    add("--option", action="append", default=[], metavar="K=V", help="an engine option; V as JSON, else as it stands")
    add("--reason", metavar="TEXT", help="why, for who decides")
    add("--yes", "-y", action="store_true", help="approve it too, and answer when it is online")


def spec_of(arguments: Arguments, name: str, engine: str, role: str | None) -> dict[str, Any]:
    """The body of the spawn request; paths are made absolute, for hived's folder is another."""
    options = dict(_option(text) for text in arguments.option)
    if arguments.command is not None:
        options["command"] = _words(arguments.command)
    if arguments.scenario is not None:
        options["scenario"] = _absolute(arguments.scenario)
    spec = {
        "name": name,
        "engine": engine,
        "role": role,
        "model": arguments.model,
        "parent": getattr(arguments, "parent", None),
        "repo": _absolute(arguments.repo) if arguments.repo is not None else None,
        "runtime": arguments.runtime,
        "prompt": _absolute(arguments.prompt) if arguments.prompt is not None else None,
        "env": dict(_pair("--env", text) for text in arguments.env),
        "env_from": arguments.env_from,
        "engine_options": options,
        "reason": arguments.reason,
    }
    return {key: value for key, value in spec.items() if value not in (None, {}, [])}


def _pair(flag: str, text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise UsageError(reason=f"{flag} takes K=V, not {text!r}.")
    return key, value


def _option(text: str) -> tuple[str, Any]:
    """JSON where it is JSON (numbers, true, lists …), else text."""
    key, value = _pair("--option", text)
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value


def _words(command: str) -> list[str]:
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise UsageError(reason=f"--command {command!r} cannot be split into words: {error}.") from error
    if not words:
        raise UsageError(reason="--command is empty.")
    return words


def _absolute(path: str) -> str:
    return str(Path(path).expanduser().absolute())


def _spawn(arguments: Arguments) -> int:
    spec = spec_of(arguments, checked_name(arguments.name), arguments.engine, arguments.role)
    if arguments.parent is not None:
        checked_name(arguments.parent)
    approval = ask(spec)
    if arguments.yes:
        approval = approve_and_await(approval)
    return _print(approval, arguments.json)


def _init(arguments: Arguments) -> int:
    from hived.cli.running import ensure_running

    ensure_running()
    engine = arguments.engine or _engine_found()
    approval = ask(spec_of(arguments, QUEEN, engine, "queen"))
    if arguments.yes or (_has_terminal() and confirmed(f"Make the queen on engine {engine} now?", "The queen")):
        approval = approve_and_await(approval)
    return _print(approval, arguments.json)


def _has_terminal() -> bool:
    import sys

    return sys.stdin.isatty() and sys.stderr.isatty()


def _engine_found() -> str:
    for engine in listed(oneshot.call("GET", routes.ENGINES), "engines"):
        if engine["kind"] == "claude" and engine["found"]:
            return "claude"
    raise UsageError(reason="Claude Code is not on this machine: say which --engine (see: hive engines).")


def ask(spec: dict[str, Any]) -> dict[str, Any]:
    """Ask for that agent; the pending approval."""
    approval: dict[str, Any] = oneshot.call("POST", routes.AGENTS, spec, idempotency_key=oneshot.new_key())
    return approval


def approve_and_await(approval: dict[str, Any]) -> dict[str, Any]:
    """Approve that spawn; the approval, once the agent is online. Raises StartFailed with the cause."""
    decided = decide("approve", approval["id"], None)
    await_online(decided)
    return decided


def await_online(*decided: dict[str, Any]) -> None:
    """Return when the agents of these approved spawns are online. Raises StartFailed with the cause."""
    names = [approval["payload"]["name"] for approval in decided]

    def online(watch: Watch) -> bool:
        for name, approval in zip(names, decided, strict=True):
            newest = watch.approvals.get(approval["id"], approval)
            if newest["status"] == "failed":
                raise StartFailed(name=name, cause=newest["failure"] or "the approval failed")
        return all(name in watch.agents and watch.is_online(name) for name in names)

    Watch().until(online, ONLINE_SECONDS, f"{', '.join(names)} being online")


def _print(approval: dict[str, Any], as_json: bool) -> int:
    if as_json:
        print_json(approval)
        return 0
    print_approval(approval)
    if approval["status"] == "pending":
        print(f"\nDecide it with: hive approve {approval['id']}")
    else:
        print(f"\n{approval['payload']['name']} is online.")
    return 0


COMMANDS = {"spawn": Command(_declare_spawn, _spawn), "init": Command(_declare_init, _init)}
