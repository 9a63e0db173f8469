"""`hive model`, `effort` and `permission-mode`: what an agent thinks with, from its next turn on or at once."""

import argparse
from collections.abc import Callable
from typing import Any, NamedTuple

from hived.cli.command import Arguments, Command, listed, one_name
from hived.cli.output import line, print_json, print_rows
from hived.client import oneshot
from hived.wire import routes
from hived.wire.errors import UsageError
from hived.wire.names import checked_name

ENGINES_OWN = "-"
"""How a setting that is left to the engine is written."""
ENGINES_OWN_MODEL = "default"
"""wire.agents.ENGINES_OWN_MODEL, which is not loaded here: it would bring pydantic."""


class Setting(NamedTuple):
    route: str
    key: str
    """In the agent's view and in the body of the PUT."""
    metavar: str
    offered: str | None
    """The ability that lists its values; None: the engine's models, which are a route of their own."""
    own: str | None = None
    """What leaves it to the engine."""


SETTINGS = {
    "model": Setting(routes.AGENT_MODEL, "model", "MODEL", None, ENGINES_OWN_MODEL),
    "effort": Setting(routes.AGENT_EFFORT, "effort", "LEVEL", "efforts"),
    "permission-mode": Setting(routes.AGENT_PERMISSION_MODE, "permission_mode", "MODE", "permission_modes"),
}


def _declare(setting: Setting) -> Callable[[argparse.ArgumentParser], None]:
    def declare(parser: argparse.ArgumentParser) -> None:
        one_name(parser)
        parser.add_argument(
            "value",
            nargs="?",
            metavar=setting.metavar,
            help=f"set it; `{ENGINES_OWN}` leaves it to the engine; without it: print it",
        )
        parser.add_argument("--list", action="store_true", help="what its engine offers")

    return declare


def _run(setting: Setting) -> Callable[[Arguments], int]:
    def run(arguments: Arguments) -> int:
        name, value = checked_name(arguments.name), arguments.value
        if arguments.list:
            if value is not None:
                raise UsageError(reason=f"Either {setting.metavar} or --list, not both.")
            return (_list_models if setting.offered is None else _list_values)(name, setting, arguments.json)
        agent = _agent(name) if value is None else _put(name, setting, value)
        if arguments.json:
            print_json(agent)
        else:
            print(line(agent[setting.key] or ENGINES_OWN))
        return 0

    return run


def _put(name: str, setting: Setting, value: str) -> dict[str, Any]:
    if not value.strip():
        raise UsageError(reason=f"{setting.metavar} is empty.")
    wanted = setting.own if value == ENGINES_OWN else value
    path = oneshot.path_of(setting.route, name=name)
    agent: dict[str, Any] = oneshot.call("PUT", path, {setting.key: wanted}, idempotency_key=oneshot.new_key())
    return agent


def _agent(name: str) -> dict[str, Any]:
    agent: dict[str, Any] = oneshot.call("GET", oneshot.path_of(routes.AGENT, name=name))
    return agent


def _list_models(name: str, setting: Setting, as_json: bool) -> int:
    document = oneshot.call("GET", oneshot.path_of(routes.AGENT_MODELS, name=name))
    if as_json:
        print_json(document)
        return 0
    models = listed(document, "models")
    if not models:
        print(
            f"The engine of {name} has not said what it offers; any name may be set. Now: {line(document['current'])}"
        )
    print_rows(
        ("", "MODEL", "WINDOW", "TITLE", "DESCRIPTION"),
        (
            (
                "*" if model["name"] == document["current"] else "",
                model["name"],
                str(model["window"] or ""),
                model["title"],
                model["description"],
            )
            for model in models
        ),
    )
    if models and not document["closed"]:
        print("Another name may be set too; the engine says whether it knows it.")
    return 0


def _list_values(name: str, setting: Setting, as_json: bool) -> int:
    agent = _agent(name)
    assert setting.offered is not None
    offered: list[str] = agent["abilities"][setting.offered]
    if as_json:
        print_json({"current": agent[setting.key], setting.offered: offered})
        return 0
    if not offered:
        print(f"The engine of {name} ({line(agent['engine'])}) has nothing of the kind to set.")
    print_rows(("", setting.metavar), (("*" if value == agent[setting.key] else "", value) for value in offered))
    return 0


COMMANDS = {name: Command(_declare(setting), _run(setting)) for name, setting in SETTINGS.items()}
