"""The flags that say what an engine is given: its options, program, scenario and environment; and an agent.toml that says the same."""

import argparse
import json
import shlex
import tomllib
from pathlib import Path
from typing import Any

from hived.cli.command import Arguments
from hived.wire.errors import InvalidConfig, UsageError


def declare_engine_words(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--option", action="append", default=[], metavar="K=V", help="an engine option; V as JSON, else as it stands")
    add("--command", metavar="'…'", help="the engine's program, split as a shell splits words, and run without one")
    add("--scenario", metavar="FILE", help="what a scripted engine plays")
    add("--env", action="append", default=[], metavar="K=V", help="for the engine; never a secret")
    add(
        "--env-from",
        action="append",
        default=[],
        metavar="NAME",
        help="its value comes from secrets.toml, or hived's environment",
    )


def engine_options(arguments: Arguments) -> dict[str, Any]:
    """Paths are made absolute, for hived's folder is another."""
    options = dict(_option(text) for text in arguments.option)
    if arguments.command is not None:
        options["command"] = _words(arguments.command)
    if arguments.scenario is not None:
        options["scenario"] = absolute(arguments.scenario)
    return options


def environment(arguments: Arguments) -> dict[str, str]:
    return dict(_pair("--env", text) for text in arguments.env)


def read_agent_toml(file: str) -> dict[str, Any]:
    """The keys of that agent.toml, its paths as seen from its own folder. Raises InvalidConfig; hived checks the keys."""
    path = Path(file).expanduser().absolute()
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidConfig(file=file, reason=getattr(error, "strerror", None) or str(error)) from error
    if isinstance(found.get("prompt"), str):
        found["prompt"] = str(path.parent / Path(found["prompt"]).expanduser())
    options = found.get("engine_options")
    if isinstance(options, dict) and isinstance(options.get("scenario"), str):
        options["scenario"] = str(path.parent / Path(options["scenario"]).expanduser())
    plain: dict[str, Any] = json.loads(json.dumps(found, default=str))  # TOML knows dates, JSON does not.
    return plain


def absolute(path: str) -> str:
    whole = Path(path).expanduser().absolute()
    return str(whole.resolve() if ".." in whole.parts else whole)


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
