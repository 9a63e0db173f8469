"""`hive destroy`, `tombstones`, `revive` and `purge`: an agent's end, and the way back from it."""

import argparse
import sys
from typing import Any

from hived.cli import asking
from hived.cli.agents import money
from hived.cli.approvals import decide, print_approval
from hived.cli.command import Arguments, Command, listed
from hived.cli.output import line, note, print_facts, print_json, print_rows, short_id
from hived.cli.spawn import await_online
from hived.cli.times import age
from hived.cli.work import nowhere_else
from hived.client import oneshot
from hived.wire import routes
from hived.wire.errors import ConfirmationNeeded
from hived.wire.lifecycle_errors import WorkUnmerged
from hived.wire.names import checked_name

KINDS = ("work", "home", "state", "journal", "logs", "config", "other")
UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
MOST_WORDS = 60
END_SECONDS = 240.0
"""A stop, a look at its folders and their removal, each of which has its own bound in hived."""


def _declare_destroy(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="an agent")
    parser.add_argument("--purge", action="store_true", help="and delete all that is its own, for good")
    parser.add_argument("--discard-work", action="store_true", help="with --purge: even work that is nowhere else")
    parser.add_argument("--note", metavar="TEXT", help="why; kept with its tombstone")
    parser.add_argument("--yes", "-y", action="store_true", help="do not ask")


def _destroy(arguments: Arguments) -> int:
    name = checked_name(arguments.name)
    if arguments.purge:
        if _asks(arguments):
            note(f"{name} goes for good, with its conversation, notes, work and login.")
        if not _named(arguments.yes, name, f"Destroying and purging {name}"):
            return 1
    elif not asking.go_ahead(
        arguments.yes, f"Stop {name} and make it a tombstone? Its state is kept.", f"Destroying {name}"
    ):
        return 1
    body = {"purge": arguments.purge, "discard_work": arguments.discard_work, "note": arguments.note}
    path = oneshot.path_of(routes.AGENT, name=name)
    done: dict[str, Any] = oneshot.call("DELETE", path, body, idempotency_key=oneshot.new_key(), timeout=END_SECONDS)
    if arguments.json:
        print_json(done)
    elif arguments.purge:
        _say_purged(done)
    else:
        print(f"{name} is destroyed; its state is kept ({size(done['bytes'])}).")
        work = nowhere_else(done["work"])
        if work:
            print(f"Work that is nowhere else: {work}. Look at it, and bring it home, with: hive work {name}")
        print(f"Bring it back with: hive revive {name}")
    return 0


