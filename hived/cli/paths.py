"""`hive paths`: where everything of this hive, or of one agent, lives. Asks nobody."""

import argparse
from pathlib import Path

from hived.cli.command import Arguments, Command
from hived.cli.output import print_facts, print_json
from hived.paths import AgentPaths, HivePaths, hive_paths
from hived.wire.errors import UsageError

HIVE = (
    "config", "config_file", "secrets_file", "data", "database", "agents", "log", "run", "host_socket", "pid_file",
    "proposed", "templates", "applied", "meta",
)  # fmt: skip
AGENT = (
    "root", "workspace", "state", "home", "harness", "events_db", "stats_db", "model_file", "effort_file",
    "permission_mode_file", "log", "engine_log",
    "pid_file", "socket", "proposed", "applied", "builds",
)  # fmt: skip


def _declare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "name", nargs="?", metavar="NAME", help="an agent, or one of the hive's paths: host-socket, log …"
    )
    parser.add_argument("which", nargs="?", metavar="PATH", help="one of the agent's paths alone: workspace, log …")


def _run(arguments: Arguments) -> int:
    paths = hive_paths()
    hive = _written(paths, HIVE)
    name, which = arguments.name, arguments.which
    if name is None:
        return _print(hive, None, arguments.json)
    if name in hive and which is None:
        return _print(hive, name, arguments.json)
    agent = _written(paths.agent(name), AGENT)
    if which is not None and which not in agent:
        raise UsageError(reason=f"An agent has no path {which!r}; there are {', '.join(agent)}.")
    return _print(agent, which, arguments.json)


def _written(paths: HivePaths | AgentPaths, names: tuple[str, ...]) -> dict[str, str]:
    """As users write them: with hyphens."""
    found: dict[str, Path] = {name.replace("_", "-"): getattr(paths, name) for name in names}
    return {name: str(path) for name, path in found.items()}


def _print(found: dict[str, str], only: str | None, as_json: bool) -> int:
    if as_json:
        print_json(found if only is None else {only: found[only]})
    elif only is None:
        print_facts(found.items())
    else:
        print(found[only])
    return 0


COMMANDS = {"paths": Command(_declare, _run)}
