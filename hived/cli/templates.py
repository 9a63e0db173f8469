"""`hive templates`: what new agents can begin as."""

from hived.cli.command import Arguments, Command, listed, nothing
from hived.cli.output import print_json, print_rows
from hived.client import oneshot
from hived.wire import routes


def _run(arguments: Arguments) -> int:
    document = oneshot.call("GET", routes.TEMPLATES)
    if arguments.json:
        print_json(document)
        return 0
    templates = listed(document, "templates")
    if not templates:
        print("There are no templates: each is a folder config/_templates/NAME with an agent.toml.")
    print_rows(
        ("NAME", "WHAT"),
        (
            (template["name"], f"unusable: {template['problem']}" if template["problem"] else template["description"])
            for template in templates
        ),
    )
    if templates:
        print("\nhive spawn NAME --template TEMPLATE")
    return 0


COMMANDS = {"templates": Command(nothing, _run)}
