"""`hive engines`: what this machine has to think with, and what can surround it."""

from typing import Any

from hived.cli.command import Arguments, Command, nothing
from hived.cli.output import print_json, print_rows
from hived.client import oneshot
from hived.wire import routes

LOGINS = {"in": "logged in", "out": "logged out", "key": "API key", "not_needed": "not needed", "unknown": ""}


def engine_name(engine: dict[str, Any]) -> str:
    """`claude`; `acp codex-acp`, for acp with what `--option agent=` takes."""
    return f"{engine['kind']} {engine['preset']}" if engine["preset"] else str(engine["kind"])


def _login(engine: dict[str, Any]) -> str:
    if engine["kind"] == "api" and engine["login"] == "out":
        return "no key"
    return LOGINS.get(engine["login"], str(engine["login"]))


def engine_row(engine: dict[str, Any]) -> tuple[str, ...]:
    found = engine["found"]
    return (
        engine_name(engine),
        "yes" if found else "no",
        engine["version"] or "",
        _login(engine) if found else "",
        engine["path"] or "",
        engine["detail"] if found else engine["install"] or engine["detail"],
    )


def _run(arguments: Arguments) -> int:
    document = oneshot.call("GET", routes.ENGINES)
    if arguments.json:
        print_json(document)
        return 0
    print_rows(
        ("ENGINE", "FOUND", "VERSION", "LOGIN", "WHERE", "NOTE"), (engine_row(engine) for engine in document["engines"])
    )
    print()
    print_rows(
        ("RUNTIME", "WORKS", "NOTE"),
        ((runtime["kind"], "yes" if runtime["works"] else "no", runtime["detail"]) for runtime in document["runtimes"]),
    )
    return 0


COMMANDS = {"engines": Command(nothing, _run)}
