"""`hive doctor`: every check with its remedy; with hived or without. Exit 1 where one failed."""

import argparse
import sys
from typing import Any

from hived.cli import interrupts
from hived.cli.command import Arguments, Command
from hived.cli.engines import engine_row
from hived.cli.output import colour, line, print_json, print_rows
from hived.client import oneshot
from hived.paths import hive_paths
from hived.wire import routes

MARKS = {"ok": ("ok", "green"), "warning": ("warning", "yellow"), "failed": ("failed", "red")}
DOCTOR_SECONDS = 90.0


def _declare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--hived",
        action="store_true",
        help="as the hived that runs sees it: its PATH and environment, not this shell's",
    )


def _run(arguments: Arguments) -> int:
    report = oneshot.call("GET", routes.DOCTOR, timeout=DOCTOR_SECONDS) if arguments.hived else _examine()
    if arguments.json:
        print_json(report)
    else:
        _print(report)
    return 1 if report["state"] == "failed" else 0


def _examine() -> dict[str, Any]:
    """In this process. Only here are pydantic and asyncio loaded."""
    import asyncio

    from hived.doctor.examine import examine

    interrupts.leave_to_asyncio()
    return asyncio.run(examine(hive_paths(), from_shell=True)).model_dump()


def _print(report: dict[str, Any]) -> None:
    checks = report["checks"]
    width = max(len(check["name"]) for check in checks)
    for check in checks:
        word, shade = MARKS.get(check["state"], (check["state"], "dim"))
        texts = [*_broken(line(check["detail"]), width + 11)]
        if check["remedy"]:
            first, *rest = _broken(line(check["remedy"]), width + 13)
            texts += [f"→ {first}", *(f"  {text}" for text in rest)]
        print(f"{colour(word.ljust(7), shade)}  {line(check['name']).ljust(width)}  {texts[0]}")
        for text in texts[1:]:
            print(f"{'':{width + 11}}{text}")
    missing = [engine for engine in report["engines"] if not engine["found"]]
    if missing:
        print("\nEngines that are not here, and how to get them:")
        print_rows(
            ("ENGINE", "HOW", "NOTE"),
            ((engine_row(engine)[0], engine["install"], engine["detail"]) for engine in missing),
        )
    counts = [(state, sum(check["state"] == state for check in checks)) for state in ("failed", "warning")]
    said = ", ".join(
        f"{number} {word}{'s' if word == 'warning' and number > 1 else ''}" for word, number in counts if number
    )
    print(f"\n{said or 'All is well'}.")


def _broken(text: str, indent: int) -> list[str]:
    """The text in lines that fit beside that indent on a terminal; whole where stdout is none."""
    if not sys.stdout.isatty():
        return [text]
    import shutil
    import textwrap

    room = max(30, shutil.get_terminal_size().columns - indent)
    return textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False) or [""]


COMMANDS = {"doctor": Command(_declare, _run)}
