"""`hive audit` and `hive check`: who decided what, and whether the books hold what they promise."""

import argparse
from typing import Any

from hived.cli.command import Arguments, Command, listed, nothing, positive
from hived.cli.output import colour, line, print_json, print_rows, short_id
from hived.cli.times import day_and_clock
from hived.client import oneshot
from hived.paths import hive_paths
from hived.wire import routes
from hived.wire.errors import NotRunning

CHECK_SECONDS = 600.0
"""It looks at every row there is."""


def _declare_audit(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--limit", type=positive, default=50, metavar="N", help="the newest N (default: 50)")
    parser.add_argument("--before", type=positive, metavar="SEQ", help="only those with a lower number")
    parser.add_argument("--subject", metavar="ID", help="only those on one id, or a beginning of it")


def _audit(arguments: Arguments) -> int:
    query = {"limit": arguments.limit, "before": arguments.before, "subject": arguments.subject}
    document = oneshot.call("GET", routes.AUDIT, query=query)
    if arguments.json:
        print_json(document)
        return 0
    entries = listed(document, "entries")
    if not entries:
        print("Nothing has been decided.")
    print_rows(
        ("SEQ", "WHEN", "WHO", "ACTION", "ID", "WHAT"),
        (
            (
                str(entry["seq"]),
                day_and_clock(entry["ts"]),
                _who(entry["actor"]),
                entry["action"],
                short_id(entry["subject"]),
                _what(entry["detail"]),
            )
            for entry in entries
        ),
    )
    return 0


def _who(actor: dict[str, Any]) -> str:
    """`operator (hivetui, uid 1000, pid 4242)`."""
    known = [actor["client"], *(f"{name} {actor[name]}" for name in ("uid", "pid") if actor[name] is not None)]
    said = ", ".join(str(part) for part in known if part)
    return f"{actor['who']} ({said})" if said else str(actor["who"])


def _what(detail: dict[str, Any]) -> str:
    chosen = next((detail[key] for key in ("subject", "name", "recipient", "agent") if detail.get(key)), "")
    note = f" | {detail['note']}" if detail.get("note") else ""
    return line(f"{chosen}{note}", 160)


def _check(arguments: Arguments) -> int:
    try:
        report = oneshot.call("GET", routes.CHECK, timeout=CHECK_SECONDS)
    except NotRunning:
        report = _check_file()
    if arguments.json:
        print_json(report)
        return 0 if report["ok"] else 1
    findings = listed(report, "findings")
    width = max(len(finding["name"]) for finding in findings)
    for finding in findings:
        mark = colour("ok   ", "green") if finding["ok"] else colour("wrong", "red")
        print(f"{mark}  {line(finding['name']).ljust(width)}  {line(finding['words'])}")
    return 0 if report["ok"] else 1


def _check_file() -> Any:
    """Nobody has it open. Only here is pydantic loaded."""
    from hived.upkeep.config_check import check_home

    return check_home(hive_paths()).model_dump()


COMMANDS = {
    "audit": Command(_declare_audit, _audit),
    "check": Command(nothing, _check),
}
