"""`hive spawn` and `init`: a new agent is asked for, and with --yes decided and awaited."""

import argparse
from typing import Any

from hived.cli.approvals import decide, print_approval
from hived.cli.asking import confirmed, has_terminal
from hived.cli.command import Arguments, Command, listed
from hived.cli.engine_words import absolute, declare_engine_words, engine_options, environment, read_agent_toml
from hived.cli.output import print_json
from hived.cli.watch import Watch
from hived.client import oneshot
from hived.wire import routes
from hived.wire.errors import StartFailed, UsageError
from hived.wire.names import QUEEN, checked_name

ONLINE_SECONDS = 180.0
"""Its engine has 120 s to come up and its harness 20 s to come online, and that is tried again before it is parked."""
BUILD_SECONDS = 900.0
"""With what its setup may take before that."""


def _declare_spawn(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="a lower-case letter, then up to 31 letters, digits or hyphens")
    parser.add_argument("--engine", metavar="E", help="claude, acp, api, command or scripted (see: hive engines)")
    parser.add_argument("--role", choices=("worker", "queen"), help="default: worker")
    parser.add_argument("--parent", metavar="NAME", help="the agent that answers for it")
    _declare_spec(parser)


def _declare_init(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--engine", metavar="E", help="default: claude, where this machine has it")
    _declare_spec(parser)


def _declare_spec(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--model", metavar="M", help="default: haiku for claude, the engine's own for every other")
    add("--repo", metavar="PATH", help="a git repository; the agent gets a clone of its own")
    add(
        "--template",
        metavar="T",
        help="begin as this template (see: hive templates); what is said here stands above it",
    )
    add("--runtime", metavar="R", help="what surrounds the engine; default: the strongest that works here")
    add(
        "--network",
        action=argparse.BooleanOptionalAction,
        default=None,
        help="whether its tools reach the network; default: not, where the runtime can keep it away",
    )
    add(
        "--allow-host",
        action="append",
        default=[],
        metavar="HOST",
        help="without a network: reach this one all the same",
    )
    add("--read-path", action="append", default=[], metavar="PATH", help="what more of this machine it may read")
    declare_engine_words(parser)
    add("--agent-toml", metavar="FILE", help="an agent.toml: whatever has no flag here; flags go before it")
    add("--prompt", metavar="FILE", help="appended to the engine's system prompt")
    add("--reason", metavar="TEXT", help="why, for who decides")
    add("--yes", "-y", action="store_true", help="approve it too, and answer when it is online")


def spec_of(arguments: Arguments, name: str, engine: str | None, role: str | None) -> dict[str, Any]:
    """The body of the spawn request; paths are made absolute, for hived's folder is another."""
    written = {} if arguments.agent_toml is None else read_agent_toml(arguments.agent_toml)
    said = {
        "name": name,
        "engine": engine,
        "role": role,
        "model": arguments.model,
        "parent": getattr(arguments, "parent", None),
        "repo": absolute(arguments.repo) if arguments.repo is not None else None,
        "template": arguments.template,
        "runtime": arguments.runtime,
        "network": arguments.network,
        "allow_hosts": arguments.allow_host,
        "read_paths": [absolute(path) for path in arguments.read_path],
        "prompt": absolute(arguments.prompt) if arguments.prompt is not None else None,
        "env": environment(arguments),
        "env_from": arguments.env_from,
        "engine_options": engine_options(arguments),
        "reason": arguments.reason,
    }
    spec = {**written, **{key: value for key, value in said.items() if value not in (None, {}, [])}}
    for table in ("env", "engine_options"):
        if isinstance(written.get(table), dict):
            spec[table] = {**written[table], **(said[table] or {})}
    if "engine" not in spec and arguments.template is None:
        raise UsageError(reason=f"Say which --engine thinks for {name} (see: hive engines).")
    if (
        spec.get("engine") == "command"
        and arguments.template is None
        and not spec.get("engine_options", {}).get("command")
    ):
        raise UsageError(reason="The engine command runs a program: say which with --command 'PROGRAM …'.")
    return spec


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
    if arguments.engine is None and arguments.agent_toml is None and arguments.template is None:
        arguments.engine = _engine_found()
    spec = spec_of(arguments, QUEEN, arguments.engine, "queen")
    approval = ask(spec)
    engine = approval["payload"]["engine"]
    if arguments.yes or (has_terminal() and confirmed(f"Make the queen on engine {engine} now?", "The queen")):
        approval = approve_and_await(approval)
    return _print(approval, arguments.json)


def _engine_found() -> str:
    here = dict.fromkeys(
        engine["kind"] for engine in listed(oneshot.call("GET", routes.ENGINES), "engines") if engine["found"]
    )
    if "claude" in here:
        return "claude"
    reason = f"Claude Code is not on this machine: say which --engine ({', '.join(here)}; see: hive engines)."
    raise UsageError(reason=reason)


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

    seconds = BUILD_SECONDS if any(approval["payload"].get("setup") for approval in decided) else ONLINE_SECONDS
    Watch().until(online, seconds, f"{', '.join(names)} being online")


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
