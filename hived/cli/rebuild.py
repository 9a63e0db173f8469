"""`hive rebuild`: an agent with another engine, or other options, and what it knows."""

import argparse
from typing import Any

from hived.cli.asking import go_ahead
from hived.cli.command import Arguments, Command, names
from hived.cli.engine_words import declare_engine_words, engine_options, environment
from hived.cli.lifecycle import attempt, chosen, tell
from hived.client import oneshot
from hived.wire import routes


def _declare(parser: argparse.ArgumentParser) -> None:
    names(parser)
    parser.add_argument("--engine", metavar="E", help="another engine: it begins a new conversation, with a primer")
    parser.add_argument("--model", metavar="M", help="another model")
    declare_engine_words(parser)
    parser.epilog = (
        "What is left out stays as it is. Options are given all together: --option, --command and --scenario replace the old "
        "ones, --env the old env, --env-from the old names. Another engine without options begins with none."
    )
    parser.add_argument("--yes", "-y", action="store_true", help="do not ask before the engine is changed")


def _body(arguments: Arguments) -> dict[str, Any]:
    wanted = {
        "engine": arguments.engine,
        "model": arguments.model,
        "engine_options": engine_options(arguments),
        "env": environment(arguments),
        "env_from": arguments.env_from,
    }
    return {key: value for key, value in wanted.items() if value not in (None, {}, [])}


def _run(arguments: Arguments) -> int:
    body, wanted = _body(arguments), chosen("rebuild", arguments)
    moved = [name for name in wanted if _engine_of(name) != arguments.engine] if arguments.engine is not None else []
    if moved:
        question = f"{', '.join(moved)}: another engine ({arguments.engine}) begins a new conversation. Go on?"
        if not go_ahead(arguments.yes, question, "Another engine"):
            return 1
    return tell("rebuild", attempt("rebuild", wanted, body), arguments)


def _engine_of(name: str) -> str:
    agent = oneshot.call("GET", oneshot.path_of(routes.AGENT, name=name))
    return str(agent["engine"])


COMMANDS = {"rebuild": Command(_declare, _run)}