def _declare_tombstones(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", metavar="NAME", help="this one, with all that is left of it, as it is now")


def _tombstones(arguments: Arguments) -> int:
    if arguments.name is not None:
        return _show(checked_name(arguments.name), as_json=arguments.json)
    document = oneshot.call("GET", routes.TOMBSTONES)
    if arguments.json:
        print_json(document)
        return 0
    tombstones = listed(document, "tombstones")
    if not tombstones:
        print("There are no tombstones.")
    header = ("NAME", "ROLE", "ENGINE", "DESTROYED", "SIZE", "OPEN", "UNMERGED WORK", "LAST WORDS")
    print_rows(header, (_row(tombstone) for tombstone in tombstones))
    return 0


def _row(tombstone: dict[str, Any]) -> tuple[str, ...]:
    words = _under_way(tombstone) or line(tombstone["last_words"], MOST_WORDS)
    return (
        tombstone["name"],
        tombstone["role"],
        tombstone["engine"],
        f"{age(tombstone['buried_at'])} ago",
        size(tombstone["bytes"]),
        open_words(tombstone["open"]) or "-",
        nowhere_else(tombstone["work"]) or "-",
        words or "-",
    )


def _show(name: str, *, as_json: bool) -> int:
    tombstone: dict[str, Any] = oneshot.call("GET", oneshot.path_of(routes.TOMBSTONE, name=name))
    if as_json:
        print_json(tombstone)
        return 0
    by_kind = ", ".join(f"{kind} {size(tombstone['sizes'][kind])}" for kind in KINDS if tombstone["sizes"].get(kind))
    said = tombstone["last_words"]
    print_facts(
        [
            ("tombstone of", f"{name} ({tombstone['role']}, {tombstone['engine']}, {line(tombstone['model'])})"),
            ("destroyed", f"{age(tombstone['buried_at'])} ago by {tombstone['buried_by']['who']}"),
            ("why", line(tombstone["note"] or "")),
            ("lived since", tombstone["created_at"]),
            ("parent", tombstone["parent"]),
            ("size", f"{size(tombstone['bytes'])} ({by_kind})" if by_kind else size(tombstone["bytes"])),
            ("open", open_words(tombstone["open"])),
            ("its workers", ", ".join(tombstone["open"]["spawned"])),
            ("unmerged work", nowhere_else(tombstone["work"])),
            ("turns", f"{tombstone['turns']}, {money(tombstone['usd']) or 'no cost known'}"),
            ("conversation", line(tombstone["session_id"] or "")),
            ("config", tombstone["commit"]),
            ("last words", f"{line(said)} ({age(tombstone['last_words_at'])} ago)" if said else ""),
            ("under way", _under_way(tombstone)),
            ("id", tombstone["id"]),
        ]
    )
    print(f"\nBring it back: hive revive {name}   delete it: hive purge {name}   read it: hive transcript {name}")
    return 0


def _under_way(tombstone: dict[str, Any]) -> str:
    if tombstone["reviving"]:
        return f"to be revived: hive approve {short_id(tombstone['reviving'])}"
    if tombstone["problem"]:
        return f"its purge does not go on: {line(tombstone['problem'])}"
    return "is being purged" if tombstone["purging"] else ""


def _declare_revive(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="a tombstone")
    parser.add_argument("--note", metavar="TEXT", help="why, for who decides")
    parser.add_argument("--yes", "-y", action="store_true", help="approve it too, and answer when it is online")


def _revive(arguments: Arguments) -> int:
    name = checked_name(arguments.name)
    body = {"note": arguments.note}
    path = oneshot.path_of(routes.TOMBSTONE_REVIVE, name=name)
    approval: dict[str, Any] = oneshot.call("POST", path, body, idempotency_key=oneshot.new_key())
    changed = [line(str(words)) for words in approval["payload"].get("changed", [])]
    if arguments.yes:
        approval = decide("approve", approval["id"], None)
        await_online(approval)
    if arguments.json:
        print_json(approval)
        return 0
    print_approval(approval)
    print("\nChanged since it was destroyed:" if changed else "\nNothing has changed since it was destroyed.")
    for words in changed:
        print(f"  {words}")
    print(f"\n{name} is online." if arguments.yes else f"\nDecide it with: hive approve {approval['id']}")
    return 0


def _declare_purge(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="a tombstone")
    parser.add_argument("--discard-work", action="store_true", help="even work that is nowhere else")
    parser.add_argument("--dry-run", action="store_true", help="only say what would go")
    parser.add_argument("--yes", "-y", action="store_true", help="do not ask for the name")


def _purge(arguments: Arguments) -> int:
    name = checked_name(arguments.name)
    path = oneshot.path_of(routes.TOMBSTONE, name=name)
    if arguments.dry_run or _asks(arguments):
        plan: dict[str, Any] = oneshot.call("GET", oneshot.path_of(routes.TOMBSTONE_PURGE, name=name))
        if arguments.json and arguments.dry_run:
            print_json(plan)
            return 0
        _print_plan(plan, to_stderr=not arguments.dry_run)
        if arguments.dry_run:
            return 0
        if plan["stopped_by"] and not arguments.discard_work:
            raise WorkUnmerged(name=name, what=line(plan["stopped_by"]).rpartition(": ")[2])
    if not _named(arguments.yes, name, f"Purging {name}"):
        return 1
    body = {"discard_work": arguments.discard_work}
    done: dict[str, Any] = oneshot.call("DELETE", path, body, idempotency_key=oneshot.new_key(), timeout=END_SECONDS)
    if arguments.json:
        print_json(done)
    else:
        _say_purged(done)
    return 0


def _print_plan(plan: dict[str, Any], *, to_stderr: bool) -> None:
    out = sys.stderr if to_stderr else sys.stdout
    by_kind = ", ".join(f"{kind} {size(plan['sizes'][kind])}" for kind in KINDS if plan["sizes"].get(kind))
    print(f"{plan['name']} goes for good: {size(plan['bytes'])}{f' ({by_kind})' if by_kind else ''}", file=out)
    for title, key in (("goes", "goes"), ("stays", "stays")):
        for words in plan[key]:
            print(f"  {title}  {line(words)}", file=out)
    if plan["stopped_by"]:
        print(f"  stopped by {line(plan['stopped_by'])}", file=out)


def _asks(arguments: Arguments) -> bool:
    return not arguments.yes and asking.has_terminal()


def _named(yes: bool, name: str, what: str) -> bool:
    """Whether the name was typed; always with --yes. Raises ConfirmationNeeded without a terminal."""
    if yes:
        return True
    if not asking.has_terminal():
        raise ConfirmationNeeded(what=what)
    print(f"This cannot be taken back. Type its name to go on ({name}): ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip() == name:
        return True
    print("Nothing was done.", file=sys.stderr)
    return False


def _say_purged(done: dict[str, Any]) -> None:
    print(f"{done['name']} is gone ({size(done['bytes'])}); its name is free.")
    if done["bundle"]:
        print(f"A last bundle is kept until {str(done['bundle_until'])[:10]}: {line(done['bundle'])}")


def size(count: int) -> str:
    """Bytes as people read them: `812 B`, `4.2 MiB`."""
    amount = float(count)
    for unit in UNITS:
        if amount < 1000 or unit == UNITS[-1]:
            break
        amount /= 1024
    return f"{amount:.0f} {unit}" if unit == "B" or amount >= 100 else f"{amount:.1f} {unit}"


def open_words(items: dict[str, Any]) -> str:
    """What is open of it, in one phrase; empty where nothing is."""
    counts = (
        ("message", items["messages"]),
        ("held", items["held"]),
        ("question", items["questions"]),
        ("reminder", items["reminders"]),
    )
    said = [f"{count} {word}{'' if count == 1 or word == 'held' else 's'}" for word, count in counts if count]
    return ", ".join(said)


COMMANDS = {
    "destroy": Command(_declare_destroy, _destroy),
    "tombstones": Command(_declare_tombstones, _tombstones),
    "revive": Command(_declare_revive, _revive),
    "purge": Command(_declare_purge, _purge),
}
