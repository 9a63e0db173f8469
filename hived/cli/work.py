"""`hive work`: what an agent has changed in its clone, and bringing its commits home."""

import argparse
import sys
from typing import Any

from hived.cli.command import Arguments, Command, one_name
from hived.cli.output import clean, colour, line, note, print_facts, print_json, print_rows
from hived.cli.times import age
from hived.client import oneshot
from hived.wire import routes
from hived.wire.errors import UsageError
from hived.wire.names import checked_name

LOOK_SECONDS = 180.0
"""A first look may have to read every file of a large repository."""
FETCH_SECONDS = 900.0
MARKS = {"added": "A", "changed": "M", "deleted": "D", "renamed": "R", "untracked": "?"}


def _declare(parser: argparse.ArgumentParser) -> None:
    one_name(parser)
    shown = parser.add_mutually_exclusive_group()
    shown.add_argument("--stat", action="store_true", help="only the files, with their lines")
    shown.add_argument("--patch", "-p", action="store_true", help="only the patch, committed and uncommitted together")
    shown.add_argument(
        "--fetch", action="store_true", help="bring its commits home: a branch of the repository it was cloned from"
    )
    parser.add_argument("--branch", metavar="BRANCH", help="with --fetch: that branch there instead of hive/NAME")
    parser.add_argument(
        "--of", metavar="BRANCH", help="with --fetch: another branch of the agent's, or one commit of it"
    )


def _run(arguments: Arguments) -> int:
    name = checked_name(arguments.name)
    if arguments.fetch:
        return _fetch(name, arguments)
    if arguments.branch is not None or arguments.of is not None:
        raise UsageError(reason="--branch and --of go with --fetch.")
    path = oneshot.path_of(routes.AGENT_WORK, name=name)
    work = oneshot.call("GET", path, query={"patch": True} if arguments.patch else None, timeout=LOOK_SECONDS)
    if arguments.json:
        print_json(work)
        return 0
    if arguments.patch:
        _print_patch(work)
    elif arguments.stat:
        _print_files(work["files"])
    else:
        _print_work(work)
    if work["cut"]:
        note("There is more than is shown.")
    if work["state"]["problem"] and (arguments.patch or arguments.stat):
        note(f"{name}: {line(work['state']['problem'])}")
    return 0


def _fetch(name: str, arguments: Arguments) -> int:
    wish = {key: value for key, value in (("branch", arguments.branch), ("of", arguments.of)) if value is not None}
    path = oneshot.path_of(routes.AGENT_WORK_FETCH, name=name)
    done = oneshot.call("POST", path, wish, idempotency_key=oneshot.new_key(), timeout=FETCH_SECONDS)
    if arguments.json:
        print_json(done)
        return 0
    news = "is there already" if done["before"] == done["commit"] else f"has {_count(done['commits'], 'new commit')}"
    print(f"{line(done['branch'])} in {line(done['repo'])} {news}: {done['commit'][:12]}")
    left = _left_behind(done["state"])
    if left:
        note(f"{name}: left behind: {left}.")
    return 0


def _left_behind(state: dict[str, Any]) -> str:
    parts = [_count(state["commits"], "commit of other branches or stashes", "commits of other branches or stashes")]
    parts += [_count(state["changed"], "file that is not committed", "files that are not committed")]
    return " and ".join(part for part in parts if not part.startswith("0 "))


def nowhere_else(state: dict[str, Any] | None) -> str:
    """What would be lost with it; empty where nothing would be, or there is no repository."""
    if state is None:
        return ""
    parts = [_count(state["commits"], "commit"), _count(state["changed"], "changed file")]
    known = " and ".join(part for part in parts if not part.startswith("0 "))
    return known or ("" if state["known"] else f"unknown ({line(state['problem'], 80)})")


def _print_work(work: dict[str, Any]) -> None:
    state = work["state"]
    base = f"{line(state['origin_branch'] or 'a detached HEAD')} at {state['base'][:12]}" if state["base"] else None
    print_facts(
        [
            ("agent", work["agent"]),
            ("repository", line(work["repo"]) if work["repo"] else "none"),
            ("workspace", line(work["workspace"])),
            ("branch", line(state["branch"] or "HEAD is detached") if state["head"] else None),
            ("goes out from", base),
            ("nowhere else", nowhere_else(state) or "nothing"),
            ("merged", "the repository has every commit of it" if state["merged"] and state["head"] else None),
            ("problem", line(state["problem"])),
            ("looked at", f"{age(state['looked_at'])} ago"),
        ]
    )
    if work["commits"]:
        print()
        rows = ((item["sha"][:12], item["author"], age(item["at"]), item["subject"]) for item in work["commits"])
        print_rows(("COMMIT", "BY", "AGE", "SUBJECT"), rows)
    if work["files"]:
        print()
        _print_files(work["files"])
    if state["commits"] and state["head"]:
        print(f"\nBring the commits home with: hive work {work['agent']} --fetch")


def _print_files(files: list[dict[str, Any]]) -> None:
    rows = (
        (MARKS.get(item["status"], "M"), _lines(item, "added", "+"), _lines(item, "removed", "-"), item["path"])
        for item in files
    )
    print_rows(("", "+", "-", "FILE"), rows)


def _lines(item: dict[str, Any], key: str, sign: str) -> str:
    return "bin" if item[key] is None and sign == "+" else "" if item[key] is None else f"{sign}{item[key]}"


def _print_patch(work: dict[str, Any]) -> None:
    patch = work["patch"] or ""
    if not sys.stdout.isatty():
        print(patch, end="")
        return
    for row in clean(patch).splitlines():
        print(_painted(row))


def _painted(row: str) -> str:
    if row.startswith(("diff ", "+++", "---", "index ")):
        return colour(row, "bold")
    shades = {"+": "green", "-": "red", "@": "cyan"}
    return colour(row, shades[row[0]]) if row[:1] in shades else row


def _count(number: int, one: str, many: str | None = None) -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"


COMMANDS = {"work": Command(_declare, _run)}
