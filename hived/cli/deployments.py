"""`hive deployments`: what ran when, by whom and how it ended; one of them with its setup's output; or the trail in meta/."""

import argparse
import os
from typing import Any

from hived.cli.command import Arguments, Command, checked_id, listed, positive
from hived.cli.output import clean, exact, line, print_facts, print_json, print_rows, short_id
from hived.cli.times import age, day_and_clock
from hived.client import oneshot
from hived.paths import hive_paths
from hived.wire import routes
from hived.wire.errors import DeploymentNotFound, UsageError
from hived.wire.names import checked_name

NEWEST = 30
SHOWN = 12
"""Digits of a commit."""


def _declare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "what", nargs="?", metavar="NAME|ID", help="an agent's alone; or one deployment, with what its setup printed"
    )
    parser.add_argument("--limit", type=positive, default=NEWEST, metavar="N", help=f"the newest N; default: {NEWEST}")
    parser.add_argument("--log", action="store_true", help="the history of meta/, the audit trail: a commit for each")


def _run(arguments: Arguments) -> int:
    what = arguments.what
    if arguments.log:
        return _trail(None if what is None else checked_name(what), arguments)
    if what is not None and what[:1].isdigit():
        return _show(what, arguments)
    query = {"agent": None if what is None else checked_name(what), "limit": min(arguments.limit, 1000)}
    document = oneshot.call("GET", routes.DEPLOYMENTS, query=query)
    if what is not None and not document["deployments"]:
        oneshot.call("GET", oneshot.path_of(routes.AGENT, name=what))  # says so where there is no such agent
    if arguments.json:
        print_json(document)
        return 0
    found = listed(document, "deployments")
    if not found:
        print("Nothing was deployed yet." if what is None else f"Nothing of {what} was deployed yet.")
    print_rows(
        ("ID", "AGENT", "KIND", "STATUS", "COMMIT", "BY", "AGE", "WHY"),
        (
            (
                short_id(one["id"]),
                one["agent"],
                one["kind"],
                _status(one),
                (one["commit"] or "")[:SHOWN],
                one["by"]["who"],
                age(one["created_at"]),
                line(one["reason"] or one["note"] or "", 100),
            )
            for one in found
        ),
    )
    return 0


def _status(one: dict[str, Any]) -> str:
    return f"failed at {one['step']}" if one["status"] == "failed" and one["step"] else str(one["status"])


def _show(given: str, arguments: Arguments) -> int:
    wanted = checked_id(given, DeploymentNotFound)
    one = oneshot.call("GET", oneshot.path_of(routes.DEPLOYMENT, id=wanted))
    if arguments.json:
        print_json(one)
        return 0
    print_deployment(one)
    if one["log"]:
        print("\nIts setup printed:")
        print("\n".join("\t".join(map(exact, text.split("\t"))) for text in one["log"].rstrip("\n").split("\n")))
    return 0


def print_deployment(one: dict[str, Any]) -> None:
    print_facts(
        [
            ("deployment", one["id"]),
            ("agent", one["agent"]),
            ("kind", one["kind"]),
            ("status", _status(one)),
            ("reason", line(one["reason"] or "")),
            ("commit", one["commit"]),
            ("ran before", one["base"]),
            ("by", one["by"]["who"]),
            ("note", line(one["note"] or "")),
            ("approval", one["approval"]),
            ("engine", f"{one['engine']}, {one['model']}, {one['runtime']}"),
            ("asked", day_and_clock(one["created_at"])),
            ("began", one["started_at"] and day_and_clock(one["started_at"])),
            ("ended", one["ended_at"] and day_and_clock(one["ended_at"])),
        ]
    )


def _trail(name: str | None, arguments: Arguments) -> int:
    """hived's own repository, which no agent can write: git runs in it. With hived or without."""
    import subprocess

    if arguments.json:
        raise UsageError(reason="--log is for people; hive deployments --json lists the same.")
    meta = hive_paths().meta
    words = ["git", "-C", os.fspath(meta), "log", "--no-color", "--date=iso", f"--max-count={arguments.limit}"]
    if name is not None:
        words += [f"--grep=^{name}: "]
    env = {"PATH": os.environ.get("PATH", os.defpath), "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null"}
    try:
        done = subprocess.run(words, env=env, capture_output=True, text=True, errors="replace", check=False, timeout=60)
    except OSError as error:
        raise UsageError(reason=f"git cannot be run: {error.strerror}.") from error
    if done.returncode:
        raise UsageError(reason=f"{meta} cannot be read: {line(done.stderr) or 'git failed'}")
    print(clean(done.stdout).rstrip("\n") or "Nothing was deployed yet.")
    return 0


COMMANDS = {"deployments": Command(_declare, _run)}
