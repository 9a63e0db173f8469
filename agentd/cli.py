"""The `agentd` command: `run --launch FILE` is how hived starts a harness, `setup` a build; the rest says what is on this machine."""

import argparse
import asyncio
import gc
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from hived.wire.protocol import BUILD, PROTOCOL

if TYPE_CHECKING:
    from hived.wire.launch import Launch


def main(arguments: list[str] | None = None) -> int:
    """Answers the exit code: 0 done, 1 failed, 2 usage, 75 where a newer generation has the agent."""
    parser = argparse.ArgumentParser(prog="agentd", description="The harness of one agent. hived starts it.")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="run one agent until it is told to stop")
    run.add_argument("--launch", required=True, type=Path, help="what hived wrote down for this start")
    setup = commands.add_parser("setup", help="run an agent's setup commands inside its runtime")
    setup.add_argument("--launch", required=True, type=Path, help="what hived wrote down for this build")
    for name, what in (
        ("engines", "what engines there are"),
        ("runtimes", "what runtimes there are"),
        ("version", "what build this is"),
    ):
        commands.add_parser(name, help=what).add_argument("--json", action="store_true")
    commands.add_parser("check", help="check the spawn request on stdin; prints null, or what is wrong with it as JSON")
    scenario = commands.add_parser("scenario", help="check a scenario of the scripted engine")
    scenario.add_argument("file", type=Path)
    options = parser.parse_args(arguments)
    match options.command:
        case "run":
            return _run(options.launch)
        case "setup":
            return _setup(options.launch)
        case "engines":
            from agentd.engines.registry import find_engines

            return _show([found.model_dump() for found in find_engines()], "found", as_json=options.json)
        case "runtimes":
            from agentd.runtimes.registry import find_runtimes

            return _show([found.model_dump() for found in find_runtimes()], "works", as_json=options.json)
        case "check":
            return _check_spec(sys.stdin.read())
        case "scenario":
            return _check_scenario(options.file)
        case _:
            print(json.dumps({"protocol": PROTOCOL, "build": BUILD}) if options.json else BUILD)
            return 0


def _run(launch_file: Path) -> int:
    gc.disable()  # all that is imported stays: it is looked through for garbage neither now nor later
    from agentd.harness import run_harness

    gc.freeze()
    gc.enable()
    launch = _launch(launch_file)
    return 1 if launch is None else asyncio.run(run_harness(launch))


def _setup(launch_file: Path) -> int:
    from agentd.setup import run_setup

    launch = _launch(launch_file)
    return 1 if launch is None else asyncio.run(run_setup(launch))


def _launch(file: Path) -> "Launch | None":
    """None, with the reason on stderr, for one that cannot be used."""
    from pydantic import ValidationError

    from hived.wire.launch import Launch

    try:
        launch = Launch.model_validate_json(file.read_bytes())
    except (OSError, ValidationError) as error:
        print(f"error[invalid_config]: {file} cannot be used: {' '.join(str(error).split())}", file=sys.stderr)
        return None
    if launch.protocol != PROTOCOL:
        print(f"error[protocol_mismatch]: hived speaks protocol {launch.protocol}, agentd {PROTOCOL}", file=sys.stderr)
        return None
    return launch


def _check_spec(request: str) -> int:
    """Exit 0 either way: what is wrong with a request is an answer, not a failure."""
    from agentd.engines.base import EngineFailed
    from agentd.engines.registry import check_spec
    from hived.wire.agents import SpawnRequest

    try:
        check_spec(SpawnRequest.model_validate_json(request))
    except EngineFailed as error:
        print(json.dumps({"code": error.code or "invalid_option", "message": error.message}))
    else:
        print("null")
    return 0


def _check_scenario(file: Path) -> int:
    from agentd.engines.scenario import load_scenario
    from hived.wire.errors import InvalidScenario

    try:
        scenario = load_scenario(file)
    except InvalidScenario as error:
        print(f"error[{error.code}]: {error.message}", file=sys.stderr)
        return error.exit_code
    print(f"{file}: {len(scenario.turns)} turns")
    return 0


def _show(found: list[dict[str, object]], mark: str, *, as_json: bool) -> int:
    if as_json:
        print(json.dumps(found))
        return 0
    for one in found:
        version = f" {one['version']}" if one.get("version") else ""
        print(f"{'yes' if one[mark] else 'no ':3}  {one['kind']}{version}  {one['detail']}".rstrip())
    return 0


if __name__ == "__main__":
    sys.exit(main())
