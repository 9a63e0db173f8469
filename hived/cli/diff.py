"""`hive diff`: what a proposed or deployed commit changes, line by line, with nothing in it that a terminal would obey."""

import argparse
import os
import shlex
import sys
from collections.abc import Iterator
from typing import Any

from hived.cli.command import Arguments, Command, checked_id, listed
from hived.cli.output import colour, exact, line, note, print_json, print_rows
from hived.client import oneshot
from hived.wire import routes
from hived.wire.errors import ApprovalNotFound, DeploymentNotFound, UsageError

BASES = ("running", "approved", "queued")
SHOWN = 12


def _declare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("id", metavar="ID", help="a proposal's approval, or a deployment")
    parser.add_argument(
        "--base",
        choices=BASES,
        help="of a proposal, compare with: what runs (the default), what was approved last, or the proposal before it",
    )
    parser.add_argument("--stat", action="store_true", help="the files alone, with how many lines each")
    parser.add_argument("--pager", action="store_true", help="through your $PAGER")


def _run(arguments: Arguments) -> int:
    found = _fetch(arguments.id, arguments.base)
    if arguments.json:
        print_json(found)
        return 0
    lines = [*_head(found), *([] if arguments.stat else _body(found))]
    if arguments.pager and sys.stdout.isatty():
        return _paged(lines)
    if arguments.stat:
        print(lines[0])
        _print_files(found)
    else:
        print("\n".join(lines))
    if found["cut"]:
        note("It is cut: there is more than what is shown here.")
    return 0


def _fetch(given: str, base: str | None) -> dict[str, Any]:
    wanted = checked_id(given, ApprovalNotFound)
    query = None if base is None else {"base": base}
    try:
        found: dict[str, Any] = oneshot.call("GET", oneshot.path_of(routes.APPROVAL_DIFF, id=wanted), query=query)
        return found
    except ApprovalNotFound as missing:
        try:
            found = oneshot.call("GET", oneshot.path_of(routes.DEPLOYMENT_DIFF, id=wanted))
        except DeploymentNotFound:
            raise missing from None
        if base is not None:
            raise UsageError(
                reason="--base goes with a proposal; a deployment is compared with what ran before."
            ) from None
        return found


def _head(found: dict[str, Any]) -> list[str]:
    base = found["base_commit"]
    against = f"{base[:SHOWN]} ({line(found['base_title'])})" if base else line(found["base_title"]) or "nothing"
    return [colour(f"{found['agent']}: {found['commit'][:SHOWN]} against {against}", "bold")]


def _print_files(found: dict[str, Any]) -> None:
    files = listed(found, "files")
    if not files:
        print("Nothing is different.")
    print_rows(("WHAT", "LINES", "FILE"), ((file["status"], _lines_of(file), _named(file)) for file in files))


def _lines_of(file: dict[str, Any]) -> str:
    return "no text" if file["added"] is None else f"+{file['added']} -{file['removed']}"


def _named(file: dict[str, Any]) -> str:
    old = file["old_path"]
    return exact(f"{old} → {file['path']}" if old else str(file["path"]))


def _body(found: dict[str, Any]) -> Iterator[str]:
    """git's lines; tabs stay, whatever else does not show is written as a code."""
    if not found["text"]:
        yield "Nothing is different."
        return
    in_hunk = False
    for text in str(found["text"]).removesuffix("\n").split("\n"):
        shown = "\t".join(map(exact, text.split("\t")))
        if text.startswith("diff --git "):
            in_hunk = False
        elif text.startswith("@@ "):
            in_hunk = True
        yield _coloured(shown, text[:1], in_hunk)


def _coloured(shown: str, first: str, in_hunk: bool) -> str:
    if not in_hunk:
        return colour(shown, "bold")
    name = {"+": "green", "-": "red", "@": "cyan", "\\": "dim"}.get(first)
    return shown if name is None else colour(shown, name)


def _paged(lines: list[str]) -> int:
    import subprocess

    words = shlex.split(os.environ.get("PAGER") or "less")
    try:
        done = subprocess.run(
            words, input="\n".join([*lines, ""]), text=True, check=False, env={"LESS": "-R", **os.environ}
        )
    except OSError as error:
        raise UsageError(reason=f"$PAGER {words[0]!r} cannot be run: {error.strerror}.") from error
    return 1 if done.returncode else 0


COMMANDS = {"diff": Command(_declare, _run)}
