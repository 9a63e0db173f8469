"""`hive login`: an engine's login, carried from the agent to a browser and its code back. The code is never shown or kept."""

import argparse
import sys
from typing import Any

from hived.cli.asking import has_terminal, hidden
from hived.cli.command import Arguments, Command, one_name
from hived.cli.output import line, link, note, print_json, say
from hived.client import oneshot
from hived.wire import routes
from hived.wire.errors import HiveError, LoginFailed, UsageError
from hived.wire.names import checked_name

LOGIN_SECONDS = 180.0
"""The engine asks its own server whether the code is right."""


def _declare(parser: argparse.ArgumentParser) -> None:
    one_name(parser)
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--code", metavar="CODE", help="what the link gave, for the login that is open; `-` reads it from stdin"
    )
    what.add_argument("--cancel", action="store_true", help="give up the login that is open")


def _run(arguments: Arguments) -> int:
    name = checked_name(arguments.name)
    if arguments.cancel:
        return say(_cancel(name), "its login is given up", arguments.json)
    if arguments.code is not None:
        code = sys.stdin.readline().strip() if arguments.code == "-" else arguments.code.strip()
        return _hand_over(name, code, arguments.json)
    agent = oneshot.call(
        "POST", oneshot.path_of(routes.AGENT_LOGIN, name=name), idempotency_key=oneshot.new_key(), timeout=LOGIN_SECONDS
    )
    login = agent["login"] or {}
    if arguments.json:
        print_json(agent)
        return 0
    if login.get("state") != "open" or not login.get("url"):
        return say(agent, _as_it_stands(login), as_json=False)
    print(f"Open this link in a browser, log in there, and bring the code back to {name}:\n\n{link(login['url'])}\n")
    sys.stdout.flush()
    if not has_terminal():
        print(f"Then: hive login {name} --code CODE (or --code - with the code on stdin)")
        return 0
    return _ask(name)


def _ask(name: str) -> int:
    """What was begun on this terminal and not gone through with is ended."""
    try:
        code = hidden("Code (it is not shown): ")
    except KeyboardInterrupt:
        _give_up(name)
        raise
    if not code:
        _give_up(name)
        return 1
    return _hand_over(name, code, as_json=False)


def _hand_over(name: str, code: str, as_json: bool) -> int:
    if not code:
        raise UsageError(reason="The code is empty.")
    # Without an idempotency key: what was sent with one is remembered, and a code is remembered nowhere.
    path = oneshot.path_of(routes.AGENT_LOGIN_CODE, name=name)
    agent = oneshot.call("POST", path, {"code": code}, timeout=LOGIN_SECONDS)
    login = agent["login"] or {}
    if login.get("state") == "failed":
        raise LoginFailed(name=name, reason=login.get("detail") or "the engine refused the code.")
    return say(agent, _as_it_stands(login), as_json)


def _give_up(name: str) -> None:
    try:
        _cancel(name)
    except HiveError as error:
        note(f"\nThe login of {name} could not be given up: {line(error.message)}")
    else:
        note(f"\nThe login of {name} is given up.")


def _cancel(name: str) -> dict[str, Any]:
    path = oneshot.path_of(routes.AGENT_LOGIN, name=name)
    agent: dict[str, Any] = oneshot.call("DELETE", path, idempotency_key=oneshot.new_key())
    return agent


def _as_it_stands(login: dict[str, Any]) -> str:
    if login.get("state") == "done":
        return "logged in"
    detail = line(login.get("detail") or "")
    return f"its login is {login.get('state') or 'not known'}{f': {detail}' if detail else ''}"


COMMANDS = {"login": Command(_declare, _run)}
