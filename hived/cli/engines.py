"""`hive engines`: what this machine has to think with, and what can surround it."""

from hived.cli.command import Arguments, Command, nothing
from hived.cli.output import print_json, print_rows
from hived.client import oneshot
from hived.wire import routes


def _run(arguments: Arguments) -> int:
    document = oneshot.call("GET", routes.ENGINES)
    if arguments.json:
        print_json(document)
        return 0
    print_rows(
        ("ENGINE", "FOUND", "VERSION", "WHERE", "NOTE"),
        (
            (
                engine["kind"],
                "yes" if engine["found"] else "no",
                engine["version"] or "",
                engine["path"] or "",
                engine["detail"] if engine["found"] else engine["install"] or engine["detail"],
            )
            for engine in document["engines"]
        ),
    )
    print()
    print_rows(
        ("RUNTIME", "WORKS", "NOTE"),
        ((runtime["kind"], "yes" if runtime["works"] else "no", runtime["detail"]) for runtime in document["runtimes"]),
    )
    return 0


COMMANDS = {"engines": Command(nothing, _run)}
